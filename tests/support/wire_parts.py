"""Sums over the parts that a wire parser returns."""

from collections.abc import Iterable

from bench.wire.parts import Part


def bytes_by_name(parts: Iterable[Part]) -> dict[str, int]:
    """The total size of all parts of each name, in the order in which the names first appear."""
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.name] = sizes.get(part.name, 0) + len(part.data)
    return sizes
