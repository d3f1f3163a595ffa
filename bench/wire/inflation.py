"""How large content is without its coding, found without keeping what is inflated."""

import zlib
from collections.abc import Sequence

IDENTITY = "identity"
GZIP = "gzip"

_WINDOW_BITS = {GZIP: 31, "deflate": 15}
"""zlib's `wbits`: gzip's container, and zlib's own (RFC 9110, section 8.4.1)."""
_STEP_BYTES = 1 << 16


def inflated_bytes(content: bytes, coding: str) -> int | None:
    """The size of `content` in bytes without its coding. None where the coding is unknown or the content is broken."""
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
    """One name for the codings that a message declares, in lower case; IDENTITY for none, `x-gzip` being gzip."""
    names = [member.decode("ascii", "replace") for member in members if member != b"identity"]
    return ", ".join("gzip" if name == "x-gzip" else name for name in names) or IDENTITY
