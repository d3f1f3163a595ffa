"""From what was measured of the machine to what can be trusted on it, in words. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.cgroup import BUSY_CORES, Throttling
from bench.machine import Pinning
from bench.topology import Core

USED_BY_OTHERS_AT_MOST = 0.1
STEAL_AT_MOST = 0.02
SLOW_PIECES_AT_MOST = 0.15
TIMER_LATE_NS_AT_MOST = 500_000
ROUND_TRIP_NS_AT_MOST = 200_000
CLOCK_STEP_NS_AT_MOST = 1000
THROTTLED_AT_MOST = 0.01
CORES, KINDS, QUOTA, OTHERS, RUNS = "cores", "kinds of cores", "CPU quota", "other programs", "other runs"
CEILING = "ceiling"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineMeasured:
    """What was measured of the machine. None: this system does not say."""

    cores: tuple[Core, ...]
    """The physical cores that this process may use."""
    pinning: Pinning
    throttling: Throttling | None
    """By a CPU quota, while this was measured."""
    other_runs: int | None
    """Runs that measured on the same cores at the same time."""
    governor: str | None
    used_by_others: float
    """The share of the cores for producers and load that other programs used while this one waited."""
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
    ceilings_hz: Mapping[tuple[str, str], float | str] = field(default_factory=dict)
    """Requests per second against a no-op server by protocol and client, or why it could not be measured."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement, whether it is good enough, and what it means."""

    name: str
    value: str
    good: bool
    meaning: str


def findings(measured: MachineMeasured) -> list[Finding]:
    """Every measurement of the machine with its meaning. Of ceilings only those that are not known."""
    steady = measured.governor in (None, "performance")
    found = [
        _cores(measured),
        *_kinds(measured),
        _quota(measured),
        _other_runs(measured.other_runs),
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
    unknown = {of: reason for of, reason in measured.ceilings_hz.items() if isinstance(reason, str)}
    return found + [Finding(f"{CEILING}, {' '.join(of)}", "unknown", False, reason) for of, reason in unknown.items()]


def summary(found: Sequence[Finding]) -> str:
    """What can be trusted on this machine, in a sentence or two."""
    bad = [one.name for one in found if not one.good]
    if not bad:
        return "Ratios, latencies and tails can be trusted on this machine."
    if any(name in (CORES, QUOTA, OTHERS, RUNS) or name.startswith(CEILING) for name in bad):
        return f"This machine is not fit to measure on: {', '.join(bad)}. The table says what helps."
    return f"Ratios can be trusted on this machine, absolute latencies and tails less so: {', '.join(bad)}."


def limits_of(pinning: Pinning, other_runs: int | None) -> list[str]:
    """What is known to disturb a run before it begins, in sentences."""
    found = []
    if pinning.quota_cores is not None and pinning.quota_cores < BUSY_CORES:
        found.append(
            f"The CPU quota is {pinning.quota_cores:g} cores, and a run keeps {BUSY_CORES} busy: it will be throttled. "
            "Raise the quota of the container or service."
        )
    if other_runs:
        found.append(
            f"{'Another run measures' if other_runs == 1 else f'{other_runs} other runs measure'} on the same cores. "
            "Measure one after the other."
        )
    return found


def _cores(measured: MachineMeasured) -> Finding:
    pinning, cpus = measured.pinning, sum(len(core.cpus) for core in measured.cores)
    count = len(measured.cores)
    if pinning.apart:
        meaning = "producers and load have a physical core each"
    else:
        shared = "one physical core" if pinning.producer else "a core"
        meaning = f"producers and load share {shared} and slow each other down: trust ratios, not latencies"
    return Finding(CORES, f"{count}" if cpus == count else f"{count} with {cpus} CPUs", pinning.apart, meaning)


def _kinds(measured: MachineMeasured) -> Iterator[Finding]:
    """Nothing where all cores are alike."""
    counts = Counter(core.kind for core in measured.cores)
    if len(counts) == 1:
        return
    of = {cpu: core.kind for core in measured.cores for cpu in core.cpus}
    kinds = {of[cpu] for cpu in (*measured.pinning.producer, *measured.pinning.load) if cpu in of}
    alike = len(kinds) == 1
    fastest, *slower = (counts[kind] for kind in sorted(counts))
    yield Finding(
        KINDS,
        ", ".join([f"{fastest} fast", *(f"{count} slower" for count in slower)]),
        alike,
        "producers and load have cores of the same kind"
        if alike
        else "producers and load have cores of different kinds: CPU times of the two do not compare",
    )


def _quota(measured: MachineMeasured) -> Finding:
    quota, throttling = measured.pinning.quota_cores, measured.throttling or Throttling(0, 0)
    if quota is None:
        return Finding(QUOTA, "none", True, "nothing limits the CPU time of this process")
    value = f"{quota:g} cores"
    if throttling.share > THROTTLED_AT_MOST:
        value += f", throttled in {throttling.throttled} of {throttling.periods} periods"
    elif quota >= BUSY_CORES:
        return Finding(QUOTA, value, True, f"a run keeps {BUSY_CORES} cores busy")
    return Finding(QUOTA, value, False, f"a run needs the time of {BUSY_CORES} cores and waits for it: raise the quota")


def _other_runs(count: int | None) -> Finding:
    if count is None:
        return Finding(RUNS, "unknown", True, "the temporary directory cannot be used to notice them")
    meaning = "they measure on the same cores: wait for their end" if count else "no other run measures on these cores"
    return Finding(RUNS, str(count or "none"), not count, meaning)


def _limited(name: str, share: float, limit: float, otherwise: str, prefix: str = "") -> Finding:
    good = share <= limit
    return Finding(name, f"{prefix}{share * 100:.1f} %", good, f"fine up to {limit * 100:g} %" if good else otherwise)


def _us(time_ns: float) -> str:
    return f"{time_ns / 1e3:.0f} µs"
