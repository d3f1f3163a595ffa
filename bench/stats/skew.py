"""How evenly calls were distributed over replicas, or over the workers of a producer. Pure.

The figure is how many times its fair share the busiest one got: 1 where all got the same, N where one of N got
everything. Connections stay with a replica for an instance's whole life where a front forwards TCP, and another
instance may prefer another replica. So it is the median over instances, and sums over instances say nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from bench.results import CallsCounted
from bench.stats.standard_error import special

EVEN = 1.05
"""The busiest one gets at most so many times its fair share where calls are distributed evenly."""
CHANCE = 0.001
"""Calls that go to a random replica each are more uneven than what was found with a probability of at least this, or
they were not distributed by chance."""

SkewVerdict = Literal["even", "uneven", "one", "inconclusive"]
"""`one`: a single one got everything. `inconclusive`: uneven, and not more so than by chance."""


@dataclass(frozen=True, slots=True)
class Skew:
    """How evenly calls were distributed."""

    busiest: float
    """How many times its fair share the busiest one got."""
    verdict: SkewVerdict


def skew(counted: Sequence[CallsCounted]) -> Skew | None:
    """The distribution over all instances; None where there is nothing to distribute to, or no call was counted."""
    found = [each.producers for each in counted if len(each.producers) > 1 and any(each.producers)]
    if not found:
        return None
    busiest = median([max(calls) / fmean(calls) for calls in found])
    if all(max(calls) == sum(calls) for calls in found):
        return Skew(busiest, "one")
    if busiest <= EVEN:
        return Skew(busiest, "even")
    return Skew(busiest, "uneven" if _by_chance(found) < CHANCE else "inconclusive")


def _by_chance(found: Sequence[Sequence[int]]) -> float:
    """The probability that calls to a random one each are so uneven: Pearson's chi-squared test, over all instances."""
    statistic = sum((each - fmean(calls)) ** 2 / fmean(calls) for calls in found for each in calls)
    degrees_of_freedom = sum(len(calls) - 1 for calls in found)
    return float(special().chdtrc(degrees_of_freedom, statistic))
