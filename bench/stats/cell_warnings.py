"""Reasons to distrust single cells. Cells that share a reason share one warning, so that each is said once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.load import latency_histogram
from bench.results import Cell, RunWarning
from bench.spec import ClosedLoad, OpenLoad
from bench.stats import generator
from bench.stats.estimates import counts_of
from bench.stats.wording import counted, percent, some_of

LAG = 0.1
"""The most that requests may leave late, as a share of the median latency."""
LITTLE = 0.02
"""How far the requests in flight may lie from what was asked for, as a share."""
SATURATED = 0.95
"""A producer's share of its core from which on open-loop latencies are those of a queue."""
OPENED_PER_REQUEST = 0.01
STALL_NS = 10_000_000
STALLED_SLICES = 0.05
"""The share of slices in which the load's event loop may be away for longer than STALL_NS."""


def of_cells(cells: Sequence[Cell]) -> Iterator[RunWarning]:
    """The warnings about single cells, by kind."""
    yield from _failed(cells)
    measured = [cell for cell in cells if cell.status == "measured"]
    yield from _errors(measured)
    for kind in KINDS:
        found = {cell.id: fact for cell in measured if (fact := kind.fact(cell)) is not None}
        if found:
            yield _warning(kind.code, kind.text, found)
    yield from _tls_differs(measured)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a cell can be doubtful."""

    code: str
    fact: Callable[[Cell], float | None]
    """None where nothing is wrong; else how bad it is, more being worse."""
    text: str
    """`{cells}` says which, `{worst}` the worst fact as a percentage."""


def _warning(code: str, text: str, found: dict[str, float]) -> RunWarning:
    ids = list(found)
    which = ids[0] if len(ids) == 1 else f"{counted(len(ids), 'cell')} ({some_of(ids)})"
    said = text.format(cells=which, worst=percent(max(found.values())))
    return RunWarning(code=code, text=said, cell=ids[0] if len(ids) == 1 else None)


def _failed(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    for cell in cells:
        if cell.status == "failed":
            reason = cell.reason or "nothing more is known"
            text = f"{cell.id} has no result: {reason}. Look at the producer, then measure again."
            yield RunWarning(code="cells_failed", text=text, cell=cell.id)
        if cell.status == "generator_limited":
            text = (
                f"{cell.id} has no result, because the load generator was the limit and not the producer: "
                f"{cell.reason or 'nothing more is known'}. Ask for less load, or measure on more cores."
            )
            yield RunWarning(code="generator_limited", text=text, cell=cell.id)


def _errors(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    for cell in cells:
        kinds = {kind: count for kind, count in cell.outcomes.items() if kind != "ok" and count}
        if not kinds:
            continue
        failed, total = sum(kinds.values()), sum(cell.outcomes.values())
        named = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        text = (
            f"{counted(failed, 'request')} of {total} in {cell.id} got no right answer ({named}), so its figures are "
            "those of the answers that came. Find out why before believing them."
        )
        yield RunWarning(code="errors_seen", text=text, cell=cell.id)


def _too_few(cell: Cell) -> float | None:
    return 1.0 if cell.latency_ns is None or cell.latency_ns.p50 is None else None


def _no_tail(cell: Cell) -> float | None:
    known = cell.latency_ns is not None and cell.latency_ns.p50 is not None
    return 1.0 if known and cell.latency_ns is not None and cell.latency_ns.p99 is None else None


def _client_limit(cell: Cell) -> float | None:
    """The client library's share of its core where it was the limit in closed loop."""
    return generator.limiting_share(cell) if isinstance(cell.load, ClosedLoad) else None


def _rate_missed(cell: Cell) -> float | None:
    """The share of the requested rate that was not reached."""
    reached = generator.rate_reached(cell.slices)
    return 1 - reached if reached is not None and reached < generator.RATE_REACHED else None


def _saturated(cell: Cell) -> float | None:
    """The producer's share of its core where open arrivals kept it busy."""
    if not isinstance(cell.load, OpenLoad):
        return None
    busy = generator.busy_share(cell.slices, cell.slices.producer_cpu_ns)
    return busy if busy is not None and busy >= SATURATED else None


def _lag(cell: Cell) -> float | None:
    """How late requests left, as a share of the median latency."""
    share = generator.lag_share(cell.slices)
    return share if share is not None and share > LAG else None


def _stalled(cell: Cell) -> float | None:
    """The share of slices in which the load's event loop was away for long, where latency is what is measured."""
    if isinstance(cell.load, ClosedLoad) and cell.load.concurrency > 1:
        return None
    stalls = cell.slices.loop_stall_ns
    share = sum(stall_ns > STALL_NS for stall_ns in stalls) / len(stalls) if stalls else 0.0
    return share if share > STALLED_SLICES else None


def _opened(cell: Cell) -> float | None:
    """Connections opened while measuring, per request."""
    opened = sum(count or 0 for count in cell.slices.connections_opened)
    requests = sum(cell.slices.ok) + sum(cell.slices.failed)
    share = opened / requests if requests and cell.connection == "persistent" else 0.0
    return share if share > OPENED_PER_REQUEST else None


def in_flight(cell: Cell) -> float | None:
    """Requests in flight on average: rate × mean latency (Little's law), over the slices with their draining.

    None where there is no histogram, no answer, or failed requests, whose latencies are unknown.
    """
    elapsed_ns, answers = sum(cell.slices.duration_ns), sum(cell.slices.ok)
    if cell.latency_histogram is None or not elapsed_ns or not answers or any(cell.slices.failed):
        return None
    histogram = latency_histogram.decode(cell.latency_histogram)
    counts = counts_of(histogram)
    filled = np.flatnonzero(counts)
    ends_ns = [histogram.get_highest_equivalent_value(histogram.get_value_from_index(int(index))) for index in filled]
    samples = int(counts[filled].sum())
    if not samples:
        return None
    return float(np.dot(counts[filled], ends_ns)) / samples * answers / elapsed_ns


def _little(cell: Cell) -> float | None:
    """How far the requests in flight lie from what was asked for, as a share.

    Before draining the load's own stamps have to show as many as were asked for. Over whole slices, while whose ends
    fewer are in flight, the recorded latencies must not show more.
    """
    if not isinstance(cell.load, ClosedLoad) or any(cell.slices.failed):
        return None
    asked, slices = cell.load.concurrency, cell.slices
    stamped = [(mean, window) for mean, window in zip(slices.in_flight, slices.window_ns, strict=True) if mean]
    window_ns = sum(window for _, window in stamped)
    off = abs(sum(mean * window for mean, window in stamped) / window_ns / asked - 1) if window_ns else 0.0
    recorded = in_flight(cell)
    if recorded is not None:
        off = max(off, recorded / asked - 1)
    return off if off > LITTLE else None


def _not_compressed(cell: Cell) -> float | None:
    coding = cell.bytes.coding if cell.bytes else None
    return 1.0 if cell.gzip and coding is not None and coding != "gzip" else None


def _checked_by_status(cell: Cell) -> float | None:
    return 1.0 if cell.checked == "status" else None


KINDS = (
    Kind(
        "few_samples",
        _too_few,
        "Fewer than 20 requests were answered in {cells}, too few even for a median. Measure with more rounds.",
    ),
    Kind(
        "few_samples_in_tail",
        _no_tail,
        "Fewer than 1,000 requests were answered in {cells}, so p99 is not shown there: fewer than ten lie beyond it. "
        "Measure with more rounds for the tail; medians do not need it.",
    ),
    Kind(
        "client_cpu_saturated",
        _client_limit,
        "In {cells} the consumer used up to {worst} of its core while the producer had time to spare, so what was "
        "measured is the client library's limit and not the producer's. Use the raw client to find the producer's.",
    ),
    Kind(
        "rate_not_reached",
        _rate_missed,
        "The requested rate was missed by up to {worst} in {cells}, because the producer or the load could not keep "
        "up. Latencies there grow with the length of the run; ask for a lower rate.",
    ),
    Kind(
        "generator_lag",
        _lag,
        "In {cells} requests left late, typically by up to {worst} of the median latency, because the load process was "
        "busy. Compare with the service time, and ask for a lower rate.",
    ),
    Kind(
        "producer_saturated",
        _saturated,
        "The producer used up to {worst} of its core in {cells}, so latencies there are mostly waiting for others. Ask "
        "for a lower rate to see what serving takes.",
    ),
    Kind(
        "event_loop_stalls",
        _stalled,
        "In up to {worst} of the slices of {cells} the load process was held up for more than 10 ms, by work of the "
        "client library or by other programs on its core, and every answer that came meanwhile was stamped late. Do "
        "not read p99 there as the producer's.",
    ),
    Kind(
        "connections_opened",
        _opened,
        "Connections were opened while {cells} was measured, up to {worst} of a connection for each request, although "
        "they were to be kept: opening them is part of these latencies. See whether the producer closes them.",
    ),
    Kind(
        "littles_law",
        _little,
        "Rate × mean latency is off the requests that were to be in flight by up to {worst} in {cells}, so requests "
        "were held back, counted twice or timed wrongly. Do not believe these latencies before the reason is known.",
    ),
    Kind(
        "checked_by_status",
        _checked_by_status,
        "Of the answers that were timed in {cells} only the status of HTTP was looked at. Whole answers were compared "
        "before, and one after every slice; errors in between that hide behind status 200, as gRPC's do, would not be "
        "seen. Use the raw client where every answer has to be checked.",
    ),
    Kind(
        "gzip_not_applied",
        _not_compressed,
        "gzip was asked for, but not every answer of {cells} was compressed; some stacks send what gzip does not "
        "shrink as it is. Read these cells as what the producer does when asked for gzip.",
    ),
)


def _tls_differs(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    """TLS cells whose version or cipher is not that of the others compare ciphers along with protocols."""
    agreed: dict[str, list[str]] = {}
    for cell in cells:
        session = cell.tls_session
        if cell.tls and session is not None and session.version is not None and session.cipher is not None:
            agreed.setdefault(f"{session.version} {session.cipher}", []).append(cell.id)
    if len(agreed) > 1:
        which = "; ".join(f"{session} in {some_of(ids)}" for session, ids in agreed.items())
        yield RunWarning(
            code="tls_differs",
            text=f"TLS was not the same everywhere: {which}. Part of what differs between these cells is the cipher; "
            "give all producers the same TLS settings.",
        )
