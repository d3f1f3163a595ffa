"""Where two arms cross: the rate below which the one with fewer bytes is the faster one, or the round trip. Pure.

What separates two arms is a fixed time, and a time for every bit or for every round trip that one of them has more.
Where the two are of opposite sign there is one crossing, and the interval of the fixed time gives that of the crossing.
Over payloads, where what separates them is no straight line, the crossing is looked for.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bench.results import Estimate
from bench.stats.estimates import Interval

Kind = Literal["always", "never", "below", "above", "inconclusive"]
FLIPPED: dict[Kind, Kind] = {
    "always": "never",
    "never": "always",
    "below": "above",
    "above": "below",
    "inconclusive": "inconclusive",
}


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where the first of two is the faster one: at every value, at none, below or above `at`, or nobody knows."""

    kind: Kind
    at: Estimate | None = None
    """In the unit asked for. `low` or `high` is None where the interval is open: it may well never cross."""

    def reversed(self) -> "BreakEven":
        """Where the second is the faster one."""
        return BreakEven(FLIPPED[self.kind], self.at)


NOWHERE = BreakEven("never")
EVERYWHERE = BreakEven("always")
UNCLEAR = BreakEven("inconclusive")


def rate_break_even(fixed_ns: float, interval_ns: Interval, more_bits: float) -> BreakEven:
    """At which rates, in bits per second, the first of two is faster.

    `fixed_ns`: by how much longer it takes over a link without a limit, with its interval. `more_bits`: how many more
    it sends; fewer are negative, and make it the faster one below some rate. A `value` without end: to judge by the
    figures alone, it is faster at every rate.
    """
    found = round_trip_break_even(fixed_ns, interval_ns, more_bits)
    if found.at is None:
        return found
    # So many nanoseconds for every bit are 1e9 divided by so many bits per second.
    at, low, high = found.at.value, found.at.low, found.at.high
    inverse = Estimate(
        value=_bits_per_second(at),
        low=None if high is None else _bits_per_second(high),
        high=None if low is None else _bits_per_second(low),
    )
    return BreakEven(FLIPPED[found.kind], inverse)


def _bits_per_second(ns_per_bit: float) -> float:
    return 1e9 / ns_per_bit if ns_per_bit else math.inf


def round_trip_break_even(fixed_ns: float, interval_ns: Interval, more: float) -> BreakEven:
    """At which round-trip times, in nanoseconds, the first of two is faster, when it takes so many more of them.

    `fixed_ns`: by how much longer it takes without any, with its interval.
    """
    low_ns, high_ns = interval_ns
    if not more:
        return EVERYWHERE if high_ns < 0 else NOWHERE if low_ns > 0 else UNCLEAR
    if more < 0:
        if high_ns <= 0:
            return EVERYWHERE
        return BreakEven("above", _at(fixed_ns / -more, low_ns / -more, high_ns / -more))
    if low_ns >= 0:
        return NOWHERE
    return BreakEven("below", _at(-fixed_ns / more, -high_ns / more, -low_ns / more))


Gap = Callable[[float], tuple[float, Interval] | None]
"""By how many nanoseconds the first of two takes longer at a payload, with its interval; None where nobody knows."""

GRID = 64
"""Payloads at which a crossing is looked for, evenly spread over their logarithm."""


def payload_break_even(gap: Gap, low_bytes: float, high_bytes: float) -> BreakEven | None:
    """At which payloads, in bytes, the first of two is faster, between two payloads that are given.

    `inconclusive` where that changes more than once, or where it never changes and the intervals do not show who is
    faster. None where a gap is not known.
    """
    step = (high_bytes / low_bytes) ** (1 / GRID)
    grid = [low_bytes * step**number for number in range(GRID + 1)]
    gaps = [known for known in map(gap, grid) if known is not None]
    if len(gaps) < len(grid):
        return None
    if all(high < 0 for _, (_, high) in gaps):
        return EVERYWHERE
    if all(low > 0 for _, (low, _) in gaps):
        return NOWHERE
    below = gaps[0][0] < 0
    values = [value for value, _ in gaps]
    # Whoever is faster below the crossing is so beyond warning up to where its end of the interval reaches 0.
    lows, highs = [low for _, (low, _) in gaps], [high for _, (_, high) in gaps]
    crossing = _crossing(grid, values)
    if crossing is None:
        return UNCLEAR
    sure_below, sure_above = (_crossing(grid, ends) for ends in ((highs, lows) if below else (lows, highs)))
    return BreakEven("below" if below else "above", Estimate(value=crossing, low=sure_below, high=sure_above))


def _crossing(grid: Sequence[float], values: Sequence[float]) -> float | None:
    """The payload at which values change their sign, on a straight line between its neighbours; None unless they do
    so once."""
    changes = [number for number, (one, next_) in enumerate(pairwise(values)) if (one < 0) != (next_ < 0)]
    if len(changes) != 1:
        return None
    (number,) = changes
    (low, high), (one, next_) = grid[number : number + 2], values[number : number + 2]
    return low + (high - low) * one / (one - next_)


def _at(value: float, low: float, high: float) -> Estimate:
    """A crossing; what lies below 0 is no place, and its end is open."""
    return Estimate(value=max(0.0, value), low=low if low > 0 else None, high=high)
