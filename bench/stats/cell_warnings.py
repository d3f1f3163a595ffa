"""Reasons not to trust some cells of a run, found in the cells themselves.

Each text states a fact, its effect and a remedy. Cells with the same reason share one warning.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from msgspec.structs import replace

from bench.load_models import ClosedLoad, OpenLoad
from bench.results import Cause, Cell, Grade, RunWarning
from bench.spec import PERSISTENT
from bench.stats import front_warnings, generator, remedies
from bench.stats.estimates import LATENCY, SAMPLES_FOR_MEDIAN, measure_of
from bench.stats.wording import configurations, counted, percent, some_of

LAG = 0.1
"""How late requests may leave, as a share of the median latency."""
CONCURRENCY_ERROR = 0.02
"""How far the requests in flight may be from the number requested, as a share."""
SATURATED = 0.95
"""The producer's share of its core from which on latencies in open loop are mostly queueing."""
OPENED_PER_REQUEST = 0.01
"""The largest number of connections opened per request, where connections are kept open."""
QUEUED = 0.01
"""The largest share of the latency in open loop that may be spent in the client's own queue."""
STALLED_REQUESTS = 0.005
"""The largest share of requests that may have been timed late: half of those beyond p99."""
PREPARING = 0.5
"""About how much longer a run takes than its slices, as a share."""
CAUSES_SHOWN = 4
"""How many causes of failed requests a warning names."""


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
            cells=configurations(list(failing)),
            worst=percent(max(failing.values())),
            passed=f"{len(cells) - len(failing)} of {counted(len(cells), 'configuration')}",
        )
        return RunWarning(code=self.code, grade=self.grade, text=text, cells=list(failing))


def of_cells(cells: Sequence[Cell], *, interrupted: bool = False) -> Iterator[RunWarning]:
    """All warnings about single cells, the most serious kinds first. `interrupted`: whether the user ended the run."""
    yield from _without_result(cells)
    if not interrupted:
        yield from _not_reached_in_time(cells)
    measured = [cell for cell in cells if cell.status == "measured"]
    yield from _errors(measured)
    yield from _few_samples(measured, cells)
    yield from filter(None, (check.warning(measured) for check in CHECKS))
    yield from _not_reached(measured)
    yield from _tls_differs(measured)
    yield from front_warnings.of_cells(measured)


def seconds_needed(cells: Iterable[Cell]) -> float | None:
    """How long a run would have to last, about, until every cell had enough responses for its median, and each of
    those that were not reached as well. None where no response came."""
    response_s, missing = [], 0
    concerned = [cell for cell in cells if cell.status in ("measured", "interrupted") and cell.load is not None]
    for cell in concerned:
        ok = sum(cell.slices.ok)
        missing += SAMPLES_FOR_MEDIAN if cell.status == "interrupted" else max(0, SAMPLES_FOR_MEDIAN - ok)
        if ok:
            response_s.append(sum(cell.slices.duration_ns) / 1e9 / ok)
    recorded_s = sum(sum(cell.slices.duration_ns) for cell in concerned) / 1e9
    return recorded_s + missing * fmean(response_s) * (1 + PREPARING) if response_s else None


def _needed(cells: Sequence[Cell]) -> str:
    """How long to measure, in a sentence."""
    seconds = seconds_needed(cells)
    return "Measure longer." if seconds is None else f"About --seconds {math.ceil(seconds):,} would be enough."


def _not_reached_in_time(cells: Sequence[Cell]) -> Iterator[RunWarning]:
    """Cells of a run that ended by itself before they were measured."""
    groups: dict[str, list[str]] = {}
    for cell in cells:
        if cell.status == "interrupted":
            groups.setdefault(_reason(cell), []).append(cell.id)
    for reason, ids in groups.items():
        text = f"No result, {reason}: {configurations(ids)}. {_needed(cells)} Or measure fewer configurations."
        yield RunWarning(code="not_reached", grade="warning", text=text, cells=ids)


def _without_result(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    """One warning for each cause, and each reason."""
    failed: dict[str, list[Cell]] = {}
    limited: dict[str, list[str]] = {}
    for cell in cells:
        if cell.status == "failed":
            failed.setdefault(why_failed(cell), []).append(cell)
        if cell.status == "generator_limited":
            limited.setdefault(_reason(cell), []).append(cell.id)
    for why, group in failed.items():
        ids, reasons = [cell.id for cell in group], list(dict.fromkeys(map(_reason, group)))
        # Where reasons differ, they differ in the address.
        fact = reasons[0] if len(reasons) == 1 else why
        text = f"No result, {fact}: {configurations(ids)}. {remedies.of_causes(_causes(group))}"
        yield RunWarning(code="cells_failed", grade="warning", text=text, cells=ids)
    for reason, ids in limited.items():
        text = (
            f"No result for {configurations(ids)}: the load generator was the limit, not the producer ({reason}). "
            "Request less load, or measure on more cores."
        )
        yield RunWarning(code="generator_limited", grade="warning", text=text, cells=ids)


def _reason(cell: Cell) -> str:
    return cell.reason or "the reason is not known"


def why_failed(cell: Cell) -> str:
    """Why a cell has no result, without the address of the producer, so that the same cause is one warning."""
    return cell.causes[0].text if cell.causes else _reason(cell)


def _causes(cells: Iterable[Cell]) -> list[Cause]:
    """The causes of several cells together, the most frequent first."""
    total: dict[str, Cause] = {}
    for cause in (cause for cell in cells for cause in cell.causes):
        known = total.get(cause.text)
        total[cause.text] = cause if known is None else replace(known, count=known.count + cause.count)
    return sorted(total.values(), key=lambda cause: -cause.count)


def _errors(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    failing = [cell for cell in cells if any(count for kind, count in cell.outcomes.items() if kind != "ok")]
    if not failing:
        return
    counts: dict[str, int] = {}
    for cell in failing:
        for kind, count in cell.outcomes.items():
            counts[kind] = counts.get(kind, 0) + count
    failed = {kind: count for kind, count in sorted(counts.items()) if kind != "ok" and count}
    causes = _causes(failing)
    # Files of earlier versions have kinds only.
    named = [f"{cause.text} × {cause.count:,}" for cause in causes]
    named = named or [f"{kind} × {count:,}" for kind, count in failed.items()]
    more = f" and {len(named) - CAUSES_SHOWN} more" if len(named) > CAUSES_SHOWN else ""
    ids = [cell.id for cell in failing]
    text = (
        f"Failed requests: {', '.join(named[:CAUSES_SHOWN])}{more}, of {sum(counts.values()):,} requests in "
        f"{configurations(ids)}. Values there are those of the successful requests only. {remedies.of_causes(causes)}"
    )
    yield RunWarning(code="errors_seen", grade="warning", text=text, cells=ids)


def _few_samples(measured: Sequence[Cell], cells: Sequence[Cell]) -> Iterator[RunWarning]:
    missing = [cell.id for cell in measured if cell.latency_ns is None or cell.latency_ns.p50 is None]
    if missing:
        passed = f"{len(measured) - len(missing)} of {counted(len(measured), 'configuration')}"
        yield RunWarning(
            code="few_samples",
            grade="note",
            text=f"The median needs {SAMPLES_FOR_MEDIAN} samples: available for {passed}, missing for "
            f"{configurations(missing)}. {_needed(cells)}",
            cells=missing,
        )


def _client_limited(cell: Cell) -> float | None:
    return generator.limiting_share(cell) if generator.is_client_limited(cell) else None


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
    """Only where p99 is shown, which stalls may decide."""
    shown = measure_of(cell) is LATENCY and cell.latency_ns is not None and cell.latency_ns.p99 is not None
    share = generator.stalled_share(cell) if shown else 0.0
    return share if share > STALLED_REQUESTS else None


def _opened(cell: Cell) -> float | None:
    share = generator.opened_per_request(cell.slices) if cell.connection == PERSISTENT else 0.0
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
        "client_cpu_saturated",
        "note",
        _client_limited,
        "Throughput of {cells} is a lower bound, shown with ≥: the client used up to {worst} of its core, and the "
        "producer had time to spare. Use --client raw to find the producer's limit.",
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
        "The load process was blocked for more than 10 ms at a time in {cells}, by the client library, other programs "
        "or a CPU quota. Up to {worst} of the responses were timed late, which raises p99. Medians are not affected.",
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


def _not_reached(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    """One warning for each number that was wanted and each that was reached instead, and for queues in open loop."""
    limited: dict[tuple[int, int], list[Cell]] = {}
    queued: dict[int, list[Cell]] = {}
    for cell in cells:
        found = cell.in_flight
        if found is None or not found.limited:
            continue
        if isinstance(cell.load, ClosedLoad):
            limited.setdefault((found.wanted, found.reached), []).append(cell)
        elif (generator.queued_share(cell) or 0.0) > QUEUED:
            queued.setdefault(found.reached, []).append(cell)
    for (wanted, reached), group in limited.items():
        yield _queue_warning(
            "concurrency_not_reached",
            f"{wanted:,} requests in flight were wanted and {reached:,} reached in {{cells}}",
            group,
            f"Results there are those of {reached:,} in flight. Compare protocols at --concurrency {reached} or less.",
        )
    for reached, group in queued.items():
        yield _queue_warning(
            "queued_in_client",
            f"No more than {reached:,} requests were in flight at a time in {{cells}}",
            group,
            "The service time includes that, too. Request a lower rate.",
        )


def _queue_warning(code: str, fact: str, cells: Sequence[Cell], remedy: str) -> RunWarning:
    """A warning about cells whose client queued requests. `{cells}` in `fact` stands for them."""
    ids = [cell.id for cell in cells]
    limits = {cell.in_flight.streams_at_most for cell in cells if cell.in_flight is not None}
    limit = limits.pop() if len(limits) == 1 else None
    reason = f": the producer allows {limit:,} on a connection" if limit is not None else ""
    shares = [share for cell in cells if (share := generator.queued_share(cell)) is not None]
    spent = f", up to {percent(max(shares))} of the mean latency" if shares else ""
    found = fact.format(cells=configurations(ids))
    text = f"{found}{reason}. The others waited in the client's own queue{spent}. {remedy}"
    return RunWarning(code=code, grade="warning", text=text, cells=ids)


def _tls_differs(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    sessions: dict[str, list[str]] = {}
    for cell in cells:
        session = cell.tls_session
        if cell.tls and session is not None and session.version is not None and session.cipher is not None:
            sessions.setdefault(f"{session.version} {session.cipher}", []).append(cell.id)
    if len(sessions) > 1:
        which = "; ".join(f"{session} in {some_of(ids)}" for session, ids in sessions.items())
        yield RunWarning(
            code="tls_differs",
            grade="warning",
            text=f"TLS differs between configurations: {which}. Differences between them include that of the ciphers. "
            "Give all producers the same TLS settings.",
            cells=[each for ids in sessions.values() for each in ids],
        )
