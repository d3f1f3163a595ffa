"""The ratio of a cell to its baseline, paired within rounds, so that a disturbance of both cancels.

Two slices of one round are fractions of a second apart and share the machine's speed of the moment (duet benchmarking,
Bulej et al. 2020). The logarithm of a slice's figure minus that of its partner is one value; instances reduce these
to their median, and the interval comes from both levels (bench.stats.estimates). Intervals that carry verdicts are
corrected for how many there are, and borrow strength from the run's other ratios (bench.stats.shrinkage); the plain
95 % interval stands on the ratio's own instances alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.results import RatioEstimate, Slices
from bench.stats import shrinkage, verdicts
from bench.stats.estimates import CONFIDENCE, Interval, Levels, exponential, half_width, levels, logarithms
from bench.stats.measures import Measure, column


@dataclass(frozen=True, slots=True)
class RatioFound:
    """A ratio and its intervals; an interval is None where too little is known for it."""

    value: float
    corrected: Interval | None
    """Right in all ratios of the family at once, with 99 %."""
    plain_95: Interval | None
    n_pairs: int
    n_instances: int

    def estimate(self, measure: Measure, *, restarted: bool) -> RatioEstimate:
        """As it stands in the run file. Without fresh starts, or with one instance, there is no verdict."""
        low, high = self.corrected or (None, None)
        low_95, high_95 = self.plain_95 or (None, None)
        sure = restarted and self.n_instances > 1
        said = verdicts.verdict(low, high, lower_is_better=measure.lower_is_better, sure=sure)
        return RatioEstimate(value=self.value, low=low, high=high, low_95=low_95, high_95=high_95, verdict=said)


def paired(cell: Slices, baseline: Slices, measure: Measure) -> Levels | None:
    """The log ratios of slices that share instance and round, at both levels. None when no two do.

    A slice that is missing, or has no value, on one side drops the pair.
    """
    above, below = _by_round(cell, measure), _by_round(baseline, measure)
    shared = sorted(above.keys() & below.keys())
    return levels([instance for instance, _ in shared], [above[key] - below[key] for key in shared])


def judged_together(family: Sequence[Levels], confidences: Sequence[float]) -> list[RatioFound]:
    """Comparable ratios of a run, in the order given, each with its corrected interval at the confidence given.

    Comparable are ratios of the same measure; those seen in the same instances borrow strength from each other.
    """
    found: dict[int, RatioFound] = {}
    for instances in {ratio.instances for ratio in family}:
        members = [index for index, ratio in enumerate(family) if ratio.instances == instances]
        if len(instances) == 1:
            for index in members:
                found[index] = _ratio(family[index], family[index].interval(confidences[index]))
            continue
        spreads = shrinkage.moderated(np.column_stack([family[index].medians for index in members]))
        for index, spread, freedom in zip(members, spreads.spread, spreads.degrees_of_freedom, strict=True):
            ratio = family[index]
            half = max(
                half_width(float(spread), float(freedom), len(instances), confidences[index]),
                half_width(ratio.spread, len(instances) - 1, len(instances), CONFIDENCE),
            )
            found[index] = _ratio(ratio, (ratio.value - half, ratio.value + half))
    return [found[index] for index in range(len(family))]


def _by_round(slices: Slices, measure: Measure) -> dict[tuple[int, int], float]:
    values = logarithms(column(slices, measure))
    return {
        key: value
        for key, value in zip(zip(slices.instance, slices.round, strict=True), values, strict=True)
        if value is not None
    }


def _ratio(logs: Levels, corrected: Interval | None) -> RatioFound:
    return RatioFound(
        value=float(np.exp(logs.value)),
        corrected=exponential(corrected),
        plain_95=exponential(logs.interval(CONFIDENCE)),
        n_pairs=logs.n_slices,
        n_instances=len(logs.instances),
    )
