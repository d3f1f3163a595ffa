"""From what was measured of the machine to what can be trusted on it, in words. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

USED_BY_OTHERS_AT_MOST = 0.1
STEAL_AT_MOST = 0.02
SLOW_PIECES_AT_MOST = 0.15
TIMER_LATE_NS_AT_MOST = 500_000
ROUND_TRIP_NS_AT_MOST = 200_000
CLOCK_STEP_NS_AT_MOST = 1000
CORES, OTHERS, CEILING = "cores", "other programs", "ceiling"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineMeasured:
    """What was measured of the machine. None: this system does not say."""

    cores: int
    apart: bool
    """Whether producers and load have separate cores."""
    governor: str | None
    used_by_others: float
    """The share of the usable cores that other programs used while this one waited."""
    steal: float | None
    """The share of time that a hypervisor gave to other machines."""
    slow_pieces: float
    """How much longer than the median the slowest tenth of equal pieces of work took, as a share."""
    clock_step_ns: int
    timer_late_p50_ns: float
    timer_late_p99_ns: float
    round_trip_p50_ns: float
    """Of one byte over loopback between two processes."""
    round_trip_p99_ns: float
    ceilings_hz: Mapping[str, float | str] = field(default_factory=dict)
    """Requests per second of each client against a no-op server, or why it could not be measured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement, whether it is good enough, and what it means."""

    name: str
    value: str
    good: bool
    meaning: str


def findings(measured: MachineMeasured) -> list[Finding]:
    """Every measurement of the machine with its meaning."""
    steady = measured.governor in (None, "performance")
    found = [
        Finding(
            CORES,
            str(measured.cores),
            measured.apart,
            "producers and load run on separate cores"
            if measured.apart
            else "producers and load share a core and slow each other down: trust ratios, not latencies",
        ),
        Finding(
            "CPU governor",
            measured.governor or "unknown",
            steady,
            "the CPU frequency does not change to save power, as far as is known"
            if steady
            else "the CPU frequency changes with load and heat, so absolute values drift: set it to performance",
        ),
        _limited(OTHERS, measured.used_by_others, USED_BY_OTHERS_AT_MOST, "they compete with the run: stop them"),
    ]
    if measured.steal is not None:
        found.append(_limited("CPU steal", measured.steal, STEAL_AT_MOST, "the hypervisor gives time to others"))
    timely = measured.timer_late_p99_ns <= TIMER_LATE_NS_AT_MOST
    found += [
        _limited(
            "CPU speed",
            measured.slow_pieces,
            SLOW_PIECES_AT_MOST,
            "equal work takes different times: trust medians over many slices, not tails",
            prefix="slowest tenth +",
        ),
        Finding(
            "clock",
            f"steps of {measured.clock_step_ns} ns",
            measured.clock_step_ns <= CLOCK_STEP_NS_AT_MOST,
            "its steps should be much shorter than a request",
        ),
        Finding(
            "timer",
            f"late by {_us(measured.timer_late_p50_ns)}, p99 {_us(measured.timer_late_p99_ns)}",
            timely,
            "open-loop requests are sent when they are due"
            if timely
            else "open-loop requests are sent late: read their service time beside their latency",
        ),
        Finding(
            "loopback round trip",
            f"{_us(measured.round_trip_p50_ns)}, p99 {_us(measured.round_trip_p99_ns)}",
            measured.round_trip_p50_ns <= ROUND_TRIP_NS_AT_MOST,
            "part of every latency, whatever the protocol",
        ),
    ]
    return found + [_ceiling(client, ceiling) for client, ceiling in measured.ceilings_hz.items()]


def summary(found: Sequence[Finding]) -> str:
    """What can be trusted on this machine, in a sentence or two."""
    bad = [one.name for one in found if not one.good]
    if not bad:
        return "Ratios, latencies and tails can be trusted on this machine."
    if any(name in (CORES, OTHERS) or name.startswith(CEILING) for name in bad):
        return f"This machine is not fit to measure on: {', '.join(bad)}. The table says what helps."
    return f"Ratios can be trusted on this machine, absolute latencies and tails less so: {', '.join(bad)}."


def _ceiling(client: str, ceiling: float | str) -> Finding:
    name = f"{CEILING}, {client} client"
    if isinstance(ceiling, str):
        return Finding(name, "unknown", False, ceiling)
    return Finding(name, f"{ceiling:,.0f}/s", True, "the most it can send, against a no-op server")


def _limited(name: str, share: float, limit: float, otherwise: str, prefix: str = "") -> Finding:
    good = share <= limit
    return Finding(name, f"{prefix}{share * 100:.1f} %", good, f"fine up to {limit * 100:g} %" if good else otherwise)


def _us(time_ns: float) -> str:
    return f"{time_ns / 1e3:.0f} µs"
