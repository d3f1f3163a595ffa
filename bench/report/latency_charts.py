"""Charts of latency, throughput and ratios: which are shown, in which unit, with what words."""

import binascii
import zlib
from collections.abc import Sequence

import numpy as np
from hdrh.codec import HdrCookieException, HdrLengthException

from bench.load import latency_histogram
from bench.report import names, units
from bench.report.document import Chart
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup, variant_of
from bench.report.plots import Dot, Growth, Intervals, Line, LoadCurves, Percentiles, Point, scale_for
from bench.report.text import one_line
from bench.results import Cell, RatioEstimate, Run
from bench.spec import ClosedLoad
from bench.stats.estimates import SAMPLES_BEYOND, counts_of
from bench.stats.generator import is_bound
from bench.stats.load_curves import Curve, curves

LABEL_AT_MOST = 26
"""Characters that fit beside a row."""
CUT_OFF = "; intervals beyond the axis are cut off"
NINES = np.concatenate([np.linspace(0.05, 1, 20), np.linspace(1.05, 6, 100)])
"""Percentiles at which a distribution is drawn, as a number of nines: 1 is 90 %, 2 is 99 %."""


def label_of(cell: Cell) -> str:
    """`gzip+TLS · GraphQL`, short enough to stand beside a row."""
    label = one_line(f"{variant_of(cell).label} · {names.series(cell.series)}")
    return label if len(label) <= LABEL_AT_MOST else f"{label[: LABEL_AT_MOST - 1]}…"


def ratio_chart(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> Chart | None:
    """Every ratio to the baseline at equal gzip and TLS, with its verdict. None without any."""
    baseline = grouping.baseline
    found = [(cell, ratio) for cell in load.cells if (ratio := grouping.against_baseline(cell)) is not None]
    dots = tuple(
        Dot(
            label_of(cell),
            grouping.series_number(cell),
            ratio.value,
            ratio.low,
            ratio.high,
            _ratio_text(ratio, load),
        )
        for cell, ratio in found
        if ratio.value > 0
    )
    if not dots:
        return None
    what = "latency" if load.is_latency else "requests/s"
    better = "left of 1 is better" if load.is_latency else "right of 1 is better"
    plot = Intervals(dots, axis=f"{what} relative to {baseline} ({better})", scale="log", reference=1.0)
    return Chart(
        plot,
        f"{group.title}: {what} relative to {baseline} {names.same_variant()}, {names.with_load(load.load)}, with "
        f"intervals corrected for all {grouping.ratio_count} ratios of the run"
        f"{CUT_OFF if plot.cuts_off else ''}",
        "; ".join(f"{label_of(cell)} {units.ratio(ratio)} {_verdict(ratio)}" for cell, ratio in found),
    )


def _ratio_text(ratio: RatioEstimate, load: LoadGroup) -> str:
    """`2.88× slower`; for a rate `0.250× slower (−75 %)`."""
    change = "" if load.is_latency else f" ({units.change(1, ratio.value)})"
    return f"{units.ratio_value(ratio)}× {_verdict(ratio)}{change}"


def _verdict(ratio: RatioEstimate) -> str:
    """`slower`, `too noisy`."""
    return names.undecided(ratio) or ratio.verdict


def level_chart(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> Chart | None:
    """Median latency, or throughput, of every cell, with intervals. None where nothing was measured."""
    ladder: Sequence[units.Unit]
    if load.is_latency:
        found = [(cell, cell.latency_ns.p50) for cell in load.cells if cell.latency_ns]
        what, better, ladder = "median latency", "lower is better", units.DURATIONS_NS
    else:
        found = [(cell, cell.requests_per_second) for cell in load.cells]
        what, better, ladder = "throughput", "higher is better", (units.PER_SECOND,)
    known = [(cell, each) for cell, each in found if each is not None and each.value > 0]
    if not known:
        return None
    unit = units.chosen(ladder, [each.value for _, each in known])
    dots = tuple(
        Dot(
            label_of(cell),
            grouping.series_number(cell),
            each.value / unit.size,
            None if each.low is None else each.low / unit.size,
            None if each.high is None else each.high / unit.size,
            _bounded(units.number(each.value, unit), cell, load),
        )
        for cell, each in known
    )
    scale = scale_for([dot.value for dot in dots])
    plot = Intervals(dots, f"{what}, {unit.symbol}{', log scale' if scale == 'log' else ''} ({better})", scale)
    return Chart(
        plot,
        f"{group.title}: {what} {names.with_load(load.load)}, with 95 % confidence intervals"
        f"{CUT_OFF if plot.cuts_off else ''}",
        "; ".join(f"{label_of(cell)} {_bounded(units.with_symbol(each, unit), cell, load)}" for cell, each in known),
    )


def _bounded(text: str, cell: Cell, load: LoadGroup) -> str:
    """A throughput is marked as a bound where the client was the limit."""
    return units.bound(text, is_bound=not load.is_latency and is_bound(cell))


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
