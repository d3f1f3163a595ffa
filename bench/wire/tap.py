"""The wire tap: a relay on 127.0.0.1 that records both directions of every connection without changing them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from bench.wire.gate import Gate, GatedConnection
from bench.wire.recording import Chunk, Direction, Recording

HOST = "127.0.0.1"
DEFAULT_LIMIT_BYTES = 1 << 28
"""The most that is recorded between two calls of `take`: 256 MiB, far more than the requests of one cell."""
BACKLOG = 1024
"""Connections that may wait to be accepted. A client opens as many at once as it has requests in flight."""
HELD_AT_MOST_BYTES = 1 << 16
"""With so many bytes of a connection held back, no more are read from its producer."""


class Tap:
    """Records all connections through it. Made by `open_tap`."""

    def __init__(self, limit_bytes: int, gate: Gate | None = None) -> None:
        self.gate = gate
        """Through which all bytes pass; None: nothing is ever held back."""
        self.port = 0
        """Its port on HOST."""
        self.interval = 0
        """The interval of the chunks that are read from now on."""
        self._limit_bytes = limit_bytes
        self._recorded_bytes = 0
        self._recordings: list[Recording] = []
        self._links: set[_Link] = set()

    def mark(self) -> None:
        """Begin the next interval."""
        self.interval += 1

    def take(self) -> list[Recording]:
        """The recordings since the last call, in the order of connecting. Intervals begin at 0 again.

        Connections that are still open continue in new recordings with `from_start` False.
        """
        taken, self._recordings = self._recordings, []
        self._recorded_bytes = 0
        self.interval = 0
        for link in self._links:
            link.recording = self._new_recording(from_start=False)
        return taken

    def open_gate(self) -> None:
        """Pass on everything that the gate holds back, and hold nothing back from now on."""
        if self.gate is not None:
            self.gate.open()
        for link in list(self._links):
            link.pass_on_held()
            link.producer_side.resume_reading()

    async def drop(self) -> None:
        """Close every connection at once, and forget what was recorded."""
        links = list(self._links)
        for link in links:
            link.abort()
        await asyncio.gather(*(link.ended for link in links))
        self.take()

    async def all_closed(self) -> None:
        """Wait until no connection is open on either side."""
        await asyncio.gather(*(asyncio.shield(link.ended) for link in self._links))

    @property
    def open_connections(self) -> int:
        """The number of connections with a side that is still open."""
        return len(self._links)

    def _new_recording(self, *, from_start: bool = True) -> Recording:
        recording = Recording(from_start=from_start)
        self._recordings.append(recording)
        return recording

    def _record(self, recording: Recording, direction: Direction, data: bytes) -> None:
        if recording.truncated or self._recorded_bytes + len(data) > self._limit_bytes:
            # A recording with a gap would be parsed wrongly, so it ends here.
            recording.truncated = True
            return
        self._recorded_bytes += len(data)
        recording.chunks.append(Chunk(direction, self.interval, data))


@asynccontextmanager
async def open_tap(
    host: str, port: int, *, limit_bytes: int = DEFAULT_LIMIT_BYTES, gate: Gate | None = None
) -> AsyncIterator[Tap]:
    """Relay every connection on a free port of HOST to `host`:`port`, until the end of the block.

    A connection is closed at once if `host` refuses it. After `limit_bytes`, bytes are still relayed but no longer
    recorded, and the recordings are marked as truncated.
    """
    loop = asyncio.get_running_loop()
    tap = Tap(limit_bytes, gate)
    server = await loop.create_server(lambda: _Link(tap, host, port).consumer_side, HOST, 0, backlog=BACKLOG)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        await tap.drop()
        await server.wait_closed()


class _Link:
    """One connection: its two sides, and what is recorded of it."""

    def __init__(self, tap: Tap, host: str, port: int) -> None:
        self.tap = tap
        self.recording = tap._new_recording()
        self.gated: GatedConnection | None = tap.gate.connected() if tap.gate is not None else None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.consumer_side = _Side(self, Direction.SENT)
        self.producer_side = _Side(self, Direction.RECEIVED)
        self.consumer_side.other, self.producer_side.other = self.producer_side, self.consumer_side
        self.aborted = False
        self._address = (host, port)
        self._connecting: asyncio.Task[None] | None = None
        tap._links.add(self)

    def connect(self) -> None:
        """Connect to the producer. Nothing is read before that."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.producer_side, *self._address)
        except (OSError, UnicodeError):
            # UnicodeError: not a host name.
            self.producer_side.lost = True
            self.consumer_side.abort()
            self.end_if_lost()
            return
        if self.consumer_side.lost:
            self.producer_side.abort()
            return
        self.consumer_side.pass_on_early()

    def abort(self) -> None:
        """Close both sides at once. One that is not connected yet is closed as soon as it is."""
        self.aborted = True
        if self.producer_side.transport is None:
            # One that is connected already must not be cancelled: uvloop would never report that it is lost.
            if self._connecting is not None:
                self._connecting.cancel()
            self.producer_side.lost = True
        for side in (self.consumer_side, self.producer_side):
            side.abort()
        self.end_if_lost()

    def passing(self, direction: Direction, data: bytes) -> bytes:
        """What of the bytes passes the gate now."""
        if self.gated is None:
            return data
        if direction is Direction.SENT:
            self.gated.sent(data)
            return data
        passing = self.gated.received(data)
        if self.gated.held_bytes >= HELD_AT_MOST_BYTES:
            self.consumer_side.pause_writing()
        return passing

    def pass_on_held(self) -> None:
        """Send the consumer what the gate holds back."""
        if self.gated is not None and self.gated.held_bytes:
            self.consumer_side.write(self.gated.release())

    def end_if_lost(self) -> None:
        """Remove this connection once both sides are gone."""
        if self.consumer_side.lost and self.producer_side.lost and not self.ended.done():
            if self.gated is not None and self.tap.gate is not None:
                self.tap.gate.closed(self.gated)
            self.ended.set_result(None)
            self.tap._links.discard(self)


class _Side(asyncio.Protocol):
    """One socket of a connection. What is read here is written to the other side."""

    other: "_Side"

    def __init__(self, link: _Link, direction: Direction) -> None:
        self._link = link
        self._direction = direction
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self._early: list[bytes] = []
        """Bytes that were read before the other side was connected."""
        self._finished = False
        """Whether this side's peer has ended its direction."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._link.aborted:
            self._link.abort()
        elif self._direction is Direction.SENT:
            self.transport.pause_reading()
            self._link.connect()

    def data_received(self, data: bytes) -> None:
        data = bytes(data)
        self._link.tap._record(self._link.recording, self._direction, data)
        if self.other.transport is not None:
            self.other.write(self._link.passing(self._direction, data))
            return
        # uvloop reads even if `connection_made` has paused reading.
        self._early.append(data)
        if self.transport is not None:
            self.transport.pause_reading()

    def pass_on_early(self) -> None:
        """The other side is connected: send it the early bytes, and continue reading."""
        for data in self._early:
            self.other.write(self._link.passing(self._direction, data))
        self._early.clear()
        if self._finished:
            self.other.write_eof()
        self.resume_reading()

    def write(self, data: bytes) -> None:
        """Send, unless this side is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def write_eof(self) -> None:
        """End this direction, unless this side is gone."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()

    def eof_received(self) -> bool:
        self._finished = True
        if self._direction is Direction.RECEIVED:
            self._link.pass_on_held()
        self.other.write_eof()
        # False closes this side's transport once its remaining bytes are written.
        return not self.other._finished

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._direction is Direction.RECEIVED:
            self._link.pass_on_held()
        if exc is not None:
            self.other.abort()
        elif self.other.transport is not None:
            self.other.transport.close()
        self._link.end_if_lost()

    def pause_writing(self) -> None:
        if self.other.transport is not None and not self.other.lost:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.resume_reading()

    def resume_reading(self) -> None:
        """Continue reading, unless this side is gone."""
        if self.transport is not None and not self.lost and not self.transport.is_closing():
            self.transport.resume_reading()

    def abort(self) -> None:
        """Close without sending the remaining bytes."""
        if self.transport is not None and not self.lost:
            self.transport.abort()
