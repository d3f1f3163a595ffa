"""Whether an open loop kept to its schedule, from the log of its requests. Pure."""

from collections.abc import Sequence

from bench.request_log import LoggedRequest
from bench.stats.over_time import quantile
from bench.stats.wording import percent

LATE_NS = 50_000_000
"""A request that left later than this after it was due says little about the moment for which it stands."""
LATE_AT_MOST = 0.01
"""The largest share of such requests in a log that can be trusted."""


def why_behind(requests: Sequence[LoggedRequest], stall_ns: int) -> str | None:
    """Why the load process fell behind, in words; None where it did not, and where nothing was due."""
    if not requests:
        return None
    late = sum(each.sent_ns - each.due_ns > LATE_NS for each in requests) / len(requests)
    if late <= LATE_AT_MOST:
        return None
    return (
        f"the load process fell behind: {percent(late)} of the requests left more than {LATE_NS / 1e6:g} ms after they "
        f"were due, and its event loop stood still for up to {stall_ns / 1e6:,.0f} ms; use a lower --rate"
    )


def lag_p99_ns(requests: Sequence[LoggedRequest]) -> int | None:
    """How late requests left: 99 % of them at most so much. None where nothing was due."""
    lags = sorted(each.sent_ns - each.due_ns for each in requests)
    return quantile(lags, 0.99) if lags else None
