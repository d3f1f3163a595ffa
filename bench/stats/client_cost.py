"""The cost of a client library: the same requests through the library and through the raw client.

The difference in latency is the time that the library adds; the difference in CPU time of the load process is its work.
These are differences, not ratios, because a library adds about the same time whatever the producer takes. They are
paired within rounds, with the interval over instances, as ratios are (bench.stats.ratios).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.clients.registry import LIBRARY, RAW
from bench.results import Cell, Estimate
from bench.slices import Slices
from bench.stats.estimates import LATENCY, levels, measure_of


@dataclass(frozen=True, slots=True)
class ClientCost:
    """The cost in one configuration."""

    library: str
    """The id of the cell with the client library."""
    raw: str
    """The id of the same cell with the raw client."""
    latency_ns_p50: Estimate | None
    """How much higher the latency is, in nanoseconds. None in throughput cells, and where no round has both."""
    cpu_us_per_request: Estimate | None
    """How much more CPU time the load process uses, in microseconds."""


def client_costs(cells: Sequence[Cell]) -> list[ClientCost]:
    """The cost wherever both the library and the raw client measured a cell, in the order of the cells."""
    measured = {cell.key: cell for cell in cells if cell.status == "measured"}
    pairs = ((cell, measured.get(replace(key, client=RAW))) for key, cell in measured.items() if cell.client == LIBRARY)
    return [_cost(library, raw) for library, raw in pairs if raw is not None]


def latency_difference(slices: Slices, others: Slices) -> Estimate | None:
    """How much higher the latency is, in nanoseconds: medians of slices that share a round. None when no two do."""
    return _latency(slices, others, _pairs(slices, others))


def _cost(library: Cell, raw: Cell) -> ClientCost:
    pairs = _pairs(library.slices, raw.slices)
    return ClientCost(
        library=library.id,
        raw=raw.id,
        latency_ns_p50=_latency(library.slices, raw.slices, pairs) if measure_of(library) is LATENCY else None,
        cpu_us_per_request=_cpu(library.slices, raw.slices, pairs),
    )


def _pairs(slices: Slices, others: Slices) -> list[tuple[int, int]]:
    """The rows of both that share instance and round."""
    rows, other_rows = _rounds(slices), _rounds(others)
    return [(rows[key], other_rows[key]) for key in sorted(rows.keys() & other_rows.keys())]


def _rounds(slices: Slices) -> dict[tuple[int, int], int]:
    """Rows with a successful request, by instance and round."""
    keys = zip(slices.instance, slices.round, slices.ok, strict=True)
    return {(instance, number): row for row, (instance, number, ok) in enumerate(keys) if ok}


def _latency(slices: Slices, raw: Slices, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    differences: list[float | None] = []
    for row, raw_row in pairs:
        above, below = slices.p50_ns[row], raw.p50_ns[raw_row]
        differences.append(None if above is None or below is None else above - below)
    found = levels([slices.instance[row] for row, _ in pairs], differences)
    return None if found is None else found.estimate()


def _cpu(slices: Slices, raw: Slices, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    """The difference of means, so that rare work counts; one value for each instance."""
    by_instance: dict[int, list[tuple[int, int]]] = {}
    for row, raw_row in pairs:
        if slices.consumer_cpu_ns[row] is not None and raw.consumer_cpu_ns[raw_row] is not None:
            by_instance.setdefault(slices.instance[row], []).append((row, raw_row))
    differences = [
        _mean_us(slices, [row for row, _ in both]) - _mean_us(raw, [row for _, row in both])
        for both in by_instance.values()
    ]
    found = levels(list(by_instance), differences)
    return None if found is None else found.estimate()


def _mean_us(slices: Slices, rows: Sequence[int]) -> float:
    taken = [slices.rows[row] for row in rows]
    return sum(each.consumer_cpu_ns or 0 for each in taken) / sum(each.ok for each in taken) / 1e3
