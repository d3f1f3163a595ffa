"""One HTTP/2 connection of the raw client (RFC 9113), with one stream for each request in flight.

The flow-control windows announced at the start are as large as possible, so that a producer never waits for the client.
"""

import asyncio
from collections.abc import Callable, Sized
from time import perf_counter_ns
from typing import Protocol, cast

from bench.clients import http2_messages as h2
from bench.clients.base import Ended
from bench.clients.http2_messages import HeaderReader, HeaderWriter, Http2Answer, Http2Request, Stream, Usage
from consumers.causes import NO_HTTP2
from consumers.errors import ConsumerError
from consumers.http_rules import NOT_HTTP2, of_goaway, of_reset

WINDOW_STEP_BYTES = 1 << 30
"""Bytes received before the connection's window is opened again."""
ANSWER_AT_MOST_BYTES = 1 << 30
DEFAULT_STREAMS = 1 << 30

_unpack = h2.HEAD.unpack_from
_DATA, _HEADERS = h2.DATA, h2.HEADERS
_UNUSUAL_DATA = 0xFF & ~h2.END_STREAM
"""Flags of DATA besides the end: padding, and those that have no meaning."""


class Pool(Protocol):
    """What a connection needs from the pool that opened it."""

    @property
    def usage(self) -> Usage:
        """What the protocol on top makes of HTTP/2."""

    @property
    def waiting(self) -> Sized:
        """Requests that wait for a stream."""

    accepted: Stream | None
    """The last stream whose response was accepted by its fingerprint."""

    def connect(self, protocol: asyncio.Protocol, failed: Callable[[ConsumerError], None]) -> asyncio.Task[None]:
        """Begin to open a connection."""

    def send_waiting(self) -> None:
        """Open streams for the requests that wait, as far as possible."""

    def retire(self, connection: "Http2Connection") -> None:
        """Open no new streams on this connection."""

    def close_if_retired(self, connection: "Http2Connection") -> None:
        """The connection's last stream has ended."""

    def lost(self, connection: "Http2Connection", failure: ConsumerError) -> None:
        """The connection is gone."""

    def unreachable(self, cause: str) -> ConsumerError:
        """The error for a connection that could not be opened, or was lost."""

    def cut_off(self, error: Exception | None) -> ConsumerError:
        """The error for a connection that has ended."""

    def unexpected(self, cause: str) -> ConsumerError:
        """The error for a response that breaks the rules of the transport."""


class Http2Connection(asyncio.Protocol):
    """One connection. Begins to connect when it is made."""

    def __init__(self, pool: Pool) -> None:
        self.streams: dict[int, Stream] = {}
        """Open streams by id, the oldest first."""
        self.streams_at_most = 0
        """How many may be open. 0 until the producer's SETTINGS have come."""
        self.began_ns = perf_counter_ns()
        self.heard_ns = 0
        """When a frame last came for a stream. Frames of the connection itself do not show that requests are served."""
        self.ready = False
        """Whether the producer's SETTINGS have come."""
        self._failed = False
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._next_id = 1
        self._reader, self._writer = HeaderReader(pool.usage), HeaderWriter()
        self._rest = b""
        """The beginning of an incomplete frame."""
        self._corked = False
        self._out: list[bytes] = []
        self._send_window = h2.DEFAULT_WINDOW_BYTES
        self._stream_window = h2.DEFAULT_WINDOW_BYTES
        """Of a new stream."""
        self._frame_at_most = h2.DEFAULT_FRAME_BYTES
        self._unsent: dict[int, Stream] = {}
        """Streams that wait for a flow-control window to open."""
        self._taken_bytes = 0
        """Bytes of DATA since the connection's window was last opened."""
        self._block: tuple[int, int, bytearray] | None = None
        """A header block that continues in CONTINUATION: stream, flags, and the bytes so far."""
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            h2.DATA: self._on_data,
            h2.HEADERS: self._on_headers,
            h2.RST_STREAM: self._on_reset,
            h2.SETTINGS: self._on_settings,
            h2.PUSH_PROMISE: self._on_push,
            h2.PING: self._on_ping,
            h2.GOAWAY: self._on_goaway,
            h2.WINDOW_UPDATE: self._on_window_update,
            h2.CONTINUATION: self._on_continuation,
        }
        """Frames of other types are ignored (RFC 9113, section 5.5)."""
        self._connecting: asyncio.Task[None] | None = pool.connect(self, self.fail)

    # Sending

    def send(self, request: Http2Request, ended: Ended, sent_ns: int) -> None:
        """Open a stream. The connection must have room for it."""
        stream_id = self._next_id
        self._next_id = stream_id + 2
        stream = self.streams[stream_id] = Stream(request, ended, sent_ns)
        content = request.content
        body = content.body
        size = len(body)
        block = self._writer.write(content.headers)
        if len(block) > h2.DEFAULT_FRAME_BYTES:
            self._send_long(stream_id, block, end_stream=not size)
        else:
            flags = h2.END_HEADERS if size else h2.END_HEADERS | h2.END_STREAM
            head = h2.HEAD.pack(0, len(block), _HEADERS, flags, stream_id)
            if not size:
                self._write(head + block)
            elif size <= self._send_window and size <= self._stream_window and size <= h2.DEFAULT_FRAME_BYTES:
                self._send_window -= size
                data_head = h2.HEAD.pack(0, size, _DATA, h2.END_STREAM, stream_id)
                self._write(b"".join((head, block, data_head, body)))
                size = 0
            else:
                self._write(head + block)
        if size:
            stream.unsent, stream.window = body, self._stream_window
            self._unsent[stream_id] = stream
            self._send_more()
        if self._next_id > h2.LARGEST_STREAM_ID:
            self._pool.retire(self)

    def _send_long(self, stream_id: int, block: bytes, *, end_stream: bool) -> None:
        """A header block that does not fit into one frame."""
        step = h2.DEFAULT_FRAME_BYTES
        pieces = [block[start : start + step] for start in range(0, len(block), step)]
        for index, piece in enumerate(pieces):
            flags = h2.END_HEADERS if index == len(pieces) - 1 else 0
            if index == 0:
                self._write(h2.frame(h2.HEADERS, flags | (h2.END_STREAM if end_stream else 0), stream_id, piece))
            else:
                self._write(h2.frame(h2.CONTINUATION, flags, stream_id, piece))

    def _send_more(self) -> None:
        """Send what the flow-control windows allow."""
        for stream_id, stream in list(self._unsent.items()):
            while stream.unsent:
                size = min(self._send_window, stream.window, self._frame_at_most, len(stream.unsent))
                if size <= 0:
                    break
                piece, stream.unsent = stream.unsent[:size], stream.unsent[size:]
                self._send_window -= size
                stream.window -= size
                self._write(h2.frame(h2.DATA, 0 if stream.unsent else h2.END_STREAM, stream_id, piece))
            if not stream.unsent:
                del self._unsent[stream_id]

    def _write(self, data: bytes) -> None:
        if self._corked:
            self._out.append(data)
        elif self._transport is not None:
            self._transport.write(data)

    # Receiving

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connecting = None
        if self._failed:
            transport.close()
            return
        self._transport = cast(asyncio.Transport, transport)
        ssl_object = transport.get_extra_info("ssl_object")
        if ssl_object is not None and ssl_object.selected_alpn_protocol() != "h2":
            self.fail(self._pool.unreachable(NO_HTTP2))
            return
        self._write(
            h2.PREFACE
            + h2.settings({h2.ENABLE_PUSH: 0, h2.INITIAL_WINDOW_SIZE: h2.LARGEST_WINDOW_BYTES})
            + h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.number(h2.LARGEST_WINDOW_BYTES - h2.DEFAULT_WINDOW_BYTES))
        )

    def data_received(self, data: bytes) -> None:
        self._corked = True
        try:
            self._take(self._rest + data if self._rest else data)
        except h2.BrokenConnection as error:
            self._out.append(h2.frame(h2.GOAWAY, 0, 0, h2.number(0) + h2.number(error.code)))
            self._uncork()
            self.fail(self._pool.unexpected(NOT_HTTP2))
        else:
            self._uncork()

    def _uncork(self) -> None:
        self._corked = False
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            if self._transport is not None:
                self._transport.write(data)

    def _take(self, data: bytes) -> None:
        position, available = 0, len(data)
        handlers = self._handlers
        for_streams = 0
        # A frame's head has 9 bytes.
        while available - position >= 9:
            high, low, kind, flags, stream_id = _unpack(data, position)
            start = position + 9
            end = start + (high << 16 | low)
            stream_id &= h2.LARGEST_STREAM_ID
            if not self.ready and (kind != h2.SETTINGS or stream_id or flags & h2.ACK):
                raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "the response is not HTTP/2")
            if end - start > h2.DEFAULT_FRAME_BYTES:
                raise h2.BrokenConnection(h2.FRAME_SIZE_ERROR, "a frame is larger than allowed")
            if end > available:
                break
            payload = data[start:end]
            position = end
            for_streams |= stream_id
            if self._block is not None and kind != h2.CONTINUATION:
                raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "a header block is interrupted")
            handle = handlers.get(kind)
            if handle is not None:
                handle(stream_id, flags, payload)
        self._rest = data[position:] if position < available else b""
        if for_streams:
            self.heard_ns = perf_counter_ns()

    def _on_data(self, stream_id: int, flags: int, payload: bytes) -> None:
        self._taken_bytes += len(payload)
        if self._taken_bytes >= WINDOW_STEP_BYTES:
            self._write(h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.number(self._taken_bytes)))
            self._taken_bytes = 0
        stream = self.streams.get(stream_id)
        if stream is None:
            self._expect_known(stream_id)
            return
        if flags & _UNUSUAL_DATA:
            payload = self._unpadded(flags & _UNUSUAL_DATA, payload)
        stream.body.append(payload)
        stream.size += len(payload)
        if flags & h2.END_STREAM:
            self._finish(stream_id, stream)
        elif stream.size > ANSWER_AT_MOST_BYTES:
            self._cancel(stream_id, self._pool.unexpected("the response is too large"))

    def _on_headers(self, stream_id: int, flags: int, payload: bytes) -> None:
        if flags & (h2.PADDED | h2.WITH_PRIORITY):
            payload = self._unpadded(flags & (h2.PADDED | h2.WITH_PRIORITY), payload)
        if flags & h2.END_HEADERS:
            self._on_block(stream_id, flags, payload)
        else:
            self._block = (stream_id, flags, bytearray(payload))

    def _unpadded(self, flags: int, payload: bytes) -> bytes:
        if flags & ~h2.WITH_PRIORITY and not self._pool.usage.reads_padding:
            raise h2.BrokenConnection(h2.INTERNAL_ERROR, "a frame has flags that other clients cannot read")
        return h2.unpadded(flags, payload)

    def _on_block(self, stream_id: int, flags: int, block: bytes) -> None:
        headers = self._reader.read(block)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._expect_known(stream_id)
            return
        if stream.headers is None:
            if headers.status is None:
                self._overlook("a response has no status")
            elif headers.status < 200 and not flags & h2.END_STREAM:
                if not self._pool.usage.reads_interim:
                    self._cancel(stream_id, self._pool.unexpected(NOT_HTTP2))
                return
            stream.headers = headers
        elif not flags & h2.END_STREAM:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "trailers do not end their stream")
        else:
            stream.trailers = headers
        if flags & h2.END_STREAM:
            self._finish(stream_id, stream)

    def _finish(self, stream_id: int, stream: Stream) -> None:
        done_ns = perf_counter_ns()
        headers, request = stream.headers, stream.request
        if headers is None:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "a response has no header section")
        self._forget(stream_id)
        fingerprint = (headers.status, (stream.trailers or headers).call_status, stream.size)
        pool = self._pool
        if fingerprint in request.verified:
            pool.accepted = stream
            failure = None
        else:
            failure = request.verify(request, Http2Answer(headers, stream.trailers, b"".join(stream.body)))
        if pool.waiting:
            pool.send_waiting()
        stream.ended(stream.sent_ns, done_ns, failure)

    def _forget(self, stream_id: int) -> None:
        del self.streams[stream_id]
        if self._unsent and self._unsent.pop(stream_id, None) is not None:
            # The response came before the whole request was sent. The rest of it is not needed.
            self._write(h2.frame(h2.RST_STREAM, 0, stream_id, h2.number(h2.CANCEL)))
        if not self.streams:
            self._pool.close_if_retired(self)

    def _expect_known(self, stream_id: int) -> None:
        """Ignore frames of a stream that has ended. Raises BrokenConnection for a stream that was never opened."""
        if stream_id == 0 or stream_id % 2 == 0 or stream_id >= self._next_id:
            self._overlook(f"a response is on stream {stream_id}, which was never opened")

    def _overlook(self, violation: str) -> None:
        """Raise BrokenConnection, unless clients of the protocol on top overlook it."""
        if not self._pool.usage.overlooks:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, violation)

    def _on_continuation(self, stream_id: int, flags: int, payload: bytes) -> None:
        if self._block is None or self._block[0] != stream_id:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "a CONTINUATION frame has no header block to continue")
        _, first_flags, block = self._block
        block += payload
        if len(block) > h2.HEADERS_AT_MOST_BYTES:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "a header block is too large")
        if flags & h2.END_HEADERS:
            self._block = None
            self._on_block(stream_id, first_flags, bytes(block))

    def _on_reset(self, stream_id: int, _flags: int, payload: bytes) -> None:
        code = _number_in(payload)
        stream = self.streams.get(stream_id)
        if stream is None:
            self._expect_known(stream_id)
            return
        self._unsent.pop(stream_id, None)
        self._forget(stream_id)
        text = of_reset(code)
        pool = self._pool
        pool.send_waiting()
        stream.fail(pool.unreachable(text) if code == h2.REFUSED_STREAM else pool.unexpected(text))

    def _on_settings(self, stream_id: int, flags: int, payload: bytes) -> None:
        if stream_id or (flags & h2.ACK and payload):
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "settings are on a stream, or in an acknowledgement")
        if flags & h2.ACK:
            return
        if not self.ready:
            self.streams_at_most = DEFAULT_STREAMS
        for key, value in h2.read_settings(payload):
            if key == h2.HEADER_TABLE_SIZE:
                self._writer.limit_table(value)
            elif key == h2.ENABLE_PUSH and value > 1:
                raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "pushing is neither enabled nor disabled")
            elif key == h2.MAX_CONCURRENT_STREAMS:
                self.streams_at_most = value
            elif key == h2.INITIAL_WINDOW_SIZE:
                if value > h2.LARGEST_WINDOW_BYTES:
                    raise h2.BrokenConnection(h2.FLOW_CONTROL_ERROR, "a window is larger than allowed")
                for stream in self._unsent.values():
                    stream.window += value - self._stream_window
                self._stream_window = value
            elif key == h2.MAX_FRAME_SIZE:
                if not h2.DEFAULT_FRAME_BYTES <= value <= h2.LARGEST_FRAME_BYTES:
                    raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "the largest frame is set to a size not allowed")
                self._frame_at_most = value
        self._write(h2.frame(h2.SETTINGS, h2.ACK, 0))
        self.ready = True
        self._send_more()
        self._pool.send_waiting()

    def _on_push(self, _stream_id: int, _flags: int, _payload: bytes) -> None:
        self._overlook("the producer sent PUSH_PROMISE, which was disabled")

    def _on_ping(self, _stream_id: int, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise h2.BrokenConnection(h2.FRAME_SIZE_ERROR, "a ping has the wrong size")
        if not flags & h2.ACK:
            self._write(h2.frame(h2.PING, h2.ACK, 0, payload))

    def _on_goaway(self, _stream_id: int, _flags: int, payload: bytes) -> None:
        last_id, code = _number_in(payload) & h2.LARGEST_STREAM_ID, _number_in(payload[4:])
        pool = self._pool
        pool.retire(self)
        failure = pool.unreachable(of_goaway(code))
        refused = [(stream_id, stream) for stream_id, stream in self.streams.items() if stream_id > last_id]
        for stream_id, _ in refused:
            self._unsent.pop(stream_id, None)
            self._forget(stream_id)
        for _, stream in refused:
            stream.fail(failure)
        pool.send_waiting()
        if not self.streams:
            pool.close_if_retired(self)

    def _on_window_update(self, stream_id: int, _flags: int, payload: bytes) -> None:
        more = _number_in(payload) & h2.LARGEST_WINDOW_BYTES
        if more == 0:
            raise h2.BrokenConnection(h2.PROTOCOL_ERROR, "a window is opened by nothing")
        if stream_id == 0:
            self._send_window += more
            if self._send_window > h2.LARGEST_WINDOW_BYTES:
                self._overlook("the window was opened too far")
        elif (stream := self._unsent.get(stream_id)) is not None:
            stream.window += more
        if self._unsent:
            self._send_more()

    # Ending

    def expire(self, sent_before_ns: int, failure: ConsumerError) -> None:
        """End the streams that were opened before then. Drop the connection if nothing has come since then."""
        if not self.ready and self.began_ns <= sent_before_ns:
            self.fail(failure)
            return
        expired = [(number, stream) for number, stream in self.streams.items() if stream.sent_ns <= sent_before_ns]
        if not expired:
            return
        if self.heard_ns <= sent_before_ns:
            self.fail(failure)
            return
        for stream_id, _ in expired:
            if stream_id in self.streams:
                self._cancel(stream_id, failure)

    def _cancel(self, stream_id: int, failure: ConsumerError) -> None:
        stream = self.streams[stream_id]
        self._unsent.pop(stream_id, None)
        self._write(h2.frame(h2.RST_STREAM, 0, stream_id, h2.number(h2.CANCEL)))
        self._forget(stream_id)
        self._pool.send_waiting()
        stream.fail(failure)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(self._pool.cut_off(exc))

    def fail(self, failure: ConsumerError) -> None:
        """Drop the connection, and end all its streams with this failure."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        self._failed = True
        lost = list(self.streams.values())
        self.streams.clear()
        self._unsent.clear()
        self._pool.lost(self, failure)
        for stream in lost:
            stream.fail(failure)


def _number_in(payload: bytes) -> int:
    if len(payload) < 4:
        raise h2.BrokenConnection(h2.FRAME_SIZE_ERROR, "a frame is too short")
    return int.from_bytes(payload[:4], "big")
