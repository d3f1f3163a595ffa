"""What goes over an HTTP/2 connection (RFC 9113): frames, header blocks (HPACK, RFC 7541), requests, responses. Pure.

A header block means the same, and is the same, as long as the dynamic table is the same. So blocks are cached, by their
bytes or by what they say, until one changes the table.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from time import perf_counter_ns

import hpack
from hpack.exceptions import HPACKError

from bench.clients.base import Ended
from bench.clients.connections import RawRequest
from consumers.errors import ConsumerError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = Struct(">BHBBL")
"""Length (upper 8 bits, lower 16 bits), type, flags, stream."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

DEFAULT_WINDOW_BYTES = 65_535
LARGEST_WINDOW_BYTES = (1 << 31) - 1
DEFAULT_FRAME_BYTES = 16_384
LARGEST_FRAME_BYTES = (1 << 24) - 1
DEFAULT_TABLE_BYTES = 4_096
LARGEST_STREAM_ID = (1 << 31) - 1
HEADERS_AT_MOST_BYTES = 1 << 20
"""How large a header block may be, encoded or decoded."""

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 0x0, 0x1, 0x2
FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = 0x3, 0x6, 0x7, 0x8
COMPRESSION_ERROR = 0x9

_SETTING = Struct(">HL")

KEPT_AT_MOST = 4096

_PSEUDO_FIELDS = frozenset({b":status", b":method", b":scheme", b":authority", b":path"})

Fields = Sequence[tuple[bytes, bytes]]


class BrokenConnection(Exception):
    """The peer broke the rules of the protocol, which ends the connection.

    `code` is sent to the peer, the text is for the user.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEAD.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream_id) + payload


def number(value: int) -> bytes:
    """A 32-bit number."""
    return value.to_bytes(4, "big")


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The settings in a SETTINGS frame, in order. Raises BrokenConnection."""
    if len(payload) % _SETTING.size:
        raise BrokenConnection(FRAME_SIZE_ERROR, "the settings cannot be read")
    return list(_SETTING.iter_unpack(payload))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a protocol on top of HTTP/2 makes of it."""

    call_status: bytes | None = None
    """The name of the field with which it reports a call's status. A response's fingerprint includes its value."""
    field_names: re.Pattern[bytes] = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
    """The names that fields may have, besides those that begin with a colon."""
    reads_padding: bool = True
    """Whether its other clients can read padded frames. Those that cannot refuse unknown flags of DATA, too."""
    reads_interim: bool = True
    """Whether its other clients can read interim responses (1xx)."""
    overlooks: bool = False
    """Whether its other clients overlook PUSH_PROMISE, frames on streams that were never opened, windows opened too
    far, and a response without a status."""


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload of a HEADERS or DATA frame without padding and priority. Raises BrokenConnection."""
    start, end = 0, len(payload)
    if flags & PADDED:
        if not payload or payload[0] >= end:
            raise BrokenConnection(PROTOCOL_ERROR, "a frame has more padding than bytes")
        start, end = 1, end - payload[0]
    if flags & WITH_PRIORITY:
        start += 5
        if start > end:
            raise BrokenConnection(FRAME_SIZE_ERROR, "a frame is too short for its priority")
    return payload[start:end]


class FieldList:
    """Header fields to send, compared by identity."""

    __slots__ = ("fields",)

    def __init__(self, fields: Fields) -> None:
        self.fields = fields


class Headers:
    """The fields of a received block."""

    __slots__ = ("call_status", "fields", "status")

    def __init__(self, fields: Fields, call_status: bytes | None = None) -> None:
        """`call_status` as in Usage."""
        self.fields = fields
        names = dict(fields)
        status = names.get(b":status", b"")
        self.status = int(status) if len(status) == 3 and status.isdigit() else None
        """The HTTP status. None in trailers."""
        self.call_status = None if call_status is None else names.get(call_status)

    def get(self, name: bytes, otherwise: bytes = b"") -> bytes:
        """The value of the first field with that name."""
        return next((value for key, value in self.fields if key == name), otherwise)


class HeaderReader:
    """Decodes all blocks of one direction of a connection, in order."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._decoder = hpack.Decoder(max_header_list_size=HEADERS_AT_MOST_BYTES)
        self._known: dict[bytes, Headers] = {}

    def read(self, block: bytes) -> Headers:
        """The fields of a block. Raises BrokenConnection."""
        headers = self._known.get(block)
        if headers is not None:
            return headers
        table = self._decoder.header_table
        before = tuple(table.dynamic_entries), table.maxsize
        try:
            fields = [(bytes(name), bytes(value)) for name, value in self._decoder.decode(block, raw=True)]
        except (HPACKError, ValueError, IndexError) as error:
            raise BrokenConnection(COMPRESSION_ERROR, f"a header block cannot be read: {error}") from None
        valid = self._usage.field_names.fullmatch
        if not all(name in _PSEUDO_FIELDS or valid(name) for name, _ in fields):
            raise BrokenConnection(PROTOCOL_ERROR, "the name of a header field is not valid")
        headers = Headers(fields, self._usage.call_status)
        if headers.status is None and headers.get(b":status", b"none") != b"none":
            raise BrokenConnection(PROTOCOL_ERROR, "the status of a response is not a number")
        if (tuple(table.dynamic_entries), table.maxsize) != before or len(self._known) >= KEPT_AT_MOST:
            self._known.clear()
        else:
            self._known[block] = headers
        return headers


class HeaderWriter:
    """Encodes all blocks of one direction of a connection, which must be sent in order."""

    def __init__(self) -> None:
        self._encoder = hpack.Encoder()
        self._known: dict[FieldList, bytes] = {}

    def write(self, headers: FieldList) -> bytes:
        """The block for these fields."""
        block = self._known.get(headers)
        if block is not None:
            return block
        table = self._encoder.header_table
        before = tuple(table.dynamic_entries)
        resized = bool(self._encoder.table_size_changes)
        block = self._encoder.encode(headers.fields)
        if resized or tuple(table.dynamic_entries) != before:
            self._known.clear()
        else:
            self._known[headers] = block
        return block

    def limit_table(self, table_bytes: int) -> None:
        """Keep within the table size that the peer allows. More than the default is not used."""
        limit_bytes = min(table_bytes, DEFAULT_TABLE_BYTES)
        # Setting the same size again would make hpack drop a change of size that it has not announced yet.
        if limit_bytes != self._encoder.header_table_size:
            self._encoder.header_table_size = limit_bytes
            self._known.clear()


@dataclass(frozen=True, slots=True)
class Http2Content:
    """A request. An empty body is sent without a DATA frame."""

    headers: FieldList
    body: bytes


@dataclass(frozen=True, slots=True)
class Http2Answer:
    """A complete response."""

    headers: Headers
    trailers: Headers | None
    body: bytes

    @property
    def last(self) -> Headers:
        """The trailers, or the header section where there are none."""
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
        """Bytes of the body so far."""
        self.unsent = b""
        """The part of the request that waits for a flow-control window to open."""
        self.window = 0
        """The stream's send window. Kept only while something is unsent."""

    def fail(self, failure: ConsumerError) -> None:
        """End with this failure."""
        self.ended(self.sent_ns, perf_counter_ns(), failure)
