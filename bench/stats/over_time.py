"""Requests of an open loop by the time at which they were due: how many failed, and how long the others took. Pure."""

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

from bench.request_log import LoggedRequest

NS_PER_S = 1e9


class Interval(Struct, frozen=True, kw_only=True):
    """The requests that were due within one interval. Latencies are those of successful ones, from the due time."""

    begins_s: float
    due: int
    failed: int
    p50_ns: float | None = None
    p99_ns: int | None = None
    max_ns: int | None = None


def intervals(requests: Sequence[LoggedRequest], width_s: float, until_s: float) -> list[Interval]:
    """Whole intervals from the beginning of the log up to `until_s`. Requests that were due later are left out."""
    width_ns = width_s * NS_PER_S
    grouped: list[list[LoggedRequest]] = [[] for _ in range(int(until_s * NS_PER_S // width_ns))]
    for request in requests:
        number = int(request.due_ns // width_ns)
        if number < len(grouped):
            grouped[number].append(request)
    return [_interval(number * width_s, each) for number, each in enumerate(grouped)]


def _interval(begins_s: float, requests: Sequence[LoggedRequest]) -> Interval:
    latencies_ns = sorted(each.latency_ns for each in requests if each.cause is None)
    counts = {"due": len(requests), "failed": len(requests) - len(latencies_ns)}
    if not latencies_ns:
        return Interval(begins_s=round(begins_s, 6), **counts)
    return Interval(
        begins_s=round(begins_s, 6),
        **counts,
        p50_ns=median(latencies_ns),
        p99_ns=quantile(latencies_ns, 0.99),
        max_ns=latencies_ns[-1],
    )


def quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least this share of the values do not exceed. `ordered`: ascending, not empty."""
    # In integers: 0.99 × 100 is not 99 as a float.
    rank = -(-len(ordered) * round(share * 10_000) // 10_000)
    return ordered[max(0, rank - 1)]
