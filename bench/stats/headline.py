"""The headline ratios: what most readers come for, and what the time of a run is spent on first."""

import math
from collections.abc import Sequence

from bench.dialects import unusual_dialect
from bench.results import Cell
from bench.stats.measures import LATENCY, measure_of


def is_headline(cell: Cell, baseline: Cell) -> bool:
    """Whether this ratio is one: latency of another protocol or version at equal gzip and TLS, seen by a consumer.

    Each in its own dialect: what the others take tells why, and is not what most readers come for.
    """
    return (
        measure_of(cell) is LATENCY
        and cell.client == "library"
        and not unusual_dialect(cell)
        and (cell.protocol, cell.version) != (baseline.protocol, baseline.version)
        and (cell.gzip, cell.tls) == (baseline.gzip, baseline.tls)
    )


def headline_cells(cells: Sequence[Cell]) -> list[Cell]:
    """The cells whose `ratio` is a headline ratio."""
    by_id = {cell.id: cell for cell in cells}
    return [
        cell
        for cell in cells
        if cell.ratio is not None
        and cell.ratio.latency_ns_p50 is not None
        and cell.ratio.baseline in by_id
        and is_headline(cell, by_id[cell.ratio.baseline])
    ]


def headline_reach(cell: Cell) -> float | None:
    """How far the corrected interval of a latency ratio reaches to either side, as a share; None when it has none.

    0.03 means ± 3 %. A single instance has none worth the name.
    """
    found = cell.ratio.latency_ns_p50 if cell.ratio else None
    if found is None or found.low is None or found.high is None or len(set(cell.slices.instance)) < 2:
        return None
    return math.sqrt(found.high / found.low) - 1


def all_within(cells: Sequence[Cell], reach: float) -> bool:
    """Whether there are headline ratios, and each is known to within `reach` (a share) to either side."""
    reaches = [headline_reach(cell) for cell in headline_cells(cells)]
    return bool(reaches) and all(found is not None and found <= reach for found in reaches)
