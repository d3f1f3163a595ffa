"""The per-request log of h2load, tab-separated: start in microseconds since the epoch, status, duration. Pure."""

from dataclasses import dataclass

from bench.load.outcomes import OK
from bench.load.record import SliceRecord


class BadLog(ValueError):
    """A line that is not as h2load writes it."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request. h2load knows no more of its answer than the status."""

    started_us: int
    status: int
    """-1: there was no whole answer."""
    took_us: int


def read_log(text: str) -> list[LoggedRequest]:
    """The requests in a log. Raises BadLog."""
    found = []
    for line in text.splitlines():
        try:
            started, status, took = line.split("\t")[:3]
            found.append(LoggedRequest(int(started), int(status), int(took)))
        except ValueError:
            raise BadLog(f"h2load's log has the line {line[:80]!r}, which cannot be read") from None
    return found


def keep(requests: list[LoggedRequest], record: SliceRecord) -> int:
    """Count every request in `record`, and return nanoseconds from the first one's start to the last one's end."""
    if not requests:
        return 0
    for request in requests:
        if 200 <= request.status < 300:
            record.outcomes[OK] += 1
            record.latency_ns.append(request.took_us * 1000)
        elif request.status < 0:
            record.fail("unreachable", "a request of h2load got no whole answer")
        else:
            record.fail("unexpected_answer", f"a request of h2load got status {request.status}")
    ended_us = max(request.started_us + request.took_us for request in requests)
    return (ended_us - min(request.started_us for request in requests)) * 1000
