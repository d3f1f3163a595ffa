"""What limits of a front do to consumers: the cases that are tried, what was found, and the answer in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec import Struct

from bench.fronts.found import Found
from bench.fronts.plan import FrontLimits
from bench.fronts.registry import FRONTS
from bench.fronts.seen import Seen
from bench.load_models import Load, OpenLoad
from bench.protocols import protocol, title
from bench.results import Cause

ROUND_TRIP_MS = 50
"""Between front and replica, so that requests are in flight for a time that is known, however busy the machine is."""
IN_FLIGHT = 4
QUEUE_S = 0.2
QUEUE = 4
RATE_HZ = 40
TOO_MANY = 2
"""So many times what the limit lets through is offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCase:
    """One limit."""

    name: str
    title: str
    limits: FrontLimits
    round_trip_ms: int = ROUND_TRIP_MS
    allowed_hz: float
    """Requests per second that the limit lets through."""
    settling_s: float = 0.0
    """For how long as much is offered before anything is counted: rates are averages."""

    @property
    def load(self) -> Load:
        """What is offered."""
        return OpenLoad(rate_hz=self.allowed_hz * TOO_MANY, arrivals="constant")


_CARRIED_HZ = IN_FLIGHT / (ROUND_TRIP_MS / 1000)

CASES: Mapping[str, LimitCase] = {
    case.name: case
    for case in (
        LimitCase(
            name="in-flight",
            title=f"{IN_FLIGHT} in flight",
            limits=FrontLimits(in_flight=IN_FLIGHT),
            allowed_hz=_CARRIED_HZ,
        ),
        LimitCase(
            name="queue-time",
            title=f"{IN_FLIGHT} in flight, others wait {QUEUE_S:g} s",
            limits=FrontLimits(in_flight=IN_FLIGHT, queue_s=QUEUE_S),
            allowed_hz=_CARRIED_HZ,
        ),
        LimitCase(
            name="queue-length",
            title=f"{IN_FLIGHT} in flight, {QUEUE} wait",
            limits=FrontLimits(in_flight=IN_FLIGHT, queue=QUEUE),
            allowed_hz=_CARRIED_HZ,
        ),
        LimitCase(
            name="connections",
            title=f"{IN_FLIGHT} client connections",
            limits=FrontLimits(connections=IN_FLIGHT),
            allowed_hz=_CARRIED_HZ,
        ),
        LimitCase(
            name="rate",
            title=f"{RATE_HZ} requests/s",
            limits=FrontLimits(rate_hz=RATE_HZ),
            round_trip_ms=0,
            allowed_hz=RATE_HZ,
            settling_s=1.5,
        ),
        LimitCase(
            name="rate-status",
            title=f"{RATE_HZ} calls/s, with grpc-status",
            limits=FrontLimits(rate_hz=RATE_HZ, call_status=True),
            round_trip_ms=0,
            allowed_hz=RATE_HZ,
            settling_s=1.5,
        ),
    )
}
"""By name, in the order in which they are tried."""


class FailedAs(Struct, frozen=True, kw_only=True):
    """One way in which requests failed, and how many did."""

    requests: int
    cause: str
    """In the words of the lab's consumers."""
    sent: str
    reported: str
    repeated_by_library: bool
    repeated_by_policy: bool

    @classmethod
    def of(cls, cause: Cause, seen: Seen) -> "FailedAs":
        """With what the cause looks like to the consumer's library."""
        return cls(
            requests=cause.count,
            cause=cause.text,
            sent=seen.sent,
            reported=seen.reported,
            repeated_by_library=seen.repeated_by_library,
            repeated_by_policy=seen.repeated_by_policy,
        )


class LimitFound(Found, frozen=True, kw_only=True):
    """What one limit did to one protocol's consumer."""

    limit: str
    """The name of its case."""
    requests: int = 0
    answered: int = 0
    """Of these, successful ones."""
    p50_ms: float | None = None
    """Of successful requests, from the time at which they were due."""
    ways: tuple[FailedAs, ...] = ()
    """How the others failed, the most frequent first."""


def ways(protocol_name: str, causes: Sequence[Cause]) -> tuple[FailedAs, ...]:
    """The causes as the library of this protocol's consumer reports them."""
    row = protocol(protocol_name)
    return tuple(FailedAs.of(cause, row.seen(cause)) for cause in causes)


WAITED = "no failure"
"""What is reported where every request was successful."""


def answer(found: Sequence[LimitFound]) -> str:
    """One sentence for each limit: what each protocol's consumer reports, and of which fronts where they differ."""
    measured = [each for each in found if each.measured]
    limits = dict.fromkeys(each.limit for each in measured)
    return " ".join(_sentence(limit, [each for each in measured if each.limit == limit]) for limit in limits)


def _sentence(limit: str, found: Sequence[LimitFound]) -> str:
    protocols = dict.fromkeys(each.protocol for each in found)
    parts = [f"{title(name)} {_reported([each for each in found if each.protocol == name])}" for name in protocols]
    return f"{CASES[limit].title}: {', '.join(parts)}."


def _reported(found: Sequence[LimitFound]) -> str:
    """What one protocol's consumer reports of each front."""
    fronts_by_report: dict[str, list[str]] = {}
    for each in found:
        reported = each.ways[0].reported if each.ways else WAITED
        fronts_by_report.setdefault(reported, []).append(FRONTS[each.front].title)
    if len(fronts_by_report) == 1:
        return next(iter(fronts_by_report))
    return " or ".join(f"{reported} ({', '.join(fronts)})" for reported, fronts in fronts_by_report.items())
