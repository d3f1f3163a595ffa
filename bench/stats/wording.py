"""Pieces of sentences that warnings and comparisons share."""

from collections.abc import Sequence

NAMED_AT_MOST = 4


def some_of(names: Sequence[str]) -> str:
    """The names, or the first few and how many more there are: `a, b, c, d and 3 more`."""
    if len(names) <= NAMED_AT_MOST:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED_AT_MOST])} and {len(names) - NAMED_AT_MOST} more"


def configurations(ids: Sequence[str]) -> str:
    """The id of a cell, or how many there are and the ids of the first few: `3 configurations (a, b, c)`."""
    return ids[0] if len(ids) == 1 else f"{counted(len(ids), 'configuration')} ({some_of(ids)})"


def counted(count: int, noun: str) -> str:
    """`1 cell`, `3 cells`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(share: float) -> str:
    """A share as a percentage with two significant digits: `3.4 %`, `12 %`. Beyond 1,000 % only that it is."""
    if abs(share) > 10:
        return "more than 1,000 %"
    return f"{share * 100:.2g} %" if abs(share) < 0.995 else f"{share * 100:.0f} %"
