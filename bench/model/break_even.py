"""Break-evens: the rate, round-trip time or payload at which two options take equally long. Pure.

Two options differ by a fixed time, and by a time for every additional bit or round trip of one of them. If the two
differences have opposite signs, there is one break-even, and its interval follows from that of the fixed time. Over
payloads the difference is not a straight line, and the break-even is searched for.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bench.results import Estimate
from bench.stats.estimates import Interval

Kind = Literal["always", "never", "below", "above", "inconclusive"]
_OPPOSITE: dict[Kind, Kind] = {
    "always": "never",
    "never": "always",
    "below": "above",
    "above": "below",
    "inconclusive": "inconclusive",
}


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where the first of two is faster: at every value, at none, below `at`, above `at`, or inconclusive."""

    kind: Kind
    at: Estimate | None = None
    """In bits per second, nanoseconds or bytes. `low` or `high` is None where the interval has no end on that side."""


NOWHERE = BreakEven("never")
EVERYWHERE = BreakEven("always")
INCONCLUSIVE = BreakEven("inconclusive")


def rate_break_even(fixed_ns: float, interval_ns: Interval, more_bits: float) -> BreakEven:
    """The rates, in bits per second, at which the first of two is faster.

    `fixed_ns`: how much longer it takes over a link of unlimited rate, with its interval. `more_bits`: how many more
    it sends; negative for fewer, which make it faster below some rate. A `value` of infinity: by the values without
    their intervals, it is faster at every rate.
    """
    found = round_trip_break_even(fixed_ns, interval_ns, more_bits)
    if found.at is None:
        return found
    # The break-even is in nanoseconds per bit so far.
    at, low, high = found.at.value, found.at.low, found.at.high
    inverse = Estimate(
        value=_bits_per_second(at),
        low=None if high is None else _bits_per_second(high),
        high=None if low is None else _bits_per_second(low),
    )
    return BreakEven(_OPPOSITE[found.kind], inverse)


def _bits_per_second(ns_per_bit: float) -> float:
    return 1e9 / ns_per_bit if ns_per_bit else math.inf


def round_trip_break_even(fixed_ns: float, interval_ns: Interval, more: float) -> BreakEven:
    """The round-trip times, in nanoseconds, at which the first of two is faster.

    `fixed_ns`: how much longer it takes at a round-trip time of 0, with its interval. `more`: how many more round trips
    it takes; negative for fewer.
    """
    low_ns, high_ns = interval_ns
    if not more:
        return EVERYWHERE if high_ns < 0 else NOWHERE if low_ns > 0 else INCONCLUSIVE
    if more < 0:
        if high_ns <= 0:
            return EVERYWHERE
        return BreakEven("above", _at(fixed_ns / -more, low_ns / -more, high_ns / -more))
    if low_ns >= 0:
        return NOWHERE
    return BreakEven("below", _at(-fixed_ns / more, -high_ns / more, -low_ns / more))


Gap = Callable[[float], tuple[float, Interval] | None]
"""How many nanoseconds longer the first of two takes at a payload, with the interval; None where it is not known."""

GRID = 64
"""Number of steps in which a range of payloads is searched, evenly spaced on a logarithmic scale."""


def payload_break_even(gap: Gap, low_bytes: float, high_bytes: float) -> BreakEven | None:
    """The payloads, in bytes, at which the first of two is faster, between `low_bytes` and `high_bytes`.

    `inconclusive` where the sign of the gap changes more than once, or never and the intervals do not show which is
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
    # The option that is faster below the break-even is significantly faster up to where its interval reaches 0.
    lows, highs = [low for _, (low, _) in gaps], [high for _, (_, high) in gaps]
    crossing = _crossing(grid, values)
    if crossing is None:
        return INCONCLUSIVE
    sure_below, sure_above = (_crossing(grid, ends) for ends in ((highs, lows) if below else (lows, highs)))
    return BreakEven("below" if below else "above", Estimate(value=crossing, low=sure_below, high=sure_above))


def _crossing(grid: Sequence[float], values: Sequence[float]) -> float | None:
    """The payload at which the values change their sign, interpolated linearly; None unless they do so exactly once."""
    changes = [number for number, (one, next_) in enumerate(pairwise(values)) if (one < 0) != (next_ < 0)]
    if len(changes) != 1:
        return None
    (number,) = changes
    (low, high), (one, next_) = grid[number : number + 2], values[number : number + 2]
    return low + (high - low) * one / (one - next_)


def _at(value: float, low: float, high: float) -> Estimate:
    """A break-even; values below 0 are not possible, so an end there is open."""
    return Estimate(value=max(0.0, value), low=low if low > 0 else None, high=high)
