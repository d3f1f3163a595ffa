"""What a client library costs: the same requests sent by the consumer and, with next to no client, by the raw client.

The difference in what a caller waits is the library's time; the difference in the load process's CPU is its work.
Differences, not ratios: a library adds its microseconds whatever the producer takes. Paired within rounds, and with the
interval over instances, like ratios (bench.stats.ratios).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Cell, Estimate, Slices
from bench.stats.estimates import levels
from bench.stats.measures import LATENCY, measure_of

LIBRARY = "library"
RAW = "raw"
_SHARED = ("version", "protocol", "dialect", "gzip", "tls", "workload", "load", "network", "connection")
_Rounds = dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class ClientCost:
    """One combination under one load."""

    library: str
    """The id of the cell with the client library."""
    raw: str
    """The id of the cell without."""
    latency_ns_p50: Estimate | None
    """By how much longer a caller waits, in nanoseconds; None in throughput cells, and where no round has both."""
    cpu_us_per_request: Estimate | None
    """CPU time of the load process that the library takes, in microseconds."""


def client_costs(cells: Sequence[Cell]) -> list[ClientCost]:
    """What the library costs wherever both the library and the raw client measured a cell, in order."""
    bare = {_setting(cell): cell for cell in cells if cell.client == RAW and cell.status == "measured"}
    return [
        _cost(cell, bare[_setting(cell)])
        for cell in cells
        if cell.client == LIBRARY and cell.status == "measured" and _setting(cell) in bare
    ]


def _setting(cell: Cell) -> tuple[object, ...]:
    return tuple(getattr(cell, name) for name in _SHARED)


def latency_difference(slices: Slices, others: Slices) -> Estimate | None:
    """By how much longer a caller waits, in nanoseconds: medians of slices that share a round. None when no two do."""
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


def _rounds(slices: Slices) -> _Rounds:
    """Rows with an answer, by instance and round."""
    keys = zip(slices.instance, slices.round, slices.ok, strict=True)
    return {(instance, number): row for row, (instance, number, ok) in enumerate(keys) if ok}


def _latency(slices: Slices, bare: Slices, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    differences: list[float | None] = []
    for row, bare_row in pairs:
        above, below = slices.p50_ns[row], bare.p50_ns[bare_row]
        differences.append(None if above is None or below is None else above - below)
    found = levels([slices.instance[row] for row, _ in pairs], differences)
    return None if found is None else found.estimate()


def _cpu(slices: Slices, bare: Slices, pairs: Sequence[tuple[int, int]]) -> Estimate | None:
    """The difference of means, as rare work is work; one value for each instance."""
    by_instance: dict[int, list[tuple[int, int]]] = {}
    for row, bare_row in pairs:
        if slices.consumer_cpu_ns[row] is not None and bare.consumer_cpu_ns[bare_row] is not None:
            by_instance.setdefault(slices.instance[row], []).append((row, bare_row))
    differences = [
        _mean_us(slices, [row for row, _ in both]) - _mean_us(bare, [row for _, row in both])
        for both in by_instance.values()
    ]
    found = levels(list(by_instance), differences)
    return None if found is None else found.estimate()


def _mean_us(slices: Slices, rows: Sequence[int]) -> float:
    return sum(slices.consumer_cpu_ns[row] or 0 for row in rows) / sum(slices.ok[row] for row in rows) / 1e3
