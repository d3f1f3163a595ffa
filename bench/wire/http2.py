"""HTTP/2 on the wire (RFC 9113): cuts one direction of a connection into frame headers and what each frame holds.

Names are `frame.piece`, such as `headers.frame_header`, `headers.hpack_block`, `data.padding`. DATA is cut further by
gRPC's framing: `data.grpc_prefix`, `data.message`. Bytes may come in any chunking. What cannot be read is named
`unparsed`: within a frame that is wrong, its payload; where frames can no longer be told apart, all that follows.
"""

from dataclasses import dataclass, field

from hpack import Decoder, HPACKError

from bench.wire.grpc_messages import GrpcMessages
from bench.wire.parts import UNPARSED, Part

PREFACE = "preface"
PREFACE_BYTES = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first (RFC 9113, section 3.4)."""
FRAME_HEADER = "frame_header"
HPACK_BLOCK = "hpack_block"
PADDING = "padding"
"""The byte that tells how long it is, and the padding itself."""
PRIORITY_FIELDS = "priority_fields"
PAYLOAD = "payload"
"""What a frame holds that is not cut further."""

HEADER_BYTES = 9
MAXIMUM_BLOCK_BYTES = 1 << 20
"""A larger header block, continued over frames without end, is not waited for."""

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


@dataclass(slots=True)
class Http2Stream:
    """What one stream carried in one direction."""

    blocks: list[dict[bytes, bytes] | None] = field(default_factory=list)
    """Header fields of each header section, the trailers' last. None: HPACK could not be decoded."""
    data: GrpcMessages = field(default_factory=GrpcMessages)
    ended: bool = False

    def value(self, name: bytes) -> bytes | None:
        """A field of any header section; None where there is none."""
        return next((block[name] for block in self.blocks if block and name in block), None)


class Http2Parser:
    """One direction of a connection. A client's begins with the preface."""

    def __init__(self, *, from_client: bool) -> None:
        self.streams: dict[int, Http2Stream] = {}
        """By stream id, in the order in which their first header section came."""
        self._buffer = bytearray()
        self._preface_due = from_client
        self._broken = False
        self._decoder: Decoder | None = Decoder()
        # How large the table may grow is agreed on in SETTINGS of the other direction; its encoder says what it uses.
        self._decoder.max_allowed_table_size = 1 << 16
        self._block = bytearray()
        """Of a header section whose last frame has not come."""
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
        """The stream has ended: what was waited for in vain."""
        return [self._cut(UNPARSED, len(self._buffer))] if self._buffer else []

    def _cut(self, name: str, size: int, owner: int | None = None) -> Part:
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return Part(name, data, owner)

    def _frame(self, size: int) -> list[Part]:
        kind, flags = self._buffer[3], self._buffer[4]
        stream_id = int.from_bytes(self._buffer[5:HEADER_BYTES]) & 0x7FFFFFFF
        if self._block_stream and (kind != CONTINUATION or stream_id != self._block_stream):
            # RFC 9113, section 6.10: nothing may come in between. What the rest means is not known.
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
            # DATA before HEADERS is not HTTP (RFC 9113, section 8.1).
            return [(UNPARSED, content)]
        stream.ended |= bool(flags & END_STREAM)
        return stream.data.feed(content)

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
            stream = self.streams.setdefault(stream_id, Http2Stream())
            stream.ended |= bool(flags & END_STREAM)
        if flags & END_HEADERS:
            block = self._decoded()
            if stream_id in self.streams:
                self.streams[stream_id].blocks.append(block)
            self._block.clear()
            self._block_stream = 0
        return [(fixed_name, content[:fixed_bytes]), (HPACK_BLOCK, content[fixed_bytes:])]

    def _decoded(self) -> dict[bytes, bytes] | None:
        """The fields of the complete header block; None when it, or one before it, could not be decoded."""
        if self._decoder is None:
            return None
        try:
            fields = self._decoder.decode(bytes(self._block), raw=True)
        except HPACKError:
            # The table it shares with the encoder is out of step from here on (RFC 7541, section 4).
            self._decoder = None
            return None
        return {bytes(name): bytes(value) for name, value in fields}
