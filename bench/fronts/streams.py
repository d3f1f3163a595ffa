"""MAX_CONCURRENT_STREAMS, and what waits before it: latency against requests in flight around the limit. Pure.

A server says how many streams a connection may have at the same time (RFC 9113, section 5.1.2). A client that has more
to send waits, and says nothing: no status, no counter. With one connection, the time in that queue is known: of c calls
in flight, s go at a time, each for one round trip, so each takes c/s round trips.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from msgspec import Struct

from bench.fronts.found import Found
from bench.fronts.limits import FailedAs
from bench.fronts.registry import NONE, behind
from bench.protocols import title

StreamsAt = Literal["front", "producer"]
FRONT, PRODUCER = STREAMS_AT = get_args(StreamsAt)
"""Whose limit it is: towards its clients, or of the producer towards the front, or towards its clients without one."""
CALLS_PER_S_AT_MOST = 200
"""At the limit, so that no processor is: the round trip is chosen for it."""
SHORTEST_ROUND_TRIP_MS = 50
SHARES = (0.5, 1.0, 2.0, 4.0)
"""Calls in flight, in streams."""


def round_trip_ms(streams: int) -> int:
    """The round trip between front and producer with which so many streams carry few calls."""
    return max(SHORTEST_ROUND_TRIP_MS, round(streams * 1000 / CALLS_PER_S_AT_MOST))


def levels(streams: int) -> list[int]:
    """How many calls are kept in flight."""
    return sorted({max(1, round(streams * share)) for share in SHARES})


class Level(Struct, frozen=True, kw_only=True):
    """One number of calls in flight."""

    in_flight: int
    requests: int
    failed: int
    p50_ms: float | None
    answered_hz: float
    ways: tuple[FailedAs, ...] = ()
    """How calls failed, the most frequent first."""


class StreamsFound(Found, frozen=True, kw_only=True):
    """What a limit of streams does to one protocol's consumer."""

    streams: int
    at: StreamsAt
    """Whose limit it is."""
    round_trip_ms: int
    levels: tuple[Level, ...] = ()

    @property
    def counted_on(self) -> bool:
        """Whether all calls share one connection with that limit: a front may open more of them to a producer."""
        return self.at == FRONT or self.front == NONE

    def expected_ms(self, in_flight: int) -> float:
        """How long a call takes on one connection, where nothing else takes time."""
        return self.round_trip_ms * max(1.0, in_flight / self.streams)


def answer(found: Sequence[StreamsFound]) -> str:
    """One sentence for each front: latency at each number of calls in flight."""
    return " ".join(_sentence(each) for each in found if each.measured)


def _sentence(found: StreamsFound) -> str:
    parts = [f"{each.p50_ms:,.0f} ms with {each.in_flight}" for each in found.levels if each.p50_ms is not None]
    failed = sum(each.failed for each in found.levels)
    as_what = next((f" as {each.ways[0].reported}" for each in found.levels if each.ways), "")
    return (
        f"{title(found.protocol)} {behind(found.front)}, {found.streams} streams at the {found.at}: "
        f"p50 {', '.join(parts)} in flight; "
        f"{failed:,} calls failed{as_what}."
    )
