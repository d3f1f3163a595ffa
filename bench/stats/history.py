"""Many runs in a row: the levels of every series, and where they changed. Pure."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.stats.between_runs import Noise, columns, groups, mean, measured, noises, pool
from bench.stats.change_points import change_points, penalty
from bench.stats.differences import Difference, differing
from bench.stats.estimates import CONFIDENCE, exponential, measure_of
from bench.stats.gate import Gate
from bench.stats.history_gate import gate_of_newest
from bench.stats.snapshot import Measurement, SeriesKey, Snapshot
from bench.stats.standard_error import student_t
from bench.stats.verdicts import THRESHOLD


@dataclass(frozen=True, slots=True)
class Level:
    """Runs in a row between which a series did not change."""

    runs: tuple[int, ...]
    """Indices into the runs of the history; all ran under the same conditions."""
    value: float
    low: float | None
    high: float | None
    """Between these, 95 of 100 runs of the same code are expected. None where the noise is not known."""


@dataclass(frozen=True, slots=True)
class Change:
    """A series moved to another level and stayed there."""

    series: SeriesKey
    before: int
    """The last run before it."""
    after: int
    """The first run after it."""
    ratio: float
    """The level after it divided by the one before."""

    @property
    def is_slower(self) -> bool:
        """Whether it is for the worse."""
        return (self.ratio > 1) == measure_of(self.series.cell).lower_is_better


@dataclass(frozen=True, slots=True)
class Series:
    """One value from run to run."""

    key: SeriesKey
    points: Mapping[int, Measurement]
    """By run; without those that did not measure it."""
    levels: tuple[Level, ...]
    noise: Noise | None


@dataclass(frozen=True, slots=True)
class Break:
    """A run under conditions that no earlier run had, and how they differ from the run before."""

    run: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Runs in the order of time, and what they show together."""

    runs: tuple[Snapshot, ...]
    breaks: tuple[Break, ...]
    series: tuple[Series, ...]
    changes: tuple[Change, ...]
    gate: Gate | None
    """Whether the newest run is a regression; None where that was not asked."""


def history(
    snapshots: Sequence[Snapshot],
    *,
    last: int | None = None,
    threshold: float = THRESHOLD,
    gaps: Sequence[str] = (),
) -> History:
    """What runs show together. Copies of a run count once.

    `last`: compare the newest run with so many runs before it, under the same conditions; None: with none. `gaps`: what
    is missing, in sentences; it makes the absence of a regression unknown.
    """
    runs = tuple(sorted({each.identity: each for each in snapshots}.values(), key=lambda each: each.started_at))
    parts = groups(runs)
    keys = list(dict.fromkeys(key for run in reversed(runs) for key in run.values))
    known = noises(runs, parts)
    chosen = [(key, [measured(runs, group, key) for group in parts]) for key in keys]
    cut_penalty = penalty(sum(max(0, len(members) - 1) for _, own in chosen for members in own))
    series = [
        Series(
            key,
            {number: run.values[key] for number, run in enumerate(runs) if key in run.values},
            tuple(level for members in own for level in _levels(runs, members, key, known.get(pool(key)), cut_penalty)),
            known.get(pool(key)),
        )
        for key, own in chosen
    ]
    return History(
        runs=runs,
        breaks=tuple(_breaks(runs)),
        series=tuple(series),
        changes=tuple(change for each in series for change in _changes(runs, each)),
        gate=None if last is None else gate_of_newest(runs, last, threshold, gaps),
    )


def _breaks(runs: Sequence[Snapshot]) -> Iterator[Break]:
    seen: set[Hashable] = set()
    for number, run in enumerate(runs):
        conditions = frozenset(run.conditions.items())
        if seen and conditions not in seen:
            yield Break(number, tuple(differing(runs[number - 1].conditions, run.conditions)))
        seen.add(conditions)


def _levels(
    runs: Sequence[Snapshot], members: Sequence[int], key: SeriesKey, noise: Noise | None, cut_penalty: float
) -> Iterator[Level]:
    """The levels of a series within runs under the same conditions."""
    if not members:
        return
    values, errors = columns(runs, members, key, 1.0 if noise is None else noise.factor)
    cuts = [] if noise is None else change_points(values, errors, cut_penalty)
    for begin, end in pairwise([0, *cuts, len(members)]):
        centre, low, high = mean(values[begin:end], errors[begin:end]).value, None, None
        if noise is not None:
            half = float(student_t(noise.degrees_of_freedom, CONFIDENCE)) * float(np.median(errors[begin:end]))
            low, high = exponential((centre - half, centre + half)) or (None, None)
        yield Level(tuple(members[begin:end]), math.exp(centre), low, high)


def _changes(runs: Sequence[Snapshot], series: Series) -> Iterator[Change]:
    """Where levels under the same conditions follow each other."""
    for before, after in pairwise(series.levels):
        last, first = before.runs[-1], after.runs[0]
        if runs[last].conditions == runs[first].conditions:
            yield Change(series.key, last, first, after.value / before.value)
