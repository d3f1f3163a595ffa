"""What the producers on aiohttp share: a plain and a TLS port for one application, limits, errors, graceful stop."""

import asyncio
import logging
import socket
import ssl
from abc import abstractmethod
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web

from producers.aiohttp_connections import GuardedServer
from producers.aiohttp_messages import Responses, check_length
from producers.http_problems import Problem, internal_error, problem_of
from producers.http_semantics import JSON
from producers.producer import PortUnavailable, Producer
from producers.settings import ProducerSettings
from producers.sockets import BACKLOG, TLS_SHUTDOWN_TIMEOUT_S, bound_sockets
from producers.tls import ServedContext
from recipes.book import RecipeBook
from recipes.errors import RecipeError

log = logging.getLogger(__name__)


class Readiness:
    """Whether the producer accepts new callers."""

    stopping = False


RESPONSES = web.AppKey("responses", Responses)
BOOK = web.AppKey("book", RecipeBook)
HEALTH = "/health"
MOMENTARY = {"Cache-Control": "no-store"}
"""Headers of a response about this process at this moment, which must not be cached."""
READINESS = web.AppKey("readiness", Readiness)
SETTINGS = web.AppKey("settings", ProducerSettings)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AiohttpProducer(Producer):
    """A producer that serves an aiohttp application, which a subclass builds."""

    plain_scheme = "http"
    tls_scheme = "https"

    _application: web.AppRunner | None = None
    _sites: web.ServerRunner | None = None
    _guard: GuardedServer | None = None
    _listening = False

    @abstractmethod
    def application(self) -> web.Application:
        """The application to serve, built with `application_over`."""

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, TlsFilesUnusable."""
        settings = self.settings
        context = None
        if settings.tls_port is not None and settings.tls is not None:
            context = ServedContext(settings.tls, alpn=("http/1.1",)).context
        self._application = web.AppRunner(self.application())
        await self._application.setup()
        self._guard = GuardedServer(self._application, self._application.app[RESPONSES], settings.limits)
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
            self._guard.draining = True
            if self._application is not None:
                self._application.app[READINESS].stopping = True
            if self._listening and self.settings.stop_notice_s:
                await asyncio.sleep(self.settings.stop_notice_s)
            for site in list(sites.sites):
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


class _Site(web.SockSite):
    """Listens on a socket, with a timeout for TLS handshakes."""

    def __init__(
        self, runner: web.ServerRunner, bound: socket.socket, context: ssl.SSLContext | None, handshake_timeout_s: float
    ) -> None:
        super().__init__(runner, bound, ssl_context=context, backlog=BACKLOG)
        self._handshake_timeout_s = handshake_timeout_s

    async def start(self) -> None:
        """Accept connections."""
        await web.BaseSite.start(self)
        assert self._runner.server is not None
        tls = self._ssl_context is not None
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            sock=self._sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            # asyncio accepts these with TLS only.
            ssl_handshake_timeout=self._handshake_timeout_s if tls else None,
            ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S if tls else None,
        )


def application_over(book: RecipeBook, settings: ProducerSettings, responses: Responses) -> web.Application:
    """An application with /health alone. It holds what handlers need; they may raise Problem and RecipeError."""
    application = web.Application(client_max_size=settings.limits.body_bytes, middlewares=[refusing])
    application[BOOK] = book
    application[SETTINGS] = settings
    application[RESPONSES] = responses
    application[READINESS] = Readiness()
    application.router.add_get(HEALTH, get_health)
    return application


async def get_health(request: web.Request) -> web.Response:
    """`{"status": "ready"}`, or 503 once the producer is stopping."""
    if request.app[READINESS].stopping:
        raise Problem(503, "the producer is stopping", error="stopping")
    responses = request.app[RESPONSES]
    media_type = responses.media_type(request, (JSON,))
    return responses.response(request, b'{"status":"ready"}', media_type, headers=MOMENTARY)


@web.middleware
async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Respond with problem+json when a handler or the router raises."""
    try:
        if request.version > HttpVersion11:
            return _version_not_supported(request)
        return await handler(request)
    except Problem as error:
        problem = error
    except RecipeError as error:
        problem = problem_of(error)
    except web.HTTPMethodNotAllowed as error:
        allow = {"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))}
        if request.method == "OPTIONS":
            return request.app[RESPONSES].without_body(204, allow)
        problem = Problem(405, f"{request.method} is not allowed for this resource", headers=allow)
    except web.HTTPNotFound:
        problem = Problem(404, "no such resource")
    except web.HTTPException as error:
        problem = Problem(error.status, error.reason)
    except Exception:
        if request.transport is None:
            # The caller has disconnected; this is no fault of the producer.
            raise ConnectionResetError from None
        problem = internal_error(log, "a request failed")
    return request.app[RESPONSES].problem(request, problem)


def _version_not_supported(request: web.Request) -> web.Response:
    """The response to HTTP/2.0 in a request line: the parser accepts it, and aiohttp would respond in that version."""
    request._version = HttpVersion11
    problem = Problem(505, "only HTTP/1.1 is supported", closes=True)
    return request.app[RESPONSES].problem(request, problem)


async def expect_continue(request: web.Request) -> web.StreamResponse | None:
    """Send 100 Continue to a caller that waits for it. If the body is too large, return that as the response."""
    # aiohttp calls this before any middleware, so nothing would turn an exception into a response.
    if request.headers.get("Expect", "").lower() != "100-continue":
        problem = Problem(417, "the only supported expectation is 100-continue", closes=True)
        return request.app[RESPONSES].problem(request, problem)
    try:
        check_length(request, request.app[SETTINGS].limits)
    except Problem as too_large:
        return request.app[RESPONSES].problem(request, too_large)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # By default, aiohttp counts these bytes as the beginning of the response.
    request.writer.output_size = 0
    return None
