"""Media types, pure: which one an answer gets (RFC 9110, section 12.5.1), and what a body claims to be."""

from dataclasses import dataclass
from functools import lru_cache

from producers.weighted_values import Weighted, weighted_values

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
PROTOBUF = "application/x-protobuf"
"""Not registered, and what protobuf over HTTP is called nearly everywhere."""


@dataclass(frozen=True, slots=True)
class ContentType:
    """A Content-Type: media type and charset in lower case, the charset empty when none is given."""

    media_type: str
    charset: str = ""


@lru_cache(maxsize=256)
def preferred(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The one of `offered` that the Accept header weighs most, or None when it takes none of them.

    Of equal weights, the one that the caller named more precisely wins, then the one named earlier, then the one
    offered earlier. No header takes anything.
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
    """Weight, precision and place of the range that says most about `media_type`, each better when larger."""
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
    """Whether a body with this Content-Type is JSON that can be read: JSON is UTF-8, whose charset may be left out."""
    if header == JSON:
        return True
    if header is None:
        return False
    claimed = content_type(header)
    return claimed.media_type == JSON and claimed.charset in ("", "utf-8", "utf8", "us-ascii")
