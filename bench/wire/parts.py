"""Parts: the pieces that a parser cuts a stream of bytes into. Laid end to end they are the stream again."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

UNPARSED = "unparsed"
"""The name of bytes that no parser understood."""


class Part(NamedTuple):
    """Some bytes and what they are."""

    name: str
    data: bytes
    owner: int | None = None
    """Which message they belong to, by its number (HTTP/1.1) or stream (HTTP/2); None: the connection."""


class BytesUnaccounted(Exception):
    """The parts of a recording do not sum to its bytes: an error of a parser. The text says by how much."""


def bytes_by_name(parts: Iterable[Part]) -> dict[str, int]:
    """The size in bytes of all parts of each name, in the order in which the names first appear."""
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.name] = sizes.get(part.name, 0) + len(part.data)
    return sizes


def total_bytes(sizes: Mapping[str, int]) -> int:
    """The sum over all names."""
    return sum(sizes.values())


def check_sum(what: str, recorded_bytes: int, named_bytes: int) -> None:
    """Raise BytesUnaccounted unless every recorded byte got exactly one name."""
    if recorded_bytes != named_bytes:
        raise BytesUnaccounted(f"{what}: {recorded_bytes} bytes were recorded, {named_bytes} were given a name")
