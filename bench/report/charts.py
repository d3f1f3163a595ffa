"""Draws plots as static SVG, with Vega-Lite, while the report is rendered. Why: docs/decisions/0004-report-charts.md.

Colours are CSS variables of the page, so that a chart follows its dark and print styles.
"""

import math
from functools import singledispatch
from typing import Any, Literal

import altair as alt
import vl_convert

from bench.report.plots import AreaMap, Bars, Forest, Intervals, LoadCurves, Percentiles, Plot, scale_for
from bench.results import Verdict

SERIES = 6
"""Colours and shapes that the page defines; a seventh series gets those of the first."""
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES: tuple[list[int], ...] = ([1, 0], [7, 3], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3])
ROW = 19
"""Height of a row in pixels."""
FOREST_ROW = 32
"""Height of a row with a line of text above its interval."""
FOREST_WIDTH = 340
VERDICT_SHAPES: dict[Verdict, str] = {
    "slower": "triangle-right",
    "faster": "triangle-left",
    "same": "circle",
    "inconclusive": "diamond",
}
TEXT = "currentColor"
PAPER = "var(--paper)"


def draw(plot: Plot) -> str:
    """The plot as SVG that can stand within a page."""
    return _svg(_chart(plot))


@singledispatch
def _chart(plot: Plot) -> Any:
    raise TypeError(f"no way to draw {type(plot).__name__}")


@_chart.register
def _intervals(plot: Intervals) -> Any:
    dots, scale, reference = plot.dots, plot.scale, plot.reference
    labels = [dot.label for dot in dots]
    low, high = plot.domain
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
    x_axis = alt.X("low:Q", scale=axis_scale, title=plot.axis, axis=_value_axis(ticks))
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
    return alt.layer(*layers).properties(width=225, height=ROW * len(dots))


@_chart.register
def _bars(plot: Bars) -> Any:
    segments, totals = plot.segments, dict(plot.totals)
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
            x=alt.X("value:Q", scale=domain, title=plot.axis, axis=_value_axis([])),
            color=alt.Color("colour:N", scale=None),
            order=alt.Order("order:Q"),
        )
    )
    words = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_text(align="left", dx=5, fontSize=11, color=TEXT)
        .encode(y=y_axis, x="value:Q", text="text:N")
    )
    return alt.layer(bars, words).properties(width=225, height=ROW * len(labels))


@_chart.register
def _percentiles(plot: Percentiles) -> Any:
    lines, y_domain, nines = plot.lines, plot.y_domain, plot.nines
    rows = [
        {
            "nines": point.nines,
            "latency": point.latency,
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
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(
                "nines:Q",
                title="percentile",
                scale=alt.Scale(domain=[0, max(nines, 1.0)], nice=False),
                axis=alt.Axis(values=ticks, labelExpr=named),
            ),
            y=alt.Y(
                "latency:Q",
                title=plot.axis,
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


@_chart.register
def _load_curves(plot: LoadCurves) -> Any:
    lines = plot.lines
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
        x=alt.X("rate:Q", title="throughput, requests/s (right is better)", axis=_value_axis([])),
        y=alt.Y(
            "latency:Q",
            title=plot.axis,
            scale=alt.Scale(type=scale, domain=list(ends), nice=False),
            axis=_value_axis(_ticks(*ends) if scale == "log" else []),
        ),
        color=alt.Color("colour:N", scale=None),
    )
    lined = base.mark_line(strokeWidth=1.5, opacity=0.75).encode(order="order:Q", detail="series:N")
    dotted = base.mark_point(filled=True, size=46, opacity=1).encode(shape=alt.Shape("shape:N", scale=None))
    ringed = base.transform_filter("datum.knee").mark_point(filled=False, size=240, strokeWidth=1.5)
    words = base.mark_text(align="left", dx=6, dy=-6, fontSize=10).encode(text="text:N", color=alt.value(TEXT))
    return alt.layer(lined, dotted, ringed, words).properties(width=250, height=170)


@_chart.register
def _area_map(plot: AreaMap) -> Any:
    parts, labels = plot.areas, plot.labels
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
    x_axis = alt.X("x:Q", scale=x_scale, title=plot.x_axis, axis=_value_axis(_ticks(*x_ends)))
    y_axis = alt.Y("y:Q", scale=y_scale, title=plot.y_axis, axis=_value_axis(_ticks(*y_ends)))
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
    # The halo keeps words readable on every colour.
    halo = words.mark_text(
        fontSize=11, color=PAPER, stroke=PAPER, strokeWidth=4, strokeJoin="round", opacity=0.85, aria=False
    )
    return alt.layer(drawn, halo, words.mark_text(fontSize=11, color=TEXT)).properties(width=300, height=210)


@_chart.register
def _forest(plot: Forest) -> Any:
    low, high = plot.domain
    count = len(plot.effects)
    rows = [
        {
            "label": each.label,
            "text": each.text,
            "above": number + 0.3,
            "at": number + 0.7,
            "value": each.value,
            "low": max(each.value if each.low is None else each.low, low),
            "high": min(each.value if each.high is None else each.high, high),
            "colour": f"var(--{each.verdict})",
            "shape": VERDICT_SHAPES[each.verdict],
        }
        for number, each in enumerate(plot.effects)
    ]
    cut = [
        {"end": end, "at": number + 0.7, "colour": f"var(--{each.verdict})", "shape": f"triangle-{side}"}
        for number, each in enumerate(plot.effects)
        for end, side, beyond in (
            (low, "left", each.low is not None and each.low < low),
            (high, "right", each.high is not None and each.high > high),
        )
        if beyond
    ]
    x_scale = alt.Scale(type="log", domain=[low, high], nice=False)
    y_scale = alt.Scale(domain=[count, 0], nice=False)
    x_axis = alt.X("low:Q", scale=x_scale, title=plot.axis, axis=_value_axis(_near_one(low, high)))
    colour = alt.Color("colour:N", scale=None)

    def height(name: str) -> Any:
        return alt.Y(f"{name}:Q", scale=y_scale, axis=None)

    band = alt.Chart(alt.InlineData(values=[{"from": plot.band[0], "to": plot.band[1], "top": 0, "bottom": count}]))
    base = alt.Chart(alt.InlineData(values=rows))
    ends = alt.Chart(alt.InlineData(values=cut))
    layers = [
        band.mark_rect(color="var(--grid)", opacity=0.35, strokeWidth=0).encode(
            x=alt.X("from:Q", scale=x_scale), x2="to:Q", y=height("top"), y2="bottom:Q"
        ),
        alt.Chart(alt.InlineData(values=[{"at": 1}]))
        .mark_rule(color=TEXT, strokeDash=[3, 3])
        .encode(x=alt.X("at:Q", scale=x_scale)),
        base.mark_rule(strokeWidth=2.5, opacity=0.75).encode(x=x_axis, x2="high:Q", y=height("at"), color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x="value:Q", y=height("at"), color=colour, shape=alt.Shape("shape:N", scale=None)
        ),
    ]
    sides: tuple[tuple[str, Literal["left", "right"], int, Any], ...] = (
        ("label", "left", 0, alt.value(TEXT)),
        ("text", "right", FOREST_WIDTH, colour),
    )
    for name, side, x, ink in sides:
        words = base.encode(x=alt.value(x), y=height("above"), text=f"{name}:N")
        layers += [
            words.mark_text(
                align=side, fontSize=11, color=PAPER, stroke=PAPER, strokeWidth=5, strokeJoin="round", aria=False
            ),
            words.mark_text(align=side, fontSize=11).encode(color=ink),
        ]
    if cut:
        layers.append(
            ends.mark_point(filled=True, size=50, opacity=1).encode(
                x="end:Q", y=height("at"), color=colour, shape=alt.Shape("shape:N", scale=None)
            )
        )
    return alt.layer(*layers).properties(width=FOREST_WIDTH, height=FOREST_ROW * count)


def _near_one(low: float, high: float) -> list[float]:
    """Round factors within an axis around 1: the finest steps of which at most nine fit."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        ticks = [round(step * number, 2) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) <= 9:
            return ticks
    return _ticks(low, high)


def _ticks(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, … within a logarithmic axis; none where fewer than three fit."""
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
    """Drawn in the colours of the page."""
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
