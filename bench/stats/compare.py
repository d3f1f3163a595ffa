"""Comparison of two runs, or of two versions within one, cell by cell: which cells got slower. Pure.

Two runs are not interleaved, so nothing is paired: the logarithms of each run's instance medians are compared as two
samples of unequal variance. The interval covers how restarts move results, and how the machine's speed changed within
each run. It does not cover drift from one run to the next, and the comparison says so.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.results import Cell, RatioEstimate, Run
from bench.spec import CellKey, dimensions
from bench.stats import verdicts
from bench.stats.detection import Precision, undecided
from bench.stats.differences import Difference, differences, of_interest
from bench.stats.estimates import (
    CONFIDENCE,
    Interval,
    Levels,
    MeasureName,
    exponential,
    measure_of,
    measured,
    median_interval,
)
from bench.stats.gate import (
    HELP_TWO_RUNS,
    Gate,
    GatedCell,
    gate,
    gate_of_versions,
    interrupted,
    with_failed_requests,
    without_result,
)
from bench.stats.generator import is_bound
from bench.stats.standard_error import StandardError, added, at_least_pooled, student_t
from bench.stats.verdicts import THRESHOLD, compared_by
from bench.stats.wording import configurations, some_of

INSTRUCTIONS_APART = 0.004
"""By so large a share may processes of the same code differ in instructions per request (docs/instructions.md)."""
CAUTION = "Caution: intervals do not include drift from one run to the next. Use --ab for a reliable gate."


class RunsNotComparable(Exception):
    """Two runs that should not be compared. The text is one line with every reason."""

    def __init__(self, reasons: list[str], *, can_be_forced: bool) -> None:
        super().__init__("; ".join(reasons))
        self.can_be_forced = can_be_forced


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """A cell that both sides measured."""

    id: str
    """In run B."""
    key: CellKey
    measure: MeasureName
    value_a: float
    value_b: float
    """Nanoseconds or requests per second."""
    bound_a: bool = False
    bound_b: bool = False
    """Whether the client was the limit, so that the throughput is a lower bound."""
    ratio: RatioEstimate
    """B divided by A; `low` and `high` are corrected for all rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedCount:
    """Something counted of a cell that is not what it was."""

    id: str
    """Of the first cell of which it is counted; it is the same under any load."""
    what: str
    """Such as `response bytes`."""
    before: float
    after: float

    @property
    def is_size(self) -> bool:
        """Whether bytes were counted, which is exact."""
        return self.what.endswith("bytes")

    @property
    def apart(self) -> float:
        """By so large a share may counts of the same code differ."""
        return 0.0 if self.is_size else INSTRUCTIONS_APART


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """B against A: two runs, or two versions within one."""

    names: tuple[str, str] = ("A", "B")
    """Of versions: their own."""
    cells: list[ComparedCell]
    changed_counts: list[ChangedCount]
    circumstances: list[Difference]
    """What differs and does not stand in the way, such as the commit."""
    differences: list[Difference]
    """Why the runs are not comparable, when comparing them was forced."""
    notes: list[str]
    """What limits the comparison, in sentences."""
    gate: Gate
    """Whether there are regressions, or none, or neither was shown."""


def compare(run_a: Run, run_b: Run, threshold: float = THRESHOLD, *, force: bool = False) -> Comparison:
    """Run B against run A (the earlier), in the order of B's cells. `threshold` is a share: 0.02 for 2 %.

    Raises RunsNotComparable when recipes, settings, machine, kernel or versions differ, unless `force` is set, and
    whenever no cell was measured in both. A cell has a verdict only where both runs restarted their producers.
    """
    found = differences(run_a, run_b)
    restarted = not any(run.environment.get("foreign_target") for run in (run_a, run_b))
    before, after = _measured_cells(run_a), _measured_cells(run_b)
    shared = [each for each in after if each in before]
    if not shared:
        apart = "; ".join(_values_apart(list(before), list(after)))
        reason = f"no configuration was measured in both runs{f' ({apart})' if apart else ''}"
        raise RunsNotComparable([*map(str, found), reason], can_be_forced=False)
    if found and not force:
        raise RunsNotComparable([*map(str, found)], can_be_forced=True)
    pairs = _pooled({each: pair for each in shared if (pair := _pair(before[each], after[each])) is not None})
    confidence = verdicts.family_confidence(len(pairs))
    cells = {each: _row(pair, confidence, restarted=restarted) for each, pair in pairs.items()}
    uncompared = [after[each].id for each in shared if each not in pairs]
    gaps = [*_gaps(run_a, run_b, before, after)]
    gaps += [f"Too few successful requests to compare: {configurations(uncompared)}."] if uncompared else []
    gated = [GatedCell(key, row.id, row.ratio) for key, row in cells.items()]
    return Comparison(
        cells=list(cells.values()),
        changed_counts=changed_counts([(before[each], after[each]) for each in shared]),
        circumstances=of_interest(run_a, run_b),
        differences=found,
        notes=_notes(run_a, run_b, before, after, restarted=restarted),
        gate=gate(gated, threshold, gaps, remedy=HELP_TWO_RUNS),
    )


def compare_versions(run: Run) -> Comparison | None:
    """The later version of a run against the earlier one; None for a run that does not compare two."""
    found, versions = gate_of_versions(run), _versions_of(run)
    if found is None or versions is None:
        return None
    by_id = {cell.id: cell for cell in run.cells}
    ratios = [(cell, cell.ratio.baseline, compared_by(cell)) for cell in run.cells if cell.ratio is not None]
    pairs = [(by_id[base], cell, ratio) for cell, base, ratio in ratios if ratio is not None and base in by_id]
    rows = (
        ComparedCell(
            id=after.id,
            key=after.key,
            measure=measure_of(after).name,
            value_a=value_a,
            value_b=value_b,
            bound_a=is_bound(before),
            bound_b=is_bound(after),
            ratio=ratio,
        )
        for before, after, ratio in pairs
        if (value_a := _value(before)) is not None and (value_b := _value(after)) is not None
    )
    return Comparison(
        names=versions,
        cells=list(rows),
        changed_counts=changed_counts((before, after) for before, after, _ in pairs),
        circumstances=[Difference("version", *versions)],
        differences=[],
        notes=[],
        gate=found,
    )


def _versions_of(run: Run) -> tuple[str, str] | None:
    """The names of the two versions of a run, the earlier first; None for a run that does not compare two."""
    names = list(dict.fromkeys(cell.version for cell in run.cells if cell.version is not None))
    return (names[0], names[-1]) if len(names) > 1 else None


def _value(cell: Cell) -> float | None:
    """The value that a cell is compared by; None where it has none."""
    estimate = cell.requests_per_second
    if measure_of(cell).name == "latency_ns_p50":
        estimate = None if cell.latency_ns is None else cell.latency_ns.p50
    return None if estimate is None else estimate.value


def _values_apart(before: Sequence[CellKey], after: Sequence[CellKey]) -> Iterator[str]:
    """The dimensions of which the two runs share no value, such as `cores: default, then awake`."""
    for name, dimension in dimensions().items():
        values = [list(dict.fromkeys(_in_words(getattr(key, name)) for key in keys)) for keys in (before, after)]
        if all(values) and not set(values[0]) & set(values[1]):
            yield f"{dimension.heading}: {', then '.join(' and '.join(each) for each in values)}"


def _in_words(value: Any) -> str:
    return getattr(value, "label", None) or ("on" if value is True else "off" if value is False else str(value))


def _measured_cells(run: Run) -> dict[CellKey, Cell]:
    return {cell.key: cell for cell in run.cells if cell.status == "measured"}


def _gaps(run_a: Run, run_b: Run, before: Mapping[CellKey, Cell], after: Mapping[CellKey, Cell]) -> Iterator[str]:
    """What was not compared although A, or both, should have it."""
    for name, run in (("A", run_a), ("B", run_b)):
        yield from interrupted(run, name)
    lost = [cell.id for key, cell in before.items() if key not in after]
    if lost:
        yield f"Measured in A, but not in B: {configurations(lost)}."
    yield from without_result((cell for cell in run_a.cells if cell.key not in before), "A")
    yield from without_result((cell for cell in run_b.cells if cell.key not in before and cell.key not in after), "B")
    for name, run in (("A", run_a), ("B", run_b)):
        yield from with_failed_requests(run.cells, name)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A cell in both runs, with its levels."""

    a: Cell
    b: Cell
    before: Levels
    after: Levels


def _pair(a: Cell, b: Cell) -> _Pair | None:
    """None where one of the runs has no value of the cell."""
    before, after = (measured(cell.slices, measure_of(b)) for cell in (a, b))
    return None if before is None or after is None else _Pair(a, b, before, after)


def _pooled(pairs: Mapping[CellKey, _Pair]) -> dict[CellKey, _Pair]:
    """The pairs with errors that are due to time not below those of the other cells of their run."""
    before = _with_pooled_errors([pair.before for pair in pairs.values()])
    after = _with_pooled_errors([pair.after for pair in pairs.values()])
    return {
        key: replace(pair, before=of_a, after=of_b)
        for (key, pair), of_a, of_b in zip(pairs.items(), before, after, strict=True)
    }


def _with_pooled_errors(found: Sequence[Levels]) -> list[Levels]:
    errors = at_least_pooled([each.over_time for each in found])
    return [replace(each, over_time=error) for each, error in zip(found, errors, strict=True)]


def _row(pair: _Pair, confidence: float, *, restarted: bool) -> ComparedCell:
    measure, before, after = measure_of(pair.b), pair.before, pair.after
    value = after.value - before.value
    error = _error(before, after)
    low, high = exponential(_interval(value, error, confidence)) or (None, None)
    low_95, high_95 = exponential(_interval(value, error, CONFIDENCE)) or (None, None)
    several = len(before.instances) > 1 and len(after.instances) > 1
    precision = None
    if restarted and several and error is not None:
        half, instances = error.half_width(confidence), min(len(before.instances), len(after.instances))
        precision = Precision(error.size, error.degrees_of_freedom, half, confidence, instances)
    ratio = math.exp(value)
    found = verdicts.verdict(low, high, lower_is_better=measure.lower_is_better, restarted=precision is not None)
    return ComparedCell(
        id=pair.b.id,
        key=pair.b.key,
        measure=measure.name,
        value_a=math.exp(before.value),
        value_b=math.exp(after.value),
        bound_a=is_bound(pair.a),
        bound_b=is_bound(pair.b),
        ratio=RatioEstimate(
            value=ratio,
            low=low,
            high=high,
            low_95=low_95,
            high_95=high_95,
            verdict=found,
            undecided=undecided(ratio, precision, restarted=restarted) if found == "inconclusive" else None,
            detectable_change=None if precision is None else precision.detectable_change,
        ),
    )


def _interval(value: float, error: StandardError | None, confidence: float) -> Interval | None:
    if error is None:
        return None
    half = error.half_width(confidence)
    return value - half, value + half


def _error(before: Levels, after: Levels) -> StandardError | None:
    """Between instances where both runs have several, else within the runs. None when there are too few slices."""
    if len(before.instances) > 1 and len(after.instances) > 1:
        return added([before.error, after.error])
    errors = [_within_error(each) for each in (before, after)]
    known = [error for error in errors if error is not None]
    return StandardError(math.hypot(*known), math.inf) if len(known) == len(errors) else None


def _within_error(found: Levels) -> float | None:
    """The standard error of the mean of instance medians, from the slices alone; None when there are too few.

    A median's error follows from the width of its order-statistics interval (Price & Bonett 2001, "Estimating the
    variance of the sample median").
    """
    variance = 0.0
    for slices in found.slices:
        interval = median_interval(slices, CONFIDENCE)
        if interval is None:
            return None
        variance += ((interval[1] - interval[0]) / (2 * float(student_t(math.inf, CONFIDENCE)))) ** 2
    return math.sqrt(variance) / len(found.slices)


def changed_counts(pairs: Iterable[tuple[Cell, Cell]]) -> list[ChangedCount]:
    """What was counted of both cells of a pair and differs, once for all loads."""
    found: dict[tuple[CellKey, str], ChangedCount] = {}
    for before, after in pairs:
        counts = _counts(after)
        for what, count in _counts(before).items():
            if what in counts:
                change = ChangedCount(id=after.id, what=what, before=count, after=counts[what])
                found.setdefault((after.message, what), change)
    return [each for each in found.values() if abs(each.after - each.before) > each.apart * each.before]


def _counts(cell: Cell) -> dict[str, float]:
    """What is counted of one request, by name."""
    sizes, instructions = cell.bytes, cell.instructions
    found: dict[str, float | None] = {}
    if sizes is not None:
        found |= {"request bytes": sizes.request.wire_bytes, "response bytes": sizes.response.wire_bytes}
    if (behind := cell.bytes_behind_front) is not None:
        found["request bytes behind the front"] = behind.request.wire_bytes
        found["response bytes behind the front"] = behind.response.wire_bytes
    if instructions is not None:
        sides = {
            "server": instructions.producer,
            "front": instructions.front,
            "client": instructions.consumer,
        }
        found |= {f"{side} instructions": count.per_request.value for side, count in sides.items() if count is not None}
    return {what: count for what, count in found.items() if count is not None}


def _notes(
    run_a: Run, run_b: Run, before: Mapping[CellKey, Cell], after: Mapping[CellKey, Cell], *, restarted: bool
) -> list[str]:
    notes = [CAUTION]
    if not restarted:
        notes.append("Targets were measured, which the lab does not restart, so every verdict is inconclusive.")
    elif min(run.plan.instances_done for run in (run_a, run_b)) < 2:
        notes.append(
            "One of the runs has a single instance, so every verdict is inconclusive. Measure both with "
            "--instances 6 or more."
        )
    only_b = [cell.id for key, cell in after.items() if key not in before]
    if only_b:
        notes.append(f"Measured in B only, not compared: {some_of(only_b)}.")
    return notes
