"""Reasons not to trust a run, found in the run itself. Each text states a fact, its effect and a remedy.

Those that concern single cells are in bench.stats.cell_warnings.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.cgroup import BUSY_CORES
from bench.results import Cell, Grade, Run, RunWarning
from bench.stats import cell_warnings
from bench.stats.estimates import LATENCY, half_width, levels, measure_of
from bench.stats.verdicts import headline_cells, headline_half_width
from bench.stats.wording import counted, percent

WIDE = 0.05
"""Half the width of a headline interval, as a share, from which on it is wide."""
DRIFT = 0.02
"""The largest difference between early and late rounds of an instance, as a share."""
DRIFT_CONFIDENCE = 0.99
BUSY = 0.5
"""The largest load average before the run, per CPU that it may use."""
STOLEN = 0.02
"""The largest share of the machine's time that a hypervisor may give to other guests during a run."""

THROTTLED = 0.01
"""The largest share of the periods of a CPU quota in which it may be used up."""


def warnings_of(run: Run) -> list[RunWarning]:
    """All warnings that the run's own data give rise to, the most serious kinds first. Ignores `run.warnings`."""
    return [
        *_interrupted(run),
        *cell_warnings.of_cells(run.cells),
        *_restarts(run),
        *_machine(run.environment),
        *_wide_intervals(run),
        *_warming_up(run),
    ]


def _warning(code: str, grade: Grade, text: str, cells: Sequence[str] = ()) -> RunWarning:
    return RunWarning(code=code, grade=grade, text=text, cells=list(cells))


def _interrupted(run: Run) -> Iterator[RunWarning]:
    if run.plan.interrupted:
        yield _warning(
            "interrupted",
            "note",
            f"The run was interrupted after {run.plan.instances_done} of {counted(run.plan.instances, 'instance')}. "
            "Results are from the rounds that were finished. Let it run to its end for narrower intervals.",
        )


def _restarts(run: Run) -> Iterator[RunWarning]:
    if run.environment.get("foreign_target"):
        yield _warning(
            "target_not_restarted",
            "warning",
            "Targets were measured, which the lab does not restart. Intervals do not cover restarts, and every verdict "
            "is inconclusive. Let the lab start the producers.",
        )
    elif len({instance for cell in run.cells for instance in cell.slices.instance}) == 1:
        yield _warning(
            "one_instance",
            "warning",
            "The producers were started only once. Intervals do not cover restarts, and every verdict is inconclusive. "
            "Measure with --instances 6 or more.",
        )


def _machine(environment: Mapping[str, Any]) -> Iterator[RunWarning]:
    pinning, cpu = _part(environment, "pinning"), _part(environment, "cpu")
    if pinning and not pinning.get("apart"):
        where = "one physical core" if pinning.get("producer") else "a core"
        yield _warning(
            "shared_core",
            "warning",
            f"Producers and load shared {where} and took time from each other. Latencies are too high; ratios are less "
            "affected. Measure on Linux with two or more physical cores.",
        )
    governor = cpu.get("governor")
    if governor and governor != "performance":
        yield _warning(
            "frequency_scaling",
            "warning",
            f"The CPU changes its frequency (governor {governor}), so absolute values drift with load and temperature. "
            "Ratios are less affected. Set the governor to performance.",
        )
    load, cores = environment.get("load_average_1min"), cpu.get("count")
    if load is not None and cores and load > BUSY * cores:
        yield _warning(
            "busy_machine",
            "warning",
            f"The load average was {load:.1f} on {counted(cores, 'CPU')} before the run. Other programs probably "
            "competed with it. Stop them and measure again.",
        )
    yield from _disturbances(environment)


def _disturbances(environment: Mapping[str, Any]) -> Iterator[RunWarning]:
    """What took time from the run."""
    stolen = environment.get("stolen_share")
    if stolen is not None and stolen > STOLEN:
        yield _warning(
            "stolen_time",
            "warning",
            f"CPU steal was {percent(stolen)}: the hypervisor gave that time to other guests. High percentiles include "
            "it; ratios are least affected. Measure latencies on a dedicated machine.",
        )
    quota = _part(environment, "quota_periods")
    periods, throttled = quota.get("periods", 0), quota.get("throttled", 0)
    if throttled > THROTTLED * periods:
        cores = _part(environment, "cpu").get("quota_cores")
        yield _warning(
            "throttled",
            "warning",
            f"The run was throttled in {throttled:,} of {counted(periods, 'period')} of the CPU quota"
            f"{'' if cores is None else f' ({cores:g} cores)'}: its processes had to wait until the next period. "
            f"Latencies include that. Raise the quota of the container or service above {BUSY_CORES} cores.",
        )
    if others := environment.get("other_runs"):
        yield _warning(
            "other_runs",
            "warning",
            f"{'Another run' if others == 1 else counted(others, 'other run')} measured on the same cores at the same "
            "time. Both took time from each other. Measure one after the other.",
        )


def _part(environment: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = environment.get(name)
    return part if isinstance(part, dict) else {}


def _wide_intervals(run: Run) -> Iterator[RunWarning]:
    widths = {
        cell.id: math.inf if (half := headline_half_width(cell)) is None else half
        for cell in headline_cells(run.cells)
        if len(set(cell.slices.instance)) > 1
    }
    wide = [cell for cell, half in widths.items() if half > WIDE]
    if wide and not run.environment.get("foreign_target"):
        which = f"All {len(widths)}" if len(wide) == len(widths) else f"{len(wide)} of {len(widths)}"
        widest = max(widths.values())
        yield _warning(
            "wide_interval",
            "note",
            f"{which} headline ratios have intervals wider than ±{percent(WIDE)} (widest: "
            f"{f'±{percent(widest)}' if widest <= 10 else 'over ±1,000 %'}), because there were few instances or the "
            "machine was noisy. More instances narrow them most, then more rounds.",
            wide,
        )


def _warming_up(run: Run) -> Iterator[RunWarning]:
    for protocol in dict.fromkeys(cell.protocol for cell in run.cells):
        cells = [
            cell
            for cell in run.cells
            if cell.protocol == protocol and cell.status == "measured" and measure_of(cell) is LATENCY
        ]
        drift = _drift(cells)
        if drift is None or abs(drift[0]) - drift[1] <= DRIFT:
            continue
        change = math.exp(drift[0]) - 1
        yield _warning(
            "warming_up",
            "warning",
            f"{protocol} was {percent(abs(change))} {'slower' if change > 0 else 'faster'} in the last third of an "
            "instance's rounds than in the first: it was still warming up, or it slows down as it runs. Measure with "
            "more rounds, and look at the slices by round.",
            [cell.id for cell in cells],
        )


def _drift(cells: Sequence[Cell]) -> tuple[float, float] | None:
    """The logarithm of late over early latency, and half the width of its interval. None below three instances.

    The replicate is the instance: all cells of a protocol in one instance share its processes.
    """
    instance: list[int] = []
    drift: list[float | None] = []
    for cell in cells:
        for number in sorted(set(cell.slices.instance)):
            instance.append(number)
            drift.append(_drift_within(cell, number))
    found = levels(instance, drift)
    if found is None or len(found.instances) < 3:
        return None
    count = len(found.instances)
    return found.value, half_width(found.spread, count - 1, count, DRIFT_CONFIDENCE)


def _drift_within(cell: Cell, instance: int) -> float | None:
    """Within one instance; None with fewer than three rounds in each third."""
    slices = cell.slices
    rows = [
        (number, p50_ns)
        for its, number, p50_ns in zip(slices.instance, slices.round, slices.p50_ns, strict=True)
        if its == instance and p50_ns
    ]
    third = len(rows) // 3
    if third < 3:
        return None
    ordered = np.log([p50_ns for _, p50_ns in sorted(rows)])
    return float(np.median(ordered[-third:]) - np.median(ordered[:third]))
