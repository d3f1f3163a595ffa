"""Charts: what is drawn, and the alternative text for screen readers."""

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bench.report import charts, costs, latency_charts
from bench.report.document import Chart
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup, grouped
from bench.report.html import render
from bench.report.latency_charts import load_curve_charts, percentile_points
from bench.report.plots import Bars, Dot, Intervals, Line, Percentiles, Point, Segment, scale_for
from bench.report.run_document import document_of
from bench.results import Cell, Estimate, Quantiles, RatioEstimate, Run
from bench.spec import ClosedLoad
from tests.support.runs import (
    SIXTEEN,
    cell,
    client_limited,
    histogram,
    latency_ratio,
    run,
    set_fields,
    small,
    two_variants,
    without_figures,
)

SVG = "{http://www.w3.org/2000/svg}"


def svg(chart: Chart) -> str:
    return charts.draw(chart.plot)


def texts(chart: Chart | str) -> list[str]:
    root = ET.fromstring(chart if isinstance(chart, str) else svg(chart))
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def parts(given: Run, load: int = 0) -> tuple[WorkloadGroup, LoadGroup, Grouping]:
    grouping = grouped(given)
    return grouping.groups[0], grouping.groups[0].loads[load], grouping


def test_a_throughput_that_the_client_limited_is_drawn_as_a_bound() -> None:
    given = run([client_limited(cell("http", load=SIXTEEN)), cell("grpc", load=SIXTEEN)])
    chart = latency_charts.level_chart(*parts(given))
    assert chart is not None
    assert {"≥ 6,670", "3,330"} <= set(texts(chart))
    assert chart.alternative.startswith("plain · HTTP/JSON ≥ 6,670 requests/s")


def test_intervals_of_ratios_are_labelled_as_corrected() -> None:
    chart = latency_charts.ratio_chart(*parts(two_variants()))
    assert chart is not None
    assert "with intervals corrected for all 3 ratios of the run" in chart.caption
    assert "95 %" not in chart.caption


def test_ratios_are_shown_with_their_verdicts() -> None:
    chart = latency_charts.ratio_chart(*parts(two_variants()))
    assert chart is not None
    assert {"plain · gRPC", "gzip · gRPC", "0.800× faster", "1.02× too noisy"} <= set(texts(chart))
    assert "latency relative to HTTP/JSON (left of 1 is better)" in texts(chart)
    assert chart.alternative == "plain · gRPC 0.800 (0.700–0.900) faster; gzip · gRPC 1.02 (0.90–1.20) too noisy"
    assert "plain · HTTP/JSON" not in texts(chart)


def test_throughput_charts_state_that_higher_is_better() -> None:
    chart = latency_charts.ratio_chart(*parts(small(), 1))
    assert chart is not None
    assert "requests/s relative to HTTP/JSON (right of 1 is better)" in texts(chart)
    level = latency_charts.level_chart(*parts(small(), 1))
    assert level is not None
    assert any("requests/s (higher is better)" in text for text in texts(level))


def test_all_levels_of_a_chart_have_one_unit() -> None:
    chart = latency_charts.level_chart(*parts(two_variants()))
    assert chart is not None
    assert {"150", "190", "300", "340", "median latency, µs (lower is better)"} <= set(texts(chart))
    assert chart.alternative.startswith("plain · HTTP/JSON 150 µs (135–165); ")


def test_values_far_apart_get_a_labelled_logarithmic_axis() -> None:
    slow = Quantiles(p50=Estimate(value=150e6, low=140e6, high=160e6))
    chart = latency_charts.level_chart(*parts(run([cell("http"), cell("grpc", latency_ns=slow)])))
    assert chart is not None
    assert "median latency, ms, log scale (lower is better)" in texts(chart)


def test_bytes_are_drawn_by_part() -> None:
    group, _, _ = parts(run([cell("http", tls=True), cell("grpc", tls=True, bytes=None)]))
    _, chart = costs.byte_charts(group)
    assert "1,382" in texts(chart)
    for part in range(4):
        assert f'fill="var(--part-{part})"' in svg(chart)
    assert chart.alternative == "TLS · HTTP/JSON 1,382 B"


def test_bytes_without_known_parts_are_one_part() -> None:
    given = cell("http")
    assert given.bytes is not None
    set_fields(
        given,
        bytes=type(given.bytes)(
            request=type(given.bytes.request)(),
            response=type(given.bytes.response)(wire_bytes=500),
            setup=given.bytes.setup,
        ),
    )
    group, _, _ = parts(run([given]))
    (chart,) = costs.byte_charts(group)
    assert chart.caption.endswith("wire bytes of a response")
    assert "var(--part-1)" not in svg(chart)


def test_cpu_of_both_sides_is_drawn() -> None:
    group, load, _ = parts(run([cell("http"), cell("grpc", cpu_us_per_request=None)]))
    chart = costs.cpu_chart(group, load)
    assert chart is not None
    assert "75.0 + 50.0" in texts(chart)
    assert chart.alternative == "plain · HTTP/JSON 75.0 + 50.0 µs"


def test_distributions_are_drawn_by_variant() -> None:
    drawn = latency_charts.distribution_charts(*parts(two_variants()))
    assert [chart.caption for chart in drawn] == [
        "get: one recipe, plain, 1 in flight",
        "get: one recipe, gzip, 1 in flight",
    ]
    assert {"50 %", "90 %", "99 %"} <= set(texts(drawn[0]))
    assert "plain · HTTP/JSON: p99.0 = " in drawn[0].alternative


def test_without_measurements_nothing_is_drawn() -> None:
    given = parts(run([without_figures("http", "failed", "x"), without_figures("grpc", "failed", "x")]))
    assert latency_charts.ratio_chart(*given) is None
    assert latency_charts.level_chart(*given) is None
    assert costs.cpu_chart(given[0], given[1]) is None
    assert latency_charts.distribution_charts(*given) == []
    assert costs.byte_charts(given[0]) == []
    assert latency_charts.level_chart(*parts(run([cell("http", load=SIXTEEN, requests_per_second=None)]))) is None


def test_a_distribution_missing_in_one_variant_is_left_out() -> None:
    given = two_variants()
    for each in given.cells[::2]:
        set_fields(each, latency_histogram=None)
    assert len(latency_charts.distribution_charts(*parts(given))) == 1


def test_a_chart_is_the_same_every_time() -> None:
    first, second = (latency_charts.ratio_chart(*parts(two_variants())) for _ in range(2))
    assert first == second


def test_charts_have_no_ids() -> None:
    group, load, grouping = parts(two_variants())
    drawn = [
        latency_charts.ratio_chart(group, load, grouping),
        latency_charts.level_chart(group, load, grouping),
        costs.cpu_chart(group, load),
        *costs.byte_charts(group),
        *latency_charts.distribution_charts(group, load, grouping),
    ]
    for chart in drawn:
        assert chart is not None
        assert " id=" not in svg(chart)


def test_a_wide_interval_does_not_compress_the_rest() -> None:
    dots = (Dot("a", 0, 2.0, 1e-30, 1e30, "2"), Dot("b", 1, 3.0, 2.9, 3.1, "3"))
    plot = Intervals(dots, axis="x", scale="log", reference=1.0)
    root = ET.fromstring(charts.draw(plot))
    rules = [each for each in root.iter(f"{SVG}line") if "var(--series-1)" in each.get("stroke", "")]
    assert float(rules[0].get("x2", "0")) > 3
    assert plot.cuts_off
    assert not Intervals(dots[1:], axis="x", scale="log", reference=1.0).cuts_off


def test_a_caption_mentions_truncated_intervals() -> None:
    given = two_variants()
    set_fields(given.cells[2], ratio=latency_ratio("http-get-c1", 2.0, "inconclusive", low=0.001, high=4000.0))
    chart = latency_charts.ratio_chart(*parts(given))
    assert chart is not None
    assert chart.caption.endswith("intervals beyond the axis are cut off")
    whole = latency_charts.ratio_chart(*parts(two_variants()))
    assert whole is not None
    assert "cut off" not in whole.caption


@pytest.mark.parametrize("value", [1e-9, 1.0, 1e12])
def test_axes_support_any_magnitude(value: float) -> None:
    dots = (Dot("a", 0, value, None, None, "x"), Dot("b", 7, value, value, value, "y"))
    for scale in (scale_for([value, value]), scale_for([value, value * 100])):
        assert "<svg" in charts.draw(Intervals(dots, axis="t", scale=scale))


def test_a_seventh_series_reuses_the_first_colour() -> None:
    drawn = charts.draw(
        Percentiles((Line(6, (Point(1.0, 5.0), Point(2.0, 6.0))),), axis="t", y_domain=(1, 10), nines=2.0)
    )
    assert "var(--series-0)" in drawn


def test_hostile_labels_are_text() -> None:
    drawn = charts.draw(Bars((Segment("</svg><script>", 0, 1.0),), axis="<b>", totals=(("</svg><script>", "<i>"),)))
    assert "<script" not in drawn
    assert {"</svg><script>", "<b>", "<i>"} <= set(texts(drawn))


def test_long_labels_are_cut() -> None:
    given = run([cell("p" * 80), cell("q", ratio=latency_ratio("p", 1.0, "same"))])
    chart = latency_charts.level_chart(*parts(given))
    assert chart is not None
    assert max(len(text) for text in texts(chart) if text.startswith("plain")) <= 26


def test_a_ratio_that_is_not_positive_is_not_drawn() -> None:
    given = two_variants()
    nothing = RatioEstimate(value=0, low=0, high=0, low_95=0, high_95=0, verdict="inconclusive")
    for each in given.cells:
        if each.ratio is not None:
            set_fields(each, ratio=type(each.ratio)(baseline=each.ratio.baseline, latency_ns_p50=nothing))
    assert latency_charts.ratio_chart(*parts(given)) is None


LOADS = (1, 4, 16, 64)


def growing(protocol: str, rates: tuple[float, ...], latencies_us: tuple[float, ...]) -> list[Cell]:
    return [
        cell(
            protocol,
            load=ClosedLoad(concurrency=concurrency),
            requests_per_second=Estimate(value=rate),
            latency_ns=Quantiles(p50=Estimate(value=latency_us * 1e3)),
        )
        for concurrency, rate, latency_us in zip(LOADS, rates, latencies_us, strict=True)
    ]


def test_load_curves_of_all_protocols_are_in_one_chart() -> None:
    given = run(
        [
            *growing("http", (1000, 4000, 8000, 8100), (1000, 1000, 2000, 8000)),
            *growing("grpc", (500, 1000, 1500, 2500), (2000, 2100, 2200, 2300)),
        ]
    )
    (chart,) = load_curve_charts(given, grouped(given))
    assert chart.alternative == "HTTP/JSON: knee at 4 in flight; gRPC: no knee within the loads measured"
    assert "get: one recipe, plain: latency over throughput" in chart.caption
    assert "ring = knee" in chart.caption
    assert svg(chart).startswith("<svg")
    assert {"1", "4", "16", "64"} <= set(re.findall(r">([\d.]+)</text>", svg(chart)))
    page = render(document_of(given)).decode()
    assert "Across workloads" in page
    assert chart.alternative in page


def test_two_loads_give_no_load_curve() -> None:
    given = run(growing("http", (1000, 4000, 8000, 8100), (1000, 1000, 2000, 8000))[:2])
    assert load_curve_charts(given, grouped(given)) == []
    assert "Across workloads" not in render(document_of(given)).decode()


def test_points_are_the_recorded_percentiles() -> None:
    latencies = [1000 * (index + 1) for index in range(10_000)]
    found = percentile_points(histogram(latencies))
    for point in found:
        assert point.latency == pytest.approx(np.quantile(latencies, 1 - 10**-point.nines), rel=0.005)
    assert [point.nines for point in found] == sorted(point.nines for point in found)
    assert [point.latency for point in found] == sorted(point.latency for point in found)


def test_the_line_ends_where_fewer_than_ten_samples_lie_beyond() -> None:
    assert max(point.nines for point in percentile_points(histogram(list(range(1, 1001))))) == pytest.approx(2.0)
    assert max(point.nines for point in percentile_points(histogram(list(range(1, 10_001))))) == pytest.approx(3.0)
    assert percentile_points(histogram([5] * 10)) == []


@pytest.mark.parametrize("text", [None, "", "x", "HISTFAAA", base64.b64encode(b"\x00" * 40).decode(), "é", "AAAA" * 30])
def test_an_invalid_histogram_has_no_points(text: str | None) -> None:
    assert percentile_points(text) == []


def test_a_truncated_histogram_has_no_points() -> None:
    assert percentile_points(histogram(list(range(1, 1001)))[:-12]) == []
