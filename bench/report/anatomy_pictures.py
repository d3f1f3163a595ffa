"""Pictures of where the bytes go: for each workload a bar for every combination, both ways, in pieces by kind."""

from bench.report import charts, names, units
from bench.report.anatomy_figures import DIRECTIONS, stacks
from bench.report.charts import Segment
from bench.report.latency_charts import Figure, label_of
from bench.results import Cell, Run
from bench.wire.parts import CATEGORIES, CONNECTION, CONTENT, FRAMING, HANDSHAKE, HEADERS, TLS, UNKNOWN
from bench.workloads import Workload

TITLES = {"sent": "request", "received": "answer"}
PARTS = {CONTENT: 0, HEADERS: 1, FRAMING: 4, CONNECTION: 2, TLS: 3, HANDSHAKE: 5, UNKNOWN: 6}
"""The colour of each kind. What a bar of sizes shows, too, has the colour that it has there."""


def anatomy_pictures(run: Run) -> list[Figure]:
    """A picture for each workload and direction; none where no cell has an anatomy."""
    workloads = dict.fromkeys(cell.workload for cell in run.cells if cell.anatomy is not None)
    return [_picture(run, workload, direction) for workload in workloads for direction in DIRECTIONS]


def kinds(run: Run) -> list[tuple[int, str]]:
    """Colour and name of every kind that the pictures show, from the inside out."""
    seen = {name for stack in stacks(run) for name, size in stack.bytes_by_category.items() if size}
    return [(PARTS[name], name) for name in CATEGORIES if name in seen]


def _picture(run: Run, workload: Workload, direction: str) -> Figure:
    cells = {cell.id: cell for cell in run.cells if cell.workload == workload}
    bars = {
        stack.cell: stack.bytes_by_category
        for stack in stacks(run)
        if stack.cell in cells and stack.direction == direction
    }
    ordered = sorted(bars, key=lambda name: _variant(cells[name]))
    unit = units.byte_unit(sum(bars[name].values()) for name in ordered)
    labels = {name: label_of(cells[name]) for name in ordered}
    totals = {labels[name]: units.size(round(sum(bars[name].values())), unit) for name in ordered}
    segments = [
        Segment(labels[name], PARTS[kind], bars[name][kind] / unit.size)
        for name in ordered
        for kind in CATEGORIES
        if bars[name][kind]
    ]
    return Figure(
        charts.stacked(segments, title=f"{TITLES[direction]}, {unit.symbol}: fewer is better", totals=totals),
        f"{names.workload(workload)}; one {TITLES[direction]} in steady state, by kind of byte",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def _variant(cell: Cell) -> tuple[bool, bool]:
    return cell.gzip, cell.tls
