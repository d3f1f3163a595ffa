"""The ratio of a cell to its baseline, paired within rounds, so that a disturbance of both cancels.

Two slices of one round are fractions of a second apart and see the machine at the same speed (duet benchmarking, Bulej
et al. 2020). The logarithm of a slice's value minus that of its partner is one sample. An instance is reduced to the
median of its samples, and the interval comes from both levels (bench.stats.estimates). Intervals that carry verdicts
are corrected for the number of verdicts, and their variances are shrunk towards those of comparable ratios of the run
(bench.stats.shrinkage): of the same measure, and headline ratios apart from others, which take part in fewer rounds and
spread more. The plain 95 % interval uses the ratio's own instances alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from msgspec.structs import replace

from bench.plan import RunPlan
from bench.results import Cell, Ratio, RatioEstimate
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats.detection import Precision, undecided
from bench.stats.estimates import (
    CONFIDENCE,
    LATENCY,
    THROUGHPUT,
    Interval,
    Levels,
    Measure,
    column,
    exponential,
    half_width,
    levels,
    logarithms,
    measure_of,
)
from bench.stats.shrinkage import shrunk
from bench.stats.verdicts import confidences, is_headline, verdict
from producers.registry import DEFAULT

_Pair = tuple[str, str]
"""The ids of a cell and its baseline."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What cells are compared with."""

    protocol: str
    """Other series are compared with it at equal gzip and TLS, and every cell with its cell without both."""
    implementation: str = DEFAULT
    """The implementation of that protocol."""
    version: str | None = None
    """In a run that compares two versions: every cell of the other version is compared with the same cell of this
    one, and with nothing else."""

    @classmethod
    def of_plan(cls, plan: RunPlan) -> "Baseline":
        """The first protocol of the plan, in its first implementation; where two versions are compared, the first."""
        first = plan.matrix.cells()[0]
        return cls(first.protocol, first.implementation, plan.versions[0].name if plan.compares_versions else None)

    def of(self, key: CellKey) -> CellKey:
        """The key of the cell that this one's `ratio` is to; for the baseline itself, its cell without gzip and TLS."""
        if self.version is not None:
            return replace(key, version=self.version)
        same = key.of_series(self._series)
        return same.without_variants if same == key else same

    def plain(self, key: CellKey) -> CellKey | None:
        """The key of the cell that this one's `ratio_to_plain` is to."""
        return None if self.version is not None else key.of_series(self._series).without_variants

    @property
    def _series(self) -> CellKey:
        return CellKey(protocol=self.protocol, implementation=self.implementation)


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """A ratio and its intervals. An interval is None where there are too few slices for it."""

    value: float
    corrected: Interval | None
    """All corrected intervals of the family are right at once, with 99 %."""
    plain_95: Interval | None
    precision: Precision | None
    """Behind the corrected interval; None with a single instance."""

    def estimate(self, measure: Measure, *, restarted: bool) -> RatioEstimate:
        """The ratio with its verdict, as in the run file. `restarted` false, or a single instance: no verdict."""
        low, high = self.corrected or (None, None)
        low_95, high_95 = self.plain_95 or (None, None)
        precision = self.precision if restarted else None
        found = verdict(low, high, lower_is_better=measure.lower_is_better, restarted=precision is not None)
        return RatioEstimate(
            value=self.value,
            low=low,
            high=high,
            low_95=low_95,
            high_95=high_95,
            verdict=found,
            undecided=undecided(self.value, precision, restarted=restarted) if found == "inconclusive" else None,
            detectable_change=None if precision is None else precision.detectable_change,
        )


@dataclass(frozen=True, slots=True)
class CellRatios:
    """The ratios of one cell."""

    to_baseline: Ratio | None
    """To the baseline protocol at equal gzip and TLS; for that itself, to its own cell without both. In a run that
    compares two versions, to the same cell of the baseline version."""
    to_plain: Ratio | None
    """To the baseline protocol without gzip and TLS. None in a run that compares two versions."""


def ratios_of(cells: Sequence[Cell], baseline: Baseline, *, restarts: bool) -> dict[str, CellRatios]:
    """The ratios of every cell of a run, by its id. `restarts`: whether every instance started the producers anew.

    A pair of cells counts once in the correction for many verdicts, be it `to_baseline`, `to_plain` or both.
    """
    by_id = {cell.id: cell for cell in cells}
    by_key = {cell.key: cell.id for cell in cells if cell.status == "measured"}

    def partner(key: CellKey, other: CellKey | None) -> str | None:
        return by_key.get(other) if other is not None and other != key else None

    partners = {
        cell_id: (partner(key, baseline.of(key)), partner(key, baseline.plain(key))) for key, cell_id in by_key.items()
    }
    logs: dict[_Pair, Levels] = {}
    for cell_id, others in partners.items():
        for other in others:
            if other is None:
                continue
            found = paired(by_id[cell_id].slices, by_id[other].slices, measure_of(by_id[cell_id]))
            if found is not None:
                logs[cell_id, other] = found
    headline = [is_headline(by_id[above], by_id[below]) for above, below in logs]
    confidence = dict(zip(logs, confidences(headline), strict=True))
    ratios: dict[_Pair, Ratio] = {}
    for measure, are_headline in product((LATENCY, THROUGHPUT), (True, False)):
        pairs = [
            pair
            for pair, one in zip(logs, headline, strict=True)
            if measure_of(by_id[pair[0]]) is measure and one is are_headline
        ]
        together = family([logs[pair] for pair in pairs], [confidence[pair] for pair in pairs])
        for pair, ratio in zip(pairs, together, strict=True):
            estimate = ratio.estimate(measure, restarted=restarts)
            ratios[pair] = (
                Ratio(baseline=pair[1], latency_ns_p50=estimate)
                if measure is LATENCY
                else Ratio(baseline=pair[1], requests_per_second=estimate)
            )
    return {
        cell_id: CellRatios(*(None if other is None else ratios.get((cell_id, other)) for other in others))
        for cell_id, others in partners.items()
    }


def paired(cell: Slices, baseline: Slices, measure: Measure) -> Levels | None:
    """The log ratios of slices that share instance and round, at both levels. None when no two do.

    A slice that is missing, or has no value, on one side drops the pair.
    """
    above, below = by_round(cell, measure), by_round(baseline, measure)
    shared = sorted(above.keys() & below.keys())
    return levels([instance for instance, _ in shared], [above[key] - below[key] for key in shared])


def by_round(slices: Slices, measure: Measure) -> dict[tuple[int, int], float]:
    """The logarithms of the measure of slices, by instance and round; without slices that have no value."""
    values = logarithms(column(slices, measure))
    return {
        key: value
        for key, value in zip(zip(slices.instance, slices.round, strict=True), values, strict=True)
        if value is not None
    }


def family(ratios: Sequence[Levels], confidences: Sequence[float]) -> list[PairedRatio]:
    """Comparable ratios of a run, in the order given, each with its corrected interval at the confidence given.

    Ratios of the same measure that take part in about as many rounds are comparable. The variances of those measured in
    the same instances are shrunk.
    """
    found: dict[int, PairedRatio] = {}
    for instances in {ratio.instances for ratio in ratios}:
        members = [index for index, ratio in enumerate(ratios) if ratio.instances == instances]
        if len(instances) == 1:
            for index in members:
                found[index] = _paired_ratio(ratios[index], ratios[index].interval(confidences[index]), None)
            continue
        spreads = shrunk(np.column_stack([ratios[index].medians for index in members]))
        for index, spread, freedom in zip(members, spreads.spread, spreads.degrees_of_freedom, strict=True):
            ratio = ratios[index]
            half = max(
                half_width(float(spread), float(freedom), len(instances), confidences[index]),
                half_width(ratio.spread, len(instances) - 1, len(instances), CONFIDENCE),
            )
            error = float(spread) / math.sqrt(len(instances))
            precision = Precision(error, float(freedom), half, confidences[index], len(instances))
            found[index] = _paired_ratio(ratio, (ratio.value - half, ratio.value + half), precision)
    return [found[index] for index in range(len(ratios))]


def _paired_ratio(logs: Levels, corrected: Interval | None, precision: Precision | None) -> PairedRatio:
    return PairedRatio(
        value=float(np.exp(logs.value)),
        corrected=exponential(corrected),
        plain_95=exponential(logs.interval(CONFIDENCE)),
        precision=precision,
    )
