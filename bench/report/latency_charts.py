"""Charts of latency: by percentile, and over throughput under growing load."""

import binascii
import zlib
from collections.abc import Sequence

import numpy as np
from hdrh.codec import HdrCookieException, HdrLengthException

from bench.load import latency_histogram
from bench.load_models import ClosedLoad
from bench.report import names, units
from bench.report.document import Chart
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup, label_of, variant_of
from bench.report.plots import Growth, Line, LoadCurves, Percentiles, Point
from bench.results import Cell, Run
from bench.stats.estimates import SAMPLES_BEYOND, counts_of
from bench.stats.load_curves import Curve, curves

NINES = np.concatenate([np.linspace(0.1, 1, 10), np.linspace(1.1, 6, 50)])
"""Percentiles at which a distribution is drawn, as a number of nines: 1 is 90 %, 2 is 99 %."""


def distribution_charts(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> list[Chart]:
    """Latency by percentile, a chart for each variant, on axes that they share."""
    found = {cell.id: percentile_points(cell.latency_histogram) for cell in load.cells}
    shown = [point for each in found.values() for point in each if point.latency > 0]
    if not shown:
        return []
    unit = units.chosen(units.DURATIONS_NS, [point.latency for point in shown])
    latencies = [point.latency / unit.size for point in shown]
    domain = min(latencies) / 1.05, max(latencies) * 1.05
    nines = max(point.nines for point in shown)
    charts = []
    for variant in group.variants:
        cells = [cell for cell in load.cells if variant_of(cell) == variant and found[cell.id]]
        if not cells:
            continue
        lines = tuple(Line(grouping.series_number(cell), _in_unit(found[cell.id], unit.size)) for cell in cells)
        charts.append(
            Chart(
                Percentiles(lines, f"latency, {unit.symbol}, log scale (lower is better)", domain, nines),
                f"{group.title}, {variant.label}, {names.load(load.load)}",
                "; ".join(_last_percentile(cell, found[cell.id][-1], unit) for cell in cells),
                in_table=False,
            )
        )
    return charts


def _last_percentile(cell: Cell, last: Point, unit: units.Unit) -> str:
    percentile = units.significant(100 * (1 - 10**-last.nines))
    return f"{label_of(cell)}: p{percentile} = {units.number(last.latency, unit)} {unit.symbol}"


def percentile_points(histogram: str | None) -> list[Point]:
    """Latencies in nanoseconds by percentile, from a stored histogram, as far as enough samples lie beyond.

    Empty where there is no histogram that can be read.
    """
    if histogram is None:
        return []
    try:
        found = latency_histogram.decode(histogram)
    except (HdrCookieException, HdrLengthException, binascii.Error, zlib.error, ValueError, IndexError, TypeError):
        return []
    up_to = counts_of(found).cumsum()
    total = int(up_to[-1])
    points = []
    for nines in NINES:
        beyond = 10.0**-nines
        if total * beyond < SAMPLES_BEYOND - 1e-9:
            break
        bucket = int(np.searchsorted(up_to, max(1, int((1 - beyond) * total + 0.5))))
        latency_ns = float(found.get_highest_equivalent_value(found.get_value_from_index(bucket)))
        points.append(Point(float(nines), latency_ns))
    return points


def _in_unit(found: Sequence[Point], unit_size: float) -> tuple[Point, ...]:
    return tuple(Point(point.nines, point.latency / unit_size) for point in found)


def load_curve_charts(run: Run, grouping: Grouping) -> list[Chart]:
    """Latency over throughput under growing load: a chart for each workload and variant, with a line for each series.

    None where nothing was measured under three loads of one kind.
    """
    found: dict[tuple[str, str, str], list[Curve]] = {}
    for curve in curves(run.cells):
        cell = grouping.by_id[curve.points[0].cell]
        kind = "requests in flight" if isinstance(cell.load, ClosedLoad) else "requested rate"
        setting = names.group(cell), variant_of(cell).label, kind
        found.setdefault(setting, []).append(curve)
    return [_load_curve_chart(setting, together, grouping) for setting, together in found.items()]


def _load_curve_chart(setting: tuple[str, str, str], together: Sequence[Curve], grouping: Grouping) -> Chart:
    group, variant, kind = setting
    unit = units.chosen(
        units.DURATIONS_NS, (point.latency_p50_ns.value for curve in together for point in curve.points)
    )
    lines = tuple(
        Growth(
            grouping.series_number(grouping.by_id[curve.points[0].cell]),
            tuple(
                (point.requests_per_second.value, point.latency_p50_ns.value / unit.size, f"{point.requested:g}")
                for point in curve.points
            ),
            curve.knee,
        )
        for curve in together
    )
    return Chart(
        LoadCurves(lines, f"median latency, {unit.symbol} (lower is better)"),
        f"{group}, {variant}: latency over throughput, labelled with the {kind}; ring = knee",
        "; ".join(_knee_of(curve, grouping) for curve in together),
    )


def _knee_of(curve: Curve, grouping: Grouping) -> str:
    name = names.series(grouping.by_id[curve.points[0].cell].series)
    if curve.knee is None:
        return f"{name}: no knee within the loads measured"
    return f"{name}: knee at {names.load(curve.points[curve.knee].load)}"
