"""Streams of HTTP/2: what is sent on one, what came, and what is to be told at its end."""

from dataclasses import dataclass
from time import perf_counter_ns

from bench.clients.base import Ended
from bench.clients.http2_headers import FieldList, Headers
from bench.clients.raw_request import RawRequest
from consumers.errors import ConsumerError


@dataclass(frozen=True, slots=True)
class Http2Content:
    """A request. An empty body is no DATA frame at all."""

    headers: FieldList
    body: bytes


@dataclass(frozen=True, slots=True)
class Http2Answer:
    """A whole response."""

    headers: Headers
    trailers: Headers | None
    body: bytes

    @property
    def last(self) -> Headers:
        """The trailers; where there are none, the head."""
        return self.trailers or self.headers


Http2Request = RawRequest[Http2Content, Http2Answer]


class Stream:
    """A request in flight."""

    __slots__ = ("body", "ended", "headers", "request", "sent_ns", "size", "trailers", "unsent", "window")

    def __init__(self, request: Http2Request, ended: Ended, sent_ns: int) -> None:
        self.request = request
        self.ended = ended
        self.sent_ns = sent_ns
        self.headers: Headers | None = None
        self.trailers: Headers | None = None
        self.body: list[bytes] = []
        self.size = 0
        """Of the body so far."""
        self.unsent = b""
        """Of the request, what waits for a window to open."""
        self.window = 0
        """What of it the producer takes; kept only while something is unsent."""

    def fail(self, failure: ConsumerError) -> None:
        """End with this."""
        self.ended(self.sent_ns, perf_counter_ns(), failure)
