"""Charts: what is drawn, and what stands in words for those who cannot see it."""

import xml.etree.ElementTree as ET

import pytest

from bench.report import charts, latency_charts
from bench.report.charts import Dot, Line, Segment
from bench.report.grouping import Arrangement, LoadGroup, WorkloadGroup, arranged
from bench.report.latency_charts import Figure
from bench.report.percentile_curve import Point
from bench.results import Estimate, Quantiles, RatioEstimate, Run
from tests.support.runs import SIXTEEN, cell, latency_ratio, run, set_fields, small, two_variants, without_figures

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: Figure | str) -> list[str]:
    root = ET.fromstring(figure if isinstance(figure, str) else figure.svg)
    return [each.text or "" for each in root.iter(f"{SVG}text")]


def parts(given: Run, load: int = 0) -> tuple[WorkloadGroup, LoadGroup, Arrangement]:
    arrangement = arranged(given)
    return arrangement.groups[0], arrangement.groups[0].loads[load], arrangement


def test_ratios_stand_with_their_verdicts() -> None:
    figure = latency_charts.ratios(*parts(two_variants()))
    assert figure is not None
    assert {"plain · gRPC", "gzip · gRPC", "0.800 faster", "1.02 inconclusive"} <= set(texts(figure))
    assert "latency ÷ HTTP: left of 1 is better" in texts(figure)
    assert figure.alternative == "plain · gRPC 0.800 (0.700–0.900) faster; gzip · gRPC 1.02 (0.90–1.20) inconclusive"
    assert "plain · HTTP" not in texts(figure)


def test_throughput_says_that_more_is_better() -> None:
    figure = latency_charts.ratios(*parts(small(), 1))
    assert figure is not None
    assert "requests/s ÷ HTTP: right of 1 is better" in texts(figure)
    level = latency_charts.level(*parts(small(), 1))
    assert level is not None
    assert any("requests/s: higher is better" in text for text in texts(level))


def test_levels_stand_with_their_figures_in_one_unit() -> None:
    figure = latency_charts.level(*parts(two_variants()))
    assert figure is not None
    assert {"150", "190", "300", "340", "median latency, µs: lower is better"} <= set(texts(figure))
    assert figure.alternative.startswith("plain · HTTP 150 µs (135–165); ")


def test_values_far_apart_get_a_logarithmic_axis_that_says_so() -> None:
    slow = Quantiles(p50=Estimate(value=150e6, low=140e6, high=160e6))
    figure = latency_charts.level(*parts(run([cell("http"), cell("grpc", latency_ns=slow)])))
    assert figure is not None
    assert "median latency, ms (logarithmic): lower is better" in texts(figure)


def test_bytes_are_drawn_in_their_pieces() -> None:
    group, _, _ = parts(run([cell("http", tls=True), cell("grpc", tls=True, bytes=None)]))
    figure = latency_charts.bytes_on_the_wire(group, "response")
    assert figure is not None
    assert "1,382" in texts(figure)
    for part in range(4):
        assert f'fill="var(--part-{part})"' in figure.svg
    assert figure.alternative == "TLS · HTTP 1,382 B"


def test_bytes_that_cannot_be_told_apart_are_one_piece() -> None:
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
    figure = latency_charts.bytes_on_the_wire(group, "response")
    assert figure is not None
    assert "var(--part-1)" not in figure.svg
    assert latency_charts.bytes_on_the_wire(group, "request") is None


def test_cpu_of_both_sides_is_drawn() -> None:
    group, load, _ = parts(run([cell("http"), cell("grpc", cpu_us_per_request=None)]))
    figure = latency_charts.cpu(group, load)
    assert figure is not None
    assert "75.0 + 50.0" in texts(figure)
    assert figure.alternative == "plain · HTTP 75.0 + 50.0 µs"


def test_spectra_are_drawn_by_variant() -> None:
    drawn = latency_charts.spectra(*parts(two_variants()))
    assert [figure.caption for figure in drawn] == [
        "get: one recipe, plain, 1 in flight",
        "get: one recipe, gzip, 1 in flight",
    ]
    assert {"50 %", "90 %", "99 %"} <= set(texts(drawn[0]))
    assert "plain · HTTP up to 99.0 %: " in drawn[0].alternative


def test_where_nothing_was_measured_nothing_is_drawn() -> None:
    given = parts(run([without_figures("http", "failed", "x"), without_figures("grpc", "failed", "x")]))
    assert latency_charts.ratios(*given) is None
    assert latency_charts.level(*given) is None
    assert latency_charts.cpu(given[0], given[1]) is None
    assert latency_charts.spectra(*given) == []
    assert latency_charts.bytes_on_the_wire(given[0], "response") is None
    assert latency_charts.level(*parts(run([cell("http", load=SIXTEEN, requests_per_second=None)]))) is None


def test_a_spectrum_missing_in_one_variant_is_left_out() -> None:
    given = two_variants()
    for each in given.cells[::2]:
        set_fields(each, latency_histogram=None)
    assert len(latency_charts.spectra(*parts(given))) == 1


def test_a_chart_is_the_same_every_time() -> None:
    first, second = (latency_charts.ratios(*parts(two_variants())) for _ in range(2))
    assert first == second


def test_no_ids_that_would_collide_within_a_page() -> None:
    group, load, arrangement = parts(two_variants())
    drawn = [
        latency_charts.ratios(group, load, arrangement),
        latency_charts.level(group, load, arrangement),
        latency_charts.cpu(group, load),
        latency_charts.bytes_on_the_wire(group, "request"),
        *latency_charts.spectra(group, load, arrangement),
    ]
    for figure in drawn:
        assert figure is not None
        assert " id=" not in figure.svg


def test_an_interval_that_reaches_far_does_not_squeeze_the_rest() -> None:
    dots = [Dot("a", 0, 2.0, 1e-30, 1e30, "2"), Dot("b", 1, 3.0, 2.9, 3.1, "3")]
    root = ET.fromstring(charts.intervals(dots, title="x", scale="log", reference=1.0))
    rules = [each for each in root.iter(f"{SVG}line") if "var(--series-1)" in each.get("stroke", "")]
    assert float(rules[0].get("x2", "0")) > 3
    assert charts.cuts_off(dots, "log", 1.0)
    assert not charts.cuts_off(dots[1:], "log", 1.0)


def test_a_caption_says_when_intervals_are_cut_off() -> None:
    given = two_variants()
    set_fields(given.cells[2], ratio=latency_ratio("http-get-c1", 2.0, "inconclusive", low=0.001, high=4000.0))
    figure = latency_charts.ratios(*parts(given))
    assert figure is not None
    assert figure.caption.endswith("end at its edge")
    whole = latency_charts.ratios(*parts(two_variants()))
    assert whole is not None
    assert not whole.caption.endswith("edge")


@pytest.mark.parametrize("value", [1e-9, 1.0, 1e12])
def test_axes_cope_with_any_magnitude(value: float) -> None:
    dots = [Dot("a", 0, value, None, None, "x"), Dot("b", 7, value, value, value, "y")]
    for scale in (charts.scale_for([value, value]), charts.scale_for([value, value * 100])):
        assert "<svg" in charts.intervals(dots, title="t", scale=scale)


def test_a_seventh_series_takes_the_colours_of_the_first() -> None:
    drawn = charts.spectrum([Line(6, [Point(1.0, 5.0), Point(2.0, 6.0)])], title="t", y_domain=(1, 10), nines=2.0)
    assert "var(--series-0)" in drawn


def test_hostile_labels_are_text() -> None:
    drawn = charts.stacked([Segment("</svg><script>", 0, 1.0)], title="<b>", totals={"</svg><script>": "<i>"})
    assert "<script" not in drawn
    assert {"</svg><script>", "<b>", "<i>"} <= set(texts(drawn))


def test_long_labels_are_cut() -> None:
    given = run([cell("p" * 80), cell("q", ratio=latency_ratio("p", 1.0, "same"))])
    figure = latency_charts.level(*parts(given))
    assert figure is not None
    assert max(len(text) for text in texts(figure) if text.startswith("plain")) <= 26


def test_a_ratio_that_is_not_positive_is_not_drawn() -> None:
    given = two_variants()
    nothing = RatioEstimate(value=0, low=0, high=0, low_95=0, high_95=0, verdict="inconclusive")
    for each in given.cells:
        if each.ratio is not None:
            set_fields(each, ratio=type(each.ratio)(baseline=each.ratio.baseline, latency_ns_p50=nothing))
    assert latency_charts.ratios(*parts(given)) is None
