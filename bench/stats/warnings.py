"""Reasons not to trust a run, found in the run itself. Each text states a fact, its effect and a remedy.

Those that concern single cells are in bench.stats.cell_warnings.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace

from bench.cgroup import BUSY_CORES
from bench.results import Cell, Grade, Run, RunWarning
from bench.stats import cell_warnings
from bench.stats.cluster_warnings import of_cluster
from bench.stats.estimates import LATENCY, half_width, levels, measure_of
from bench.stats.ratios import by_round
from bench.stats.verdicts import compared_by, headline_cells
from bench.stats.wording import configurations, counted, percent, some_of

WIDE = 0.05
"""Half the width of the interval of a median, as a share, from which on it is wide."""
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
    """All warnings that the run's own data give rise to, the most serious kinds first. Ignores `run.warnings`.

    There is a warning only where a verdict or a value that is shown is at stake.
    """
    return [
        *_interrupted(run),
        *cell_warnings.of_cells(run.cells, interrupted=run.plan.interrupted),
        *_restarts(run),
        # With a cluster, the machine of the bench sends nothing.
        *(_at_stake(run, _machine(run.environment)) if run.cluster is None else of_cluster(run)),
        *_inconclusive(run),
        *_warming_up(run),
    ]


def _warning(code: str, grade: Grade, text: str, cells: Sequence[str] = ()) -> RunWarning:
    return RunWarning(code=code, grade=grade, text=text, cells=list(cells))


def _interrupted(run: Run) -> Iterator[RunWarning]:
    if run.plan.interrupted:
        yield _warning(
            "interrupted",
            "note",
            f"The run was interrupted with results of {run.plan.instances_done} of "
            f"{counted(run.plan.instances, 'instance')}, from the rounds that were finished. Let it run to its end for "
            "narrower intervals.",
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
            "note",
            f"The CPU changes its frequency (governor {governor}), so values drift with load and temperature. Set the "
            "governor to performance.",
        )
    load, cores = environment.get("load_average_1min"), cpu.get("count")
    if load is not None and cores and load > BUSY * cores:
        yield _warning(
            "busy_machine",
            "note",
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


def _at_stake(run: Run, found: Iterable[RunWarning]) -> Iterator[RunWarning]:
    """The warnings about the machine, each with the cells in which it matters; none that matters nowhere.

    What adds noise matters where that noise leaves a verdict open, and for medians that are compared with nothing,
    where their intervals are wide. Time that goes to other guests also matters to every p99: it is in there.
    """
    noisy = _noisy(run)
    concerned = {
        "frequency_scaling": noisy,
        "busy_machine": noisy,
        "stolen_time": list(dict.fromkeys([*noisy, *_with_tail(run)])),
    }
    for warning in found:
        cells = concerned.get(warning.code)
        if cells is None:
            yield warning
        elif cells:
            yield replace(warning, text=f"{warning.text} It concerns {configurations(cells)}.", cells=cells)


def _noisy(run: Run) -> list[str]:
    """The cells whose ratio is inconclusive; in a run without ratios, those whose median has a wide interval."""
    ratios = [(cell.id, ratio) for cell in run.cells if (ratio := compared_by(cell)) is not None]
    if ratios:
        return [name for name, ratio in ratios if ratio.undecided in ("too_few", "too_noisy")]
    medians = [(cell.id, cell.latency_ns.p50) for cell in run.cells if cell.measures_latency and cell.latency_ns]
    return [
        name
        for name, median in medians
        if median is not None and (not median.low or not median.high or median.high / median.low > (1 + WIDE) ** 2)
    ]


def _with_tail(run: Run) -> list[str]:
    latency = [cell for cell in run.cells if measure_of(cell) is LATENCY]
    return [cell.id for cell in latency if cell.latency_ns is not None and cell.latency_ns.p99 is not None]


def _inconclusive(run: Run) -> Iterator[RunWarning]:
    """Headline ratios without a verdict, by reason. That a single instance has none is a warning of its own."""
    headline = headline_cells(run.cells)
    several = [cell for cell in headline if len(set(cell.slices.instance)) > 1]
    for reason, text in (
        ("too_noisy", "The machine was too noisy, so that a longer run would not decide. Measure on a quieter one."),
        ("too_few", "There were too few instances. A longer run would probably decide."),
    ):
        cells = [each.id for each in several if (found := compared_by(each)) is not None and found.undecided == reason]
        if cells:
            which = f"{len(cells)} of {counted(len(headline), 'headline ratio')}"
            verb = "is" if len(cells) == 1 else "are"
            yield _warning(reason, "note", f"{which} {verb} inconclusive ({some_of(cells)}). {text}", cells)


def _warming_up(run: Run) -> Iterator[RunWarning]:
    """Drift of ratios between processes; in a run without any, of latencies. Drift that all share moves no ratio."""
    by_id = {cell.id: cell for cell in run.cells}
    pairs = [
        (cell, by_id[cell.ratio.baseline])
        for cell in run.cells
        if cell.measures_latency and cell.ratio is not None and cell.ratio.baseline in by_id
    ]
    latency = [cell for cell in run.cells if cell.status == "measured" and measure_of(cell) is LATENCY]
    between: list[tuple[Cell, Cell | None]] = [(cell, other) for cell, other in pairs if cell.process != other.process]
    groups: dict[tuple[str, str], list[tuple[Cell, Cell | None]]] = {}
    for cell, other in between or [(cell, None) for cell in latency]:
        names = _producer(cell), "" if other is None else _producer(other)
        groups.setdefault(names, []).append((cell, other))
    for (name, baseline), members in groups.items():
        drift = _drift(members)
        if drift is None or abs(drift[0]) - drift[1] <= DRIFT:
            continue
        change = math.exp(drift[0]) - 1
        relative, which = (f", relative to {baseline},", "one of them") if baseline else ("", "it")
        yield _warning(
            "warming_up",
            "warning",
            f"{name}{relative} was {percent(abs(change))} {'slower' if change > 0 else 'faster'} in the last third of "
            f"an instance's rounds than in the first: {which} was still warming up, or slows down as it runs. Measure "
            "with more rounds, and look at the slices by round.",
            [cell.id for cell, _ in members],
        )


def _producer(cell: Cell) -> str:
    return f"{cell.version} {cell.protocol}" if cell.version else cell.protocol


def _drift(members: Sequence[tuple[Cell, Cell | None]]) -> tuple[float, float] | None:
    """The logarithm of late over early latency, and half the width of its interval. None below three instances.

    Each cell comes with the baseline that it is divided by, if any. The replicate is the instance: all cells of a
    producer in one instance share its processes.
    """
    instance: list[int] = []
    drift: list[float | None] = []
    for cell, other in members:
        by_instance: dict[int, list[tuple[int, float]]] = {}
        for (number, round_number), value in _logs(cell, other).items():
            by_instance.setdefault(number, []).append((round_number, value))
        for number, rows in sorted(by_instance.items()):
            instance.append(number)
            drift.append(_drift_within([value for _, value in sorted(rows)]))
    found = levels(instance, drift)
    if found is None or len(found.instances) < 3:
        return None
    count = len(found.instances)
    return found.value, half_width(found.spread, count - 1, count, DRIFT_CONFIDENCE)


def _logs(cell: Cell, other: Cell | None) -> dict[tuple[int, int], float]:
    """The logarithms of a cell's latencies, or of its ratios to another one, by instance and round."""
    own = by_round(cell.slices, LATENCY)
    if other is None:
        return own
    below = by_round(other.slices, LATENCY)
    return {key: value - below[key] for key, value in own.items() if key in below}


def _drift_within(ordered: Sequence[float]) -> float | None:
    """Within one instance, from values in the order of rounds; None with fewer than three in each third."""
    third = len(ordered) // 3
    return float(np.median(ordered[-third:]) - np.median(ordered[:third])) if third >= 3 else None
