"""The connections of a producer on aiohttp: which are let in, how long each may take, and what a stop does to them.

aiohttp bounds what a head and a body may hold. It has no defence against callers that send or read slowly, makes one
answer after another for a caller that reads none, and takes any number of connections; that is added here. Deadlines
are looked after by one sweep over all connections, so that a request sets no timer of its own.
"""

import asyncio
import logging
import resource
import socket
import struct
from collections.abc import Iterable
from typing import Any, cast

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import LineTooLong

from producers.aiohttp_messages import Answers
from producers.http_problems import Problem, internal_error
from producers.settings import Limits
from producers.sockets import LINGERING_S, close_in_stages

log = logging.getLogger(__name__)

SWEEP_S = 1.0
"""How late a deadline may be noticed; with shorter limits, a quarter of the shortest."""
LEAST_PROGRESS_BYTES = 16_384
"""So much has to leave the buffer of an unread answer within `write_timeout_s`."""
_RESET = struct.pack("ii", 1, 0)
"""Linger, for no time: what is not sent by then is dropped, and the connection is reset."""
OTHER_FILES = 64
"""Files that a producer has open besides its connections, with room to spare."""
REFUSED_AT_ONCE = OTHER_FILES // 2
"""So many connections beyond the most may be open until their callers have read that they were refused."""
IDLE_GRACE_S = 0.1
"""A stop leaves idle connections open for so long: a request may be on its way, and is answered."""


class GuardedServer(web.Server):
    """Makes a protocol for each connection, and looks after all of them."""

    def __init__(self, application: web.AppRunner, answers: Answers, limits: Limits) -> None:
        routed = application.server
        assert routed is not None, "an application is set up before it is served"
        super().__init__(routed.request_handler, request_factory=routed.request_factory)
        self.answers = answers
        self.limits = limits
        self.draining = False
        """Whether every answer is the last one on its connection."""
        self._refused = 0
        """Connections beyond the most, not yet closed."""
        self._most = min(limits.connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES)
        self._sweep: asyncio.TimerHandle | None = None
        self._sweep_s = min(SWEEP_S, limits.header_timeout_s / 4, limits.write_timeout_s / 4)
        self._overloaded = answers.raw(
            Problem(503, f"{self._most} connections are open, which is the most", headers={"Retry-After": "1"})
        )
        self._handling: dict[str, Any] = {
            "access_log": None,
            # Inflating is the lab's: aiohttp passes over truncated gzip and unknown codings.
            "auto_decompress": False,
            "keepalive_timeout": limits.keep_alive_s,
            "lingering_time": min(LINGERING_S, limits.body_timeout_s),
            "max_line_size": limits.request_line_bytes,
            "max_field_size": limits.header_bytes,
            "max_headers": limits.header_count,
        }

    def __call__(self) -> web.RequestHandler:
        return GuardedConnection(self, self._loop, self._handling)

    def refuses(self, transport: asyncio.Transport) -> bool:
        """Whether there is no room for another connection; then it has been told so."""
        if len(self._connections) < self._most:
            return False
        self._refused += 1
        transport.write(self._overloaded)
        return True

    @property
    def hurried(self) -> bool:
        """Whether there are too many refused connections to wait for their callers."""
        return self._refused > REFUSED_AT_ONCE

    def refused_left(self) -> None:
        """A connection that was refused has ended."""
        self._refused -= 1

    def watch(self) -> None:
        """Look after the connections, from now until `leave`."""
        now = self._loop.time()
        for connection in self.guarded():
            connection.check(now)
        self._sweep = self._loop.call_later(self._sweep_s, self.watch)

    async def leave(self) -> None:
        """Answer what is on its way on idle connections, then close them. What is being answered goes on."""
        self.draining = True
        give_up = self._loop.time() + IDLE_GRACE_S
        while self._connections and self._loop.time() < give_up:  # noqa: ASYNC110 - aiohttp has no event for it
            await asyncio.sleep(IDLE_GRACE_S / 20)
        if self._sweep is not None:
            self._sweep.cancel()

    def guarded(self) -> Iterable["GuardedConnection"]:
        """Every connection."""
        return [connection for connection in self._connections if isinstance(connection, GuardedConnection)]


class GuardedConnection(web.RequestHandler):
    """One connection. Refuses in problem+json what cannot be read as HTTP, and whoever takes too long."""

    __slots__ = (
        "_answered",
        "_farewell",
        "_guard",
        "_head_bytes",
        "_head_since",
        "_refused",
        "_stalled",
        "_stalled_since",
        "_unreadable",
    )

    def __init__(self, guard: GuardedServer, loop: asyncio.AbstractEventLoop, handling: dict[str, Any]) -> None:
        super().__init__(guard, loop=loop, **handling)
        self._guard = guard
        self._head_since: float | None = None
        """When the head that is not complete began."""
        self._head_bytes = 0
        self._answered = 0
        self._stalled_since = 0.0
        self._stalled = (0, 0)
        """Answers sent and bytes buffered when progress in reading was seen last; no bytes when all were taken."""
        self._refused = False
        """Whether this is one connection too many."""
        self._unreadable = False
        """Whether a request reached no handler, most likely for being no HTTP, so that nothing more is understood."""
        self._farewell: asyncio.TimerHandle | None = None
        """Ends the connection, whose last answer was sent, at the latest."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, if there is room."""
        connection = cast(asyncio.Transport, transport)
        if self._guard.refuses(connection):
            self._refused = True
            self._leave(connection)
            return
        self._head_since = self._loop.time()
        super().connection_made(transport)
        # Ends the timer that aiohttp has set. Until its first request a connection is bound by the deadline of a head,
        # which tells the caller why; the timer would only hang up.
        self.keep_alive(True)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget it."""
        if self._farewell is not None:
            self._farewell.cancel()
        if self._refused:
            self._guard.refused_left()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, and note since when a head is incomplete."""
        requests = self._request_count
        super().data_received(data)
        if self._request_count != requests:
            self._head_since = None
            self._head_bytes = 0
        elif data and self._waits():
            # Nothing is being answered, so this is no body.
            if self._head_since is None:
                self._head_since = self._loop.time()
            self._head_bytes += len(data)
            if self._head_bytes > self._guard.limits.head_bytes:
                self._end_with(Problem(431, f"the head of a request has at most {self._guard.limits.head_bytes} bytes"))

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. The next one is made once most of this one has been taken."""
        if self._guard.draining:
            resp.force_close()
        finished = await super().finish_response(request, resp, start_time)
        if self._paused:
            try:
                await self._drain_helper()
            except ConnectionError:
                return resp, True
        self._answered += 1
        if self._unreadable:
            self._leave(self.transport)
        return finished

    def check(self, now: float) -> None:
        """End the connection if it has overstepped a deadline. `now` is the loop's time."""
        transport = self.transport
        if transport is None:
            return
        limits = self._guard.limits
        if self._head_since is not None and self._waits() and now - self._head_since > limits.header_timeout_s:
            self._end_with(Problem(408, f"the head of a request has to arrive within {limits.header_timeout_s:g} s"))
            return
        buffered = transport.get_write_buffer_size()
        answered, before = self._stalled
        if not buffered:
            self._stalled = (self._answered, 0)
        elif not before or self._answered != answered or buffered <= before - LEAST_PROGRESS_BYTES:
            self._stalled = (self._answered, buffered)
            self._stalled_since = now
        elif now - self._stalled_since > limits.write_timeout_s:
            # Without it, the system would go on offering what nobody reads.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            transport.abort()

    def _waits(self) -> bool:
        """Whether a request is awaited; not from the moment in which its head is complete."""
        return self._waiter is not None and not self._waiter.done()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to a request that has reached no handler, because it is not HTTP."""
        self._unreadable = True
        # aiohttp takes what it cannot read for HTTP/1.0, and would answer in that.
        request._version = HttpVersion11
        if status == 500 and not isinstance(exc, ConnectionError):
            return self._guard.answers.unread(internal_error(log, "a request failed", exc))
        return self._guard.answers.unread(unreadable(exc, self._guard.limits))

    def _end_with(self, problem: Problem) -> None:
        transport = cast(asyncio.Transport, self.transport)
        transport.write(self._guard.answers.raw(problem))
        self._leave(transport)

    def _leave(self, transport: asyncio.BaseTransport | None) -> None:
        """Close the connection, on which the last answer was sent and more may come."""
        # aiohttp hears nothing more, and leaves it to others to close.
        self._force_close = True
        if self._waiter is not None:
            self._waiter.cancel()
        connection = cast(asyncio.Transport | None, transport)
        if connection is None:
            return
        if self._refused and self._guard.hurried:
            connection.close()
        else:
            self._farewell = close_in_stages(connection)


def unreadable(error: BaseException | None, limits: Limits) -> Problem:
    """What is wrong with a request of which the parser said this."""
    if isinstance(error, LineTooLong):
        # The parser has one exception for both, which names the limit that was met.
        if error.args[1:2] == (limits.request_line_bytes,) and limits.request_line_bytes != limits.header_bytes:
            return Problem(414, f"the target of a request has at most {limits.request_line_bytes} bytes")
        return Problem(431, f"the name and the value of a header have at most {limits.header_bytes} bytes")
    if "Too many headers" in str(error):
        return Problem(431, f"a request has at most {limits.header_count} headers")
    return Problem(400, "this is no HTTP request that can be read")
