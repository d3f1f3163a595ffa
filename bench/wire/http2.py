"""HTTP/2 on the wire (RFC 9113): cuts one direction of a connection into frame headers and what each frame holds.

Names are `frame.piece`, such as `headers.frame_header`, `headers.hpack_block`, `data.padding`. The content of DATA is
`data.body`, unless a protocol on top of HTTP/2 cuts it further. Bytes may come in any chunking. Bytes that cannot be
parsed are named `unparsed`: the payload of an invalid frame, or all that follow once frames cannot be separated.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from hpack import Decoder, HPACKError

from bench.wire.codec import (
    GZIP,
    IDENTITY,
    Codec,
    Content,
    Exchanges,
    HeaderFields,
    Parsed,
    content_coding,
    inflated_bytes,
)
from bench.wire.parts import BODY, FRAME_HEADER, HPACK_BLOCK, PADDING, PAYLOAD, PREFACE, PRIORITY_FIELDS, UNPARSED, Part
from bench.wire.recording import Direction

PREFACE_BYTES = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

HEADER_BYTES = 9
MAXIMUM_BLOCK_BYTES = 1 << 20
"""The largest header block that is accepted, with its CONTINUATION frames."""

DATA, HEADERS, PUSH_PROMISE, CONTINUATION = 0x0, 0x1, 0x5, 0x9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x4, 0x8, 0x20

_FRAME_NAMES = {
    DATA: "data",
    HEADERS: "headers",
    0x2: "priority",
    0x3: "rst_stream",
    0x4: "settings",
    PUSH_PROMISE: "push_promise",
    0x6: "ping",
    0x7: "goaway",
    0x8: "window_update",
    CONTINUATION: "continuation",
}
"""RFC 9113, section 6. Any other is `unknown`."""

RST_STREAM_PART = f"rst_stream.{FRAME_HEADER}"
SETTINGS_PART = f"settings.{PAYLOAD}"
SETTING_BYTES = 6
"""An identifier of 2 bytes and a value of 4 (RFC 9113, section 6.5.1)."""
MAX_CONCURRENT_STREAMS = 0x3

_SETTINGS_ACK_BYTES, _WINDOW_UPDATE_BYTES, _PING_BYTES = 9, 13, 17


class Body(Protocol):
    """The content of one stream's DATA in one direction."""

    @property
    def complete(self) -> bool:
        """Whether the stream may end here."""

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """Cut the next bytes into pieces, each with the second half of its part's name."""


class PlainBody:
    """Content that is not cut further."""

    complete = True

    def __init__(self) -> None:
        self.content = bytearray()

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """One piece of BODY."""
        self.content += data
        return [(BODY, data)]


AnyBody = TypeVar("AnyBody", bound=Body)


@dataclass(slots=True)
class Http2Stream(Generic[AnyBody]):
    """What one stream carried in one direction."""

    body: AnyBody
    blocks: list[dict[bytes, bytes] | None] = field(default_factory=list)
    """Header fields of each header section, the trailers' last. None where HPACK could not be decoded."""
    ended: bool = False

    def value(self, name: bytes) -> bytes | None:
        """The field of that name in any header section, or None."""
        return next((block[name] for block in self.blocks if block and name in block), None)

    @property
    def fields(self) -> HeaderFields:
        """All header fields, trailers last."""
        return tuple(pair for block in self.blocks if block is not None for pair in block.items())


class Http2Parser(Generic[AnyBody]):
    """One direction of a connection. A client's begins with the preface."""

    def __init__(self, new_body: Callable[[], AnyBody], *, from_client: bool) -> None:
        """`new_body` makes what reads the DATA of one stream."""
        self.streams: dict[int, Http2Stream[AnyBody]] = {}
        """By stream id, in the order in which their first header section came."""
        self._new_body = new_body
        self._buffer = bytearray()
        self._preface_due = from_client
        self._broken = False
        self._decoder: Decoder | None = Decoder()
        # SETTINGS of the other direction limit the table, and the encoder announces the size that it uses.
        self._decoder.max_allowed_table_size = 1 << 16
        self._block = bytearray()
        """The header block so far, until its last frame has come."""
        self._block_stream = 0

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are complete with these bytes: whole frames."""
        self._buffer += data
        parts: list[Part] = []
        while self._buffer:
            if self._broken:
                parts.append(self._cut(UNPARSED, len(self._buffer)))
            elif self._preface_due:
                if not PREFACE_BYTES.startswith(self._buffer[: len(PREFACE_BYTES)]):
                    self._broken = True
                elif len(self._buffer) < len(PREFACE_BYTES):
                    break
                else:
                    self._preface_due = False
                    parts.append(self._cut(PREFACE, len(PREFACE_BYTES)))
            else:
                size = HEADER_BYTES + int.from_bytes(self._buffer[:3])
                if len(self._buffer) < size:
                    break
                parts += self._frame(size)
        return parts

    def finish(self) -> list[Part]:
        """The stream has ended: the frame that is left incomplete."""
        return [self._cut(UNPARSED, len(self._buffer))] if self._buffer else []

    def _cut(self, name: str, size: int, owner: int | None = None) -> Part:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return Part(name, data, owner)

    def _frame(self, size: int) -> list[Part]:
        kind, flags = self._buffer[3], self._buffer[4]
        stream_id = int.from_bytes(self._buffer[5:HEADER_BYTES]) & 0x7FFFFFFF
        if self._block_stream and (kind != CONTINUATION or stream_id != self._block_stream):
            # RFC 9113, section 6.10: no other frame may come in between. The rest cannot be interpreted.
            self._broken = True
            return []
        owner = stream_id or None
        name = _FRAME_NAMES.get(kind, "unknown")
        parts = [self._cut(f"{name}.{FRAME_HEADER}", HEADER_BYTES, owner)]
        payload = bytes(self._buffer[: size - HEADER_BYTES])
        del self._buffer[: size - HEADER_BYTES]
        pieces = self._pieces(kind, flags, stream_id, payload)
        parts += [
            Part(piece if piece == UNPARSED else f"{name}.{piece}", data, owner) for piece, data in pieces if data
        ]
        return parts

    def _pieces(self, kind: int, flags: int, stream_id: int, payload: bytes) -> list[tuple[str, bytes]]:
        if kind not in (DATA, HEADERS, PUSH_PROMISE, CONTINUATION):
            return [(PAYLOAD, payload)]
        if not stream_id:
            return [(UNPARSED, payload)]
        head, content, tail = b"", payload, b""
        if kind != CONTINUATION and flags & PADDED:
            if not payload or payload[0] >= len(payload):
                return [(UNPARSED, payload)]
            end = len(payload) - payload[0]
            head, content, tail = payload[:1], payload[1:end], payload[end:]
        if kind == DATA:
            inner = self._data(flags, stream_id, content)
        else:
            inner = self._header_section(kind, flags, stream_id, content)
        return [(PADDING, head), *inner, (PADDING, tail)]

    def _data(self, flags: int, stream_id: int, content: bytes) -> list[tuple[str, bytes]]:
        stream = self.streams.get(stream_id)
        if stream is None:
            # DATA before HEADERS is not allowed (RFC 9113, section 8.1).
            return [(UNPARSED, content)]
        stream.ended |= bool(flags & END_STREAM)
        return stream.body.feed(content)

    def _header_section(self, kind: int, flags: int, stream_id: int, content: bytes) -> list[tuple[str, bytes]]:
        fixed_bytes, fixed_name = 0, PAYLOAD
        if kind == HEADERS and flags & PRIORITY:
            fixed_bytes, fixed_name = 5, PRIORITY_FIELDS
        elif kind == PUSH_PROMISE:
            fixed_bytes = 4
        elif kind == CONTINUATION and not self._block_stream:
            return [(UNPARSED, content)]
        if len(content) < fixed_bytes:
            return [(UNPARSED, content)]
        self._block += content[fixed_bytes:]
        self._block_stream = stream_id
        if len(self._block) > MAXIMUM_BLOCK_BYTES:
            self._broken = True
        elif kind == HEADERS:
            stream = self.streams.setdefault(stream_id, Http2Stream(self._new_body()))
            stream.ended |= bool(flags & END_STREAM)
        if flags & END_HEADERS:
            block = self._decoded()
            if stream_id in self.streams:
                self.streams[stream_id].blocks.append(block)
            self._block.clear()
            self._block_stream = 0
        return [(fixed_name, content[:fixed_bytes]), (HPACK_BLOCK, content[fixed_bytes:])]

    def _decoded(self) -> dict[bytes, bytes] | None:
        """The fields of the complete header block. None when it, or an earlier one, could not be decoded."""
        if self._decoder is None:
            return None
        try:
            fields = self._decoder.decode(bytes(self._block), raw=True)
        except HPACKError:
            # From here on, its table differs from the encoder's (RFC 7541, section 4).
            self._decoder = None
            return None
        return {bytes(name): bytes(value) for name, value in fields}


class DroppedBody:
    """Content that is neither cut nor kept."""

    complete = True

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """One piece of BODY."""
        return [(BODY, data)]


class StreamExchanges(Exchanges):
    """A connection of HTTP/2: an exchange is a stream that the consumer opened."""

    def __init__(self) -> None:
        self._requests = Http2Parser(DroppedBody, from_client=True)
        self._responses = Http2Parser(DroppedBody, from_client=False)
        self._ended: set[int] = set()

    @property
    def begun(self) -> int:
        return len(self._requests.streams)

    @property
    def ended(self) -> int:
        return len(self._ended)

    def sent(self, data: bytes) -> None:
        for part in self._requests.feed(data):
            self._note_reset(part)

    def received(self, data: bytes) -> Sequence[Part]:
        parts = self._responses.feed(data)
        for part in parts:
            self._note_reset(part)
            if part.name == SETTINGS_PART:
                self._note_settings(part.data)
            elif part.owner is not None:
                stream = self._responses.streams.get(part.owner)
                if stream is not None and stream.ended:
                    self._end(part.owner)
        return parts

    def _note_reset(self, part: Part) -> None:
        if part.name == RST_STREAM_PART and part.owner is not None:
            self._end(part.owner)

    def _end(self, stream_id: int) -> None:
        if stream_id in self._requests.streams:
            self._ended.add(stream_id)

    def _note_settings(self, payload: bytes) -> None:
        for start in range(0, len(payload) - SETTING_BYTES + 1, SETTING_BYTES):
            if int.from_bytes(payload[start : start + 2]) == MAX_CONCURRENT_STREAMS:
                self.streams_at_most = int.from_bytes(payload[start + 2 : start + SETTING_BYTES])


class StreamsCodec(Codec, Generic[AnyBody]):
    """A protocol whose requests are streams of HTTP/2.

    Frames of stream 0 belong to the connection: settings, pings, its flow control, its end.
    """

    floating_frame_bytes = (_SETTINGS_ACK_BYTES, _WINDOW_UPDATE_BYTES, _PING_BYTES)

    @abstractmethod
    def new_body(self) -> AnyBody:
        """What reads the DATA of one stream in one direction."""

    @abstractmethod
    def content(self, stream: Http2Stream[AnyBody]) -> Content:
        """What one stream carried in one direction."""

    def parse(self, sent: bytes, received: bytes) -> Parsed:
        requests = Http2Parser(self.new_body, from_client=True)
        responses = Http2Parser(self.new_body, from_client=False)
        parts = {
            Direction.SENT: requests.feed(sent) + requests.finish(),
            Direction.RECEIVED: responses.feed(received) + responses.finish(),
        }
        return Parsed(
            parts,
            {
                number: (
                    self.content(stream),
                    self.content(responses.streams.get(number, Http2Stream(self.new_body()))),
                )
                for number, stream in requests.streams.items()
            },
        )

    def exchanges(self) -> Exchanges:
        return StreamExchanges()


class Http2Codec(StreamsCodec[PlainBody]):
    """HTTP/2 without a protocol on top: the body is the message, with its content coding."""

    def new_body(self) -> PlainBody:
        return PlainBody()

    def content(self, stream: Http2Stream[PlainBody]) -> Content:
        declared = stream.value(b"content-encoding") or b""
        coding = content_coding([member.strip() for member in declared.lower().split(b",") if member.strip()])
        body = bytes(stream.body.content)
        return Content(
            message_bytes=inflated_bytes(body, coding),
            compressed_bytes=len(body),
            coding=coding if body else IDENTITY,
            complete=stream.ended,
            headers=stream.fields,
            compressed=(body,) if body and coding == GZIP else (),
        )
