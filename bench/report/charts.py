"""Charts as static SVG, drawn by Vega-Lite while the report is rendered. Why: docs/decisions/0004-report-charts.md.

Colours are CSS variables of the page, so that a chart follows it into the dark and onto paper. Everything that a chart
shows stands in a table beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import vl_convert

from bench.report.percentile_curve import Point

SERIES = 6
"""Colours and shapes that the page defines; a seventh protocol gets those of the first."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES: tuple[list[int], ...] = ([1, 0], [7, 3], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3])
LOG_FROM = 8.0
"""A figure gets a logarithmic axis when its largest value is so many times its smallest."""
AXIS_BEYOND_VALUES = 3.0
"""An interval may stretch an axis by this factor beyond the values; what reaches further is cut off at the edge."""
ROW = 19
"""Height of a row in pixels."""
TEXT = "currentColor"
PAPER = "var(--paper)"


@dataclass(frozen=True, slots=True)
class Dot:
    """One row of a chart of intervals."""

    label: str
    series: int
    value: float
    low: float | None
    high: float | None
    text: str
    """What stands at its end."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a stacked bar: the row it belongs to, which piece it is, and how long. Pieces lie in their order."""

    label: str
    part: int
    value: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a spectrum; latencies are in the unit of the axis."""

    series: int
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Growth:
    """Throughput and latency of one combination under growing load; latencies are in the unit of the axis."""

    series: int
    points: Sequence[tuple[float, float, str]]
    """Requests per second, latency, and the load in words."""
    knee: int | None
    """Which point is marked."""


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a map, in the units of its axes."""

    x: tuple[float, float]
    y: tuple[float, float]
    series: int
    opacity: float


@dataclass(frozen=True, slots=True)
class Label:
    """Words within a map, around a point of it."""

    x: float
    y: float
    text: str


Scale = Literal["log", "linear"]


def scale_for(values: Sequence[float]) -> Scale:
    """Logarithmic where values lie far apart, else linear and from zero."""
    return "log" if min(values) > 0 and max(values) / min(values) >= LOG_FROM else "linear"


def cuts_off(dots: Sequence[Dot], scale: Scale, reference: float | None = None) -> bool:
    """Whether an interval reaches further than its chart."""
    low, high = _domain(dots, scale, reference)
    return any((dot.low is not None and dot.low < low) or (dot.high is not None and dot.high > high) for dot in dots)


def intervals(dots: Sequence[Dot], *, title: str, scale: Scale, reference: float | None = None) -> str:
    """A row for each figure: a point, its interval, and its text. `reference` draws a line through all rows."""
    labels = [dot.label for dot in dots]
    low, high = _domain(dots, scale, reference)
    axis_scale = alt.Scale(type=scale, domain=[low, high], nice=False)
    rows = [
        {
            "label": dot.label,
            "value": min(max(dot.value, low), high),
            "low": max(dot.value if dot.low is None else dot.low, low),
            "high": min(dot.value if dot.high is None else dot.high, high),
            "text": dot.text,
            "colour": _colour(dot.series),
            "shape": SHAPES[dot.series % SERIES],
        }
        for dot in dots
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=6)),
        color=alt.Color("colour:N", scale=None),
    )
    ticks = _ticks(low, high) if scale == "log" else []
    x_axis = alt.X("low:Q", scale=axis_scale, title=title, axis=_value_axis(ticks))
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2.5, opacity=0.75).encode(x=x_axis, x2="high:Q"),
        base.mark_point(filled=True, size=52, opacity=1).encode(x="value:Q", shape=alt.Shape("shape:N", scale=None)),
        base.mark_text(align="left", fontSize=11, color=TEXT).encode(
            x=alt.value(232), text="text:N", color=alt.value(TEXT)
        ),
    ]
    if reference is not None:
        line = alt.Chart(alt.InlineData(values=[{"at": reference}]))
        layers.insert(0, line.mark_rule(color=TEXT, strokeDash=[3, 3]).encode(x=alt.X("at:Q", scale=axis_scale)))
    return _svg(alt.layer(*layers).properties(width=225, height=ROW * len(dots)))


def stacked(segments: Sequence[Segment], *, title: str, totals: dict[str, str]) -> str:
    """A bar for each row, of pieces laid end to end, with its total at the end."""
    labels = list(dict.fromkeys(segment.label for segment in segments))
    lengths = {label: sum(each.value for each in segments if each.label == label) for label in labels}
    rows = [
        {"label": each.label, "value": each.value, "order": order, "colour": f"var(--part-{each.part})"}
        for order, each in enumerate(segments)
    ]
    ends = [{"label": label, "value": lengths[label], "text": totals.get(label, "")} for label in labels]
    y_axis = alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=6))
    domain = alt.Scale(domain=[0, max(lengths.values(), default=0) or 1], nice=False)
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(height=ROW - 7)
        .encode(
            y=y_axis,
            x=alt.X("value:Q", scale=domain, title=title, axis=_value_axis([])),
            color=alt.Color("colour:N", scale=None),
            order=alt.Order("order:Q"),
        )
    )
    words = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_text(align="left", dx=5, fontSize=11, color=TEXT)
        .encode(y=y_axis, x="value:Q", text="text:N")
    )
    return _svg(alt.layer(bars, words).properties(width=225, height=ROW * len(labels)))


def spectrum(lines: Sequence[Line], *, title: str, y_domain: tuple[float, float], nines: float) -> str:
    """Latency by percentile, a line for each protocol; charts of one workload share `y_domain` and the last `nines`."""
    rows = [
        {
            "nines": point.nines,
            "latency": point.latency_ns,
            "colour": _colour(line.series),
            "series": line.series,
        }
        for line in lines
        for point in line.points
    ]
    ticks = [0.30103, *range(1, int(nines) + 1)]
    named = "datum.value < 0.5 ? '50 %' : datum.value == 1 ? '90 %' : datum.value == 2 ? '99 %' : datum.value == 3 ? "
    named += "'99.9 %' : datum.value == 4 ? '99.99 %' : '99.999 %'"
    shown = sorted({line.series for line in lines})
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(
                "nines:Q",
                title="share of answers that took no longer",
                scale=alt.Scale(domain=[0, max(nines, 1.0)], nice=False),
                axis=alt.Axis(values=ticks, labelExpr=named),
            ),
            y=alt.Y(
                "latency:Q",
                title=title,
                scale=alt.Scale(type="log", domain=list(y_domain), nice=False),
                axis=_value_axis(_ticks(*y_domain)),
            ),
            color=alt.Color("colour:N", scale=None),
            strokeDash=alt.StrokeDash(
                "series:O",
                scale=alt.Scale(domain=shown, range=[DASHES[series % SERIES] for series in shown]),
                legend=None,
            ),
        )
        .properties(width=250, height=140)
    )
    return _svg(chart)


def growth(lines: Sequence[Growth], *, title: str) -> str:
    """Latency over throughput, a line for each protocol, a point for each load, the knee with a ring around it."""
    rows = [
        {
            "rate": rate,
            "latency": latency,
            "text": load,
            "order": number,
            "colour": _colour(line.series),
            "series": line.series,
            "shape": SHAPES[line.series % SERIES],
            "knee": number == line.knee,
        }
        for line in lines
        for number, (rate, latency, load) in enumerate(line.points)
    ]
    latencies = [float(latency) for line in lines for _, latency, _ in line.points]
    scale = scale_for(latencies)
    ends = (min(latencies) / 1.1, max(latencies) * 1.1) if scale == "log" else (0.0, max(latencies) * 1.1)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("rate:Q", title="requests/s: right is better", axis=_value_axis([])),
        y=alt.Y(
            "latency:Q",
            title=title,
            scale=alt.Scale(type=scale, domain=list(ends), nice=False),
            axis=_value_axis(_ticks(*ends) if scale == "log" else []),
        ),
        color=alt.Color("colour:N", scale=None),
    )
    lined = base.mark_line(strokeWidth=1.5, opacity=0.75).encode(order="order:Q", detail="series:N")
    dotted = base.mark_point(filled=True, size=46, opacity=1).encode(shape=alt.Shape("shape:N", scale=None))
    ringed = base.transform_filter("datum.knee").mark_point(filled=False, size=240, strokeWidth=1.5)
    words = base.mark_text(align="left", dx=6, dy=-6, fontSize=10).encode(text="text:N", color=alt.value(TEXT))
    return _svg(alt.layer(lined, dotted, ringed, words).properties(width=250, height=170))


def areas(parts: Sequence[Area], labels: Sequence[Label], *, x_title: str, y_title: str) -> str:
    """A map on two logarithmic axes: rectangles side by side, and words within."""
    x_ends = min(each.x[0] for each in parts), max(each.x[1] for each in parts)
    y_ends = min(each.y[0] for each in parts), max(each.y[1] for each in parts)
    x_scale, y_scale = (alt.Scale(type="log", domain=list(ends), nice=False) for ends in (x_ends, y_ends))
    rows = [
        {
            "x": each.x[0],
            "x2": each.x[1],
            "y": each.y[0],
            "y2": each.y[1],
            "colour": _colour(each.series),
            "opacity": each.opacity,
        }
        for each in parts
    ]
    x_axis = alt.X("x:Q", scale=x_scale, title=x_title, axis=_value_axis(_ticks(*x_ends)))
    y_axis = alt.Y("y:Q", scale=y_scale, title=y_title, axis=_value_axis(_ticks(*y_ends)))
    drawn = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect(strokeWidth=0, aria=False)
        .encode(
            x=x_axis,
            x2="x2:Q",
            y=y_axis,
            y2="y2:Q",
            color=alt.Color("colour:N", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
        )
    )
    words = alt.Chart(alt.InlineData(values=[{"x": each.x, "y": each.y, "text": each.text} for each in labels])).encode(
        x=alt.X("x:Q", scale=x_scale), y=alt.Y("y:Q", scale=y_scale), text="text:N"
    )
    # On whatever colour they lie, words are read off paper.
    halo = words.mark_text(
        fontSize=11, color=PAPER, stroke=PAPER, strokeWidth=4, strokeJoin="round", opacity=0.85, aria=False
    )
    return _svg(alt.layer(drawn, halo, words.mark_text(fontSize=11, color=TEXT)).properties(width=300, height=210))


def _domain(dots: Sequence[Dot], scale: Scale, reference: float | None) -> tuple[float, float]:
    values = [dot.value for dot in dots] + ([reference] if reference is not None else [])
    least, most = min(values), max(values)
    ends = [end for dot in dots for end in (dot.low, dot.high) if end is not None]
    low = max(min([least, *ends]), least / AXIS_BEYOND_VALUES)
    high = min(max([most, *ends]), most * AXIS_BEYOND_VALUES)
    if scale == "linear":
        return 0.0, (high or 1.0) * 1.03
    room = (high / low) ** 0.03 if high > low else 1.1
    return low / room, high * room


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … within a logarithmic axis; none where so few fit that other values tell more."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) < 5 else (1,)
    found = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
    return found if len(found) > 2 else []


def _value_axis(ticks: list[float]) -> Any:
    """An axis of plain numbers, with these ticks or, without any, with a few of Vega's choice."""
    chosen = {"values": ticks} if ticks else {"tickCount": 4}
    return alt.Axis.from_dict({"format": "~r", "labelOverlap": True, **chosen})


def _colour(series: int) -> str:
    return f"var(--series-{series % SERIES})"


def _svg(chart: Any) -> str:
    """The chart drawn, ready to stand within a page."""
    configured = (
        chart.configure(background="transparent", font="sans-serif", padding=2)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=TEXT,
            titleColor=TEXT,
            titleFontWeight="normal",
            labelFontSize=11,
            titleFontSize=11,
            labelLimit=160,
            gridColor="var(--grid)",
            domainColor="var(--grid)",
            tickColor="var(--grid)",
        )
        .configure_axisY(grid=False)
    )
    drawn: str = vl_convert.vegalite_to_svg(configured.to_dict())
    return drawn
