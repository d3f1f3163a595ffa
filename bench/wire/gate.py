"""A gate in a tap: counts the requests that are open on the wire, and can hold back what the producer answers. Pure.

While responses are held back, a client sends what it can and no more. So the number of requests that are then open is
how many it can have in flight. Frames of the connection itself, such as HTTP/2's SETTINGS, always pass.
"""

from collections.abc import Callable

from bench.wire.codec import Exchanges


class GatedConnection:
    """One connection of a gate. Bytes are passed on in whole parts, so that held ones never split others."""

    def __init__(self, gate: "Gate", exchanges: Exchanges) -> None:
        self._gate = gate
        self._exchanges = exchanges
        self._held = bytearray()
        self._ended = 0
        """Of the exchanges, those that had ended when bytes were last passed on."""

    @property
    def open_requests(self) -> int:
        """Requests that were sent, and whose response was not passed on completely."""
        return self._exchanges.begun - self._ended

    @property
    def held_bytes(self) -> int:
        """How much is held back."""
        return len(self._held)

    def sent(self, data: bytes) -> None:
        """Take bytes of the consumer, which pass."""
        self._exchanges.sent(data)

    def received(self, data: bytes) -> bytes:
        """Take bytes of the producer, and return what may pass now."""
        passing = bytearray()
        for part in self._exchanges.received(data):
            (self._held if self._gate.holding and part.owner is not None else passing).extend(part.data)
        if not self._gate.holding:
            self._note_ended()
        if self._exchanges.streams_at_most is not None:
            self._gate.streams_at_most = self._exchanges.streams_at_most
        return bytes(passing)

    def release(self) -> bytes:
        """What was held back, to be passed on now."""
        held = bytes(self._held)
        self._held.clear()
        self._note_ended()
        return held

    def _note_ended(self) -> None:
        ended = self._exchanges.ended
        self._gate.note_ended(ended - self._ended)
        self._ended = ended


class Gate:
    """All connections of one tap. Open at first."""

    def __init__(self, new_exchanges: Callable[[], Exchanges]) -> None:
        self.holding = False
        self.streams_at_most: int | None = None
        """How many requests the producer last allowed on one connection. None: nothing was announced."""
        self._new_exchanges = new_exchanges
        self._left: int | None = None
        """How many more requests are to be answered until responses are held back. None: responses pass."""
        self._connections: set[GatedConnection] = set()

    @property
    def open_requests(self) -> int:
        """Requests that are open on all connections."""
        return sum(connection.open_requests for connection in self._connections)

    def connected(self) -> GatedConnection:
        """A connection through the gate, from its first byte on."""
        connection = GatedConnection(self, self._new_exchanges())
        self._connections.add(connection)
        return connection

    def closed(self, connection: GatedConnection) -> None:
        """The connection is gone, and with it its requests."""
        self._connections.discard(connection)

    def hold_after(self, requests: int) -> None:
        """Hold responses back once so many more requests were answered."""
        self._left = requests
        self.note_ended(0)

    def note_ended(self, requests: int) -> None:
        """So many more requests were answered."""
        if self._left is not None:
            self._left -= requests
            self.holding = self._left <= 0

    def open(self) -> None:
        """Hold nothing back from now on. What was held has to be taken from each connection."""
        self.holding, self._left = False, None
