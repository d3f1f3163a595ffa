"""The raw client's pool of HTTP/2 connections: one that takes requests, replaced when it is closed or lost."""

import ssl
from collections import deque
from time import perf_counter_ns

from bench.clients.base import Ended
from bench.clients.connections import Connections
from bench.clients.http2_connection import DEFAULT_STREAMS, Http2Connection
from bench.clients.http2_messages import Http2Answer, Http2Content, Http2Request, Stream, Usage
from consumers.client import ClientSettings
from consumers.errors import ConsumerError


class Http2Connections(Connections[Http2Content, Http2Answer]):
    """One connection that takes new streams, beside those that only finish theirs."""

    def __init__(self, settings: ClientSettings, tls: ssl.SSLContext | None, usage: Usage | None = None) -> None:
        """A response's fingerprint is its HTTP status, the status of the call and the length of its body."""
        super().__init__(settings, tls)
        self.usage = usage or Usage()
        self.waiting: deque[tuple[Http2Request, Ended, int]] = deque()
        """Requests that wait for a stream, and since when."""
        self.accepted: Stream | None = None
        """The last stream whose response was accepted by its fingerprint."""
        self._current: Http2Connection | None = None
        self._retired: set[Http2Connection] = set()

    @property
    def requests_at_most(self) -> int | None:
        """What the producer announced for the connection that takes requests."""
        current = self._current
        limited = current is not None and current.ready and current.streams_at_most < DEFAULT_STREAMS
        return current.streams_at_most if current is not None and limited else None

    def begin(self, request: Http2Request, ended: Ended) -> None:
        """Send on a new stream, as soon as the producer allows one."""
        current = self._current
        if current is not None and not self.waiting and len(current.streams) < current.streams_at_most:
            current.send(request, ended, perf_counter_ns())
        else:
            self.waiting.append((request, ended, perf_counter_ns()))
            self.send_waiting()
        if self._timer is None:
            self.watch()

    def send_waiting(self) -> None:
        """Open streams for the requests that wait, as far as possible. Connects when there is no connection."""
        while self.waiting and not self.closed:
            current = self._current
            if current is None:
                self._current = Http2Connection(self)
                return
            if len(current.streams) >= current.streams_at_most:
                return
            current.send(*self.waiting.popleft())

    def retire(self, connection: Http2Connection) -> None:
        """Open no new streams on this connection."""
        if self._current is connection:
            self._current = None
        self._retired.add(connection)

    def close_if_retired(self, connection: Http2Connection) -> None:
        """Close the connection if it takes no new streams: its last stream has ended."""
        if connection in self._retired:
            connection.fail(self.unreachable("the connection was closed after its last stream"))

    def lost(self, connection: Http2Connection, failure: ConsumerError) -> None:
        """The connection is gone. Requests that wait go to a new one, unless this one never became ready."""
        self._retired.discard(connection)
        if self._current is not connection:
            return
        self._current = None
        if connection.ready and not self.closed:
            self.send_waiting()
            return
        waited, self.waiting = self.waiting, deque()
        for _, ended, since_ns in waited:
            ended(since_ns, perf_counter_ns(), failure)

    def sample(self) -> tuple[Http2Request, Http2Answer] | None:
        """The last response that was accepted by its fingerprint alone."""
        stream, self.accepted = self.accepted, None
        if stream is None or stream.headers is None:
            return None
        return stream.request, Http2Answer(stream.headers, stream.trailers, b"".join(stream.body))

    def oldest_sent_ns(self) -> int | None:
        """When the oldest request in flight was sent, or began to wait."""
        since = [next(iter(c.streams.values())).sent_ns for c in self._connections() if c.streams]
        since += [self.waiting[0][2]] if self.waiting else []
        return min(since, default=None)

    def expire(self, sent_before_ns: int, failure: ConsumerError) -> None:
        """End the requests that were sent, or began to wait, before then."""
        expired: list[tuple[Http2Request, Ended, int]] = []
        while self.waiting and self.waiting[0][2] <= sent_before_ns:
            expired.append(self.waiting.popleft())
        for connection in self._connections():
            connection.expire(sent_before_ns, failure)
        for _, ended, since_ns in expired:
            ended(since_ns, perf_counter_ns(), failure)

    def abort(self, failure: ConsumerError) -> None:
        """Drop every connection."""
        for connection in self._connections():
            connection.fail(failure)

    def _connections(self) -> list[Http2Connection]:
        return [*self._retired, *([self._current] if self._current else [])]
