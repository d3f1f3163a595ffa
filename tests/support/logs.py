"""Logs of requests, made up."""

from collections.abc import Iterable

from bench.request_log import SUCCESSFUL, LoggedRequest, RequestLog
from bench.results import Cause

MS = 1_000_000
REFUSED = Cause(kind="unreachable", text="connection refused", count=1)


def request(due_ms: float, took_ms: float = 1.0, cause: Cause | None = None, *, late_ms: float = 0.0) -> LoggedRequest:
    """A request that ended `took_ms` after it was due."""
    due_ns = round(due_ms * MS)
    return LoggedRequest(due_ns, due_ns + round(late_ms * MS), due_ns + round(took_ms * MS), cause)


def log_of(requests: Iterable[LoggedRequest], *, window_ms: float, began_ns: int = 0) -> RequestLog:
    """The log of a load process that sent these."""
    rows = list(requests)
    causes = list(dict.fromkeys(each.cause for each in rows if each.cause is not None))
    return RequestLog(
        began_ns=began_ns,
        window_ns=round(window_ms * MS),
        due_ns=[each.due_ns for each in rows],
        sent_ns=[each.sent_ns for each in rows],
        ended_ns=[each.ended_ns for each in rows],
        causes=[SUCCESSFUL if each.cause is None else causes.index(each.cause) for each in rows],
        different_causes=causes,
        loop_stall_ns=0,
    )
