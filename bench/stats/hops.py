"""What a hop costs: a cell behind a front against the same cell without one. Pure.

The difference in latency is paired within rounds, with the interval over instances, as that of client libraries is
(bench.stats.client_cost). It is a difference, not a ratio, because a front adds about the same time whatever the
producer takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.fronts import registry as fronts
from bench.results import Cell, Estimate
from bench.stats.client_cost import latency_difference
from bench.stats.estimates import LATENCY, measure_of


@dataclass(frozen=True, slots=True)
class Hop:
    """One front before one cell."""

    behind: Cell
    alone: Cell
    """The same cell without a front, with gzip and TLS done by the producer."""
    added_p50_ns: Estimate | None
    """None in throughput cells, and where no round has both."""

    @property
    def added_p99_ns(self) -> float | None:
        """The difference of the two percentiles, which are over all samples; None where one is not known."""
        if measure_of(self.behind) is not LATENCY:
            return None
        found = [cell.latency_ns.p99 if cell.latency_ns is not None else None for cell in (self.behind, self.alone)]
        behind, alone = found
        return None if behind is None or alone is None else behind.value - alone.value


def hops(cells: Sequence[Cell]) -> list[Hop]:
    """Every measured cell behind a front whose cell without one was measured, too, in the order of the cells."""
    measured = {cell.key: cell for cell in cells if cell.status == "measured"}
    found = []
    for key, cell in measured.items():
        alone = measured.get(key.without_front)
        if key.front != fronts.NONE and alone is not None:
            latency = measure_of(cell) is LATENCY
            found.append(Hop(cell, alone, latency_difference(cell.slices, alone.slices) if latency else None))
    return found
