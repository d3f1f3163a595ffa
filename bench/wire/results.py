"""What was found on the wire, as values of the run file: bytes of a request, every byte by name, the TLS session."""

from typing import Literal

from msgspec import Struct


class Sizes(Struct, frozen=True, kw_only=True):
    """Bytes of one request in one direction, each the median over requests; null where it cannot be known."""

    message_bytes: float | None = None
    compressed_bytes: float | None = None
    framed_bytes: float | None = None
    connection_bytes: float | None = None
    """Frames of the connection itself that go along with a request, such as HTTP/2's WINDOW_UPDATE and PING. They are
    in `wire_bytes` and in nothing else here."""
    wire_bytes: float | None = None


class SetupSizes(Struct, frozen=True, kw_only=True):
    """Bytes that one connection takes before its first request, TLS handshake included, seen from the consumer."""

    sent_wire_bytes: float | None = None
    received_wire_bytes: float | None = None


class Bytes(Struct, frozen=True, kw_only=True):
    """What goes over the wire for one request, both ways, and for one connection."""

    request: Sizes
    response: Sizes
    setup: SetupSizes
    coding: str | None = None
    """The content coding of the answers as seen: `gzip`, `identity`, or `mixed` where only some were compressed."""


class BothWays(Struct, frozen=True, kw_only=True):
    """Bytes by the name of the part, seen from the consumer."""

    sent: dict[str, int] = {}
    received: dict[str, int] = {}


class HeaderSection(Struct, frozen=True, kw_only=True):
    """What a message says in its header, trailers included."""

    wire_bytes: int
    """Header lines, or HPACK blocks, as they went over the wire."""
    plain_bytes: int
    """The same fields as `name: value` lines."""
    fields: list[tuple[str, str]] = []


class HeaderPair(Struct, frozen=True, kw_only=True):
    """A request's header and that of its answer."""

    request: HeaderSection
    response: HeaderSection


class GzipFound(Struct, frozen=True, kw_only=True):
    """What gzip made of the answers of the steady state, and what it takes."""

    answers: int
    compressed: int
    """How many of them came compressed."""
    smaller: int
    """How many of these were smaller than without."""
    ratio: float | None = None
    """Message bytes divided by compressed bytes, over those that came compressed."""
    level: int | None = None
    """The level at which zlib gives the very same bytes, or the same number of them; null where none does."""
    compress_us_per_kb: float | None = None
    """CPU time of zlib at that level per 1,000 message bytes, in this process."""
    inflate_us_per_kb: float | None = None


class Anatomy(Struct, frozen=True, kw_only=True):
    """Every byte of one connection by name and phase. The phases sum to `total` in each direction, exactly.

    Requests went one after the other. What went with a request counts there, be it the connection's own.
    """

    requests: int
    steady_requests: int
    inside_tls: Literal["decrypted", "plain_twin"] | None = None
    """How what is inside TLS is known: with the connection's keys, or from a connection without TLS that did the same,
    by its lengths. Null without TLS."""
    setup: BothWays
    first: BothWays
    settling: BothWays
    """The requests between the first and the steady state, together."""
    steady: BothWays
    """All requests of the steady state together."""
    last: BothWays
    """The last request; it counts in `steady`, too."""
    closing: BothWays
    total: dict[str, int]
    """`sent` and `received`: everything that was handed to TCP."""
    first_headers: HeaderPair
    last_headers: HeaderPair
    gzip: GzipFound | None = None


class TlsSession(Struct, frozen=True, kw_only=True):
    """What producer and consumer agreed on, read off the wire."""

    version: str | None = None
    cipher: str | None = None
    group: str | None = None
    alpn: str | None = None
