"""Charts: what is drawn, and the alternative text for screen readers."""

import base64

import numpy as np
import pytest

from bench.load_models import ClosedLoad
from bench.report import costs, latency_charts
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup, grouped
from bench.report.html import render
from bench.report.latency_charts import load_curve_charts, percentile_points
from bench.report.plots import Bars, LoadCurves, Percentiles
from bench.report.run_document import document_of
from bench.results import Cell, Estimate, Quantiles, Run
from tests.support.runs import (
    cell,
    histogram,
    run,
    set_fields,
    two_variants,
    without_figures,
)


def parts(given: Run, load: int = 0) -> tuple[WorkloadGroup, LoadGroup, Grouping]:
    grouping = grouped(given)
    return grouping.groups[0], grouping.groups[0].loads[load], grouping


def test_bytes_are_drawn_by_part() -> None:
    group, _, _ = parts(run([cell("http", tls=True), cell("grpc", tls=True, bytes=None)]))
    _, chart = costs.byte_charts(group)
    assert isinstance(chart.plot, Bars)
    assert [segment.part for segment in chart.plot.segments] == [0, 1, 2, 3]
    assert sum(segment.value for segment in chart.plot.segments) == 1382
    assert chart.plot.totals == (("TLS · HTTP/JSON", "1,382"),)
    assert chart.alternative == "TLS · HTTP/JSON 1,382 B"


def test_configurations_with_long_names_have_a_bar_each() -> None:
    versions = [f"a-branch-with-a-long-name-{number}" for number in range(3)]
    group, load, _ = parts(run([cell("http", version=version) for version in versions]))
    charts = [*costs.byte_charts(group), costs.cpu_chart(group, load)]
    for chart in charts:
        assert chart is not None
        assert isinstance(chart.plot, Bars)
        assert [label for label, _ in chart.plot.totals] == [f"plain · HTTP/JSON ({version})" for version in versions]
        assert len({segment.label for segment in chart.plot.segments}) == len(versions)


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
    assert isinstance(chart.plot, Bars)
    assert [segment.part for segment in chart.plot.segments] == [0]


def test_cpu_of_both_sides_is_drawn() -> None:
    group, load, _ = parts(run([cell("http"), cell("grpc", cpu_us_per_request=None)]))
    chart = costs.cpu_chart(group, load)
    assert chart is not None
    assert isinstance(chart.plot, Bars)
    assert chart.plot.totals == (("plain · HTTP/JSON", "75.0 + 50.0"),)
    assert chart.alternative == "plain · HTTP/JSON 75.0 + 50.0 µs"


def test_distributions_are_drawn_by_variant() -> None:
    drawn = latency_charts.distribution_charts(*parts(two_variants()))
    assert [chart.caption for chart in drawn] == [
        "get: one recipe, plain, 1 in flight",
        "get: one recipe, gzip, 1 in flight",
    ]
    for chart in drawn:
        assert isinstance(chart.plot, Percentiles)
        assert [line.series for line in chart.plot.lines] == [0, 1]
        assert chart.plot.nines == pytest.approx(2.0)
    assert "plain · HTTP/JSON: p99.0 = " in drawn[0].alternative


def test_without_measurements_nothing_is_drawn() -> None:
    given = parts(run([without_figures("http", "failed", "x"), without_figures("grpc", "failed", "x")]))
    assert costs.cpu_chart(given[0], given[1]) is None
    assert latency_charts.distribution_charts(*given) == []
    assert costs.byte_charts(given[0]) == []


def test_a_distribution_missing_in_one_variant_is_left_out() -> None:
    given = two_variants()
    for each in given.cells[::2]:
        set_fields(each, latency_histogram=None)
    assert len(latency_charts.distribution_charts(*parts(given))) == 1


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
    assert isinstance(chart.plot, LoadCurves)
    assert [(line.series, line.knee) for line in chart.plot.lines] == [(0, 1), (1, None)]
    assert [text for _, _, text in chart.plot.lines[0].points] == ["1", "4", "16", "64"]
    page = render(document_of(given)).decode()
    assert "growing load" in page
    assert chart.alternative in page


def test_two_loads_give_no_load_curve() -> None:
    given = run(growing("http", (1000, 4000, 8000, 8100), (1000, 1000, 2000, 8000))[:2])
    assert load_curve_charts(given, grouped(given)) == []
    assert "growing load" not in render(document_of(given)).decode()


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
