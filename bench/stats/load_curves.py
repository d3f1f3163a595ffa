"""Load curves: throughput and latency of a configuration over the loads measured, and the knee of each curve. Pure.

The knee is the load of greatest power, throughput ÷ latency (Kleinrock 1979, "Power and deterministic rules of thumb
for probabilistic problems in computer communications"). Below it, more load mainly increases throughput; above it,
mainly latency.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.load_models import ClosedLoad, Load
from bench.results import Cell, Estimate
from bench.spec import CellKey

MIN_POINTS = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One load with the throughput and latency measured under it."""

    cell: str
    load: Load
    requests_per_second: Estimate
    latency_p50_ns: Estimate
    latency_p99_ns: Estimate | None

    @property
    def requested(self) -> float:
        """Requests in flight, or requests due per second."""
        return self.load.concurrency if isinstance(self.load, ClosedLoad) else self.load.rate_hz

    @property
    def power(self) -> float:
        """Throughput ÷ latency."""
        return self.requests_per_second.value / self.latency_p50_ns.value


@dataclass(frozen=True, slots=True)
class Curve:
    """One configuration under loads of one kind, ascending."""

    key: CellKey
    """That of its cells, without their load."""
    points: tuple[Point, ...]
    knee: int | None
    """The index of its point; None where power is greatest at the first or the last load."""


def curves(cells: Sequence[Cell]) -> list[Curve]:
    """A curve for each configuration with three or more loads of one kind."""
    found: dict[tuple[CellKey, type[Load]], list[Cell]] = {}
    for cell in cells:
        if cell.status == "measured" and cell.load is not None:
            found.setdefault((cell.usual("load"), type(cell.load)), []).append(cell)
    drawn = ((key, _points(group)) for (key, _), group in found.items())
    return [Curve(key, points, knee(points)) for key, points in drawn if len(points) >= MIN_POINTS]


def knee(points: Sequence[Point]) -> int | None:
    """The index of the point of greatest power; None where it is the first or the last, so that the knee is outside."""
    best = max(range(len(points)), key=lambda index: points[index].power)
    return best if 0 < best < len(points) - 1 else None


def _points(cells: Sequence[Cell]) -> tuple[Point, ...]:
    points = [
        Point(cell.id, cell.load, cell.requests_per_second, cell.latency_ns.p50, cell.latency_ns.p99)
        for cell in cells
        if cell.load is not None
        and cell.requests_per_second is not None
        and cell.latency_ns is not None
        and cell.latency_ns.p50 is not None
    ]
    return tuple(sorted(points, key=lambda point: point.requested))
