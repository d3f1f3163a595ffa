"""Estimates over two levels: slices within an instance, instances within a run.

A slice is either clean or spoiled by whatever else the machine did, so an instance is reduced to the median of its
slices, which drops the spoiled ones. Restarting a producer moves its figures (memory layout, hashing, start order), so
the instance is the replicate, and the interval comes from the spread between instances: Student's t on logarithms
with one degree of freedom less than there are instances. That is Kalibera & Jones (2013), "Rigorous benchmarking in
reasonable time", with medians below. A single instance says nothing about restarts: its interval, from the order
statistics of its slices, holds within the run only. The choice and its figures: docs/decisions/0003-intervals.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.results import Estimate
from bench.stats.distributions import Floats, order_ranks, student_t

CONFIDENCE = 0.95
"""Of every interval that carries no verdict."""
WHOLE_ENOUGH = 0.25
"""An instance with fewer slices than this share of the median instance's was cut short, and is left out."""

SAYS_NOTHING = 200.0
"""Two instances can give intervals of any width. One as wide as this, on the log scale, has no ends to be told."""

Interval = tuple[float, float]
"""Low and high end."""


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One figure's values at both levels, as natural logarithms unless said otherwise."""

    instances: tuple[int, ...]
    """Ascending; those in which the figure was measured."""
    slices: tuple[Floats, ...]
    """For each instance the values of its slices, of any length, in any order."""
    medians: Floats
    """For each instance the median of its slices."""

    @property
    def n_slices(self) -> int:
        """Slices over all instances."""
        return sum(values.size for values in self.slices)

    @property
    def value(self) -> float:
        """The estimate: the mean over instances of the median over slices."""
        return float(self.medians.mean())

    @property
    def spread(self) -> float:
        """The standard deviation between instances. Needs two."""
        return float(self.medians.std(ddof=1))

    def interval(self, confidence: float) -> Interval | None:
        """The interval of `value`: over instances, or within the run where there is only one.

        None when a single instance has too few slices for this confidence.
        """
        if len(self.instances) == 1:
            return median_interval(self.slices[0], confidence)
        half = half_width(self.spread, len(self.instances) - 1, len(self.instances), confidence)
        return self.value - half, self.value + half


def half_width(spread: float, degrees_of_freedom: float, instances: int, confidence: float) -> float:
    """How far a Student-t interval of a mean over instances reaches to either side."""
    return float(student_t(degrees_of_freedom, confidence)) * spread / float(np.sqrt(instances))


def median_interval(values: Floats, confidence: float) -> Interval | None:
    """The distribution-free interval of the median of independent values, from their order statistics.

    None when they are too few: 6 carry 95 %.
    """
    ranks = order_ranks(values.size, 0.5, confidence)
    if ranks is None:
        return None
    ordered = np.sort(values)
    return float(ordered[ranks[0]]), float(ordered[ranks[1]])


def levels(instance: Sequence[int], values: Sequence[float | None]) -> Levels | None:
    """Sort slices into instances, on the scale they come in. None when no slice has a value.

    `instance` and `values` are columns of equal length, one entry per slice; slices without a value are left out.
    """
    found: dict[int, list[float]] = {}
    for number, value in zip(instance, values, strict=True):
        if value is not None:
            found.setdefault(number, []).append(value)
    if not found:
        return None
    enough = WHOLE_ENOUGH * float(np.median([len(slices) for slices in found.values()]))
    kept = tuple(sorted(number for number, slices in found.items() if len(slices) >= enough))
    slices = tuple(np.asarray(found[number], dtype=np.float64) for number in kept)
    return Levels(kept, slices, np.asarray([float(np.median(values)) for values in slices]))


def logarithms(values: Sequence[float | None]) -> list[float | None]:
    """The natural logarithm of every positive value; what is missing or not positive is missing."""
    return [float(np.log(value)) if value is not None and value > 0 else None for value in values]


def positive_estimate(instance: Sequence[int], values: Sequence[float | None]) -> Estimate | None:
    """The estimate of a positive quantity with its 95 % interval, reckoned on the log scale, in the unit of `values`.

    `instance` and `values` are columns of equal length, one entry per slice. None when no slice has a value.
    """
    found = levels(instance, logarithms(values))
    return None if found is None else in_unit(found.value, found.interval(CONFIDENCE))


def in_unit(log_value: float, log_interval: Interval | None) -> Estimate:
    """An estimate on the log scale, in the unit itself."""
    low, high = exponential(log_interval) or (None, None)
    return Estimate(value=float(np.exp(log_value)), low=low, high=high)


def exponential(log_interval: Interval | None) -> Interval | None:
    """An interval on the log scale, in the unit itself; None where it is so wide that it says nothing."""
    if log_interval is None or log_interval[1] - log_interval[0] > SAYS_NOTHING:
        return None
    low, high = (float(np.exp(end)) for end in log_interval)
    return low, high
