"""What the producers on aiohttp share: a plain and a TLS port for one application, limits, errors, graceful stop."""

import asyncio
import logging
import socket
import ssl
from abc import abstractmethod

from aiohttp import HttpVersion11, hdrs, web

from producers.accept_queue import take_in_queued
from producers.aiohttp_connections import GuardedServer, Handler
from producers.aiohttp_counting import counting
from producers.aiohttp_messages import Responses, check_length
from producers.http_messages import MOMENTARY, READY, stopping
from producers.http_problems import Problem, internal_error, problem_of
from producers.http_semantics import HEALTH, JSON
from producers.producer import PortUnavailable, Producer
from producers.settings import ProducerSettings
from producers.sockets import BACKLOG, TLS_SHUTDOWN_TIMEOUT_S, bound_sockets
from producers.tls import ServedContext
from recipes.book import RecipeBook
from recipes.errors import RecipeError

log = logging.getLogger(__name__)


class AiohttpProducer(Producer):
    """A producer on aiohttp. A subclass has the routes; their handlers may raise Problem and RecipeError."""

    plain_scheme = "http"
    tls_scheme = "https"

    _application: web.AppRunner | None = None
    _sites: web.ServerRunner | None = None
    _guard: GuardedServer | None = None
    _listening = False
    _stopping = False
    """Whether new callers should go elsewhere."""

    def __init__(self, book: RecipeBook, settings: ProducerSettings) -> None:
        super().__init__(book, settings)
        self.responses = Responses(settings)

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The routes besides that of /health."""

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, TlsFilesUnusable."""
        settings = self.settings
        context = None
        if settings.tls_port is not None and settings.tls is not None:
            context = ServedContext(settings.tls, alpn=("http/1.1",)).context
        application = web.Application(client_max_size=settings.limits.body_bytes)
        application.add_routes([*self.routes(), web.get(HEALTH, self.get_health)])
        self._stopping = False
        self._application = web.AppRunner(application)
        await self._application.setup()
        routed = self._application.server
        assert routed is not None, "it is set up"
        handler = self._refusing(routed.request_handler)
        if self.counters is not None:
            handler = counting(handler, self.counters)
        self._guard = GuardedServer(
            handler, routed.request_factory, self.responses, settings.limits, settings.drain_s, self.counters
        )
        if self.counters is not None:
            self.counters.connections_open = self._guard.open_connections
            self.counters.connections_accepted = self._guard.accepted_connections
        self._sites = web.ServerRunner(self._guard, shutdown_timeout=settings.drain_s)
        await self._sites.setup()
        self._guard.watch()
        addresses = []
        try:
            if settings.port is not None:
                addresses.append(self.address(await self._listen(settings.port, None), tls=False))
            if settings.tls_port is not None:
                addresses.append(self.address(await self._listen(settings.tls_port, context), tls=True))
        except PortUnavailable:
            await self.stop()
            raise
        self._listening = True
        return addresses

    async def stop(self) -> None:
        """Report 503 on /health, serve on for `settings.stop_notice_s`, stop accepting, close idle connections, and
        wait up to `settings.drain_s` for open requests.
        """
        sites, self._sites = self._sites, None
        if sites is not None and self._guard is not None:
            # From now on, /health is 503 and every response closes its connection.
            self._guard.drain()
            self._stopping = True
            self.note_not_ready()
            if self._listening and self.settings.stop_notice_s:
                await asyncio.sleep(self.settings.stop_notice_s)
            listening = [site for site in sites.sites if isinstance(site, _Site)]
            await take_in_queued([site.listener for site in listening])
            for site in listening:
                await site.stop()
            await self._guard.close_idle()
            await sites.cleanup()
        application, self._application = self._application, None
        if application is not None:
            await application.cleanup()

    async def _listen(self, port: int, context: ssl.SSLContext | None) -> int:
        assert self._sites is not None
        sockets = bound_sockets(self.settings.host, port, share_port=self.settings.share_port)
        for bound in sockets:
            await _Site(self._sites, bound, context, self.settings.limits.tls_handshake_timeout_s).start()
        number: int = sockets[0].getsockname()[1]
        return number

    async def get_health(self, request: web.Request) -> web.StreamResponse:
        """`{"status": "ready"}`, or 503 once the producer is stopping."""
        if self._stopping:
            raise stopping()
        media_type = self.responses.media_type(request, (JSON,))
        return self.responses.response(request, READY, media_type, headers=MOMENTARY)

    async def expect_continue(self, request: web.Request) -> web.StreamResponse | None:
        """Send 100 Continue to a caller that waits for it. If the body is too large, return that as the response."""
        if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
            raise Problem(417, "the only supported expectation is 100-continue", closes=True)
        check_length(request, self.settings.limits)
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    def _refusing(self, handler: Handler) -> Handler:
        """A handler that responds with problem+json when `handler` raises. The router raises, too."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if request.version > HttpVersion11:
                # The parser accepts HTTP/2.0 in a request line, and aiohttp would respond in that version.
                request._version = HttpVersion11
                return self.responses.problem(request, Problem(505, "only HTTP/1.1 is supported", closes=True))
            try:
                return await handler(request)
            except Exception as error:
                failure = error
            return self._refusal(request, failure)

        return answer

    def _refusal(self, request: web.BaseRequest, error: Exception) -> web.StreamResponse:
        if isinstance(error, RecipeError):
            problem = problem_of(error)
        elif isinstance(error, Problem):
            problem = error
        elif isinstance(error, web.HTTPMethodNotAllowed):
            allow = {"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))}
            if request.method == hdrs.METH_OPTIONS:
                return self.responses.without_body(204, allow)
            problem = Problem(405, f"{request.method} is not allowed for this resource", headers=allow)
        elif isinstance(error, web.HTTPNotFound):
            problem = Problem(404, "no such resource")
        elif isinstance(error, web.HTTPException):
            problem = Problem(error.status, error.reason)
        elif request.transport is None:
            # The caller has disconnected; this is no fault of the producer.
            raise ConnectionResetError
        else:
            problem = internal_error(log, "a request failed", error)
        return self.responses.problem(request, problem)


class _Site(web.SockSite):
    """Listens on a socket, with a timeout for TLS handshakes."""

    def __init__(
        self, runner: web.ServerRunner, bound: socket.socket, context: ssl.SSLContext | None, handshake_timeout_s: float
    ) -> None:
        super().__init__(runner, bound, ssl_context=context, backlog=BACKLOG)
        self.listener = bound
        self._handshake_timeout_s = handshake_timeout_s

    async def start(self) -> None:
        """Accept connections."""
        await web.BaseSite.start(self)
        guard = self._runner.server
        assert isinstance(guard, GuardedServer)
        tls = self._ssl_context is not None
        self._server = await asyncio.get_running_loop().create_server(
            guard.for_tls if tls else guard,
            sock=self._sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            # asyncio accepts these with TLS only.
            ssl_handshake_timeout=self._handshake_timeout_s if tls else None,
            ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S if tls else None,
        )
