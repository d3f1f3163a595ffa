"""How the load generator behaved: whether it was late, held up, or the limit instead of the producer.

A cell whose load generator was the limit has no result (docs/decisions/0006-generator-limited.md). In closed loop that
concerns every client but `library`: a client that exists to find the producer's limit has found its own. In open loop
it concerns every client, when what it calls latency was mostly its own delay. With the `library` client, several
requests in flight measure what a Python caller gets, library included. That the library was the limit is then a
warning.
"""

from collections.abc import Sequence
from statistics import median

import numpy as np

from bench.clients.registry import LIBRARY
from bench.load import latency_histogram
from bench.load_models import ClosedLoad, OpenLoad
from bench.results import Cell
from bench.slices import Slices
from bench.stats.estimates import counts_of
from bench.stats.wording import percent

LOAD_BUSY = 0.9
PRODUCER_IDLE = 0.8
"""Shares of a core. A load process above the one and a producer below the other: the load generator was the limit."""
LAG_OF_LATENCY = 0.5
"""When requests are late by more than this share of the median latency, that latency is mostly the generator's."""
RATE_REACHED = 0.97
"""The smallest share of the requested rate that counts as reached."""
STALL_NS = 10_000_000


def reason(cell: Cell) -> str | None:
    """Why this cell's results would be those of the load generator, in words; None where they are not."""
    if isinstance(cell.load, OpenLoad):
        late = lag_share(cell.slices)
        if late is not None and late > LAG_OF_LATENCY:
            return (
                f"requests left late by {percent(late)} of the median latency, because the load process could not send "
                "them when they were due"
            )
        busy = limiting_share(cell)
        reached = rate_reached(cell.slices)
        if busy is not None and reached is not None and reached < RATE_REACHED:
            return (
                f"{percent(reached)} of the requested rate was reached, while the load process used {percent(busy)} of "
                "its core and the producer had time to spare"
            )
        return None
    if cell.client == LIBRARY or (busy := limiting_share(cell)) is None:
        return None
    return f"the load process used {percent(busy)} of its core while the producer had time to spare"


def limiting_share(cell: Cell) -> float | None:
    """The load process's share of its core where it was the limit: busy, with a producer that was not. Else None.

    With one request in flight, load and producer wait for each other in turn, so neither is the limit.
    """
    if isinstance(cell.load, ClosedLoad) and cell.load.concurrency == 1:
        return None
    load = busy_share(cell.slices, cell.slices.consumer_cpu_ns)
    producer = busy_share(cell.slices, cell.slices.producer_cpu_ns)
    if load is None or load <= LOAD_BUSY or (producer is not None and producer >= PRODUCER_IDLE):
        return None
    return load


def is_client_limited(cell: Cell) -> bool:
    """Whether the client was the limit of a closed loop."""
    return isinstance(cell.load, ClosedLoad) and limiting_share(cell) is not None


def is_bound(cell: Cell) -> bool:
    """Whether the cell's throughput is only a lower bound of what its producers can serve: the client was the limit, or
    its processes had fewer cores than they needed."""
    return is_client_limited(cell) or (isinstance(cell.load, ClosedLoad) and cell.fewer_cores is not None)


def busy_share(slices: Slices, cpu_ns: Sequence[int | None]) -> float | None:
    """The share of one core that a process used during slices; None where no CPU clock could be read.

    Of load from a cluster: the mean over the workers, each of which has a load process.
    """
    known = [
        (used_ns, duration_ns * len(workers or (0,)))
        for used_ns, duration_ns, workers in zip(cpu_ns, slices.duration_ns, slices.workers, strict=True)
        if used_ns is not None
    ]
    elapsed_ns = sum(duration_ns for _, duration_ns in known)
    return sum(used_ns for used_ns, _ in known) / elapsed_ns if elapsed_ns else None


def busy_cores(slices: Slices) -> float | None:
    """How many cores all processes of a cell kept busy together; None where no CPU clock could be read."""
    shares = [busy_share(slices, cpu) for cpu in (slices.consumer_cpu_ns, slices.front_cpu_ns, slices.producer_cpu_ns)]
    known = [share for share in shares if share is not None]
    return sum(known) if known else None


def lag_share(slices: Slices) -> float | None:
    """How late requests left, as a share of the median latency: medians over slices. None in closed loop."""
    lags = [lag_ns for lag_ns in slices.send_lag_p50_ns if lag_ns is not None]
    latencies = [p50_ns for p50_ns in slices.p50_ns if p50_ns]
    return median(lags) / median(latencies) if lags and latencies else None


def rate_reached(slices: Slices) -> float | None:
    """The share of the requested rate that was reached. None in closed loop.

    That is the requests that ended in the second half of each slice over those that were due in it. By then requests
    start and end at the same rate, unless a backlog grows.
    """
    due = sum(count or 0 for count in slices.second_half_due)
    return sum(count or 0 for count in slices.second_half_ended) / due if due else None


def stalled_share(cell: Cell) -> float:
    """The share of requests that were timed late because the load process's event loop was blocked over STALL_NS.

    In a closed loop a stall holds up the requests in flight. In open loop it also holds up those that fall due
    meanwhile, which are the same share of all as the stall is of the time.
    """
    stalls_ns = [stall_ns for stall_ns in cell.slices.loop_stall_ns if stall_ns > STALL_NS]
    if isinstance(cell.load, OpenLoad):
        elapsed_ns = sum(cell.slices.duration_ns)
        return sum(stalls_ns) / elapsed_ns if elapsed_ns else 0.0
    requests = sum(cell.slices.ok) + sum(cell.slices.failed)
    in_flight = cell.load.concurrency if cell.load is not None else 1
    return min(1.0, len(stalls_ns) * in_flight / requests) if requests else 0.0


def opened_per_request(slices: Slices) -> float:
    """Connections opened during slices, per request."""
    requests = sum(slices.ok) + sum(slices.failed)
    return sum(count or 0 for count in slices.connections_opened) / requests if requests else 0.0


def concurrency_error(cell: Cell) -> float:
    """How far the requests in flight were from the number requested, as a share; 0 where it is not known.

    The load process's own timestamps have to show the requested number until draining begins. The turnaround between a
    response and the next request counts as if the request were in flight: nobody holds it back. Over whole slices,
    with fewer in flight while draining, the recorded latencies must not show more.
    """
    if not isinstance(cell.load, ClosedLoad) or any(cell.slices.failed):
        return 0.0
    requested, slices = cell.load.concurrency, cell.slices
    stamped = [each for each in slices if each.in_flight]
    window_ns = sum(each.window_ns for each in stamped)
    kept_busy_ns = sum((each.in_flight or 0) * each.window_ns + (each.turnaround_ns or 0) for each in stamped)
    error = abs(kept_busy_ns / window_ns / requested - 1) if window_ns else 0.0
    recorded = in_flight(cell)
    return error if recorded is None else max(error, recorded / requested - 1)


def in_flight(cell: Cell) -> float | None:
    """The mean number of requests in flight over whole slices: rate × mean latency (Little's law).

    None without a histogram or a successful request, and where requests failed, whose latencies are not known.
    """
    elapsed_ns, requests = sum(each.duration_ns for each in cell.slices), sum(each.ok for each in cell.slices)
    if cell.latency_histogram is None or not elapsed_ns or not requests or any(cell.slices.failed):
        return None
    histogram = latency_histogram.decode(cell.latency_histogram)
    counts = counts_of(histogram)
    filled = np.flatnonzero(counts)
    ends_ns = [histogram.get_highest_equivalent_value(histogram.get_value_from_index(int(index))) for index in filled]
    samples = int(counts[filled].sum())
    if not samples:
        return None
    return float(np.dot(counts[filled], ends_ns)) / samples * requests / elapsed_ns


def queued_share(cell: Cell) -> float | None:
    """The share of the mean latency that requests spent in the client's own queue. None where that is not known."""
    if cell.in_flight is None or cell.in_flight.queued_ns is None or cell.latency_histogram is None:
        return None
    mean_ns = latency_histogram.decode(cell.latency_histogram).get_mean_value()
    return min(1.0, cell.in_flight.queued_ns / mean_ns) if mean_ns else None
