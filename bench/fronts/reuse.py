"""What a new connection to the producer for each request costs, against connections that are kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from msgspec import Struct

from bench.fronts.found import Found
from bench.fronts.registry import FRONTS
from bench.protocols import title
from bench.slices import Slice
from bench.stats.estimates import median_interval

CONFIDENCE = 0.95
PER_1000 = 1000


class Figures(Struct, frozen=True, kw_only=True):
    """One way to connect."""

    requests: int
    failed: int
    connections: int
    """That the producer accepted meanwhile."""
    p50_us: float
    front_cpu_us: float
    """Per request, as `producer_cpu_us`."""
    producer_cpu_us: float

    @property
    def connections_per_1000(self) -> float:
        """Connections per 1,000 requests."""
        return self.connections / self.requests * PER_1000 if self.requests else 0.0


class Added(Struct, frozen=True, kw_only=True):
    """How much more a new connection for each request takes: the median over pairs of slices, with its interval."""

    value_us: float
    low_us: float | None
    high_us: float | None
    """Null where there were too few pairs for an interval."""


class ReuseFound(Found, frozen=True, kw_only=True):
    """Both ways to connect, of one front."""

    pairs: int = 0
    kept: Figures | None = None
    new: Figures | None = None
    latency: Added | None = None
    front_cpu: Added | None = None
    producer_cpu: Added | None = None


@dataclass(frozen=True, slots=True)
class SliceFigures:
    """What one slice says of a request."""

    p50_us: float
    front_cpu_us: float
    producer_cpu_us: float


def of_slice(measured: Slice) -> SliceFigures | None:
    """The figures of a slice; None where no request was successful, or the system does not say what it took."""
    cpu_ns = (measured.front_cpu_ns, measured.producer_cpu_ns)
    if measured.p50_ns is None or None in cpu_ns or not measured.ok:
        return None
    front_us, producer_us = ((each or 0) / measured.ok / 1e3 for each in cpu_ns)
    return SliceFigures(measured.p50_ns / 1e3, front_us, producer_us)


def figures(slices: Sequence[SliceFigures], *, requests: int, failed: int, connections: int) -> Figures:
    """Medians over slices."""
    return Figures(
        requests=requests,
        failed=failed,
        connections=connections,
        p50_us=median([each.p50_us for each in slices]),
        front_cpu_us=median([each.front_cpu_us for each in slices]),
        producer_cpu_us=median([each.producer_cpu_us for each in slices]),
    )


def added(kept: Sequence[float], new: Sequence[float]) -> Added:
    """By how much the second is more than the first; both are of neighbouring slices, in the same order."""
    differences = np.array([after - before for before, after in zip(kept, new, strict=True)])
    interval = median_interval(differences, CONFIDENCE)
    low, high = interval if interval is not None else (None, None)
    return Added(value_us=float(np.median(differences)), low_us=low, high_us=high)


def answer(found: Sequence[ReuseFound]) -> str:
    """One sentence for each protocol: what a new connection for each request adds, by front."""
    measured = [each for each in found if each.latency is not None]
    protocols = dict.fromkeys(each.protocol for each in measured)
    return " ".join(_sentence(name, [each for each in measured if each.protocol == name]) for name in protocols)


def _sentence(protocol: str, found: Sequence[ReuseFound]) -> str:
    return f"{title(protocol)}, a new connection for each request adds: {'; '.join(map(_adds, found))}."


def _adds(found: ReuseFound) -> str:
    assert found.latency is not None
    assert found.front_cpu is not None
    assert found.producer_cpu is not None
    return (
        f"{FRONTS[found.front].title} {found.latency.value_us:,.0f} µs of latency, {found.front_cpu.value_us:,.0f} µs "
        f"of the front's CPU time and {found.producer_cpu.value_us:,.0f} µs of the producer's"
    )
