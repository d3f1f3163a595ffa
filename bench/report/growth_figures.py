"""Latency over throughput as load grows: a chart for each workload and setting, protocols side by side."""

from bench.contenders import contender_of
from bench.report import charts, names, units
from bench.report.charts import Growth
from bench.report.grouping import Arrangement, variant_of
from bench.report.latency_charts import Figure
from bench.results import Run
from bench.spec import ClosedLoad
from bench.stats.load_curves import Curve, curves


def growth_figures(run: Run, arrangement: Arrangement) -> list[Figure]:
    """None where no combination was measured under three loads of one kind."""
    found: dict[tuple[str, ...], list[Curve]] = {}
    for curve in curves(run.cells):
        cell = arrangement.by_id[curve.points[0].cell]
        kind = "in flight" if isinstance(cell.load, ClosedLoad) else "due per second"
        setting = (names.workload(cell.workload), variant_of(cell).label, cell.client, cell.network, kind)
        found.setdefault(setting, []).append(curve)
    return [_figure(setting, together, arrangement) for setting, together in found.items()]


def _figure(setting: tuple[str, ...], together: list[Curve], arrangement: Arrangement) -> Figure:
    workload, variant, client, _, kind = setting
    unit = units.chosen(
        units.DURATIONS_NS, (point.latency_p50_ns.value for curve in together for point in curve.points)
    )
    lines = [
        Growth(
            arrangement.series(arrangement.by_id[curve.points[0].cell]),
            [
                (point.requests_per_second.value, point.latency_p50_ns.value / unit.size, f"{point.requested:g}")
                for point in curve.points
            ],
            curve.knee,
        )
        for curve in together
    ]
    caption = (
        f"{workload}, {variant}, {client} client: median latency over throughput; at each point the requests {kind}"
    )
    return Figure(
        charts.growth(lines, title=f"median latency, {unit.symbol}: lower is better"),
        f"{caption}; a ring marks the knee",
        "; ".join(_in_words(curve, arrangement) for curve in together),
    )


def _in_words(curve: Curve, arrangement: Arrangement) -> str:
    name = names.contender(contender_of(arrangement.by_id[curve.points[0].cell]))
    if curve.knee is None:
        return f"{name}: no knee within the loads measured"
    return f"{name}: knee at {names.load(curve.points[curve.knee].load)}"
