"""The parts of HTTP semantics (RFC 9110) that do not depend on a server library, pure.

- Content negotiation (section 12): media types and content codings by weight.
- Content codings (section 8.4): gzip, and its decompression within a limit. gzip is the only coding offered. A coding
  that the caller refuses is never used; if identity is refused and gzip is not available, nothing is acceptable.
- Entity tags and conditional requests (sections 8.8 and 13).

An entity tag is computed from the bytes as sent, after content coding. So it is strong by the letter of section 8.8.1,
differs between the codings of one representation (8.8.3.3), and needs no memory. It saves bytes only: the response is
built before the tags are compared.

XXH3 is not a cryptographic hash, and none is needed: a caller that forced a collision would only hide what it created
itself. SHA-256 took an eighth of the time of a page of 20 recipes (docs/decisions/0010-entity-tags.md).
"""

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

import xxhash

HIGHEST_WEIGHT = 1000


@dataclass(frozen=True, slots=True)
class Weighted:
    """A list member: its value in lower case, without parameters, and its weight in thousandths."""

    value: str
    weight: int


def weighted_values(header: str) -> list[Weighted]:
    """The members of a header such as `gzip;q=0.8, *;q=0`, in order. Members with an invalid weight are left out."""
    members = []
    for member in header.split(","):
        value, *parameters = (part.strip() for part in member.split(";"))
        weight: int | None = HIGHEST_WEIGHT
        for parameter in parameters:
            name, _, given = parameter.partition("=")
            if name.strip().lower() == "q":
                weight = _weight(given.strip())
        if value and weight is not None:
            members.append(Weighted(value.lower(), weight))
    return members


def _weight(text: str) -> int | None:
    """`0.8` in thousandths, or None for an invalid weight. A weight has at most three decimals."""
    whole, _, decimals = text.partition(".")
    if whole not in ("0", "1") or len(decimals) > 3 or not (decimals.isascii() and (decimals + "0").isdecimal()):
        return None
    weight = int(whole) * 1000 + int(decimals.ljust(3, "0"))
    return weight if weight <= HIGHEST_WEIGHT else None


HEALTH = "/health"
"""The path of health checks."""
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
PROTOBUF = "application/x-protobuf"
"""Not registered, but the most common name of protobuf over HTTP."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A Content-Type: media type and charset in lower case. The charset is empty if not given."""

    media_type: str
    charset: str = ""


@lru_cache(maxsize=256)
def preferred_media_type(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The one of `offered` with the highest weight in the Accept header, or None if none is acceptable.

    Of equal weights, the more specific media range wins, then the earlier one in the header, then the earlier one in
    `offered`. Without a header, everything is acceptable.
    """
    ranges = weighted_values(accept) if accept is not None else []
    if not ranges:
        return offered[0]
    best: tuple[int, int, int] | None = None
    chosen = None
    for media_type in offered:
        rank = _rank(media_type, ranges)
        if rank is not None and rank[0] > 0 and (best is None or rank > best):
            best, chosen = rank, media_type
    return chosen


def _rank(media_type: str, ranges: list[Weighted]) -> tuple[int, int, int] | None:
    """Weight, precision and position of the most specific range for `media_type`; larger is better."""
    precisions = {media_type: 2, media_type.partition("/")[0] + "/*": 1, "*/*": 0}
    ranks = [
        (precisions[given.value], -place, given.weight)
        for place, given in enumerate(ranges)
        if given.value in precisions
    ]
    if not ranks:
        return None
    precision, place, weight = max(ranks)
    return weight, precision, place


@lru_cache(maxsize=256)
def content_type(header: str) -> ContentType:
    """The media type and charset that a Content-Type header names."""
    media_type, *parameters = (part.strip() for part in header.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return ContentType(media_type.lower(), value.strip().strip('"').lower())
    return ContentType(media_type.lower())


def is_utf8_json(header: str | None) -> bool:
    """Whether this Content-Type is JSON in UTF-8. The charset may be left out."""
    if header == JSON:
        return True
    if header is None:
        return False
    claimed = content_type(header)
    return claimed.media_type == JSON and claimed.charset in ("", "utf-8", "utf8", "us-ascii")


GZIP = "gzip"
IDENTITY = "identity"

_GZIP_NAMES = frozenset({"gzip", "x-gzip"})
_GZIP_CONTAINER = 31
"""zlib's `wbits` for a gzip header and trailer, around its largest window. The header carries no time."""


class NotAcceptable(Exception):
    """The caller accepts none of the available codings."""


class BodyTooLarge(Exception):
    """The decompressed body exceeds the limit."""


class BadCoding(Exception):
    """The body is not in the coding that Content-Encoding names. The text says what is wrong."""


class UnknownCoding(Exception):
    """The body is in a coding that is not supported."""


@lru_cache(maxsize=256)
def negotiated_coding(accept_encoding: str | None, *, gzip_offered: bool) -> str:
    """The one of GZIP and IDENTITY with the higher weight, GZIP if they are equal. Raises NotAcceptable.

    None means no header. Then every coding is acceptable, but the caller may not support gzip, so it gets identity.
    """
    if accept_encoding is None:
        return IDENTITY
    weights: dict[str, int] = {}
    for member in weighted_values(accept_encoding):
        name = GZIP if member.value in _GZIP_NAMES else member.value
        weights[name] = max(member.weight, weights.get(name, 0))
    others = weights.get("*")
    gzip_weight = weights.get(GZIP, others or 0) if gzip_offered else 0
    # Identity is acceptable by default, unless it is refused by name or by `*;q=0`.
    identity_weight = weights.get(IDENTITY, others)
    if gzip_weight and gzip_weight >= (identity_weight or 0):
        return GZIP
    if identity_weight == 0:
        raise NotAcceptable
    return IDENTITY


def gzipped(data: bytes, level: int) -> bytes:
    """The data compressed with gzip at zlib's `level`."""
    return zlib.compress(data, level, _GZIP_CONTAINER)


def decoded(body: bytes, content_encoding: str | None, limit_bytes: int) -> bytes:
    """A body with its content coding removed. Raises UnknownCoding, BadCoding, BodyTooLarge."""
    coding = (content_encoding or IDENTITY).strip().lower()
    if coding in _GZIP_NAMES:
        return inflated(body, limit_bytes)
    if coding != IDENTITY:
        raise UnknownCoding
    if len(body) > limit_bytes:
        raise BodyTooLarge
    return body


def inflated(body: bytes, limit_bytes: int) -> bytes:
    """Decompressed data of one or more gzip members. Raises BadCoding, and BodyTooLarge before memory exceeds the
    limit."""
    parts: list[bytes] = []
    left_bytes = limit_bytes
    while True:
        inflater = zlib.decompressobj(_GZIP_CONTAINER)
        try:
            # One byte more than allowed shows that there is more.
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


_TAG_DIGITS = 22
"""88 bits, so that two different responses of one URL do not have the same tag by chance."""
_MEMBER = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(body: bytes) -> str:
    """The strong entity tag of a body, quoted."""
    return f'"{xxhash.xxh3_128_hexdigest(body)[:_TAG_DIGITS]}"'


def is_known(tag: str, if_none_match: str) -> bool:
    """Whether an If-None-Match header lists the tag, with weak comparison: `W/` is ignored."""
    return if_none_match.strip() == "*" or any(member[2] == tag for member in _MEMBER.finditer(if_none_match))


def is_listed(tag: str, if_match: str) -> bool:
    """Whether an If-Match header lists the tag, with strong comparison: a weak tag matches nothing."""
    return if_match.strip() == "*" or any(member[2] == tag and not member[1] for member in _MEMBER.finditer(if_match))
