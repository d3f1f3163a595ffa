"""Comparison of two runs, cell by cell: which cells got slower. Pure.

Runs are not interleaved, so nothing is paired: the logarithms of each run's instance medians are compared as two
samples of unequal variance (Welch 1947, "The generalization of 'Student's' problem when several different population
variances are involved"). The interval covers how restarts move results. It does not cover drift from one run to the
next, and the comparison says so.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.results import Cell, RatioEstimate, Run
from bench.spec import CellKey
from bench.stats import verdicts
from bench.stats.estimates import (
    CONFIDENCE,
    Interval,
    Levels,
    Measure,
    MeasureName,
    column,
    exponential,
    levels,
    logarithms,
    measure_of,
    median_interval,
    student_t,
)
from bench.stats.verdicts import THRESHOLD, regressed
from bench.stats.wording import NAMED_AT_MOST, some_of

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
    ratio: RatioEstimate
    """B divided by A; `low` and `high` are corrected for all rows."""
    regressed: bool
    """Whether B is `slower`, and by more than the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedBytes:
    """A cell whose responses have another size on the wire. Sizes are exact, so there is no interval."""

    id: str
    wire_bytes_a: float
    wire_bytes_b: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Run B against run A."""

    threshold: float
    cells: list[ComparedCell]
    changed_bytes: list[ChangedBytes]
    differences: list[str]
    """Why the runs are not comparable, when comparing them was forced."""
    notes: list[str]
    """What limits the comparison, in sentences."""

    @property
    def regressions(self) -> list[ComparedCell]:
        """The cells that got slower, and by more than the threshold."""
        return [cell for cell in self.cells if cell.regressed]


def compare(run_a: Run, run_b: Run, threshold: float = THRESHOLD, *, force: bool = False) -> Comparison:
    """Run B against run A (the earlier), in the order of B's cells. `threshold` is a share: 0.02 for 2 %.

    Raises RunsNotComparable when recipes, machine, kernel or versions differ, unless `force` is set, and whenever no
    cell was measured in both. A cell has a verdict only where both runs restarted their producers.
    """
    found = differences(run_a, run_b)
    before = {cell.key: cell for cell in run_a.cells if cell.status == "measured"}
    after = {cell.key: cell for cell in run_b.cells if cell.status == "measured"}
    shared = [each for each in after if each in before]
    if not shared:
        raise RunsNotComparable([*found, "no configuration was measured in both runs"], can_be_forced=False)
    if found and not force:
        raise RunsNotComparable(found, can_be_forced=True)
    confidence = verdicts.family_confidence(len(shared))
    restarted = not any(run.environment.get("foreign_target") for run in (run_a, run_b))
    rows = (_row(before[each], after[each], confidence, threshold, restarted=restarted) for each in shared)
    return Comparison(
        threshold=threshold,
        cells=[row for row in rows if row is not None],
        changed_bytes=[change for each in shared if (change := _changed(before[each], after[each])) is not None],
        differences=found,
        notes=_notes(run_a, run_b, before, after, restarted=restarted),
    )


def differences(run_a: Run, run_b: Run) -> list[str]:
    """What makes two runs not comparable, each as `what: in A, then in B`: recipes, processor, kernel, versions.

    The host's name does not count, since every container has a new one, nor does the lab's commit, since a change of it
    is what is compared.
    """
    found = []
    if run_a.recipes.digest != run_b.recipes.digest:
        recipes = (f"{each.source} ({each.count}, digest {each.digest})" for each in (run_a.recipes, run_b.recipes))
        found.append("recipes: " + ", then ".join(recipes))
    return found + environment_differences(run_a.environment, run_b.environment)


def environment_differences(environment_a: dict[str, Any], environment_b: dict[str, Any]) -> list[str]:
    """How two environments differ in what moves results, each as `what: in A, then in B`.

    What moves results: the processor, the kernel, Python, OpenSSL and every library recorded. Values that only one of
    them recorded, as with files of an earlier version, share one entry when there are many.
    """
    values_a, values_b = _compared_values(environment_a), _compared_values(environment_b)
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
    cpu, libraries = environment.get("cpu"), environment.get("libraries")
    if isinstance(cpu, dict):
        found |= {f"CPU {name}": str(cpu[name]) for name in ("model", "count") if name in cpu}
        if cpu.get("quota_cores") is not None:
            found["CPU quota"] = f"{cpu['quota_cores']:g} cores"
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


def _row(a: Cell, b: Cell, confidence: float, threshold: float, *, restarted: bool) -> ComparedCell | None:
    measure = measure_of(b)
    before, after = _levels(a, measure), _levels(b, measure)
    if before is None or after is None:
        return None
    value = after.value - before.value
    low, high = exponential(_difference(before, after, confidence)) or (None, None)
    low_95, high_95 = exponential(_difference(before, after, CONFIDENCE)) or (None, None)
    several = len(before.instances) > 1 and len(after.instances) > 1
    verdict = verdicts.verdict(low, high, lower_is_better=measure.lower_is_better, restarted=restarted and several)
    ratio = RatioEstimate(value=math.exp(value), low=low, high=high, low_95=low_95, high_95=high_95, verdict=verdict)
    return ComparedCell(
        id=b.id,
        measure=measure.name,
        value_a=math.exp(before.value),
        value_b=math.exp(after.value),
        ratio=ratio,
        regressed=regressed(ratio, threshold, lower_is_better=measure.lower_is_better),
    )


def _levels(cell: Cell, measure: Measure) -> Levels | None:
    return levels(cell.slices.instance, logarithms(column(cell.slices, measure)))


def _difference(before: Levels, after: Levels, confidence: float) -> Interval | None:
    """The interval of B − A: between instances where both runs have several, else within the runs."""
    if len(before.instances) > 1 and len(after.instances) > 1:
        shares = [each.spread**2 / len(each.instances) for each in (before, after)]
        freedoms = [len(each.instances) - 1 for each in (before, after)]
        weighted = sum(share**2 / freedom for share, freedom in zip(shares, freedoms, strict=True))
        freedom = sum(shares) ** 2 / weighted if weighted else float(sum(freedoms))
        half = float(student_t(freedom, confidence)) * math.sqrt(sum(shares))
    else:
        errors = [_within_error(each) for each in (before, after)]
        if None in errors:
            return None
        half = float(student_t(math.inf, confidence)) * math.sqrt(
            sum(error**2 for error in errors if error is not None)
        )
    value = after.value - before.value
    return value - half, value + half


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
    for name, one, other in (("A", before, after), ("B", after, before)):
        only = [one[each].id for each in one if each not in other]
        if only:
            notes.append(f"Measured in {name} only, not compared: {', '.join(only)}.")
    hosts = [run.environment.get("host") for run in (run_a, run_b)]
    if hosts[0] != hosts[1]:
        notes.append(f"The host names differ: {hosts[0]}, then {hosts[1]}.")
    return notes
