"""From slices to results: the estimates and ratios of every cell of a run."""

from collections.abc import Collection, Mapping, Sequence

from hdrh.histogram import HdrHistogram
from msgspec.structs import replace

from bench.results import Cell, CpuPerRequest
from bench.stats.estimates import (
    LATENCY,
    THROUGHPUT,
    cpu_us_per_request,
    from_logarithms,
    measured,
    positive_estimate,
    quantiles,
)
from bench.stats.ratios import Baseline, CellRatios, ratios_of

Histograms = Mapping[str, Mapping[int, HdrHistogram]]
"""By cell id and instance, in nanoseconds."""


def analyse(
    cells: Sequence[Cell],
    *,
    latency: Histograms,
    baseline: Baseline,
    service: Histograms | None = None,
    restarts: bool = True,
) -> list[Cell]:
    """The cells with their estimates and ratios; those of cells without a result are None.

    `latency` and `service` hold the histograms of successful requests; a cell may be missing in them. `restarts`:
    whether every instance started the producers anew. If not, or with a single instance, every verdict is
    `inconclusive`.
    """
    ratios = ratios_of(cells, baseline, restarts=restarts)
    return [_analysed(cell, latency, service or {}, ratios.get(cell.id)) for cell in cells]


def _analysed(cell: Cell, latency: Histograms, service: Histograms, ratios: CellRatios | None) -> Cell:
    """`ratios`: None for a cell without a result."""
    slices = cell.slices
    if ratios is None:
        return replace(
            cell,
            latency_ns=None,
            service_ns=None,
            requests_per_second=None,
            cpu_us_per_request=None,
            ratio=None,
            ratio_to_plain=None,
        )
    return replace(
        cell,
        latency_ns=quantiles(_of(cell, latency), from_logarithms(measured(slices, LATENCY))),
        service_ns=quantiles(
            _of(cell, service), positive_estimate(slices.instance, slices.service_p50_ns, slices.started_ns)
        ),
        requests_per_second=from_logarithms(measured(slices, THROUGHPUT)),
        cpu_us_per_request=CpuPerRequest(
            producer=cpu_us_per_request(slices.instance, slices.producer_cpu_ns, slices.ok, slices.failed),
            front=cpu_us_per_request(slices.instance, slices.front_cpu_ns, slices.ok, slices.failed),
            consumer=cpu_us_per_request(slices.instance, slices.consumer_cpu_ns, slices.ok, slices.failed),
        ),
        ratio=ratios.to_baseline,
        ratio_to_plain=ratios.to_plain,
    )


def _of(cell: Cell, histograms: Histograms) -> Collection[HdrHistogram]:
    return histograms.get(cell.id, {}).values()
