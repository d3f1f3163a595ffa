"""Content codings, pure: which one an answer gets (RFC 9110, section 12.5.3), gzip, and its inflation within a limit.

gzip is the only coding on offer. What a caller refuses it never gets: `gzip;q=0` is not gzipped, and where identity is
refused and gzip is not to be had, nothing is acceptable.
"""

import zlib
from functools import lru_cache

from producers.weighted_values import weighted_values

GZIP = "gzip"
IDENTITY = "identity"

_GZIP_NAMES = frozenset({"gzip", "x-gzip"})
_GZIP_CONTAINER = 31
"""zlib's `wbits` for a gzip header and trailer, around its largest window. The header carries no time."""


class NotAcceptable(Exception):
    """The caller refuses every coding that can be had."""


class BodyTooLarge(Exception):
    """Inflated, the body is beyond its limit."""


class BadCoding(Exception):
    """The body is not in the coding that it claims to be in. The text says what is wrong."""


class UnknownCoding(Exception):
    """The body is in a coding that is not supported."""


@lru_cache(maxsize=256)
def negotiated(accept_encoding: str | None, *, gzip_offered: bool) -> str:
    """GZIP or IDENTITY, whichever the header weighs more; GZIP when they weigh the same. Raises NotAcceptable.

    None stands for no header: the caller takes anything, but was not known to inflate, so it gets identity.
    """
    if accept_encoding is None:
        return IDENTITY
    weights: dict[str, int] = {}
    for member in weighted_values(accept_encoding):
        name = GZIP if member.value in _GZIP_NAMES else member.value
        weights[name] = max(member.weight, weights.get(name, 0))
    others = weights.get("*")
    gzip_weight = weights.get(GZIP, others or 0) if gzip_offered else 0
    # Unless it is refused, by name or by `*;q=0`, identity is acceptable, though nobody asked for it.
    identity_weight = weights.get(IDENTITY, others)
    if gzip_weight and gzip_weight >= (identity_weight or 0):
        return GZIP
    if identity_weight == 0:
        raise NotAcceptable
    return IDENTITY


def gzipped(data: bytes, level: int) -> bytes:
    """The data in gzip, made with zlib at `level`."""
    return zlib.compress(data, level, _GZIP_CONTAINER)


def decoded(body: bytes, content_encoding: str | None, limit_bytes: int) -> bytes:
    """A body without its coding. Raises UnknownCoding, BadCoding, BodyTooLarge."""
    coding = (content_encoding or IDENTITY).strip().lower()
    if coding in _GZIP_NAMES:
        return inflated(body, limit_bytes)
    if coding != IDENTITY:
        raise UnknownCoding
    if len(body) > limit_bytes:
        raise BodyTooLarge
    return body


def inflated(body: bytes, limit_bytes: int) -> bytes:
    """What was gzipped, in one or more gzip members. Raises BadCoding and, before it uses more memory, BodyTooLarge."""
    parts: list[bytes] = []
    left_bytes = limit_bytes
    while True:
        inflater = zlib.decompressobj(_GZIP_CONTAINER)
        try:
            # One byte more than allowed tells that there is more.
            part = inflater.decompress(body, left_bytes + 1)
        except zlib.error:
            raise BadCoding("the body is not gzip") from None
        if len(part) > left_bytes:
            raise BodyTooLarge
        if not inflater.eof:
            raise BadCoding("the gzip body is truncated")
        parts.append(part)
        left_bytes -= len(part)
        body = inflater.unused_data
        if not body:
            return b"".join(parts)
