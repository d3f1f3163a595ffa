"""What the producers on aiohttp share: a plain and a TLS port over one application, limits, refusals, a clean stop."""

import asyncio
import errno
import logging
import socket
import ssl
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from producers.aiohttp_messages import Answers, check_length
from producers.http_problems import Problem, new_incident, problem_of
from producers.producer import PortUnavailable, Producer
from producers.settings import ProducerSettings
from producers.tls import server_context
from recipes.book import RecipeBook
from recipes.errors import RecipeError

log = logging.getLogger(__name__)

ANSWERS = web.AppKey("answers", Answers)
BOOK = web.AppKey("book", RecipeBook)
SETTINGS = web.AppKey("settings", ProducerSettings)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BACKLOG = 1024
"""Connections that may wait to be accepted."""


class AiohttpProducer(Producer):
    """A producer that is an aiohttp application. A subclass says which one."""

    plain_scheme = "http"
    tls_scheme = "https"

    _application: web.AppRunner | None = None
    _sites: web.ServerRunner | None = None

    @abstractmethod
    def application(self) -> web.Application:
        """The application to serve, made by `application_over`."""

    async def start(self) -> list[str]:
        """Listen. Raises PortUnavailable, TlsFilesUnusable."""
        settings = self.settings
        context = None
        if settings.tls_port is not None and settings.tls is not None:
            context = server_context(settings.tls, alpn=("http/1.1",))
        self._application = web.AppRunner(self.application())
        await self._application.setup()
        self._sites = web.ServerRunner(_Server(self._application, settings), shutdown_timeout=settings.drain_s)
        await self._sites.setup()
        addresses = []
        try:
            if settings.port is not None:
                addresses.append(self.address(await self._listen(settings.port, None), tls=False))
            if settings.tls_port is not None:
                addresses.append(self.address(await self._listen(settings.tls_port, context), tls=True))
        except PortUnavailable:
            await self.stop()
            raise
        return addresses

    async def stop(self) -> None:
        """Stop accepting, close idle connections, and wait up to `settings.drain_s` for the requests under way."""
        sites, self._sites = self._sites, None
        if sites is not None:
            await sites.cleanup()
        application, self._application = self._application, None
        if application is not None:
            await application.cleanup()

    async def _listen(self, port: int, context: ssl.SSLContext | None) -> int:
        assert self._sites is not None
        sockets = bound_sockets(self.settings.host, port, share_port=self.settings.share_port)
        for bound in sockets:
            await web.SockSite(self._sites, bound, ssl_context=context, backlog=BACKLOG).start()
        number: int = sockets[0].getsockname()[1]
        return number


def application_over(book: RecipeBook, settings: ProducerSettings, answers: Answers) -> web.Application:
    """An application without routes: its handlers find here what they need, and may raise Problem and RecipeError."""
    application = web.Application(client_max_size=settings.limits.body_bytes, middlewares=[refusing])
    application[BOOK] = book
    application[SETTINGS] = settings
    application[ANSWERS] = answers
    return application


@web.middleware
async def refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with problem+json where a handler, or the routing, raises."""
    try:
        return await handler(request)
    except Problem as error:
        problem = error
    except RecipeError as error:
        problem = problem_of(error)
    except web.HTTPMethodNotAllowed as error:
        allow = {"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))}
        if request.method == "OPTIONS":
            return request.app[ANSWERS].without_body(204, allow)
        problem = Problem(405, f"{request.method} is not offered here", headers=allow)
    except web.HTTPNotFound:
        problem = Problem(404, "nothing is here")
    except web.HTTPException as error:
        problem = Problem(error.status, error.reason)
    except Exception:
        problem = _internal_error("a request failed")
    return request.app[ANSWERS].problem(request, problem)


def _internal_error(what: str, error: BaseException | None = None) -> Problem:
    """The problem of a fault of this producer, which is told to its log: `error`, or the one being handled."""
    incident = new_incident()
    log.error("incident %s: %s", incident, what, exc_info=error or True)
    return Problem(500, "internal error", incident=incident)


async def expect_continue(request: web.Request) -> web.StreamResponse | None:
    """Ask for the body of a caller that waits to be asked, unless it would be too large: then this is the answer."""
    # aiohttp calls this before any middleware, so that nobody would translate what is raised here.
    if request.headers.get("Expect", "").lower() != "100-continue":
        problem = Problem(417, "the only expectation that can be met is 100-continue", closes=True)
        return request.app[ANSWERS].problem(request, problem)
    try:
        check_length(request, request.app[SETTINGS].limits)
    except Problem as too_large:
        return request.app[ANSWERS].problem(request, too_large)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # aiohttp takes what was written for the beginning of the answer, unless told otherwise.
    request.writer.output_size = 0
    return None


def bound_sockets(host: str, port: int, *, share_port: bool) -> list[socket.socket]:
    """A socket for each address of `host`, all on one port, which the system chooses for 0. Raises PortUnavailable."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in addresses:
            number = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_bound_socket(family, (address[0], number, *address[2:]), share_port=share_port))
            except OSError as error:
                # A name may have an address of a kind that this machine has switched off.
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                failure = error
        if failure is not None and not sockets:
            raise failure
    except OSError as error:
        for bound in sockets:
            bound.close()
        reason = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host}:{port}: {reason}; choose another port, or 0") from None
    return sockets


_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _bound_socket(family: int, address: tuple[Any, ...], *, share_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            # Its IPv4 twin is a socket of its own, where there is one.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        # With SO_REUSEADDR, a port that is bound and not listened on would seem free to somebody else.
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


class _Server(web.Server):
    """Makes a protocol for each connection. aiohttp's own says more about itself in its refusals than it should."""

    def __init__(self, application: web.AppRunner, settings: ProducerSettings) -> None:
        routed = application.server
        assert routed is not None, "an application is set up before it is served"
        super().__init__(routed.request_handler, request_factory=routed.request_factory)
        self._answers = application.app[ANSWERS]
        self._handling: dict[str, Any] = {
            "access_log": None,
            # Inflating is the lab's: aiohttp passes over truncated gzip and unknown codings.
            "auto_decompress": False,
            "keepalive_timeout": settings.limits.keep_alive_s,
            "max_line_size": settings.limits.header_bytes,
            "max_field_size": settings.limits.header_bytes,
        }

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._answers, asyncio.get_running_loop(), self._handling)


class _Connection(web.RequestHandler):
    """Refuses in problem+json what cannot be read as HTTP."""

    __slots__ = ("_answers",)

    def __init__(
        self, server: web.Server, answers: Answers, loop: asyncio.AbstractEventLoop, handling: dict[str, Any]
    ) -> None:
        super().__init__(server, loop=loop, **handling)
        self._answers = answers

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that has reached no handler, because it is not HTTP."""
        if status == 500:
            return self._answers.unread(_internal_error("a request failed", exc))
        return self._answers.unread(Problem(status, "this is no HTTP request that can be read"))
