"""Comparison of two runs, cell by cell: which cells got slower. Pure.

Runs are not interleaved, so nothing is paired: the logarithms of each run's instance medians are compared as two
samples of unequal variance. The interval covers how restarts move results, and how the machine's speed changed within
each run. It does not cover drift from one run to the next, and the comparison says so.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.results import Cell, RatioEstimate, Run
from bench.spec import CellKey, dimensions
from bench.stats import verdicts
from bench.stats.detection import Precision, undecided
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
from bench.stats.gate import Gate, GatedCell, gate, interrupted, with_failed_requests, without_result
from bench.stats.generator import is_bound
from bench.stats.standard_error import StandardError, added, student_t
from bench.stats.verdicts import THRESHOLD
from bench.stats.wording import NAMED_AT_MOST, configurations, some_of

CAUTION = "Caution: intervals do not include drift from one run to the next. Use --ab for a reliable gate."


class RunsNotComparable(Exception):
    """Two runs that should not be compared. The text is one line with every reason."""

    def __init__(self, reasons: list[str], *, can_be_forced: bool) -> None:
        super().__init__("; ".join(reasons))
        self.can_be_forced = can_be_forced


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """A cell that both runs measured."""

    id: str
    """In run B."""
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
class ChangedBytes:
    """A cell whose responses have another size on the wire. Sizes are exact, so there is no interval."""

    id: str
    wire_bytes_a: float
    wire_bytes_b: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Run B against run A."""

    cells: list[ComparedCell]
    changed_bytes: list[ChangedBytes]
    differences: list[str]
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
        raise RunsNotComparable([*found, reason], can_be_forced=False)
    if found and not force:
        raise RunsNotComparable(found, can_be_forced=True)
    pairs = {each: pair for each in shared if (pair := _pair(before[each], after[each])) is not None}
    confidence = verdicts.family_confidence(len(pairs))
    cells = {each: _row(pair, confidence, restarted=restarted) for each, pair in pairs.items()}
    uncompared = [after[each].id for each in shared if each not in pairs]
    gaps = [*_gaps(run_a, run_b, before, after)]
    gaps += [f"Too few successful requests to compare: {configurations(uncompared)}."] if uncompared else []
    gated = [GatedCell(key, row.id, row.ratio) for key, row in cells.items()]
    return Comparison(
        cells=list(cells.values()),
        changed_bytes=[change for each in shared if (change := _changed(before[each], after[each])) is not None],
        differences=found,
        notes=_notes(run_a, run_b, before, after, restarted=restarted),
        gate=gate(gated, threshold, gaps, interleaved=False),
    )


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


def differences(run_a: Run, run_b: Run) -> list[str]:
    """What makes two runs not comparable, each as `what: in A, then in B`: recipes, settings, processor, kernel,
    versions.

    The host's name does not count, since every container has a new one, nor does the lab's commit, since a change of it
    is what is compared.
    """
    found = []
    if run_a.recipes.digest != run_b.recipes.digest:
        recipes = (f"{each.source} ({each.count}, digest {each.digest})" for each in (run_a.recipes, run_b.recipes))
        found.append("recipes: " + ", then ".join(recipes))
    settings = _differing(*(_settings(run) for run in (run_a, run_b)))
    return [*found, *settings, *environment_differences(run_a.environment, run_b.environment)]


def _settings(run: Run) -> dict[str, str]:
    """Every setting of a run that moves results and is no dimension."""
    plan = run.plan
    known = {
        "gzip level": plan.gzip_level,
        "timeout": None if plan.timeout_s is None else f"{plan.timeout_s:g} s",
        "slice": f"{plan.slice_ms:g} ms",
        "expected responses": plan.expect,
        "requested recipes": None if run.recipes.ids is None else _ids_in_words(run.recipes.ids),
    }
    networks = {f"network {name}": words for name, words in plan.networks.items()}
    return {name: str(value) for name, value in {**known, **networks}.items() if value is not None}


def _ids_in_words(ids: Sequence[int]) -> str:
    """Enough to see that two choices differ, and short."""
    digest = hashlib.sha256(repr(sorted(ids)).encode()).hexdigest()[:8]
    return f"{len(ids)} (--ids and --seed; digest {digest})"


def environment_differences(environment_a: dict[str, Any], environment_b: dict[str, Any]) -> list[str]:
    """How two environments differ in what moves results, each as `what: in A, then in B`.

    What moves results: the processor, how many cores were usable and whether producer and load had one each, the
    kernel, Python, OpenSSL and every library recorded. Values that only one of
    them recorded, as with files of an earlier version, share one entry when there are many.
    """
    return _differing(_compared_values(environment_a), _compared_values(environment_b))


def _differing(values_a: Mapping[str, str], values_b: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys([*values_a, *values_b])
    one_sided = [name for name in names if name not in values_a or name not in values_b]
    listed = [name for name in names if len(one_sided) <= NAMED_AT_MOST or name not in one_sided]
    found = [
        f"{name}: {values_a.get(name, 'unknown')}, then {values_b.get(name, 'unknown')}"
        for name in listed
        if values_a.get(name) != values_b.get(name)
    ]
    return found if len(one_sided) <= NAMED_AT_MOST else [*found, f"recorded in one run only: {some_of(one_sided)}"]


def _compared_values(environment: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    cpu, libraries, pinning = (environment.get(name) for name in ("cpu", "libraries", "pinning"))
    if isinstance(cpu, dict):
        found |= {f"CPU {name}": str(cpu[name]) for name in ("model", "count", "governor") if cpu.get(name)}
        if isinstance(usable := cpu.get("usable"), list):
            found["usable CPUs"] = str(len(usable))
        quota = cpu.get("quota_cores")
        found["CPU quota"] = "none" if quota is None else f"{quota:g} cores"
    if isinstance(pinning, dict):
        found["producer and load apart"] = "yes" if pinning.get("apart") else "no"
    titles = {
        "kernel": "kernel",
        "python": "Python",
        "python_implementation": "Python implementation",
        "openssl": "OpenSSL",
    }
    found |= {title: str(environment[name]) for name, title in titles.items() if environment.get(name) is not None}
    if isinstance(libraries, dict):
        found |= {name: str(version) for name, version in libraries.items()}
    return found


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


def _changed(a: Cell, b: Cell) -> ChangedBytes | None:
    bytes_a, bytes_b = (cell.bytes.response.wire_bytes if cell.bytes else None for cell in (a, b))
    if bytes_a is None or bytes_b is None or bytes_a == bytes_b:
        return None
    return ChangedBytes(id=b.id, wire_bytes_a=bytes_a, wire_bytes_b=bytes_b)


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
    hosts = [run.environment.get("host") for run in (run_a, run_b)]
    if hosts[0] != hosts[1]:
        notes.append(f"The host names differ: {hosts[0]}, then {hosts[1]}.")
    return notes
