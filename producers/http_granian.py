"""The HTTP producer on Granian: an HTTP server in Rust, which calls the application through RSGI, its own interface.

Granian runs in this process, on its event loop (`granian.server.embed`), so that the process that was started serves,
and all of its CPU time is known. HTTP is spoken in a thread of Granian's, the application runs in this one.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from multidict import MultiDict

from producers.accept_queue import listeners_of_this_process, take_in_queued
from producers.counters import DISCONNECTED, UNKNOWN, Counters, Ended
from producers.http_application import Answer, HttpApplication, Request
from producers.http_messages import stopping
from producers.http_semantics import HEALTH
from producers.producer import PortUnavailable, Producer, ports_of
from producers.settings import ProducerSettings, TlsFiles
from producers.sockets import BACKLOG, check_port
from producers.tls import server_context
from producers.workers import hold_ports
from recipes.book import RecipeBook

if TYPE_CHECKING:
    from producers.peer_connections import PeerConnections

START_S = 10.0
"""How long it may take until Granian accepts connections."""
POLL_S = 0.005
FIRST_REQUEST_S = 1.0
"""How long a stop waits for requests on open connections."""


class GranianProducer(Producer):
    """Serves recipe.openapi.json."""

    plain_scheme = "http"
    tls_scheme = "https"

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        super().__init__(book, settings)
        self._application = HttpApplication(book, settings)
        self._respond = self._application.answer
        self._ports: frozenset[int] = frozenset()
        self._connections = None if self.counters is None else self._count(self.counters)
        self._servers: list[tuple[Server, asyncio.Task[None]]] = []
        self._open: set[asyncio.Task[None]] = set()
        """The requests that are being answered."""

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, TlsFilesUnusable."""
        settings = self.settings
        files = settings.tls if settings.tls_port is not None else None
        if files is not None:
            # Granian reads the files in a thread of its own, whose error nobody would see.
            server_context(files, alpn=("http/1.1",))
        if not settings.share_port:
            for port in (settings.port, settings.tls_port):
                if port:
                    check_port(settings.host, port)
        # Granian takes the number of a port only. Held until it listens, so that no other process gets it.
        held = hold_ports(settings) if not settings.share_port else None
        ports = (settings.port, settings.tls_port) if held is None else (held.port, held.tls_port)
        try:
            addresses = []
            for port, tls in zip(ports, (None, files), strict=True):
                if port is not None:
                    await self._listen(port, tls)
                    addresses.append(self.address(port, tls=tls is not None))
        except PortUnavailable:
            await self.stop()
            raise
        finally:
            if held is not None:
                held.close()
        self._ports = ports_of(addresses)
        if self._connections is not None:
            self._connections.serve(addresses)
        return addresses

    @staticmethod
    def _count(counters: Counters) -> "PeerConnections":
        """What counts connections. It takes memory, so it is imported where it is asked for."""
        from producers.peer_connections import PeerConnections  # noqa: PLC0415

        return PeerConnections(counters)

    async def stop(self) -> None:
        """Report 503 on /health, serve on for `settings.stop_notice_s`, then stop accepting and wait up to
        `settings.drain_s` for open requests."""
        servers, self._servers = self._servers, []
        if not servers:
            return
        self._application.stopping = True
        self._respond = self._last_answer
        self.note_not_ready()
        await asyncio.sleep(self.settings.stop_notice_s)
        # Granian closes connections without regard to requests that have been sent or are being answered.
        give_up = asyncio.get_running_loop().time() + self.settings.drain_s
        await self._connections_ended(give_up)
        for server, _ in servers:
            server.stop()
        ending = asyncio.gather(*(serving for _, serving in servers))
        try:
            await asyncio.wait_for(asyncio.shield(ending), max(0.0, give_up - asyncio.get_running_loop().time()))
        except TimeoutError:
            # Granian itself waits for as long as it takes.
            for task in self._open:
                task.cancel()
            await ending

    async def _connections_ended(self, give_up: float) -> None:
        """Take in all connections, and wait until each has had its last answer, or has not asked for some time."""
        # What a producer needs only when it stops takes no memory before.
        from producers.peer_connections import open_connections  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        began = loop.time()
        listeners = listeners_of_this_process(self._ports)
        try:
            await take_in_queued(listeners)
        finally:
            for listener in listeners:
                listener.close()
        while open_connections(self._ports) and (now := loop.time()) < give_up:
            if not self._open and now - began > FIRST_REQUEST_S:
                break
            await asyncio.sleep(POLL_S)

    async def _last_answer(self, request: Request) -> Answer:
        """An answer that closes its connection."""
        answer = await self._application.answer(request)
        answer.headers["Connection"] = "close"
        return answer

    async def _listen(self, port: int, files: TlsFiles | None) -> None:
        limits = self.settings.limits
        server = Server(
            self._answer if self.counters is None else self._counting(self.counters),
            self.settings.host,
            port,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            # The time until the next head is complete, which includes the time between requests.
            http1_settings=HTTP1Settings(header_read_timeout=int(limits.keep_alive_s * 1000)),
            websockets=False,
            backlog=BACKLOG,
            backpressure=limits.connections,
            log_enabled=False,
            ssl_cert=None if files is None else files.certificate,
            ssl_key=None if files is None else files.key,
            ssl_ca=None if files is None else files.client_ca,
            ssl_client_verify=files is not None and files.client_ca is not None,
        )
        serving = asyncio.create_task(server.serve())
        self._servers.append((server, serving))
        await self._accepting(port, serving)

    async def _accepting(self, port: int, serving: "asyncio.Task[None]") -> None:
        """Wait until the port accepts connections. Raises PortUnavailable."""
        try:
            async with asyncio.timeout(START_S):
                while not serving.done():
                    try:
                        _, writer = await asyncio.open_connection(self.settings.host, port)
                    except OSError:
                        await asyncio.sleep(POLL_S)
                    else:
                        writer.close()
                        return
        except TimeoutError:
            pass
        reason = serving.exception() if serving.done() and not serving.cancelled() else f"no answer in {START_S:g} s"
        raise PortUnavailable(f"cannot listen on {self.settings.host}:{port}: {reason}; choose another port, or 0")

    def _counting(self, counters: Counters) -> Callable[[Any, Any], Awaitable[None]]:
        """Answers, and counts calls. Health checks are no calls."""

        async def answer(scope: Any, protocol: Any) -> None:
            if scope.path == HEALTH:
                counters.health_checked()
                await self._answer(scope, protocol)
                return
            assert self._connections is not None, "it counts, too"
            self._connections.seen(scope.client)
            counters.begin()
            ended = Ended(UNKNOWN, 0, DISCONNECTED)
            try:
                made = await self._answer(scope, protocol)
                ended = Ended(self._application.method_of(scope), made.status, made.outcome)
            finally:
                counters.end(ended)

        return answer

    async def _answer(self, scope: Any, protocol: Any) -> Answer:
        request = _Request(scope, protocol)
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            answer = await self._respond(request)
        except asyncio.CancelledError:
            answer = self._application.refusal(request, stopping())
        finally:
            self._open.discard(task)
        protocol.response_bytes(answer.status, list(answer.headers.items()), answer.body)
        return answer


class _Request:
    """A request as Granian shows it."""

    __slots__ = ("_headers", "_protocol", "method", "path", "query_string")

    def __init__(self, scope: Any, protocol: Any) -> None:
        self.method: str = scope.method
        self.path: str = scope.path
        self.query_string: str = scope.query_string
        self._headers = scope.headers
        self._protocol = protocol

    @property
    def query(self) -> MultiDict[str]:
        """As in http_messages.Queried."""
        return MultiDict(parse_qsl(self.query_string, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """As in http_application.Request."""
        lines: list[str] = self._headers.get_all(name)
        return lines[0] if len(lines) == 1 else ", ".join(lines) if lines else None

    def body(self) -> AsyncIterable[bytes]:
        """As in http_application.Request."""
        parts: AsyncIterable[bytes] = self._protocol
        return parts
