"""A front before gRPC's core: accepts its connections, refuses calls that the core would let pass, hands on the rest.

The core listens on a socket in a directory that only this user can enter; what a connection may do it still decides.
TLS ends here, so that it is that of the other producers.
"""

import asyncio
import socket
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from producers.grpc_call_check import CallCheck, ConnectionBroken
from producers.settings import Limits
from producers.sockets import BACKLOG, TLS_SHUTDOWN_TIMEOUT_S, bound_sockets, close_in_stages

ALPN = "h2"
BLOCKS_OF_METADATA = 4
"""A header block may be so many times as long as metadata: what is a little too long gets its status from the core."""


class CallFront:
    """Listens for gRPC's core."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._directory = TemporaryDirectory(prefix="recipes-")
        self.path = Path(self._directory.name, "core")
        """The socket for the core to listen on."""
        self._bound: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[Conversation] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def bind(self, host: str, port: int, context: ssl.SSLContext | None, *, share_port: bool) -> int:
        """Take a port, with TLS or without, and return its number. Raises PortUnavailable."""
        sockets = bound_sockets(host, port, share_port=share_port)
        self._bound += [(each, context) for each in sockets]
        number: int = sockets[0].getsockname()[1]
        return number

    async def listen(self) -> None:
        """Accept connections on the ports taken. The core has to listen by now."""
        loop = asyncio.get_running_loop()
        while self._bound:
            bound, context = self._bound.pop()
            self._servers.append(
                await loop.create_server(
                    lambda: Caller(Conversation(self)),
                    sock=bound,
                    ssl=context,
                    backlog=BACKLOG,
                    # asyncio takes these with TLS only.
                    ssl_handshake_timeout=self.limits.calls.handshake_timeout_s if context else None,
                    ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S if context else None,
                )
            )

    def stop_listening(self) -> None:
        """Accept no connections any more. Those that are open go on."""
        for bound, _ in self._bound:
            bound.close()
        for server in self._servers:
            server.close()
        self._bound.clear()
        self._servers.clear()

    async def close(self, within_s: float) -> None:
        """Wait until the callers have what the core sent them, `within_s` at most; then close what is left."""
        self.stop_listening()
        try:
            async with asyncio.timeout(within_s):
                await self._empty.wait()
        except TimeoutError:
            for conversation in list(self._connections):
                conversation.abort()
        self._directory.cleanup()

    def lets_in(self, conversation: "Conversation") -> bool:
        """Whether there is room for another connection."""
        if len(self._connections) >= self.limits.calls.connections:
            return False
        self._connections.add(conversation)
        self._empty.clear()
        return True

    def left(self, conversation: "Conversation") -> None:
        """A connection has ended."""
        self._connections.discard(conversation)
        if not self._connections:
            self._empty.set()


class Conversation:
    """A caller's connection, the one to the core, and what goes from each to the other."""

    def __init__(self, front: CallFront) -> None:
        self.front = front
        self.check = CallCheck(BLOCKS_OF_METADATA * front.limits.calls.metadata_bytes)
        self.caller: asyncio.Transport | None = None
        self.core: asyncio.Transport | None = None
        self._caller_takes = self._core_takes = True
        self._caller_gone = self._core_gone = False
        self._over = False
        """Whether what comes is not looked at any more."""
        self._early = bytearray()
        """What came before the core was there."""
        self._connecting: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._farewell: asyncio.TimerHandle | None = None
        """Ends the caller's connection, which was told to end, at the latest."""

    def begin(self, caller: asyncio.Transport) -> None:
        """Connect to the core."""
        self.caller = caller
        tls = cast(ssl.SSLObject | None, caller.get_extra_info("ssl_object"))
        if not self.front.lets_in(self) or (tls is not None and tls.selected_alpn_protocol() != ALPN):
            caller.abort()
            return
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        assert self.caller is not None
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: Core(self), str(self.front.path))
        except OSError:
            # The core has stopped.
            self.caller.abort()

    def core_connected(self, core: asyncio.Transport) -> None:
        """Let the caller speak, unless it has gone."""
        self.core = core
        if self.caller is None or self.caller.is_closing():
            core.abort()
            return
        self._regulate()
        early, self._early = bytes(self._early), bytearray()
        self.from_caller(early)

    def from_caller(self, data: bytes) -> None:
        """Hand on what the caller sent, and answer what is refused."""
        if self._over:
            return
        assert self.caller is not None
        if self.core is None:
            # uvloop begins to read whatever was asked of it before, so this comes once.
            self._early += data
            _let(self.caller, speak=False)
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

    def from_core(self, data: bytes) -> None:
        """Hand on what the core sent."""
        if self._over:
            return
        assert self.caller is not None
        try:
            self.caller.write(self.check.from_server(data))
        except ConnectionBroken as broken:
            self._end(broken)

    def caller_takes(self, *, enough: bool) -> None:
        """Whether the caller reads as fast as it is answered. If not it is not heard either: refusals are answers."""
        self._caller_takes = enough
        self._regulate()
        if not self._core_gone:
            # While the core is not read, it is not even noticed that it has ended the connection.
            self._allow_time(within_s=None if enough else self.front.limits.write_timeout_s)

    def core_takes(self, *, enough: bool) -> None:
        """Whether the core reads as fast as the caller sends."""
        self._core_takes = enough
        self._regulate()

    def _regulate(self) -> None:
        _let(self.caller, speak=self._core_takes and self._caller_takes)
        _let(self.core, speak=self._caller_takes)

    def caller_lost(self) -> None:
        """The core need not answer any more."""
        self._caller_gone = True
        self._allow_time(within_s=None)
        if self._farewell is not None:
            self._farewell.cancel()
        if self._connecting is not None:
            self._connecting.cancel()
        if self.core is not None:
            self.core.close()
        self.front.left(self)

    def core_lost(self) -> None:
        """The caller has to take what is still on its way in time."""
        self._core_gone = True
        assert self.caller is not None
        if self._over and not self._caller_gone:
            self._farewell = close_in_stages(self.caller)
        else:
            self.caller.close()
        if not self._caller_gone:
            self._allow_time(within_s=self.front.limits.write_timeout_s)

    def _allow_time(self, *, within_s: float | None) -> None:
        """Cut the caller off after that time, unless told otherwise by then; None: there is no hurry."""
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
        self._over = True
        self.caller.write(self.check.goaway(broken.code))
        self.core.abort()


def _let(transport: asyncio.Transport | None, *, speak: bool) -> None:
    """Read from a connection, or leave it unread, so that its other side has to wait."""
    if transport is None or transport.is_closing() or transport.is_reading() == speak:
        return
    if speak:
        transport.resume_reading()
    else:
        transport.pause_reading()


class Caller(asyncio.Protocol):
    """The side of a conversation that came from outside."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._conversation.begin(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Hand it on."""
        self._conversation.from_caller(data)

    def pause_writing(self) -> None:
        """The caller takes too little."""
        self._conversation.caller_takes(enough=False)

    def resume_writing(self) -> None:
        """The caller has taken what there was."""
        self._conversation.caller_takes(enough=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._conversation.caller_lost()


class Core(asyncio.Protocol):
    """The side of a conversation that leads to gRPC's core."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The core is there."""
        self._conversation.core_connected(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        """Hand it on."""
        self._conversation.from_core(data)

    def pause_writing(self) -> None:
        """The core takes too little."""
        self._conversation.core_takes(enough=False)

    def resume_writing(self) -> None:
        """The core has taken what there was."""
        self._conversation.core_takes(enough=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._conversation.core_lost()
