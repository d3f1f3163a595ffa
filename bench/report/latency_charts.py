"""The charts of a report, from the cells of a run: which figures are drawn, in which unit, with what words."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.contenders import contender_of
from bench.report import charts, names, units
from bench.report.charts import Dot, Line, Segment
from bench.report.costs import NS_PER_US, size_of
from bench.report.grouping import Arrangement, LoadGroup, WorkloadGroup, variant_of
from bench.report.percentile_curve import Point, points
from bench.report.text import one_line
from bench.results import Cell

COMPRESSED, FRAMING, CONNECTION, TLS = 0, 1, 2, 3
"""Pieces of a bar of bytes, by their colours."""
PRODUCER, CONSUMER = 0, 1
"""Pieces of a bar of CPU."""
LABEL_AT_MOST = 26
CUT_OFF = "; intervals that reach beyond the chart end at its edge"


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing, its caption, and what it shows in words for those who cannot see it."""

    svg: str
    caption: str
    alternative: str


def ratios(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> Figure | None:
    """Every ratio to the baseline at equal gzip and TLS, with its verdict. None without any."""
    baseline = arrangement.baseline
    found = [(cell, ratio) for cell in load.cells if (ratio := arrangement.against_baseline(cell)) is not None]
    dots = [
        Dot(
            label_of(cell),
            arrangement.series(cell),
            ratio.value,
            ratio.low,
            ratio.high,
            f"{units.ratio_value(ratio)} {ratio.verdict}",
        )
        for cell, ratio in found
        if ratio.value > 0
    ]
    if not dots:
        return None
    what = "latency" if load.is_latency else "requests/s"
    better = "left of 1 is better" if load.is_latency else "right of 1 is better"
    cut = CUT_OFF if charts.cuts_off(dots, "log", 1.0) else ""
    return Figure(
        charts.intervals(dots, title=f"{what} ÷ {baseline}: {better}", scale="log", reference=1.0),
        f"{group.title}: {what} divided by that of {baseline} at equal gzip and TLS, {names.with_load(load.load)}{cut}",
        "; ".join(f"{label_of(cell)} {units.ratio(ratio)} {ratio.verdict}" for cell, ratio in found),
    )


def level(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> Figure | None:
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
    dots = [
        Dot(
            label_of(cell),
            arrangement.series(cell),
            each.value / unit.size,
            None if each.low is None else each.low / unit.size,
            None if each.high is None else each.high / unit.size,
            units.number(each.value, unit),
        )
        for cell, each in known
    ]
    scale = charts.scale_for([dot.value for dot in dots])
    cut = CUT_OFF if charts.cuts_off(dots, scale) else ""
    axis = f"{what}, {unit.symbol}{' (logarithmic)' if scale == 'log' else ''}: {better}"
    return Figure(
        charts.intervals(dots, title=axis, scale=scale),
        f"{group.title}: {what} {names.with_load(load.load)}, with 95 % intervals{cut}",
        "; ".join(f"{label_of(cell)} {units.with_symbol(each, unit)}" for cell, each in known),
    )


def bytes_on_the_wire(group: WorkloadGroup, direction: str) -> Figure | None:
    """What one request or one answer takes on the wire, in its pieces. None where that is not known."""
    cells = [cell for cell in group.one_per_combination() if size_of(cell, direction, "wire") is not None]
    wires = {label_of(cell): size_of(cell, direction, "wire") or 0.0 for cell in cells}
    unit = units.byte_unit(wires.values())
    segments = [segment for cell in cells for segment in _pieces(cell, direction, unit.size)]
    if not segments:
        return None
    totals = {label: units.size(wire, unit) for label, wire in wires.items()}
    return Figure(
        charts.stacked(segments, title=f"{direction}, {unit.symbol} on the wire: fewer is better", totals=totals),
        f"{group.title}: one {direction} on the wire",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def _pieces(cell: Cell, direction: str, unit_size: float) -> list[Segment]:
    """The body as sent, its framing, the connection's own frames, TLS; one piece where they cannot be told apart."""
    compressed, framed, wire = (size_of(cell, direction, name) for name in ("compressed", "framed", "wire"))
    of_connection = size_of(cell, direction, "connection") or 0.0
    label = label_of(cell)
    if wire is None:
        return []
    if compressed is None or framed is None:
        return [Segment(label, COMPRESSED, wire / unit_size)]
    lengths = {
        COMPRESSED: compressed,
        FRAMING: max(0.0, framed - compressed),
        CONNECTION: of_connection,
        TLS: max(0.0, wire - framed - of_connection),
    }
    return [Segment(label, part, length / unit_size) for part, length in lengths.items()]


def cpu(group: WorkloadGroup, load: LoadGroup) -> Figure | None:
    """CPU per request of both sides. None where no clock could be read."""
    sides = {
        cell.id: {
            part: each.value * NS_PER_US
            for part, each in (
                (PRODUCER, cell.cpu_us_per_request.producer),
                (CONSUMER, cell.cpu_us_per_request.consumer),
            )
            if each is not None
        }
        for cell in load.cells
        if cell.cpu_us_per_request is not None
    }
    unit = units.chosen(units.DURATIONS_NS, [value for each in sides.values() for value in each.values()])
    told = {
        label_of(cell): {part: value / unit.size for part, value in sides[cell.id].items()}
        for cell in load.cells
        if sides.get(cell.id)
    }
    if not told:
        return None
    segments = [Segment(label, part, value) for label, parts in told.items() for part, value in parts.items()]
    totals = {label: " + ".join(units.significant(value) for value in parts.values()) for label, parts in told.items()}
    return Figure(
        charts.stacked(segments, title=f"CPU per request, {unit.symbol}: lower is better", totals=totals),
        f"{group.title}: CPU per request {names.with_load(load.load)}, producer + consumer",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def spectra(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> list[Figure]:
    """One spectrum for each setting of gzip and TLS, on axes that they share."""
    found = {cell.id: points(cell.latency_histogram) for cell in load.cells}
    told = [point for each in found.values() for point in each if point.latency_ns > 0]
    if not told:
        return []
    unit = units.chosen(units.DURATIONS_NS, [point.latency_ns for point in told])
    domain = (min(p.latency_ns for p in told) / unit.size / 1.05, max(p.latency_ns for p in told) / unit.size * 1.05)
    nines = max(point.nines for point in told)
    figures = []
    for variant in group.variants:
        cells = [cell for cell in load.cells if variant_of(cell) == variant and found[cell.id]]
        if not cells:
            continue
        lines = [Line(arrangement.series(cell), _in_unit(found[cell.id], unit.size)) for cell in cells]
        figures.append(
            Figure(
                charts.spectrum(lines, title=f"latency, {unit.symbol} (logarithmic)", y_domain=domain, nines=nines),
                f"{group.title}, {variant.label}, {names.load(load.load)}",
                "; ".join(
                    f"{label_of(cell)} up to {units.significant(100 * (1 - 10 ** -found[cell.id][-1].nines))} %: "
                    f"{units.number(found[cell.id][-1].latency_ns, unit)} {unit.symbol}"
                    for cell in cells
                ),
            )
        )
    return figures


def _in_unit(found: Sequence[Point], unit_size: float) -> list[Point]:
    return [Point(point.nines, point.latency_ns / unit_size) for point in found]


def label_of(cell: Cell) -> str:
    """`gzip+TLS · GraphQL`, short enough to stand beside a row."""
    label = one_line(f"{variant_of(cell).label} · {names.contender(contender_of(cell))}")
    return label if len(label) <= LABEL_AT_MOST else f"{label[: LABEL_AT_MOST - 1]}…"
