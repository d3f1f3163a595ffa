"""Load that grows: for each combination its throughput and latency under every load measured, and where the knee is.

The knee is the load of greatest power, throughput ÷ latency (Kleinrock 1979, "Power and deterministic rules of thumb
for probabilistic problems in computer communications"): up to it more load mostly brings throughput, beyond it mostly
waiting. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Cell, Estimate
from bench.spec import ClosedLoad, Load

POINTS_AT_LEAST = 3


@dataclass(frozen=True, slots=True)
class Point:
    """One load: what was asked for, what was served, and how long it took."""

    cell: str
    load: Load
    requests_per_second: Estimate
    latency_p50_ns: Estimate
    latency_p99_ns: Estimate | None

    @property
    def asked(self) -> float:
        """Requests in flight, or requests due per second."""
        return self.load.concurrency if isinstance(self.load, ClosedLoad) else self.load.rate_hz

    @property
    def power(self) -> float:
        """Throughput ÷ latency."""
        return self.requests_per_second.value / self.latency_p50_ns.value


@dataclass(frozen=True, slots=True)
class Curve:
    """One combination under growing load of one kind, ascending."""

    combination: str
    """The cells' common name, such as `http-get-gzip`."""
    protocol: str
    points: tuple[Point, ...]
    knee: int | None
    """Which point; None where power still grew at the last load, or was greatest at the first and never grew."""


def curves(cells: Sequence[Cell]) -> list[Curve]:
    """A curve for each combination that was measured under three loads of one kind or more."""
    found: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        if cell.status == "measured" and cell.load is not None:
            setting = (
                cell.protocol,
                cell.dialect,
                cell.gzip,
                cell.tls,
                cell.workload,
                cell.client,
                cell.network,
                cell.connection,
            )
            found.setdefault((*setting, cell.version, type(cell.load)), []).append(cell)
    drawn = [(group, _points(group)) for group in found.values()]
    return [
        Curve(group[0].id.rpartition("-")[0], group[0].protocol, points, knee(points))
        for group, points in drawn
        if len(points) >= POINTS_AT_LEAST
    ]


def knee(points: Sequence[Point]) -> int | None:
    """The point of greatest power; None where it is the first or the last, for then the knee lies outside."""
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
    return tuple(sorted(points, key=lambda point: point.asked))
