"""Errors, and who sees them: the consumer, the front and the producer count the same requests. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.fronts.counts import Counts
from bench.fronts.found import Found
from bench.fronts.limits import FailedAs
from bench.fronts.registry import FRONTS, NONE
from bench.protocols import title


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that makes requests fail."""

    name: str
    title: str
    """What happened to the requests, in a few words."""


UNKNOWN, HANGING, GONE, KILLED = "unknown", "hanging", "gone", "killed"
INCIDENTS: Mapping[str, Incident] = {
    each.name: each
    for each in (
        Incident(name=UNKNOWN, title="unknown recipe"),
        Incident(name=HANGING, title="producer does not respond"),
        Incident(name=GONE, title="no producer"),
        Incident(name=KILLED, title="producer killed meanwhile"),
    )
}
"""By name, in the order in which they are tried."""


class ErrorsFound(Found, frozen=True, kw_only=True):
    """What became of requests in one incident, as three observers count them."""

    incident: str
    requests: int = 0
    consumer: int = 0
    """Requests that failed for the consumer."""
    front_errors: int | None = None
    """Responses with a status of 4xx or 5xx that the front counted; None without a front that counts them."""
    producer_statuses: int | None = None
    """Responses with such a status that the producer counted; None where it no longer says what it counted."""
    producer_errors: int | None = None
    """Calls that it counted as failed by the codes of its protocol."""
    ways: tuple[FailedAs, ...] = ()


def front_errors(before: Counts, after: Counts) -> int | None:
    """Responses with a status of 4xx or 5xx, which is all that a proxy sees of an error. None: it counts none."""
    statuses = after.since(before).statuses
    return sum(statuses.get(name, 0) for name in ("4xx", "5xx")) if after.statuses else None


def answer(found: Sequence[ErrorsFound]) -> str:
    """One sentence for each incident: how many of 100 failed requests the front sees, by protocol."""
    measured = [each for each in found if each.measured and each.consumer]
    incidents = dict.fromkeys(each.incident for each in measured)
    return " ".join(_sentence(name, [each for each in measured if each.incident == name]) for name in incidents)


def _sentence(incident: str, found: Sequence[ErrorsFound]) -> str:
    parts = [f"{title(each.protocol)}{_where(each)} {_seen(each)}" for each in found]
    return f"{INCIDENTS[incident].title}: {'; '.join(parts)}."


def _where(found: ErrorsFound) -> str:
    return "" if found.front == NONE else f" ({FRONTS[found.front].title})"


def _seen(found: ErrorsFound) -> str:
    reported = found.ways[0].reported if found.ways else ""
    if found.front_errors is None:
        return reported
    return f"{reported}, of which the front counts {found.front_errors / found.consumer:.0%}"
