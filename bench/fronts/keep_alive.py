"""Connections that a producer closes while a front sends a request over them: failures by idle time. Pure.

A producer closes a connection that was idle for its limit. What is on its way to the producer then is lost: requests
that the front sent before it learned of the end. Without a network that is a matter of microseconds; with one, the
front's last round trip before the limit. A front that closes first never sends over a connection that is about to end.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from msgspec import Struct

from bench.fronts.limits import FailedAs
from bench.fronts.registry import FRONTS, NONE
from bench.protocols import title
from bench.request_log import LoggedRequest
from bench.stats.proportions import Burst, Proportion, proportion

MARGIN_S = 0.01
"""How much earlier or later than its limit says a producer may close, and a request may leave."""
PER_10_000 = 10_000


@dataclass(frozen=True, slots=True)
class IdleTimes:
    """Idle times around a limit: half of them while a request may cross the end of its connection."""

    limit_s: float
    round_trip_s: float = 0.0
    """Between the front and the producer."""

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


class Band(Struct, frozen=True, kw_only=True):
    """What became of requests over connections that were idle for about the same time."""

    name: str
    """One of BANDS."""
    bursts: int
    requests: int
    failed: int
    low: float
    """The share that fails is at least this, with a confidence of 95 %."""
    high: float


class KeepAliveFound(Struct, frozen=True, kw_only=True):
    """One pair of limits."""

    protocol: str
    front: str
    producer_keep_alive_s: float
    front_keep_alive_s: float
    retries: int
    """How often the front sends a request again."""
    idle_s: tuple[float, float] = (0.0, 0.0)
    """The shortest and the longest idle time."""
    version: str = ""
    """Of the front."""
    bands: tuple[Band, ...] = ()
    ways: tuple[FailedAs, ...] = ()
    unsupported: str = ""
    trouble: str = ""

    @property
    def measured(self) -> bool:
        """Whether there is a result."""
        return not self.unsupported and not self.trouble

    @property
    def failed(self) -> int:
        """Of all requests."""
        return sum(band.failed for band in self.bands)

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(band.requests for band in self.bands)


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
    """Failures by how long connections were idle."""
    return tuple(_band(name, [each for each in bursts if idle.band(each) == name]) for name in BANDS)


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
    """One sentence for each pair of limits: how many of 10,000 requests fail."""
    return " ".join(_sentence(each) for each in found if each.measured)


def _sentence(found: KeepAliveFound) -> str:
    where = "" if found.front == NONE else f" behind {FRONTS[found.front].title}"
    front = "" if found.front == NONE else f", the front's {found.front_keep_alive_s:g} s"
    limits = f"the producer's keep-alive is {found.producer_keep_alive_s:g} s{front}"
    closing = next(band for band in found.bands if band.name == CLOSING)
    if not closing.requests:
        return f"{title(found.protocol)}{where}: {limits}: no request was sent around the limit."
    rate = closing.failed / closing.requests * PER_10_000
    way = f", as {found.ways[0].reported} ({found.ways[0].sent})" if found.ways else ""
    return (
        f"{title(found.protocol)}{where}: {limits}: {rate:,.0f} of 10,000 requests around an idle time of "
        f"{sum(found.idle_s) / 2:.3g} s fail{way}."
    )
