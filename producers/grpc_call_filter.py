"""A filter before gRPC's core that refuses invalid calls which the core would accept, and forwards the rest.

The core listens on a Unix socket in a directory that only this user can enter, and still enforces its own limits. TLS
is terminated here, with the same settings as in the other producers.
"""

import asyncio
import socket
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from weakref import WeakSet

from producers import lifecycle
from producers.accept_queue import take_in_queued
from producers.grpc_call_check import CallCheck, ConnectionBroken
from producers.settings import Limits
from producers.sockets import BACKLOG, TLS_SHUTDOWN_TIMEOUT_S, bound_sockets, close_in_stages

ALPN = "h2"
FIRST_CALL_S = 1.0
"""How long a stop waits for the first call of a connection."""
ANSWER_S = 2.0
"""How long callers without calls may take to confirm that they send no more."""
POLL_S = 0.005
BLOCKS_OF_METADATA = 4
"""The limit on header blocks is this many times that on metadata. Below it, the core responds with a status."""


class CallFilter:
    """Accepts the connections of a gRPC producer and forwards them to the core."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._directory = TemporaryDirectory(prefix="recipes-")
        lifecycle.before_abrupt_end(self._directory.cleanup)
        self.path = Path(self._directory.name, "core")
        """The socket for the core to listen on."""
        self._bound: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._listening: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._begun: WeakSet[Conversation] = WeakSet()
        """Conversations from when a connection was accepted. One whose TLS handshake fails ends without notice."""
        self._connections: set[Conversation] = set()
        self._accepted = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def bind(self, host: str, port: int, context: ssl.SSLContext | None, *, share_port: bool) -> int:
        """Bind a port, with or without TLS, and return its number. Raises PortUnavailable."""
        sockets = bound_sockets(host, port, share_port=share_port)
        self._bound += [(each, context) for each in sockets]
        number: int = sockets[0].getsockname()[1]
        return number

    async def listen(self) -> None:
        """Accept connections on the bound ports. The core has to be listening."""
        loop = asyncio.get_running_loop()
        while self._bound:
            bound, context = self._bound.pop()
            self._listening.append(bound)
            self._servers.append(
                await loop.create_server(
                    self._caller,
                    sock=bound,
                    ssl=context,
                    backlog=BACKLOG,
                    # asyncio accepts these with TLS only.
                    ssl_handshake_timeout=self.limits.calls.handshake_timeout_s if context else None,
                    ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S if context else None,
                )
            )

    async def drain(self, within_s: float) -> None:
        """Stop accepting connections, and ask the callers to end theirs. Wait up to `within_s` for their calls.

        No call is lost that its caller sends before it has read that. Connections without a call get some time to send
        one: somebody has just opened them.
        """
        loop = asyncio.get_running_loop()
        began = now = loop.time()
        await take_in_queued(self._listening)
        self._stop_listening()
        while (self._connections or self._opening()) and now - began < within_s:
            for conversation in list(self._connections):
                if conversation.check.used or now - began > FIRST_CALL_S:
                    conversation.leave()
            if now - began > FIRST_CALL_S + ANSWER_S and not any(each.check.busy for each in self._connections):
                break
            await asyncio.sleep(POLL_S)
            now = loop.time()

    def _opening(self) -> bool:
        """Whether a TLS handshake is not complete."""
        return any(each.caller is None for each in self._begun)

    def _stop_listening(self) -> None:
        for bound, _ in self._bound:
            bound.close()
        for server in self._servers:
            server.close()
        self._bound.clear()
        self._servers.clear()
        self._listening.clear()

    async def close(self, within_s: float) -> None:
        """Wait up to `within_s` for the callers to receive what the core has sent, then close the remaining
        connections."""
        self._stop_listening()
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            for conversation in list(self._connections):
                conversation.abort()
        self._directory.cleanup()

    def _caller(self) -> "Caller":
        conversation = Conversation(self)
        self._begun.add(conversation)
        return Caller(conversation)

    def admit(self, conversation: "Conversation") -> bool:
        """Count a connection, unless the limit is reached. Returns whether it was accepted."""
        self._accepted += 1
        if len(self._connections) >= self.limits.calls.connections:
            return False
        self._connections.add(conversation)
        self._empty.clear()
        return True

    def open_connections(self) -> int:
        """The number of open connections."""
        return len(self._connections)

    def accepted_connections(self) -> int:
        """The number of connections so far, refused ones included."""
        return self._accepted

    def remove(self, conversation: "Conversation") -> None:
        """Note that a connection has ended."""
        self._connections.discard(conversation)
        if not self._connections:
            self._empty.set()


class Conversation:
    """A caller's connection and the one to the core, with the data between them."""

    def __init__(self, call_filter: CallFilter) -> None:
        self.filter = call_filter
        self.check = CallCheck(BLOCKS_OF_METADATA * call_filter.limits.calls.metadata_bytes)
        self.caller: asyncio.Transport | None = None
        self.core: asyncio.Transport | None = None
        self._caller_writable = self._core_writable = True
        self._caller_gone = self._core_gone = False
        self._ended = False
        """Whether further data is ignored."""
        self._early = bytearray()
        """Data that arrived before the connection to the core was open."""
        self._connecting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._linger_timer: asyncio.TimerHandle | None = None
        """Closes the caller's connection some time after the GOAWAY."""

    def begin(self, caller: asyncio.Transport) -> None:
        """Connect to the core."""
        self.caller = caller
        tls = cast(ssl.SSLObject | None, caller.get_extra_info("ssl_object"))
        if not self.filter.admit(self) or (tls is not None and tls.selected_alpn_protocol() != ALPN):
            caller.abort()
            return
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        assert self.caller is not None
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: Core(self), str(self.filter.path))
        except OSError:
            # The core has stopped.
            self.caller.abort()

    def core_connected(self, core: asyncio.Transport) -> None:
        """Start forwarding, unless the caller has disconnected."""
        self.core = core
        if self.caller is None or self.caller.is_closing():
            core.abort()
            return
        self._regulate()
        early, self._early = bytes(self._early), bytearray()
        self.from_caller(early)

    def from_caller(self, data: bytes) -> None:
        """Forward what the caller sent, and respond to refused calls."""
        if self._ended:
            return
        assert self.caller is not None
        if self.core is None:
            # uvloop starts reading even if reading was paused before, so this happens once.
            self._early += data
            _set_reading(self.caller, reading=False)
            return
        try:
            to_core, to_caller = self.check.from_client(data)
        except ConnectionBroken as broken:
            self._end(broken)
            return
        if to_core:
            self.core.write(to_core)
        if to_caller:
            self.caller.write(to_caller)
        if self.check.finished:
            self._finish()

    def from_core(self, data: bytes) -> None:
        """Forward what the core sent."""
        if self._ended:
            return
        assert self.caller is not None
        try:
            self.caller.write(self.check.from_server(data))
        except ConnectionBroken as broken:
            self._end(broken)
            return
        if self.check.finished:
            self._finish()

    def leave(self) -> None:
        """Have the caller send no more calls on this connection, and close it after the last one."""
        if self._ended or self.caller is None:
            return
        if to_caller := self.check.leave():
            self.caller.write(to_caller)

    def _finish(self) -> None:
        """Close the connection: all its calls have ended, and the caller knows that there will be no more."""
        assert self.core is not None
        self._ended = True
        self.core.abort()

    def caller_writable(self, *, writable: bool) -> None:
        """Note whether the caller reads fast enough. If not, it is not read either, because refusals are responses,
        too."""
        self._caller_writable = writable
        self._regulate()
        if not self._core_gone:
            # While the core is not read, the end of its connection goes unnoticed.
            self._allow_time(within_s=None if writable else self.filter.limits.write_timeout_s)

    def core_writable(self, *, writable: bool) -> None:
        """Note whether the core reads as fast as the caller sends."""
        self._core_writable = writable
        self._regulate()

    def _regulate(self) -> None:
        _set_reading(self.caller, reading=self._core_writable and self._caller_writable)
        _set_reading(self.core, reading=self._caller_writable)

    def caller_lost(self) -> None:
        """Close the connection to the core."""
        self._caller_gone = True
        self._allow_time(within_s=None)
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        if self.core is not None:
            self.core.close()
        self.filter.remove(self)

    def core_lost(self) -> None:
        """Close the caller's connection once it has received the remaining data, within the write timeout."""
        self._core_gone = True
        assert self.caller is not None
        if self._ended and not self._caller_gone:
            self._linger_timer = close_in_stages(self.caller)
        else:
            self.caller.close()
        if not self._caller_gone:
            self._allow_time(within_s=self.filter.limits.write_timeout_s)

    def _allow_time(self, *, within_s: float | None) -> None:
        """Abort both connections after this time, unless called again before. None: no deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if within_s is not None:
            self._deadline = asyncio.get_running_loop().call_later(within_s, self.abort)

    def abort(self) -> None:
        """End both connections at once."""
        for transport in (self.caller, self.core):
            if transport is not None:
                transport.abort()

    def _end(self, broken: ConnectionBroken) -> None:
        assert self.caller is not None
        assert self.core is not None
        self._ended = True
        self.caller.write(self.check.goaway(broken.code))
        self.core.abort()


def _set_reading(transport: asyncio.Transport | None, *, reading: bool) -> None:
    """Resume or pause reading from a connection."""
    if transport is None or transport.is_closing() or transport.is_reading() == reading:
        return
    if reading:
        transport.resume_reading()
    else:
        transport.pause_reading()


class Caller(asyncio.Protocol):
    """The protocol of a caller's connection."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._conversation.begin(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Forward."""
        self._conversation.from_caller(data)

    def pause_writing(self) -> None:
        """The caller reads too slowly."""
        self._conversation.caller_writable(writable=False)

    def resume_writing(self) -> None:
        """The caller has caught up."""
        self._conversation.caller_writable(writable=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._conversation.caller_lost()


class Core(asyncio.Protocol):
    """The protocol of the connection to the core."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The core has accepted."""
        self._conversation.core_connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Forward."""
        self._conversation.from_core(data)

    def pause_writing(self) -> None:
        """The core reads too slowly."""
        self._conversation.core_writable(writable=False)

    def resume_writing(self) -> None:
        """The core has caught up."""
        self._conversation.core_writable(writable=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._conversation.core_lost()
