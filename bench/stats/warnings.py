"""Reasons to distrust a run, found in the run itself. Each says a fact, its likely cause and what to do about it.

What concerns single cells is in bench.stats.cell_warnings; here is what concerns the run as a whole.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.results import Cell, Run, RunWarning
from bench.stats import cell_warnings
from bench.stats.estimates import half_width, levels
from bench.stats.measures import LATENCY, measure_of
from bench.stats.verdicts import headline_cells, headline_half_width
from bench.stats.wording import counted, percent

WIDE = 0.05
"""A headline interval that reaches further than this to either side answers little."""
DRIFT = 0.02
"""Early and late rounds of an instance may differ by so much."""
DRIFT_CONFIDENCE = 0.99
BUSY = 0.5
"""Load average before the run, per core, from which on others were at work."""

STOLEN = 0.02
"""The most of the machine's time that a hypervisor may give to others during a run."""


def warnings_of(run: Run) -> list[RunWarning]:
    """All warnings that a run bears witness to itself, the gravest kinds first. `run.warnings` is not looked at."""
    return [
        *_completeness(run),
        *cell_warnings.of_cells(run.cells),
        *_restarts(run),
        *_machine(run.environment),
        *_wide_intervals(run),
        *_warming_up(run),
    ]


def _completeness(run: Run) -> Iterator[RunWarning]:
    if run.plan.interrupted:
        yield RunWarning(
            code="interrupted",
            text=f"The run was interrupted after {run.plan.instances_done} of "
            f"{counted(run.plan.instances, 'instance')}; what follows rests on the rounds that were finished. "
            "Let it run to its end for narrower intervals.",
        )


def _restarts(run: Run) -> Iterator[RunWarning]:
    if run.environment.get("foreign_target"):
        yield RunWarning(
            code="target_not_restarted",
            text="The producers were somebody else's and were not restarted, so how much a fresh start would move the "
            "figures is unknown: intervals hold within this run only, and every verdict is inconclusive. Let the lab "
            "start the producers for verdicts.",
        )
    elif len({instance for cell in run.cells for instance in cell.slices.instance}) == 1:
        yield RunWarning(
            code="one_instance",
            text="The producers were started once only, so how much a fresh start would move the figures is unknown: "
            "intervals hold within this run only, and every verdict is inconclusive. Measure with "
            "--instances 6 or more.",
        )


def _machine(environment: dict[str, Any]) -> Iterator[RunWarning]:
    pinning, cpu = _part(environment, "pinning"), _part(environment, "cpu")
    if pinning and not pinning.get("apart"):
        yield RunWarning(
            code="shared_core",
            text="Producers and load were not kept on cores of their own, because there is only one or the system "
            "cannot pin processes; each takes time from the other. Trust ratios more than latencies, or "
            "measure on Linux with two cores.",
        )
    governor = cpu.get("governor")
    if governor and governor != "performance":
        yield RunWarning(
            code="frequency_scaling",
            text=f"The processor changes its frequency (governor {governor}), so absolute figures drift with load and "
            "heat. Set the governor to performance; ratios suffer less, being paired within rounds.",
        )
    load, cores = environment.get("load_average_1min"), cpu.get("count")
    if load is not None and cores and load > BUSY * cores:
        yield RunWarning(
            code="busy_machine",
            text=f"The load average was {load:.1f} on {counted(cores, 'core')} when the run began, so other programs "
            "were probably competing with it. Stop them and measure again.",
        )
    stolen = environment.get("stolen_share")
    if stolen is not None and stolen > STOLEN:
        yield RunWarning(
            code="stolen_time",
            text=f"{percent(stolen)} of the machine's time went to other guests of its hypervisor during the run, so "
            "tails hold their work, too. Ratios suffer least; for latencies measure on a machine of your own.",
        )


def _part(environment: dict[str, Any], name: str) -> dict[str, Any]:
    part = environment.get(name)
    return part if isinstance(part, dict) else {}


def _wide_intervals(run: Run) -> Iterator[RunWarning]:
    widths = {cell.id: reach for cell in headline_cells(run.cells) if (reach := headline_half_width(cell)) is not None}
    wide = [cell for cell, reach in widths.items() if reach > WIDE]
    if wide and not run.environment.get("foreign_target"):
        worst = max(wide, key=lambda cell: widths[cell])
        yield RunWarning(
            code="wide_interval",
            text=f"{len(wide)} of {counted(len(widths), 'headline ratio')} are known only to within more than "
            f"±{percent(WIDE)} (the worst, {worst}, to within ±{percent(widths[worst])}), because there were few "
            "instances or the machine was restless. More instances narrow them most, then more rounds.",
            cell=wide[0] if len(wide) == 1 else None,
        )


def _warming_up(run: Run) -> Iterator[RunWarning]:
    drifts = {
        protocol: drift
        for protocol in dict.fromkeys(cell.protocol for cell in run.cells)
        if (drift := _drift(run, protocol)) is not None
    }
    for protocol, (value, half) in drifts.items():
        if abs(value) - half > DRIFT:
            change = math.exp(value) - 1
            yield RunWarning(
                code="warming_up",
                text=f"In the last third of an instance's rounds {protocol} answered {percent(abs(change))} "
                f"{'slower' if change > 0 else 'faster'} than in the first third, so it had not settled when measuring "
                "began, or grows slower as it runs. Measure with more rounds, and look at the slices by round.",
            )


def _drift(run: Run, protocol: str) -> tuple[float, float] | None:
    """Log of late over early latency and how far its interval reaches; None below three instances that tell.

    The replicate is the instance: all cells of a protocol in one instance share its processes.
    """
    instance: list[int] = []
    drift: list[float | None] = []
    for cell in run.cells:
        if cell.protocol != protocol or cell.status != "measured" or measure_of(cell) is not LATENCY:
            continue
        for number in sorted(set(cell.slices.instance)):
            instance.append(number)
            drift.append(_drift_within(cell, number))
    found = levels(instance, drift)
    if found is None or len(found.instances) < 3:
        return None
    count = len(found.instances)
    return found.value, half_width(found.spread, count - 1, count, DRIFT_CONFIDENCE)


def _drift_within(cell: Cell, instance: int) -> float | None:
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
