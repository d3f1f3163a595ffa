"""Which requests a restart cost. Pure.

A request is lost when the caller has no correct response. It belongs to the first restart that went on while it was in
flight. One that met none belongs to the last restart that was over when it was sent: a timeout may come late, and a
kept connection may break late.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from bench.load.causes import Causes
from bench.request_log import LoggedRequest
from bench.results import Cause


class Restart(Struct, frozen=True, kw_only=True):
    """One restart of one replica. Times are in nanoseconds from the beginning of the log."""

    replica: int
    """Which of them, from 1."""
    began_ns: int
    """When the first thing was done: the new process was started, or the old one was asked to stop."""
    stopped_ns: int
    """When the old process was asked to stop (SIGTERM)."""
    gone_ns: int
    """When the old process had ended."""
    ready_ns: int
    """When the new process accepted connections."""
    ended_ns: int
    """When it was over, so that the next one could begin."""
    killed: bool = False
    """Whether the old process had to be killed, because it did not end."""


class Lost(Struct, frozen=True, kw_only=True):
    """The requests that failed because of one restart, or before the first."""

    restart: int | None
    """Which restart, from 1; null: before the first began."""
    count: int
    causes: list[Cause]


def blamed(request: LoggedRequest, restarts: Sequence[Restart]) -> int | None:
    """The restart that a failed request belongs to, from 0; None where it ended before the first began."""
    for number, restart in enumerate(restarts):
        if restart.began_ns <= request.ended_ns and restart.ended_ns >= request.sent_ns:
            return number
    over = [number for number, restart in enumerate(restarts) if restart.ended_ns < request.sent_ns]
    return over[-1] if over else None


def lost_requests(requests: Iterable[LoggedRequest], restarts: Sequence[Restart]) -> list[Lost]:
    """What each restart cost, also those that cost nothing; before the first, only where requests failed."""
    causes: dict[int | None, Causes] = {None: Causes(), **{number: Causes() for number in range(len(restarts))}}
    for request in requests:
        if request.cause is not None:
            one = Cause(kind=request.cause.kind, text=request.cause.text, count=1, detail=request.cause.detail)
            causes[blamed(request, restarts)].add(one)
    found = []
    for number, each in causes.items():
        listed = each.found()
        if number is not None or listed:
            count = sum(cause.count for cause in listed)
            found.append(Lost(restart=None if number is None else number + 1, count=count, causes=listed))
    return found
