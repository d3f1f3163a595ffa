"""Parts: the named pieces into which parsers cut a stream of bytes. Joined in order, they are the stream again. Pure.

Every name is declared in this module with its category, the few kinds of bytes that charts and tables show.
"""

from collections.abc import Mapping
from typing import NamedTuple

CONTENT, HEADERS, FRAMING, CONNECTION, TLS, HANDSHAKE, UNKNOWN = (
    "content",
    "headers",
    "framing",
    "connection",
    "tls",
    "handshake",
    "unknown",
)
CATEGORIES: dict[str, str] = {
    CONTENT: "JSON text or protobuf messages, after gzip where it is on",
    HEADERS: "request and status lines, header fields, HPACK blocks",
    FRAMING: "chunk sizes, headers and padding of HTTP/2 frames, gRPC prefixes",
    CONNECTION: "frames of the connection itself: preface, settings, flow control, pings, GOAWAY",
    TLS: "what each TLS record adds: its header, the inner type, padding and the tag",
    HANDSHAKE: "TLS's own messages: hellos, certificates, Finished, session tickets, alerts",
    UNKNOWN: "bytes that no parser understood, or whose kind inside TLS could not be determined",
}
"""Every category and what it holds, from the inside out."""

BODY = "body"
"""Content of HTTP, with its content coding and without chunk framing."""
MESSAGE = "message"
"""A gRPC message, compressed by grpc-encoding where its prefix says so."""
REQUEST_LINE = "request_line"
STATUS_LINE = "status_line"
HEADER_FIELDS = "header_fields"
"""HTTP/1.1 header fields, and the empty line after them."""
TRAILERS = "trailers"
CHUNK_FRAMING = "chunk_framing"
"""Chunk sizes, the line ends around chunks, the last chunk and the empty line that ends the message."""
GRPC_PREFIX = "grpc_prefix"
PREFACE = "preface"
"""What an HTTP/2 client sends first (RFC 9113, section 3.4)."""
FRAME_HEADER = "frame_header"
HPACK_BLOCK = "hpack_block"
PADDING = "padding"
"""Padding of an HTTP/2 frame, and the byte with its length."""
PRIORITY_FIELDS = "priority_fields"
PAYLOAD = "payload"
"""The payload of an HTTP/2 frame that is not cut further."""
CONNECTION_FRAMES = "connection_frames"
"""Frames of the connection inside TLS of which only the length is known."""
TLS_HEADER = "tls.record_header"
TLS_PROTECTION = "tls.inner_type_and_tag"
"""One byte for the inner content type, and the authentication tag (RFC 8446, section 5.2)."""
TLS_PADDING = "tls.padding"
TLS_HANDSHAKE = "tls.handshake"
"""Encrypted handshake messages: extensions, certificates, Finished, session tickets, key updates."""
TLS_CLEAR = "tls.clear"
"""Records in the clear: hellos, and change_cipher_spec, which has no meaning in TLS 1.3."""
TLS_ALERT = "tls.alert"
UNDIVIDED = "tls.undivided"
"""Bytes inside TLS whose kind could not be determined."""
UNPARSED = "unparsed"
"""Bytes that no parser understood."""

_REQUEST_FRAMES = ("data", "headers", "continuation", "push_promise")
_CONNECTION_FRAMES = ("priority", "rst_stream", "settings", "ping", "goaway", "window_update", "unknown")

_DECLARED: dict[str, tuple[str, ...]] = {
    CONTENT: (BODY, f"data.{BODY}", f"data.{MESSAGE}"),
    HEADERS: (
        *(REQUEST_LINE, STATUS_LINE, HEADER_FIELDS, TRAILERS),
        *(f"{frame}.{HPACK_BLOCK}" for frame in ("headers", "continuation", "push_promise")),
    ),
    FRAMING: (
        *(CHUNK_FRAMING, f"data.{GRPC_PREFIX}", f"headers.{PRIORITY_FIELDS}", f"push_promise.{PAYLOAD}"),
        *(f"{frame}.{FRAME_HEADER}" for frame in _REQUEST_FRAMES),
        *(f"{frame}.{PADDING}" for frame in ("data", "headers", "push_promise")),
    ),
    CONNECTION: (
        *(PREFACE, CONNECTION_FRAMES),
        *(f"{frame}.{piece}" for frame in _CONNECTION_FRAMES for piece in (FRAME_HEADER, PAYLOAD)),
    ),
    TLS: (TLS_HEADER, TLS_PROTECTION, TLS_PADDING),
    HANDSHAKE: (TLS_HANDSHAKE, TLS_CLEAR, TLS_ALERT),
    UNKNOWN: (UNDIVIDED, UNPARSED),
}
"""Every name that a part may have, by category. Pieces of HTTP/2 frames are `frame.piece`."""

CATEGORY_OF: dict[str, str] = {name: category for category, names in _DECLARED.items() for name in names}

Named = Mapping[str, int]
"""Bytes by the name of the part."""


class Part(NamedTuple):
    """Some bytes and what they are."""

    name: str
    data: bytes
    owner: int | None = None
    """The message they belong to, by its number (HTTP/1.1) or stream (HTTP/2). None: the connection."""


class UnknownPart(KeyError):
    """A part has a name that is not declared in this module."""

    @property
    def name(self) -> str:
        """The name."""
        return str(self.args[0])

    def __str__(self) -> str:
        return f"{self.name!r} is not a declared part name; declare it in bench/wire/parts.py with its category"


class BytesUnaccounted(Exception):
    """The parts of a recording do not sum to its bytes: an error of a parser. The text says by how much."""


def category_of(name: str) -> str:
    """The category of a part. Raises UnknownPart for a name that is not declared."""
    try:
        return CATEGORY_OF[name]
    except KeyError:
        raise UnknownPart(name) from None


def bytes_by_category(named: Mapping[str, float]) -> dict[str, float]:
    """Bytes of every category, from the inside out, zero where there are none. Raises UnknownPart."""
    sizes: dict[str, float] = dict.fromkeys(CATEGORIES, 0)
    for name, size in named.items():
        sizes[category_of(name)] += size
    return sizes


def total_bytes(sizes: Named) -> int:
    """The sum over all names."""
    return sum(sizes.values())


def check_sum(what: str, recorded_bytes: int, named_bytes: int) -> None:
    """Raise BytesUnaccounted unless every recorded byte has exactly one name."""
    if recorded_bytes != named_bytes:
        raise BytesUnaccounted(f"{what}: {recorded_bytes} bytes were recorded, but the parts have {named_bytes}")
