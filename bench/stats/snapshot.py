"""What a history keeps of a run: one value for each series, and what they depend on. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from bench.results import Cell, Estimate, RatioEstimate, Run
from bench.spec import CellKey
from bench.stats.differences import commit_of, compared_values
from bench.stats.estimates import CONFIDENCE, LATENCY, measure_of
from bench.stats.gate import interrupted, with_failed_requests, without_result
from bench.stats.standard_error import student_t
from bench.stats.verdicts import compared_by

Kind = Literal["ratio", "absolute"]
"""`ratio`: to the baseline of the same run, which survives a change of machine. `absolute`: latency, or requests/s."""
DIRTY = "-dirty"
"""At the end of a commit from which files differed."""


class NotForHistory(Exception):
    """A run that has no place in a history. The text says why."""


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What is followed from run to run: a cell, as a ratio to another cell or, without one, absolutely."""

    cell: CellKey
    baseline: CellKey | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value of a series, with its 95 % interval within the run."""

    value: float
    low: float | None
    high: float | None
    error: float | None
    """Standard error of the logarithm; None with a single instance, which does not show how restarts move values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a history keeps of a run."""

    name: str
    """Of its file."""
    started_at: datetime
    identity: tuple[object, ...]
    """The same in copies of a run."""
    commit: str | None
    note: str | None
    conditions: Mapping[str, str]
    """Everything that is equal in runs that can be compared: recipes, settings, machine, versions."""
    gaps: tuple[str, ...]
    """What it should have measured and has not, in sentences."""
    values: Mapping[SeriesKey, Measurement]

    @property
    def clean_commit(self) -> str | None:
        """The commit, where it names the code exactly."""
        return None if self.commit is None or self.commit.endswith(DIRTY) else self.commit


def snapshot(name: str, run: Run, kind: Kind) -> Snapshot:
    """What a history keeps of a run. Raises NotForHistory."""
    if any(cell.version is not None for cell in run.cells):
        raise NotForHistory("it compares two versions")
    by_id = {cell.id: cell for cell in run.cells}
    values: dict[SeriesKey, Measurement] = {}
    for cell in run.cells:
        if cell.status != "measured":
            continue
        baseline = None if cell.ratio is None else by_id.get(cell.ratio.baseline)
        if kind == "absolute":
            found, key = _of_value(cell), SeriesKey(cell.key, None)
        elif baseline is not None:
            found, key = _of_ratio(cell), SeriesKey(cell.key, baseline.key)
        else:
            continue
        if found is not None:
            values[key] = found
    if not values:
        raise NotForHistory("it has no latency or throughput" if kind == "absolute" else "it has no ratios")
    return Snapshot(
        name=name,
        started_at=_time(run.started_at),
        identity=(run.started_at, run.duration_s, run.command, run.seed),
        commit=commit_of(run),
        note=run.note,
        conditions=compared_values(run),
        gaps=(*interrupted(run, "It"), *without_result(run.cells), *with_failed_requests(run.cells)),
        values=values,
    )


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotForHistory(f"its start, {text[:40]!r}, is no time") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _of_ratio(cell: Cell) -> Measurement | None:
    found = compared_by(cell)
    return None if found is None else _measurement(cell, found, found.low_95, found.high_95)


def _of_value(cell: Cell) -> Measurement | None:
    found = cell.requests_per_second
    if measure_of(cell) is LATENCY:
        found = None if cell.latency_ns is None else cell.latency_ns.p50
    return None if found is None else _measurement(cell, found, found.low, found.high)


def _measurement(
    cell: Cell, found: Estimate | RatioEstimate, low: float | None, high: float | None
) -> Measurement | None:
    if not (found.value > 0 and math.isfinite(found.value)):
        return None
    if low is None or high is None or not 0 < low <= high < math.inf:
        return Measurement(found.value, None, None, None)
    instances = len(set(cell.slices.instance))
    error = None
    if instances > 1 and high > low:
        error = math.log(high / low) / 2 / float(student_t(instances - 1, CONFIDENCE))
    return Measurement(found.value, low, high, error)
