"""How a front reacts when a replica fails, and when a new one comes. Pure.

All times are in nanoseconds from the beginning of the log of requests.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import force_setattr

from bench.load.causes import Causes
from bench.request_log import LoggedRequest, RequestLog
from bench.results import Cause
from bench.spec import CellKey
from bench.stats.send_lag import what_delayed, why_behind

Fault = Literal["killed", "not-ready", "hanging"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
DELAYED_NS = 100_000_000
"""A successful request that took longer than this was delayed."""
UNTIL_THE_END_NS = 500_000_000
"""What happens within this time before the end of an observation goes on."""
SHARE_REACHED = 0.8
"""The part of its fair share from which on a new replica counts as taking part."""
WINDOWS_IN_A_ROW = 3
"""So many windows in a row must show it: a single one may by chance."""


class CallCounts(Struct, frozen=True, kw_only=True):
    """How many calls each replica has ended, as read at one moment from the replicas themselves."""

    at_ns: int
    calls: list[int | None]
    """By slot; None: it did not answer, or nothing ran there."""


class ReactionKey(Struct, frozen=True, kw_only=True):
    """One front of one protocol, in one configuration."""

    cell: CellKey
    """What is requested, and through which front of how many replicas."""
    check_interval_s: float
    connection_age_s: float | None = None
    """After which producers end a connection; None: after a time that is longer than the observation."""
    id: str = ""
    """A readable name, such as `grpc-get-r200-haproxy-x2-check0.5`. It follows from the rest."""

    def __post_init__(self) -> None:
        """Derive the id. Usual values are left out."""
        age = "" if self.connection_age_s is None else f"age{self.connection_age_s:g}"
        parts = (self.cell.usual("cores").label, f"check{self.check_interval_s:g}", age)
        force_setattr(self, "id", "-".join(filter(None, parts)))


class Reaction(Struct, frozen=True, kw_only=True):
    """What happened after one fault, and after the replica came back."""

    fault: Fault
    at_ns: int
    in_flight_failed: int
    """Requests that had been sent when it happened, and failed."""
    later_failed: int
    """Requests that were sent afterwards, and failed."""
    delayed: int
    """Successful ones that were in flight then or sent afterwards, and took longer than DELAYED_NS."""
    causes: list[Cause]
    failing_for_ns: int | None
    """From the fault to when the last request that failed was sent; None: none that was sent afterwards failed."""
    called_for_ns: int | None
    """From the fault to the last reading in which the replica had ended another call; None: there was none, or it did
    not answer."""
    still_in: bool
    """Whether it got calls, or requests failed, until the end of the observation."""
    watched_ns: int
    """For how long it was observed."""
    share_after_ns: int | None
    """From when the new replica accepted connections until it had its share; None: not while it was observed."""
    share_at_end: float | None
    """Its part of all calls in the last windows."""
    share_watched_ns: int


class FrontReactions(Struct, frozen=True, kw_only=True):
    """All reactions of one front."""

    key: ReactionKey
    status: Literal["measured", "unsupported", "failed"] = "measured"
    reason: str | None = None
    untrusted: str | None = None
    """Why its figures are not to be trusted."""
    delayed_by_load: str | None = None
    """Why requests were delayed besides."""
    front_version: str = ""
    requests: int = 0
    reactions: list[Reaction] = []


def after_fault(
    requests: Sequence[LoggedRequest], at_ns: int, until_ns: int
) -> tuple[list[LoggedRequest], list[LoggedRequest]]:
    """The requests that a fault may have hurt: in flight when it happened, and sent later, up to `until_ns`."""
    in_flight = [each for each in requests if each.sent_ns < at_ns <= each.ended_ns]
    later = [each for each in requests if at_ns <= each.sent_ns < until_ns]
    return in_flight, later


def is_delayed(request: LoggedRequest) -> bool:
    """Whether a request was successful, but late."""
    return request.cause is None and request.latency_ns > DELAYED_NS


def causes_of(requests: Sequence[LoggedRequest]) -> list[Cause]:
    """Why some of them failed."""
    causes = Causes()
    for each in requests:
        if each.cause is not None:
            causes.add(Cause(kind=each.cause.kind, text=each.cause.text, count=1, detail=each.cause.detail))
    return causes.found()


def last_call_ns(counts: Sequence[CallCounts], slot: int, since_ns: int) -> int | None:
    """When a replica was last seen to have ended a call after `since_ns`; None where it was not."""
    found, before = None, None
    for each in counts:
        now = each.calls[slot]
        if now is not None and before is not None and now > before and each.at_ns > since_ns:
            found = each.at_ns
        before = now if now is not None else before
    return found


def shares(counts: Sequence[CallCounts], slot: int) -> list[tuple[int, float]]:
    """A replica's part of all calls between readings that follow each other, by the time of the later one.

    Readings without any call between them, or without an answer of a replica, are left out.
    """
    found = []
    for before, after in pairwise(counts):
        if None in before.calls or None in after.calls:
            continue
        ended = [max(0, (last or 0) - (first or 0)) for first, last in zip(before.calls, after.calls, strict=True)]
        if sum(ended):
            found.append((after.at_ns, ended[slot] / sum(ended)))
    return found


def share_reached_ns(found: Sequence[tuple[int, float]], fair: float) -> int | None:
    """When a replica's share first was large enough, and stayed so for WINDOWS_IN_A_ROW; None where it never was."""
    for number in range(len(found) - WINDOWS_IN_A_ROW + 1):
        if all(share >= SHARE_REACHED * fair for _, share in found[number : number + WINDOWS_IN_A_ROW]):
            return found[number][0]
    return None


class Observed(Struct, frozen=True, kw_only=True):
    """What was done to one replica, and what replicas counted meanwhile."""

    fault: Fault
    slot: int
    at_ns: int
    undone_ns: int
    """When the observation of the fault ended."""
    ready_ns: int
    """When a new replica accepted connections in its place."""
    ended_ns: int
    """When the observation of the new replica ended."""
    out_counts: list[CallCounts]
    """Between `at_ns` and `undone_ns`, more often than the others."""
    back_counts: list[CallCounts]
    """Between `ready_ns` and `ended_ns`."""


def reaction_of(requests: Sequence[LoggedRequest], observed: Observed, replicas: int) -> Reaction:
    """What the requests and the counts say."""
    at_ns = observed.at_ns
    in_flight, later = after_fault(requests, at_ns, observed.undone_ns)
    failed = [each for each in later if each.cause is not None]
    called_ns = last_call_ns(observed.out_counts, observed.slot, at_ns)
    found = shares(observed.back_counts, observed.slot)
    reached_ns = share_reached_ns(found, 1 / replicas)
    last = [share for _, share in found[-WINDOWS_IN_A_ROW:]]
    last_failed_ns = max((each.sent_ns for each in failed), default=None)
    return Reaction(
        fault=observed.fault,
        at_ns=at_ns,
        in_flight_failed=sum(each.cause is not None for each in in_flight),
        later_failed=len(failed),
        delayed=sum(is_delayed(each) for each in (*in_flight, *later)),
        causes=causes_of([*in_flight, *later]),
        failing_for_ns=None if last_failed_ns is None else last_failed_ns - at_ns,
        called_for_ns=None if called_ns is None else called_ns - at_ns,
        still_in=max(called_ns or 0, last_failed_ns or 0) >= observed.undone_ns - UNTIL_THE_END_NS,
        watched_ns=observed.undone_ns - at_ns,
        share_after_ns=None if reached_ns is None else max(0, reached_ns - observed.ready_ns),
        share_at_end=sum(last) / len(last) if last else None,
        share_watched_ns=observed.ended_ns - observed.ready_ns,
    )


def reactions_of(key: ReactionKey, log: RequestLog, observed: Sequence[Observed], front_version: str) -> FrontReactions:
    """What was seen of one front."""
    requests = list(log.requests())
    return FrontReactions(
        key=key,
        untrusted=why_behind(requests, log.loop_stall_ns),
        delayed_by_load=what_delayed(requests, log.loop_stall_ns),
        front_version=front_version,
        requests=len(requests),
        reactions=[reaction_of(requests, each, key.cell.replicas) for each in observed],
    )
