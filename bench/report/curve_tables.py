"""Throughput and latency under growing load, a row for each load, the knee marked."""

from bench.report import names, units
from bench.report.document import Column, Entry, Row, Table
from bench.results import Run
from bench.stats.load_curves import Curve, curves

NOTE = (
    "Knee: the load at which throughput ÷ latency is greatest. Up to it more load mostly brings throughput, beyond it "
    "mostly waiting. Where none is marked, it lies outside the loads measured."
)


def curve_table(run: Run) -> Table | None:
    """The curves of a run; None where no combination was measured under three loads of one kind."""
    found = curves(run.cells)
    if not found:
        return None
    points = [point for curve in found for point in curve.points]
    duration = units.chosen(units.DURATIONS_NS, (point.latency_p50_ns.value for point in points))
    columns = (
        Column("combination", numeric=False),
        Column("load", numeric=False),
        Column("throughput", units.PER_SECOND.symbol),
        Column("latency p50", duration.symbol),
        Column("p99", duration.symbol),
        Column("", numeric=False),
    )
    rows = tuple(row for curve in found for row in _rows(curve, duration))
    return Table("Load that grows", columns, rows, notes=(NOTE,))


def _rows(curve: Curve, duration: units.Unit) -> list[Row]:
    return [
        Row(
            (curve.key.label, names.load(point.load)),
            (
                Entry(units.estimate(point.requests_per_second, units.PER_SECOND)),
                Entry(units.estimate(point.latency_p50_ns, duration)),
                Entry(units.estimate(point.latency_p99_ns, duration)),
                Entry("← knee" if number == curve.knee else ""),
            ),
        )
        for number, point in enumerate(curve.points)
    ]
