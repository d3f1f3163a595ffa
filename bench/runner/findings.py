"""From facts about the machine to what can be trusted on it, in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHARED_AT_MOST = 0.1
STOLEN_AT_MOST = 0.02
SPEED_WITHIN = 0.15
TIMER_LATE_AT_MOST_NS = 500_000
ROUND_TRIP_AT_MOST_NS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was found. Shares are of one; times in nanoseconds; None: this system does not tell."""

    cores: int
    apart: bool
    """Whether producers and load get cores of their own."""
    governor: str | None
    used_by_others: float
    """Share of the usable cores that other programs used while this one waited."""
    stolen: float | None
    """Share of time that a hypervisor gave to others."""
    speed_spread: float
    """How much longer than the median the slowest tenth of equal pieces of work took."""
    clock_step_ns: int
    timer_late_p50_ns: float
    timer_late_p99_ns: float
    round_trip_p50_ns: float
    """Of one byte over loopback between two processes."""
    round_trip_p99_ns: float
    ceilings_hz: Mapping[str, float | str] = field(default_factory=dict)
    """Requests per second of each client against a trivial server, or why there is no figure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the verdict."""

    name: str
    figure: str
    fine: bool
    meaning: str


def findings(facts: Facts) -> list[Finding]:
    """Every fact, what it is, whether it will do, and what it means for measuring here."""
    found = [
        Finding(
            "cores",
            str(facts.cores),
            facts.apart,
            "producers and load have one each"
            if facts.apart
            else "producers and load share one, so each takes time from the other: trust ratios, not latencies",
        ),
        Finding(
            "frequency",
            facts.governor or "not told",
            facts.governor in (None, "performance"),
            "the processor does not change it to save power, or does not tell"
            if facts.governor in (None, "performance")
            else "it changes with load and heat, so absolute figures drift: set the governor to performance",
        ),
        _limited("other programs", facts.used_by_others, SHARED_AT_MOST, "they compete with the run: stop them"),
    ]
    if facts.stolen is not None:
        found.append(
            _limited("stolen time", facts.stolen, STOLEN_AT_MOST, "the hypervisor gives this machine's time to others")
        )
    found += [
        _limited(
            "steadiness",
            facts.speed_spread,
            SPEED_WITHIN,
            "equal work takes unequal time: medians of many short slices hold, single tails do not",
            prefix="slowest tenth +",
        ),
        Finding("clock", f"steps of {facts.clock_step_ns} ns", facts.clock_step_ns <= 1000, "finer than any request"),
        Finding(
            "timer",
            f"late by {_us(facts.timer_late_p50_ns)}, p99 {_us(facts.timer_late_p99_ns)}",
            facts.timer_late_p99_ns <= TIMER_LATE_AT_MOST_NS,
            "open-loop requests leave when they are due"
            if facts.timer_late_p99_ns <= TIMER_LATE_AT_MOST_NS
            else "open-loop requests leave late: read their service time beside their latency",
        ),
        Finding(
            "loopback floor",
            f"{_us(facts.round_trip_p50_ns)}, p99 {_us(facts.round_trip_p99_ns)}",
            facts.round_trip_p50_ns <= ROUND_TRIP_AT_MOST_NS,
            "in every latency, whatever the protocol; differences smaller than this need many slices",
        ),
    ]
    for client, ceiling in facts.ceilings_hz.items():
        found.append(
            Finding(f"ceiling, {client}", ceiling, False, "this client cannot be used here")
            if isinstance(ceiling, str)
            else Finding(
                f"ceiling, {client}",
                f"{ceiling:,.0f}/s",
                True,
                "against a server that does nothing; a producer near this is not what limits the figure",
            )
        )
    return found


def in_words(found: Sequence[Finding]) -> str:
    """What can be trusted here, in a sentence or two."""
    bad = [one.name for one in found if not one.fine]
    if not bad:
        return "Ratios, latencies and tails can be trusted here."
    if "cores" in bad or "other programs" in bad or any(name.startswith("ceiling") for name in bad):
        return f"Not a machine to measure on as it is: {', '.join(bad)}. What is said beside each helps."
    return f"Ratios can be trusted here; absolute latencies and tails with care, because of {', '.join(bad)}."


def _limited(name: str, share: float, limit: float, otherwise: str, prefix: str = "") -> Finding:
    fine = share <= limit
    return Finding(name, f"{prefix}{share * 100:.1f} %", fine, "little enough" if fine else otherwise)


def _us(time_ns: float) -> str:
    return f"{time_ns / 1e3:.0f} µs"
