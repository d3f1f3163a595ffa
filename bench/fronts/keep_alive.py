"""Connections that a server closes while a request is sent over them: failures by idle time. Pure.

The server is the producer, whose connections a front has opened, or the front, with connections of consumers. It closes
a connection that was idle for its limit. What is on its way to it then is lost: requests that were sent before the end
was known. Without a network that is a matter of microseconds; with one, the last round trip before the limit. Who has
opened a connection and closes it first never sends over one that is about to end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Literal, get_args

from msgspec import Struct

from bench.fronts.found import Found
from bench.fronts.limits import FailedAs
from bench.fronts.registry import FRONTS, NONE
from bench.protocols import title
from bench.request_log import LoggedRequest
from bench.stats.proportions import Burst, Proportion, proportion

Closer = Literal["producer", "front"]
"""Who closes idle connections: the producer those of the front, without one those of consumers; or the front those of
consumers."""
CLOSERS: tuple[Closer, ...] = get_args(Closer)
MARGIN_S = 0.01
"""How much earlier or later than its limit says a server may close, and a request may leave."""
PER_10_000 = 10_000


@dataclass(frozen=True, slots=True)
class IdleTimes:
    """Idle times around a limit: half of them while a request may cross the end of its connection."""

    limit_s: float
    round_trip_s: float = 0.0
    """Over the connection."""

    @property
    def closing_s(self) -> tuple[float, float]:
        """After so long, a request may cross the end of its connection."""
        return self.limit_s - self.round_trip_s - MARGIN_S, self.limit_s + MARGIN_S

    @property
    def range_s(self) -> tuple[float, float]:
        """The shortest and the longest."""
        low, high = self.closing_s
        beside = (high - low) / 2
        return max(0.0, low - beside), high + beside

    def band(self, burst: "IdleBurst") -> str:
        """Which of BANDS a burst belongs to."""
        low, high = self.closing_s
        if burst.longest_s < low:
            return OPEN
        return CLOSED if burst.shortest_s > high else CLOSING


OPEN, CLOSING, CLOSED = BANDS = ("open", "closing", "closed")
"""Of connections that were idle for less than the limit, of which some were for about as long, for longer."""
ALL = "all"
"""Of connections that were idle for a time around the limit: half of them closing."""


class Band(Struct, frozen=True, kw_only=True):
    """What became of requests over connections that were idle for about the same time."""

    name: str
    """One of BANDS, or ALL."""
    bursts: int
    requests: int
    failed: int
    low: float
    """The share that fails is at least this, with a confidence of 95 %."""
    high: float


class KeepAliveFound(Found, frozen=True, kw_only=True):
    """One pair of limits."""

    closed_by: Closer
    closed_after_s: float
    kept_s: float
    """After how long the one that has opened a connection would close it itself."""
    retries: int
    """How often the front sends a request again."""
    idle_s: tuple[float, float] = (0.0, 0.0)
    """The shortest and the longest idle time."""
    bands: tuple[Band, ...] = ()
    ways: tuple[FailedAs, ...] = ()

    @property
    def has_retries(self) -> bool:
        """Whether the front could send a request again."""
        return self.front != NONE and self.closed_by == "producer"

    @property
    def around(self) -> Band:
        """All requests."""
        return self.bands[-1]


@dataclass(frozen=True, slots=True)
class IdleBurst:
    """Requests that were sent at the same time, and how long the connections of the burst before it had been idle."""

    shortest_s: float
    """Of the connection whose response came last, when the first of these requests was sent."""
    longest_s: float
    """Of the connection whose response came first, when the last of these requests was sent."""
    requests: tuple[LoggedRequest, ...]

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(request.cause is not None for request in self.requests)


def idle_bursts(requests: Iterable[LoggedRequest]) -> Iterator[IdleBurst]:
    """The bursts, each with the time since the one before. The first has none, and is left out."""
    before: tuple[LoggedRequest, ...] = ()
    for _, group in groupby(requests, key=lambda request: request.due_ns):
        burst = tuple(group)
        if before:
            sent_ns, ended_ns = ([each.sent_ns for each in burst], [each.ended_ns for each in before])
            yield IdleBurst((min(sent_ns) - max(ended_ns)) / 1e9, (max(sent_ns) - min(ended_ns)) / 1e9, burst)
        before = burst


def burst_s(requests: Iterable[LoggedRequest]) -> float:
    """How long a burst takes, from the time at which it is due to its last response: the median."""
    groups = groupby(requests, key=lambda request: request.due_ns)
    return float(median([max(each.ended_ns for each in group) - due_ns for due_ns, group in groups])) / 1e9


def bands(bursts: Sequence[IdleBurst], idle: IdleTimes) -> tuple[Band, ...]:
    """Failures by how long connections were idle; those of all bursts come last."""
    by_name = [_band(name, [each for each in bursts if idle.band(each) == name]) for name in BANDS]
    return (*by_name, _band(ALL, bursts))


def _band(name: str, bursts: Sequence[IdleBurst]) -> Band:
    found: Proportion = proportion([Burst(len(each.requests), each.failed) for each in bursts])
    return Band(
        name=name,
        bursts=len(bursts),
        requests=found.requests,
        failed=found.failed,
        low=found.low,
        high=found.high,
    )


def answer(found: Sequence[KeepAliveFound]) -> str:
    """One sentence for each protocol and who closes: how many of 10,000 requests around the limit fail, by front and
    limits."""
    groups: dict[tuple[str, Closer], list[KeepAliveFound]] = {}
    for each in found:
        if each.measured:
            groups.setdefault((each.protocol, each.closed_by), []).append(each)
    return " ".join(_sentence(protocol, closer, group) for (protocol, closer), group in groups.items())


def _sentence(protocol: str, closer: Closer, found: Sequence[KeepAliveFound]) -> str:
    around_s = sum(found[0].idle_s) / 2
    several = {name: len({getattr(each, name) for each in found}) > 1 for name in _LIMITS}
    parts = [f"{_named(each, several)} {_failing(each)}" for each in found]
    return (
        f"{title(protocol)}, where the {closer} closes: of 10,000 requests after about {around_s:.3g} s without any, "
        f"fail: {'; '.join(parts)}."
    )


_LIMITS = {
    "closed_after_s": "closed after {:g} s",
    "kept_s": "kept {:g} s",
    "retries": "{} retries",
}


def _named(found: KeepAliveFound, several: Mapping[str, bool]) -> str:
    """Which front, and its limits where there are several."""
    front = "no front" if found.front == NONE else FRONTS[found.front].title
    limits = [text.format(getattr(found, name)) for name, text in _LIMITS.items() if several[name]]
    return f"{front} ({', '.join(limits)})" if limits else front


def _failing(found: KeepAliveFound) -> str:
    if not found.around.requests:
        return "not known, as none was sent"
    rate = found.around.failed / found.around.requests * PER_10_000
    return f"{rate:,.0f}" + (f" as {found.ways[0].reported}" if found.ways else "")
