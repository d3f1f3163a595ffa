"""HTTP/1.1 of the raw client: the requests of the HTTP/JSON and GraphQL consumers as bytes, and their connections.

A connection carries one request at a time. There are as many connections as requests in flight.
"""

import asyncio
import ssl
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns
from typing import cast

from yarl import URL

from bench.clients.base import Ended
from bench.clients.connections import Connections, RawRequest
from bench.clients.http1_messages import (
    CHUNKED,
    UNTIL_CLOSE,
    BadResponse,
    ChunkedBody,
    Head,
    begins_response,
    is_surplus,
    read_head,
    take_head,
)
from bench.clients.raw_calls import Exchange, ProgramRequest, RawCalls
from consumers.aiohttp_session import HttpResponse, HttpSession
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError
from consumers.http_rules import NOT_HTTP, SWITCHES_PROTOCOLS, SWITCHING_PROTOCOLS
from consumers.registry import client_class
from consumers.tls import client_context

END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Http1Answer:
    """A complete response. The body still has its content coding."""

    head: Head
    body: bytes


Http1Request = RawRequest[bytes, Http1Answer]


class Http1Connections(Connections[bytes, Http1Answer]):
    """One connection for each request in flight. Idle ones are reused, the most recent first."""

    def __init__(self, settings: ClientSettings, tls: ssl.SSLContext | None) -> None:
        super().__init__(settings, tls)
        self.idle: list[Http1Connection] = []
        self.connections: set[Http1Connection] = set()
        self.accepted: tuple[Http1Request, Head, bytes] | None = None
        """The last response accepted by its fingerprint: request, head, and the bytes of head and body."""

    def begin(self, request: Http1Request, ended: Ended) -> None:
        """Send on an idle connection, or on a new one once it is open."""
        if self.idle:
            self.idle.pop().send(request, ended)
        else:
            Http1Connection(self).connect_for(request, ended)
        if self._timer is None:
            self.watch()

    def sample(self) -> tuple[Http1Request, Http1Answer] | None:
        """The last response that was accepted by its fingerprint alone."""
        if self.accepted is None:
            return None
        request, head, data = self.accepted
        self.accepted = None
        return request, Http1Answer(head, data[head.size :])

    def oldest_sent_ns(self) -> int | None:
        """When the oldest request in flight was sent."""
        return min((c.sent_ns for c in self.connections if c.request is not None), default=None)

    def expire(self, sent_before_ns: int, failure: ConsumerError) -> None:
        """Drop the connections whose requests were sent before then, so that no later request gets their responses."""
        for connection in list(self.connections):
            if connection.request is not None and connection.sent_ns <= sent_before_ns:
                connection.fail(failure)

    def abort(self, failure: ConsumerError) -> None:
        """Drop every connection."""
        for connection in list(self.connections):
            connection.fail(failure)


class Http1Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, pool: Http1Connections) -> None:
        self._pool = pool
        pool.connections.add(self)
        self.request: Http1Request | None = None
        """The request in flight."""
        self.sent_ns = 0
        self._ended: Ended = _nobody
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        """What has come of the response, without its head once that is complete."""
        self._head: Head | None = None
        self._body: ChunkedBody | None = None

    def connect_for(self, request: Http1Request, ended: Ended) -> None:
        """Connect, then send. Connecting counts as part of this request."""
        self.request, self._ended, self.sent_ns = request, ended, perf_counter_ns()
        self._connecting = self._pool.connect(self, self.fail)

    def send(self, request: Http1Request, ended: Ended) -> None:
        """Send. The connection must be idle."""
        self.request = request
        self._ended = ended
        self.sent_ns = perf_counter_ns()
        self._write(request.content)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connecting = None
        if self.request is None:
            transport.close()
            return
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write
        self._write(self.request.content)

    def data_received(self, data: bytes) -> None:
        request = self.request
        if request is None or self._buffer or self._head is not None:
            self._on_part(data)
            return
        end = data.find(END_OF_HEAD) + 4
        if end < 4:
            self._on_part(data)
            return
        try:
            head = read_head(data[:end])
        except BadResponse:
            # Not in its strict form at least.
            self._on_part(data)
            return
        if head.whole_bytes != len(data) or head.status < 200:
            self._on_part(data)
            return
        done_ns = perf_counter_ns()
        pool = self._pool
        self.request = None
        if head.stays_open:
            pool.idle.append(self)
        else:
            self._drop()
        if head.fingerprint in request.verified:
            pool.accepted = (request, head, data)
            self._ended(self.sent_ns, done_ns, None)
        else:
            self._ended(self.sent_ns, done_ns, request.verify(request, Http1Answer(head, data[end:])))

    def _on_part(self, data: bytes) -> None:
        """Take bytes that are not exactly one response with a Content-Length, in its strict form."""
        if self.request is None:
            # Nothing was requested. A server may send an error before it closes an idle connection.
            if is_surplus(data):
                self._drop()
            return
        try:
            self._take(data)
        except BadResponse:
            self.fail(self._pool.unexpected(NOT_HTTP))

    def _take(self, data: bytes) -> None:
        with_head = self._head is None
        if self._body is not None:
            self._body.feed(data)
        else:
            self._buffer += data
            while self._head is None:
                head = take_head(self._buffer)
                if head is None:
                    return
                if head.status == SWITCHING_PROTOCOLS:
                    self.fail(self._pool.unexpected(SWITCHES_PROTOCOLS))
                    return
                if not head.interim:
                    self._head = head
            if self._head.body_bytes == CHUNKED:
                self._body = ChunkedBody()
                self._body.feed(bytes(self._buffer))
                self._buffer.clear()
        whole_head = self._head
        assert whole_head is not None
        if self._body is not None:
            if self._body.ended:
                self._complete(bytes(self._body.content), self._body.surplus, with_head=with_head)
        elif whole_head.body_bytes != UNTIL_CLOSE and len(self._buffer) >= whole_head.body_bytes:
            size = whole_head.body_bytes
            self._complete(bytes(self._buffer[:size]), bytes(self._buffer[size:]), with_head=with_head)

    def _complete(self, body: bytes, rest: bytes = b"", *, with_head: bool = False) -> None:
        """End the request. `rest` is what came after the body.

        It is discarded together with the connection, as RFC 9112 permits (section 6.3). Like aiohttp, this client does
        not accept a response of which everything came at once, up to bytes that begin no further response.
        """
        done_ns = perf_counter_ns()
        request, head = self.request, self._head
        assert request is not None
        assert head is not None
        surplus = is_surplus(rest)
        if surplus and with_head and not begins_response(rest):
            self.fail(self._pool.unexpected(NOT_HTTP))
            return
        self.request = self._head = self._body = None
        self._buffer.clear()
        if head.stays_open and not surplus:
            self._pool.idle.append(self)
        else:
            self._drop()
        failure: Exception | None = None
        if (head.status, len(body)) not in request.verified:
            failure = request.verify(request, Http1Answer(head, body))
        self._ended(self.sent_ns, done_ns, failure)

    def eof_received(self) -> None:
        if self.request is None:
            self._drop()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.request is not None and self._head is not None and self._head.body_bytes == UNTIL_CLOSE and exc is None:
            self._complete(bytes(self._buffer))
            return
        self.fail(self._pool.cut_off(exc))

    def fail(self, failure: ConsumerError) -> None:
        """Drop the connection, and end the request in flight with this failure."""
        self._drop()
        if self.request is not None:
            self.request = None
            self._ended(self.sent_ns, perf_counter_ns(), failure)

    def _drop(self) -> None:
        pool = self._pool
        pool.connections.discard(self)
        if self in pool.idle:
            pool.idle.remove(self)
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _nobody(_sent_ns: int, _done_ns: int, _failure: Exception | None) -> None:
    return


class ExchangedSession(HttpSession):
    """A session whose requests go through an `exchange` instead of aiohttp."""

    def __init__(self, exchange: Exchange[bytes, Http1Answer], settings: ClientSettings, accept: str) -> None:
        super().__init__(settings, accept)
        self._exchange = exchange

    def open(self) -> None:
        """Nothing to open."""

    async def request(
        self, method: str, url: URL, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        """Send one request and return the response, whatever its status. Raises ConsumerError."""
        answer = await self._exchange(request_bytes(method, url, {**self._headers, **(headers or {})}, body))
        head = answer.head
        body = self.decompressed(answer.body, head.codings) if head.codings else answer.body
        return HttpResponse(head.status, head.media_type, body)


def request_bytes(method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """One request (RFC 9112, section 3)."""
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.raw_authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Http1Calls(RawCalls[bytes, Http1Answer]):
    """A protocol whose consumer uses an HttpSession."""

    def client(self, exchange: Exchange[bytes, Http1Answer]) -> RecipeClient:
        """The protocol's consumer over `exchange`."""
        made = client_class(self.protocol, self.settings.dialect)
        return made(self.settings, session=partial(ExchangedSession, exchange))  # type: ignore[call-arg]

    def connections(self) -> Http1Connections:
        """Connections, with ALPN http/1.1 if there is TLS."""
        context: ssl.SSLContext | None = None
        if self.settings.target.tls:
            context = client_context(self.settings, ("http/1.1",))
        return Http1Connections(self.settings, context)

    def fingerprint(self, answer: Http1Answer) -> Hashable:
        """Status and length of the body."""
        return answer.head.status, len(answer.body)

    def program_request(self, content: bytes) -> ProgramRequest:
        """The request, split into start line, fields and body."""
        head, _, body = content.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        method, path, _ = start.split(" ")
        fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return ProgramRequest(method, path, [f for f in fields if f[0] not in ("Host", "Content-Length")], body)
