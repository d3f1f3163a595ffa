"""From slices to figures: every cell of a run, judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hdrh.histogram import HdrHistogram
from msgspec.structs import replace

from bench.dialects import unusual_dialect
from bench.results import Cell, CpuPerRequest, Load, Quantiles, Ratio, Workload
from bench.stats.cpu import cpu_us_per_request
from bench.stats.estimates import Levels, positive_estimate
from bench.stats.headline import is_headline
from bench.stats.measures import LATENCY, THROUGHPUT, measure_of, requests_per_second
from bench.stats.quantiles import quantiles
from bench.stats.ratios import judged_together, paired
from bench.stats.verdicts import confidences

Histograms = Mapping[str, Mapping[int, HdrHistogram]]
"""By cell id and instance, in nanoseconds."""
_Setting = tuple[Workload, Load | None, str, str, str]
_Arm = tuple[str, str | None, str, bool, bool]
"""Protocol, version, dialect where it is not the usual one, gzip, TLS."""
_Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What cells are compared with."""

    protocol: str
    """The others are compared with it at equal gzip and TLS, and everything with its plain cell."""
    version: str | None = None
    """In a run that compares two versions: every cell of the other one is compared with its twin in this one."""


def judged(
    cells: Sequence[Cell],
    *,
    latency: Histograms,
    baseline: Baseline,
    service: Histograms | None = None,
    restarts: bool = True,
) -> list[Cell]:
    """The cells with their figures and ratios filled in; those given stay as they are.

    `latency` and `service` hold the histograms of `ok` answers; a cell may be missing in them. `restarts`: whether
    producers were started afresh for every instance; where they were not, or there was one instance only, every
    verdict is `inconclusive`.

    Each pair of a cell and a baseline is judged once, be it wanted as `ratio`, as `ratio_to_plain` or as both, and
    counts towards the correction for many verdicts: all that a run shows are right at once with 99 %.
    """
    ratios = _ratios(cells, baseline, restarts=restarts)
    return [
        replace(
            cell,
            latency_ns=_quantiles(latency, cell),
            service_ns=_quantiles(service or {}, cell),
            requests_per_second=positive_estimate(cell.slices.instance, requests_per_second(cell.slices)),
            cpu_us_per_request=_cpu(cell),
            ratio=ratios.get((cell.id, _baseline(cell, cells, baseline))),
            ratio_to_plain=ratios.get((cell.id, _plain(cell, cells, baseline))),
        )
        if cell.status == "measured"
        else replace(
            cell,
            latency_ns=None,
            service_ns=None,
            requests_per_second=None,
            cpu_us_per_request=None,
            ratio=None,
            ratio_to_plain=None,
        )
        for cell in cells
    ]


def _quantiles(histograms: Histograms, cell: Cell) -> Quantiles | None:
    return quantiles(histograms.get(cell.id, {}).values())


def _cpu(cell: Cell) -> CpuPerRequest:
    slices = cell.slices
    return CpuPerRequest(
        producer=cpu_us_per_request(slices.instance, slices.producer_cpu_ns, slices.ok, slices.failed),
        consumer=cpu_us_per_request(slices.instance, slices.consumer_cpu_ns, slices.ok, slices.failed),
    )


def _setting(cell: Cell) -> _Setting:
    """Everything that a cell has in common with its baseline."""
    return cell.workload, cell.load, cell.client, cell.network, cell.connection


def _find(cell: Cell, cells: Sequence[Cell], arm: _Arm) -> str:
    """The id of the measured cell of that arm in the same setting; empty when there is no other."""
    setting = _setting(cell)
    for other in cells:
        if _arm(other) == arm and _setting(other) == setting:
            return other.id if other.id != cell.id and other.status == "measured" else ""
    return ""


def _arm(cell: Cell) -> _Arm:
    return cell.protocol, cell.version, unusual_dialect(cell), cell.gzip, cell.tls


def _baseline(cell: Cell, cells: Sequence[Cell], baseline: Baseline) -> str:
    """The baseline protocol in its own dialect at equal gzip and TLS; for that itself, its own plain cell.

    Where versions are compared, the same cell of the baseline version, and nothing for its own cells.
    """
    if baseline.version is not None:
        return _find(cell, cells, (cell.protocol, baseline.version, unusual_dialect(cell), cell.gzip, cell.tls))
    if cell.protocol == baseline.protocol and not unusual_dialect(cell):
        return _plain(cell, cells, baseline)
    return _find(cell, cells, (baseline.protocol, None, "", cell.gzip, cell.tls))


def _plain(cell: Cell, cells: Sequence[Cell], baseline: Baseline) -> str:
    return "" if baseline.version is not None else _find(cell, cells, (baseline.protocol, None, "", False, False))


def _ratios(cells: Sequence[Cell], baseline: Baseline, *, restarts: bool) -> dict[_Pair, Ratio]:
    """Every ratio of the run by its two cells, each pair once."""
    by_id = {cell.id: cell for cell in cells}
    logs: dict[_Pair, Levels] = {}
    for cell in cells:
        if cell.status != "measured":
            continue
        for other in (_baseline(cell, cells, baseline), _plain(cell, cells, baseline)):
            found = paired(cell.slices, by_id[other].slices, measure_of(cell)) if other else None
            if found is not None:
                logs[cell.id, other] = found
    headline = [is_headline(by_id[above], by_id[below]) for above, below in logs]
    confidence = dict(zip(logs, confidences(headline), strict=True))
    ratios: dict[_Pair, Ratio] = {}
    for measure in (LATENCY, THROUGHPUT):
        pairs = [pair for pair in logs if measure_of(by_id[pair[0]]) is measure]
        together = judged_together([logs[pair] for pair in pairs], [confidence[pair] for pair in pairs])
        for pair, found_ratio in zip(pairs, together, strict=True):
            estimate = found_ratio.estimate(measure, restarted=restarts)
            ratios[pair] = (
                Ratio(baseline=pair[1], latency_ns_p50=estimate)
                if measure is LATENCY
                else Ratio(baseline=pair[1], requests_per_second=estimate)
            )
    return ratios
