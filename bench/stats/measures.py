"""The measure of a cell, latency or throughput, and its value in each slice."""

from dataclasses import dataclass
from typing import Literal

from bench.results import Slices
from bench.spec import CellKey

MeasureName = Literal["latency_ns_p50", "requests_per_second"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a cell is compared by."""

    name: MeasureName
    lower_is_better: bool


LATENCY = Measure("latency_ns_p50", lower_is_better=True)
THROUGHPUT = Measure("requests_per_second", lower_is_better=False)


def measure_of(cell: CellKey) -> Measure:
    """Latency with one request in flight or in open loop; throughput in a closed loop with several in flight."""
    return LATENCY if cell.measures_latency else THROUGHPUT


def column(slices: Slices, measure: Measure) -> list[float | None]:
    """The measure of each slice, in nanoseconds or requests per second. None for a slice without a successful
    request."""
    return list(slices.p50_ns) if measure.name == "latency_ns_p50" else requests_per_second(slices)


def requests_per_second(slices: Slices) -> list[float | None]:
    """Successful requests per second of each slice; None where there was none.

    In open loop, where a slice begins and ends with nothing in flight, it is the rate of the slice's second half:
    requests that end in it, whenever they were due. That falls below the requested rate exactly when requests pile up.
    """
    halves = zip(slices.second_half_ended, slices.window_ns, slices.ok, slices.failed, strict=False)
    in_half = [
        ended / (window_ns / 2) * 1e9 * ok / (ok + failed) if ended and ok else None
        for ended, window_ns, ok, failed in halves
    ]
    if any(in_half):
        return in_half
    return [
        ok / duration_ns * 1e9 if ok and duration_ns > 0 else None
        for ok, duration_ns in zip(slices.ok, slices.duration_ns, strict=True)
    ]
