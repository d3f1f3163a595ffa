"""Codecs: how the bytes of a plain connection are parsed into parts and messages. Pure."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.wire.parts import Part
from bench.wire.recording import Direction

IDENTITY = "identity"
GZIP = "gzip"

_WINDOW_BITS = {GZIP: 31, "deflate": 15}
"""zlib's `wbits`: the gzip container, and zlib's own (RFC 9110, section 8.4.1)."""
_STEP_BYTES = 1 << 16

HeaderFields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Content:
    """What one message carries, without its framing."""

    message_bytes: int | None
    """Without content coding. None where it could not be decoded."""
    compressed_bytes: int
    """With content coding."""
    coding: str
    """The content coding that was applied, IDENTITY for none."""
    complete: bool
    """Whether the message was recorded to its end."""
    headers: HeaderFields = ()
    """The header fields, trailers last, without HPACK where it was used."""
    compressed: tuple[bytes, ...] = ()
    """The content that gzip was applied to, as sent."""


NOTHING = Content(message_bytes=0, compressed_bytes=0, coding=IDENTITY, complete=False)
"""A response that never came."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed connection."""

    parts: Mapping[Direction, Sequence[Part]]
    contents: Mapping[int, tuple[Content, Content]]
    """Request and response by the owner of their parts, in the order of the requests."""


class Exchanges(ABC):
    """Counts the exchanges of one connection while its plain bytes pass, in any chunking. Keeps no content."""

    streams_at_most: int | None = None
    """How many exchanges the producer allows on the connection at the same time, as it last announced. None: nothing
    was announced."""

    @property
    @abstractmethod
    def begun(self) -> int:
        """Requests of which something was sent."""

    @property
    @abstractmethod
    def ended(self) -> int:
        """Requests that were answered completely, or given up by either side."""

    @abstractmethod
    def sent(self, data: bytes) -> None:
        """Take the next bytes of the consumer."""

    @abstractmethod
    def received(self, data: bytes) -> Sequence[Part]:
        """The parts that are complete with the next bytes of the producer. Those without owner are the connection's."""


class Codec(ABC):
    """Parses the plain bytes of a connection of one protocol. Has no state."""

    floating_frame_bytes: tuple[int, ...] = ()
    """Sizes of the connection frames that may be sent at any time, such as pings."""

    @abstractmethod
    def parse(self, sent: bytes, received: bytes) -> Parsed:
        """Cut both directions into parts, `sent` being the consumer's. Raises nothing, whatever the bytes are."""

    @abstractmethod
    def exchanges(self) -> Exchanges:
        """Counts the exchanges of one connection from its first byte on."""


def inflated_bytes(content: bytes, coding: str) -> int | None:
    """The size of `content` in bytes without its coding. None where the coding is unknown or the content is broken.

    Nothing of what is inflated is kept.
    """
    if coding == IDENTITY:
        return len(content)
    if coding not in _WINDOW_BITS:
        return None
    total_bytes = 0
    while content:
        inflater = zlib.decompressobj(_WINDOW_BITS[coding])
        try:
            while not inflater.eof and content:
                total_bytes += len(inflater.decompress(content, _STEP_BYTES))
                content = inflater.unconsumed_tail
        except zlib.error:
            return None
        if not inflater.eof:
            return None
        # gzip may hold several members, one after the other.
        content = inflater.unused_data
    return total_bytes


def content_coding(members: Sequence[bytes]) -> str:
    """One name for the content codings that a message declares, in lower case, IDENTITY for none."""
    names = [member.decode("ascii", "replace") for member in members if member != b"identity"]
    # RFC 9110, section 8.4.1.3: x-gzip is another name of gzip.
    return ", ".join("gzip" if name == "x-gzip" else name for name in names) or IDENTITY
