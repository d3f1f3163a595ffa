"""Reasons not to trust a run, or some of its cells, found in the run itself.

Each text states a fact, its effect and a remedy. Cells with the same reason share one warning.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.results import Cell, Grade, Run, RunWarning
from bench.spec import ClosedLoad, OpenLoad
from bench.stats import generator
from bench.stats.estimates import LATENCY, half_width, levels, measure_of
from bench.stats.verdicts import headline_cells, headline_half_width
from bench.stats.wording import counted, percent, some_of

WIDE = 0.05
"""Half the width of a headline interval, as a share, from which on it is wide."""
DRIFT = 0.02
"""The largest difference between early and late rounds of an instance, as a share."""
DRIFT_CONFIDENCE = 0.99
BUSY = 0.5
"""The largest load average before the run, per core."""
STOLEN = 0.02
"""The largest share of the machine's time that a hypervisor may give to other guests during a run."""
LAG = 0.1
"""How late requests may leave, as a share of the median latency."""
CONCURRENCY_ERROR = 0.02
"""How far the requests in flight may be from the number requested, as a share."""
SATURATED = 0.95
"""The producer's share of its core from which on latencies in open loop are mostly queueing."""
OPENED_PER_REQUEST = 0.01
"""The largest number of connections opened per request, where connections are kept open."""
STALLED_SLICES = 0.05
"""The largest share of slices in which the load process may have been blocked."""


def warnings_of(run: Run) -> list[RunWarning]:
    """All warnings that the run's own data give rise to, the most serious kinds first. Ignores `run.warnings`."""
    return [
        *_interrupted(run),
        *_of_cells(run.cells),
        *_restarts(run),
        *_machine(run.environment),
        *_wide_intervals(run),
        *_warming_up(run),
    ]


def _warning(code: str, grade: Grade, text: str, cells: Iterable[str] = ()) -> RunWarning:
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
        yield _warning(
            "shared_core",
            "warning",
            "Producers and load shared a core and took time from each other. Latencies are too high; ratios are less "
            "affected. Measure on Linux with two or more cores.",
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
            f"The load average was {load:.1f} on {counted(cores, 'core')} before the run. Other programs probably "
            "competed with it. Stop them and measure again.",
        )
    stolen = environment.get("stolen_share")
    if stolen is not None and stolen > STOLEN:
        yield _warning(
            "stolen_time",
            "warning",
            f"CPU steal was {percent(stolen)}: the hypervisor gave that time to other guests. High percentiles include "
            "it; ratios are least affected. Measure latencies on a dedicated machine.",
        )


def _part(environment: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = environment.get(name)
    return part if isinstance(part, dict) else {}


@dataclass(frozen=True, slots=True)
class Check:
    """A check of single cells."""

    code: str
    grade: Grade
    severity: Callable[[Cell], float | None]
    """None for a cell that passes; else a number, larger for worse."""
    text: str
    """`{cells}`: the cells that fail. `{worst}`: the largest severity, as a percentage. `{passed}`: how many of all
    cells pass."""

    def warning(self, cells: Sequence[Cell]) -> RunWarning | None:
        """The warning about those of the cells that fail; None where all pass."""
        failing = {cell.id: found for cell in cells if (found := self.severity(cell)) is not None}
        if not failing:
            return None
        text = self.text.format(
            cells=_listed(list(failing)),
            worst=percent(max(failing.values())),
            passed=f"{len(cells) - len(failing)} of {counted(len(cells), 'configuration')}",
        )
        return _warning(self.code, self.grade, text, failing)


def _listed(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{counted(len(ids), 'configuration')} ({some_of(ids)})"


def _of_cells(cells: Sequence[Cell]) -> Iterator[RunWarning]:
    yield from _without_result(cells)
    measured = [cell for cell in cells if cell.status == "measured"]
    yield from _errors(measured)
    yield from filter(None, (check.warning(measured) for check in CHECKS))
    yield from _tls_differs(measured)


def _without_result(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    """One warning for each reason."""
    failed: dict[str, list[str]] = {}
    limited: dict[str, list[str]] = {}
    for cell in cells:
        if cell.status in ("failed", "generator_limited"):
            reasons = failed if cell.status == "failed" else limited
            reasons.setdefault(cell.reason or "the reason is not known", []).append(cell.id)
    for reason, ids in failed.items():
        text = f"No result for {_listed(ids)}: {reason}. Check the producer, then measure again."
        yield _warning("cells_failed", "warning", text, ids)
    for reason, ids in limited.items():
        text = (
            f"No result for {_listed(ids)}: the load generator was the limit, not the producer ({reason}). Request "
            "less load, or measure on more cores."
        )
        yield _warning("generator_limited", "warning", text, ids)


def _errors(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    failing = [cell for cell in cells if any(count for kind, count in cell.outcomes.items() if kind != "ok")]
    if not failing:
        return
    counts: dict[str, int] = {}
    for cell in failing:
        for kind, count in cell.outcomes.items():
            counts[kind] = counts.get(kind, 0) + count
    failed = {kind: count for kind, count in sorted(counts.items()) if kind != "ok" and count}
    kinds = ", ".join(f"{count} {kind}" for kind, count in failed.items())
    ids = [cell.id for cell in failing]
    text = (
        f"{counted(sum(failed.values()), 'request')} of {sum(counts.values())} failed in {_listed(ids)}: {kinds}. "
        "Values there are those of the successful requests only. Find the cause, then measure again."
    )
    yield _warning("errors_seen", "warning", text, ids)


def _no_median(cell: Cell) -> float | None:
    return 1.0 if cell.latency_ns is None or cell.latency_ns.p50 is None else None


def _no_p99(cell: Cell) -> float | None:
    return 1.0 if _no_median(cell) is None and cell.latency_ns is not None and cell.latency_ns.p99 is None else None


def _client_limited(cell: Cell) -> float | None:
    return generator.limiting_share(cell) if isinstance(cell.load, ClosedLoad) else None


def _rate_missed(cell: Cell) -> float | None:
    reached = generator.rate_reached(cell.slices)
    return 1 - reached if reached is not None and reached < generator.RATE_REACHED else None


def _saturated(cell: Cell) -> float | None:
    if not isinstance(cell.load, OpenLoad):
        return None
    busy = generator.busy_share(cell.slices, cell.slices.producer_cpu_ns)
    return busy if busy is not None and busy >= SATURATED else None


def _late(cell: Cell) -> float | None:
    share = generator.lag_share(cell.slices)
    return share if share is not None and share > LAG else None


def _stalled(cell: Cell) -> float | None:
    """Only where latency is the measure."""
    share = generator.stalled_share(cell.slices) if measure_of(cell) is LATENCY else 0.0
    return share if share > STALLED_SLICES else None


def _opened(cell: Cell) -> float | None:
    share = generator.opened_per_request(cell.slices) if cell.connection == "persistent" else 0.0
    return share if share > OPENED_PER_REQUEST else None


def _not_in_flight(cell: Cell) -> float | None:
    error = generator.concurrency_error(cell)
    return error if error > CONCURRENCY_ERROR else None


def _not_compressed(cell: Cell) -> float | None:
    coding = cell.bytes.coding if cell.bytes else None
    return 1.0 if cell.gzip and coding is not None and coding != "gzip" else None


def _checked_by_status(cell: Cell) -> float | None:
    return 1.0 if cell.checked == "status" else None


CHECKS = (
    Check(
        "few_samples",
        "note",
        _no_median,
        "The median needs 20 samples: available for {passed}, missing for {cells}. Measure longer.",
    ),
    Check(
        "few_samples_in_tail",
        "note",
        _no_p99,
        "p99 needs 1,000 samples: available for {passed}. Medians are not affected. For high percentiles measure fewer "
        "configurations for longer, for example with --workload get --seconds 600.",
    ),
    Check(
        "client_cpu_saturated",
        "warning",
        _client_limited,
        "The client was the bottleneck in {cells}: it used up to {worst} of its core, and the producer had time to "
        "spare. Read the throughput as ≥. Use --client raw to find the producer's limit.",
    ),
    Check(
        "rate_not_reached",
        "warning",
        _rate_missed,
        "The requested rate was missed by up to {worst} in {cells}: the producer or the load process could not keep "
        "up. Latencies there grow with the length of the run. Request a lower rate.",
    ),
    Check(
        "generator_lag",
        "warning",
        _late,
        "Requests left late in {cells}, by up to {worst} of the median latency, because the load process was busy. "
        "Latency includes the delay; the service time does not. Request a lower rate.",
    ),
    Check(
        "producer_saturated",
        "warning",
        _saturated,
        "The producer was saturated in {cells}: it used up to {worst} of its core. Latencies there are mostly queueing "
        "delay. Request a lower rate.",
    ),
    Check(
        "event_loop_stalls",
        "warning",
        _stalled,
        "The load process was blocked for more than 10 ms in up to {worst} of the slices of {cells}, by the client "
        "library or by other programs. Responses that arrived meanwhile were timed late, which raises p99.",
    ),
    Check(
        "connections_opened",
        "warning",
        _opened,
        "Connections should stay open, but up to {worst} of a connection per request was opened in {cells}. Latencies "
        "there include connection set-up. Check whether the producer closes connections.",
    ),
    Check(
        "littles_law",
        "warning",
        _not_in_flight,
        "The concurrency check failed in {cells}: the requests in flight differ from the number requested by up to "
        "{worst} (limit 2 %). Latencies may be wrong by as much. Measure again, and do not use them if it persists.",
    ),
    Check(
        "checked_by_status",
        "note",
        _checked_by_status,
        "Of timed responses, only the HTTP status was checked in {cells}; whole responses were compared before and "
        "between slices. Errors with status 200, such as those of gRPC, could be missed. --client raw checks every "
        "response.",
    ),
    Check(
        "gzip_not_applied",
        "warning",
        _not_compressed,
        "gzip was requested, but not every response was compressed in {cells}. Some producers do not compress what "
        "gzip would not make smaller. Results there show the effect of requesting gzip.",
    ),
)


def _tls_differs(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    sessions: dict[str, list[str]] = {}
    for cell in cells:
        session = cell.tls_session
        if cell.tls and session is not None and session.version is not None and session.cipher is not None:
            sessions.setdefault(f"{session.version} {session.cipher}", []).append(cell.id)
    if len(sessions) > 1:
        which = "; ".join(f"{session} in {some_of(ids)}" for session, ids in sessions.items())
        yield _warning(
            "tls_differs",
            "warning",
            f"TLS differs between configurations: {which}. Differences between them include that of the ciphers. Give "
            "all producers the same TLS settings.",
            [each for ids in sessions.values() for each in ids],
        )


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
