"""Whether an open loop kept to its schedule, from the log of its requests. Pure."""

from collections.abc import Sequence

from bench.request_log import LoggedRequest
from bench.stats.over_time import quantile
from bench.stats.wording import percent

LATE_NS = 50_000_000
"""A request that left later than this after it was due says little about the latency of the moment it stands for."""
LATE_AT_MOST = 0.1
"""With more such requests, the rate was not kept."""
LATE_IN_TAIL = 0.01
"""With more of them, a 99th percentile is that of the load process."""


def why_behind(requests: Sequence[LoggedRequest], stall_ns: int) -> str | None:
    """Why the load process fell behind, in words; None where it did not, and where nothing was due."""
    if (late := _late_share(requests)) <= LATE_AT_MOST:
        return None
    return f"the load process fell behind: {_in_words(late, stall_ns)}; use a lower --rate"


def what_delayed(requests: Sequence[LoggedRequest], stall_ns: int) -> str | None:
    """Why high percentiles of latency are those of the load process, in words; None where they are not."""
    if not LATE_IN_TAIL < (late := _late_share(requests)) <= LATE_AT_MOST:
        return None
    return f"p99 and maximum contain delays of the load process: {_in_words(late, stall_ns)}"


def _late_share(requests: Sequence[LoggedRequest]) -> float:
    return sum(each.sent_ns - each.due_ns > LATE_NS for each in requests) / len(requests) if requests else 0.0


def _in_words(late: float, stall_ns: int) -> str:
    return (
        f"{percent(late)} of the requests left more than {LATE_NS / 1e6:g} ms after they were due, and its event loop "
        f"stood still for up to {stall_ns / 1e6:,.0f} ms"
    )


def lag_p99_ns(requests: Sequence[LoggedRequest]) -> int | None:
    """How late requests left: 99 % of them at most so much. None where nothing was due."""
    lags = sorted(each.sent_ns - each.due_ns for each in requests)
    return quantile(lags, 0.99) if lags else None
