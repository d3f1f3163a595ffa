"""When the load generator was the limit, and not the producer: such a cell has no result.

A client that exists to find the producer's limit (every one but `consumer`) has failed when it found its own. So has
any client in open loop when what it calls latency was mostly its own delay. With the `consumer` client several requests
in flight measure what a Python caller gets, its library included; that the library was the limit is then said as a
warning (docs/decisions/0006-generator-limited.md).
"""

from collections.abc import Sequence
from statistics import median

from bench.results import Cell, Slices
from bench.spec import ClosedLoad, OpenLoad
from bench.stats.wording import percent

LIBRARY = "library"
"""The client whose own cost is part of what is measured."""
LOAD_BUSY = 0.9
PRODUCER_IDLE = 0.8
"""Shares of a core: a load process above its own and a producer below its own mean that the load was the limit."""
LAG_OF_LATENCY = 0.5
"""More than this share of the median latency spent before sending is the generator's delay, not the producer's."""
RATE_REACHED = 0.97


def reason(cell: Cell) -> str | None:
    """Why this cell's figures would be the generator's, in words; None where they are not."""
    if isinstance(cell.load, OpenLoad):
        late = lag_share(cell.slices)
        if late is not None and late > LAG_OF_LATENCY:
            return (
                f"requests left late by {percent(late)} of the median latency, so the load process could not send them "
                "when they were due"
            )
        busy = limiting_share(cell)
        reached = rate_reached(cell.slices)
        if busy is not None and reached is not None and reached < RATE_REACHED:
            return (
                f"{percent(reached)} of the requested rate was reached with the load process using {percent(busy)} of "
                "its core while the producer had time to spare"
            )
        return None
    if cell.client == LIBRARY or (busy := limiting_share(cell)) is None:
        return None
    return f"the load process used {percent(busy)} of its core while the producer had time to spare"


def limiting_share(cell: Cell) -> float | None:
    """The load's share of its core where it was the limit: it busy, the producer not. None where it was not.

    With one request in flight each waits for the other in turn, so neither can be.
    """
    if isinstance(cell.load, ClosedLoad) and cell.load.concurrency == 1:
        return None
    load = busy_share(cell.slices, cell.slices.consumer_cpu_ns)
    producer = busy_share(cell.slices, cell.slices.producer_cpu_ns)
    if load is None or load <= LOAD_BUSY or (producer is not None and producer >= PRODUCER_IDLE):
        return None
    return load


def busy_share(slices: Slices, cpu_ns: Sequence[int | None]) -> float | None:
    """Share of one core that a process used while slices were measured; None where no CPU clock could be read."""
    known = [
        (used_ns, duration_ns)
        for used_ns, duration_ns in zip(cpu_ns, slices.duration_ns, strict=True)
        if used_ns is not None
    ]
    elapsed_ns = sum(duration_ns for _, duration_ns in known)
    return sum(used_ns for used_ns, _ in known) / elapsed_ns if elapsed_ns else None


def lag_share(slices: Slices) -> float | None:
    """How late requests left, as a share of the median latency: medians over slices. None in closed loop."""
    lags = [lag_ns for lag_ns in slices.send_lag_p50_ns if lag_ns is not None]
    latencies = [p50_ns for p50_ns in slices.p50_ns if p50_ns]
    return median(lags) / median(latencies) if lags and latencies else None


def rate_reached(slices: Slices) -> float | None:
    """The share of the requested rate that was reached: requests that ended over those that fell due, both in the
    second half of each window, when the pipe is as full at its start as at its end. None in closed loop."""
    due = sum(count or 0 for count in slices.second_half_due)
    return sum(count or 0 for count in slices.second_half_ended) / due if due else None
