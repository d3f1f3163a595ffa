"""The connections of a producer on aiohttp: how many there may be, their deadlines, and how a stop ends them.

aiohttp limits the size of a head and a body. It has no defence against callers that send or read slowly, builds one
response after another for a caller that reads none, and accepts any number of connections. That is added here. One
sweep over all connections checks the deadlines, so that a request sets no timer.
"""

import asyncio
import logging
import resource
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast
from weakref import WeakSet

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import LineTooLong

from producers.aiohttp_messages import Responses, WholeResponse
from producers.counters import UNKNOWN, Counters, Ended
from producers.http_problems import Problem, internal_error
from producers.settings import Limits
from producers.sockets import LINGERING_S, close_in_stages

log = logging.getLogger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

SWEEP_S = 1.0
"""Interval of the sweep: how late a missed deadline is noticed. With short limits, a quarter of the shortest."""
LEAST_PROGRESS_BYTES = 16_384
"""What a slow reader has to take from the write buffer within `write_timeout_s`."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of 0: unsent data is dropped, and the connection is reset."""
OTHER_FILES = 64
"""File descriptors reserved for everything but connections."""
REFUSED_AT_ONCE = OTHER_FILES // 2
"""Connections beyond the limit that may stay open until their callers have read the refusal."""
IDLE_GRACE_S = 0.1
"""A stop leaves idle connections open until no request has come for this long: one may be on its way."""
FIRST_REQUEST_S = 1.0
"""How long a stop waits for the first request of a connection, which its caller has opened to send one."""


class GuardedServer(web.Server):
    """Creates a protocol for each connection and enforces the limits of all of them."""

    def __init__(
        self,
        handler: Handler,
        request_factory: Any,
        responses: Responses,
        limits: Limits,
        drain_s: float,
        counters: Counters | None = None,
    ) -> None:
        """`handler` and `request_factory`: those of an application. `drain_s`: how long a stop waits for requests.
        `counters`: where refused ones are counted."""
        super().__init__(handler, request_factory=request_factory)
        self.responses = responses
        self.limits = limits
        self._drain_s = drain_s
        self.draining = False
        self.counters = counters
        self._accepted = 0
        self._refused = 0
        """Refused connections that are not closed yet."""
        self._limit = min(limits.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES)
        self._begun: WeakSet[GuardedConnection] = WeakSet()
        """Connections that began with a TLS handshake. One that fails ends without notice."""
        self._sweep: asyncio.TimerHandle | None = None
        shortest_s = min(limits.header_timeout_s, limits.write_timeout_s, limits.connection_age_s)
        self._sweep_s = min(SWEEP_S, shortest_s / 4)
        self._overloaded = responses.unread(
            Problem(503, f"the limit of {self._limit} connections is reached", headers={"Retry-After": "1"})
        )
        self._handling: dict[str, Any] = {
            "access_log": None,
            # Decompression is done by the lab: aiohttp ignores truncated gzip and unknown codings.
            "auto_decompress": False,
            "keepalive_timeout": limits.keep_alive_s,
            "lingering_time": min(LINGERING_S, limits.body_timeout_s),
            "max_line_size": limits.request_line_bytes,
            "max_field_size": limits.header_bytes,
            "max_headers": limits.header_count,
        }

    def __call__(self) -> web.RequestHandler:
        return GuardedConnection(self, self._loop, self._handling)

    def for_tls(self) -> web.RequestHandler:
        """A protocol for a connection that begins with a TLS handshake."""
        connection = GuardedConnection(self, self._loop, self._handling)
        self._begun.add(connection)
        return connection

    def refuse_if_full(self, transport: asyncio.Transport) -> bool:
        """Refuse a connection with 503 if the limit is reached. Returns whether it was refused."""
        self._accepted += 1
        if len(self._connections) < self._limit:
            return False
        self._refused += 1
        self.count_refusal(self._overloaded)
        transport.write(self._overloaded.encoded())
        return True

    @property
    def overrun(self) -> bool:
        """Whether too many refused connections are open to wait for their callers to read."""
        return self._refused > REFUSED_AT_ONCE

    def refusal_closed(self) -> None:
        """Note that a refused connection has ended."""
        self._refused -= 1

    def count_refusal(self, response: WholeResponse) -> None:
        """Count a response to what never became a request."""
        if self.counters is not None:
            self.counters.refused(Ended(UNKNOWN, response.status, response.outcome))

    def open_connections(self) -> int:
        """The number of open connections, refused ones included."""
        return len(self._connections) + self._refused

    def accepted_connections(self) -> int:
        """The number of connections so far, refused ones included."""
        return self._accepted

    def watch(self) -> None:
        """Check deadlines, now and in intervals until `close_idle`."""
        now = self._loop.time()
        for connection in self.guarded():
            connection.check(now)
        self._sweep = self._loop.call_later(self._sweep_s, self.watch)

    def drain(self) -> None:
        """Have every response close its connection from now on."""
        self.draining = True
        for connection in self.guarded():
            connection.last_response()

    async def close_idle(self) -> None:
        """Answer requests that are still arriving on idle and on new connections, then close those. Open requests
        continue."""
        began = quiet_since = now = self._loop.time()
        requests = self.requests_count
        while self._connections or self._opening():
            if self.requests_count != requests:
                requests, quiet_since = self.requests_count, now
            may_begin = now - began < min(FIRST_REQUEST_S, self._drain_s) and self._awaits_first_request()
            if now - quiet_since > IDLE_GRACE_S and not may_begin:
                break
            await asyncio.sleep(IDLE_GRACE_S / 20)
            now = self._loop.time()
        if self._sweep is not None:
            self._sweep.cancel()

    def _opening(self) -> bool:
        """Whether a TLS handshake is not complete."""
        return any(connection.opening for connection in self._begun)

    def _awaits_first_request(self) -> bool:
        return self._opening() or any(connection.unused for connection in self.guarded())

    def guarded(self) -> Iterable["GuardedConnection"]:
        """Every connection."""
        return [connection for connection in self._connections if isinstance(connection, GuardedConnection)]


class GuardedConnection(web.RequestHandler):
    """One connection. Invalid HTTP and missed deadlines are refused with problem+json."""

    __slots__ = (
        "__weakref__",
        "_answered",
        "_guard",
        "_head_bytes",
        "_head_since",
        "_last",
        "_linger_timer",
        "_opened",
        "_refused",
        "_stalled",
        "_stalled_since",
        "_unreadable",
    )

    def __init__(self, guard: GuardedServer, loop: asyncio.AbstractEventLoop, handling: dict[str, Any]) -> None:
        super().__init__(guard, loop=loop, **handling)
        self._guard = guard
        self._head_since: float | None = None
        """When the incomplete head began."""
        self._head_bytes = 0
        self._opened = 0.0
        self._last = False
        """Whether the next response closes the connection."""
        self._answered = 0
        self._stalled_since = 0.0
        self._stalled = (0, 0)
        """Responses sent and bytes buffered when the caller was last seen to read; 0 bytes when it has read all."""
        self._refused = False
        """Whether this connection exceeds the limit."""
        self._unreadable = False
        """Whether a request was not valid HTTP, so that nothing more can be parsed."""
        self._linger_timer: asyncio.TimerHandle | None = None
        """Closes the connection some time after its last response."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless the limit is reached."""
        connection = cast(asyncio.Transport, transport)
        if self._guard.refuse_if_full(connection):
            self._refused = True
            self._linger(connection)
            return
        self._opened = self._head_since = self._loop.time()
        # Not before: a stop may have begun since the connection was accepted.
        self._last = self._guard.draining
        super().connection_made(transport)
        # Cancels aiohttp's timer, which closes without a response. Until the first request, the deadline of the head
        # applies, which responds with 408.
        self.keep_alive(True)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Clean up."""
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if self._refused:
            self._guard.refusal_closed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, and note since when a head is incomplete."""
        requests = self._request_count
        super().data_received(data)
        if self._request_count != requests:
            self._head_since = None
            self._head_bytes = 0
        elif data and self._waits():
            # No request is open, so this is not a body.
            if self._head_since is None:
                self._head_since = self._loop.time()
            self._head_bytes += len(data)
            if self._head_bytes > self._guard.limits.head_bytes:
                self._end_with(
                    Problem(431, f"the head of the request is larger than {self._guard.limits.head_bytes} bytes")
                )

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response. The next one is built once most of this one has been read."""
        if self._last:
            resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        if self._paused:
            try:
                await self._drain_helper()
            except ConnectionError:
                return resp, True
        self._answered += 1
        if self._unreadable:
            self._linger(self.transport)
        return finished

    def last_response(self) -> None:
        """Have the next response close the connection."""
        self._last = True

    @property
    def opening(self) -> bool:
        """Whether the TLS handshake is not complete."""
        return self.transport is None and self._head_since is None and not self._request_count and not self._refused

    @property
    def unused(self) -> bool:
        """Whether no request has come yet."""
        return not self._request_count

    def check(self, now: float) -> None:
        """End the connection if it has missed a deadline. `now` is the loop's time."""
        transport = self.transport
        if transport is None:
            return
        limits = self._guard.limits
        if now - self._opened > limits.connection_age_s:
            self._last = True
        if self._head_since is not None and self._waits() and now - self._head_since > limits.header_timeout_s:
            self._end_with(Problem(408, f"the head of the request did not arrive within {limits.header_timeout_s:g} s"))
            return
        buffered = transport.get_write_buffer_size()
        answered, before = self._stalled
        if not buffered:
            self._stalled = (self._answered, 0)
        elif not before or self._answered != answered or buffered <= before - LEAST_PROGRESS_BYTES:
            self._stalled = (self._answered, buffered)
            self._stalled_since = now
        elif now - self._stalled_since > limits.write_timeout_s:
            # Otherwise the kernel would keep offering the unread data.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def _waits(self) -> bool:
        """Whether the connection waits for the head of a request."""
        return self._waiter is not None and not self._waiter.done()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to a request that is not valid HTTP."""
        self._unreadable = True
        # aiohttp treats invalid requests as HTTP/1.0, and would respond in that version.
        request._version = HttpVersion11
        failed = status == 500 and not isinstance(exc, ConnectionError)
        problem = internal_error(log, "a request failed", exc) if failed else unreadable(exc, self._guard.limits)
        response = self._guard.responses.unread(problem)
        self._guard.count_refusal(response)
        return response

    def _end_with(self, problem: Problem) -> None:
        transport = cast(asyncio.Transport, self.transport)
        response = self._guard.responses.unread(problem)
        self._guard.count_refusal(response)
        transport.write(response.encoded())
        self._linger(transport)

    def _linger(self, transport: asyncio.BaseTransport | None) -> None:
        """Close the connection after its last response. More data may still arrive."""
        # aiohttp parses nothing more, and does not close the connection itself.
        self._force_close = True
        if self._waiter is not None:
            self._waiter.cancel()
        connection = cast(asyncio.Transport | None, transport)
        if connection is None:
            return
        if self._refused and self._guard.overrun:
            connection.close()
        else:
            self._linger_timer = close_in_stages(connection)


def unreadable(error: BaseException | None, limits: Limits) -> Problem:
    """The problem for an error of the HTTP parser."""
    if isinstance(error, LineTooLong):
        # The parser has one exception for both, with the limit that was exceeded.
        if error.args[1:2] == (limits.request_line_bytes,) and limits.request_line_bytes != limits.header_bytes:
            return Problem(414, f"the request target is longer than {limits.request_line_bytes} bytes")
        return Problem(431, f"a header field is longer than {limits.header_bytes} bytes")
    if "Too many headers" in str(error):
        return Problem(431, f"the request has more than {limits.header_count} header fields")
    return Problem(400, "invalid HTTP request")
