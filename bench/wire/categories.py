"""What kind of thing each named part is: the few kinds that a picture can show, by the name of the part. Pure."""

from collections.abc import Mapping

from bench.wire.http1 import BODY, HEADER_FIELDS, REQUEST_LINE, STATUS_LINE, TRAILERS
from bench.wire.parts import UNPARSED

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
    CONTENT: "what was asked for or answered: JSON text or protobuf messages, after gzip where it is on",
    HEADERS: "request and status lines, header fields, or HPACK's blocks instead of them",
    FRAMING: "chunk sizes, headers and padding of HTTP/2's frames, gRPC's prefixes",
    CONNECTION: "frames of the connection itself: preface, settings, flow control, pings, goodbyes",
    TLS: "what each TLS record adds: its header, the inner type, padding and the tag",
    HANDSHAKE: "TLS's own messages: hellos, certificates, Finished, session tickets, alerts",
    UNKNOWN: "what no parser understood, or could not be told apart inside TLS",
}
"""Every category and what it holds, from the inside out."""

_BY_NAME = {
    BODY: CONTENT,
    "message": CONTENT,
    REQUEST_LINE: HEADERS,
    STATUS_LINE: HEADERS,
    HEADER_FIELDS: HEADERS,
    TRAILERS: HEADERS,
    "hpack_block": HEADERS,
    "connection_frames": CONNECTION,
    "preface": CONNECTION,
    "tls.record_header": TLS,
    "tls.inner_type_and_tag": TLS,
    "tls.padding": TLS,
    "tls.handshake": HANDSHAKE,
    "tls.clear": HANDSHAKE,
    "tls.alert": HANDSHAKE,
    "tls.undivided": UNKNOWN,
    UNPARSED: UNKNOWN,
}
_FRAMES_OF_REQUESTS = ("data", "headers", "continuation", "push_promise")


def category_of(name: str) -> str:
    """The category of a part by its name, `frame.piece` in HTTP/2 and TLS."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    frame, separator, piece = name.partition(".")
    if separator and frame not in _FRAMES_OF_REQUESTS:
        return CONNECTION
    return _BY_NAME.get(piece, FRAMING)


def bytes_by_category(named: Mapping[str, float]) -> dict[str, float]:
    """Bytes of every category, from the inside out; zero where there are none."""
    sizes: dict[str, float] = dict.fromkeys(CATEGORIES, 0)
    for name, size in named.items():
        sizes[category_of(name)] += size
    return sizes
