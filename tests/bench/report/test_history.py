"""A history as a document, and as a page."""

import io
import json
import math
import re
from typing import Any

import pytest
from rich.console import Console

from bench.report import history_charts, html, markdown, terminal
from bench.report.document import Charts, Document
from bench.report.history import EVENTS_AT_MOST, LeftOut, document_of
from bench.report.plots import Trend, TrendMark
from bench.stats.history import history
from bench.stats.snapshot import SeriesKey, Snapshot
from tests.support.histories import GRAPHQL, GRPC, HTTP, RATE, many_keys, measurement, noisy, snapshot
from tests.support.pages import Page
from tests.support.runs import HOSTILE

STEP = [0.0, 0.004, -0.004, 0.002, 0.2, 0.204, 0.196, 0.202]


def stepped(**given: Any) -> list[Snapshot]:
    return [snapshot(number, {GRPC: value, RATE: -value}, **given) for number, value in enumerate(STEP)]


def trends(document: Document) -> list[tuple[str, Trend]]:
    charts = [chart for block in document.blocks() if isinstance(block, Charts) for chart in block.charts]
    return [(chart.caption, chart.plot) for chart in charts if isinstance(chart.plot, Trend)]


def comment(document: Document) -> str:
    return markdown.render(document, details=False)


def shown(document: Document) -> str:
    out = io.StringIO()
    terminal.render(document, Console(file=out, width=80))
    return " ".join(out.getvalue().split())


def test_the_result_stands_first_then_what_changed_and_where() -> None:
    text = comment(document_of(history(stepped(note="new parser"))))
    lines = text.splitlines()
    assert lines[0] == "# History of 8 runs"
    assert lines[4] == "**2 changes that lasted: 2 slower, 0 faster.**"
    assert (
        "- commit3 → commit4 · 2026-01-05 00:00 · new parser: 2 slower: grpc-get-c1 +22 %, grpc-get-c16 −18 %." in lines
    )


def test_the_gate_names_the_newest_run() -> None:
    found = history([*stepped()[:4], snapshot(9, {GRPC: 0.5, RATE: 0.0})], last=5)
    document = document_of(found)
    assert document.conclusion is not None
    assert document.conclusion.alarming
    assert document.conclusion.text.startswith("Newest run, commit9 · 2026-01-10 00:00: 1 regression, slower by more")
    (row,) = (line for line in comment(document).splitlines() if line.startswith("| grpc-get-c1 | 1.65 |"))
    assert re.search(r"1\.6\d \(1\.\d+–\d\.\d+\) slower", row)
    assert "Newest run, commit9 · 2026-01-10 00:00: 1 regression" in shown(document)


def test_without_a_change_it_says_so_and_with_too_few_runs_that_they_are_too_few() -> None:
    assert "**No series changed.**" in comment(document_of(history(noisy(1, 8, [GRPC]))))
    text = comment(document_of(history(noisy(1, 1, [GRPC]))))
    assert "**Too few runs under the same conditions to distinguish a change from noise.**" in text
    assert "# History of 1 run\n" in text


def test_charts_are_on_one_scale_and_broken_where_conditions_change() -> None:
    moved = [
        snapshot(10 + number, {GRPC: 0.3, GRAPHQL: 1.0}, conditions={"kernel": "6.8"}, commit="abc")
        for number in range(3)
    ]
    found = trends(document_of(history([*(snapshot(n, {GRPC: 0.0, GRAPHQL: 1.0}) for n in range(4)), *moved])))
    assert [caption for caption, _ in found] == ["gRPC ÷ HTTP/JSON, plain", "GraphQL ÷ HTTP/JSON, plain"]
    spans = {round(math.log(plot.y_domain[1] / plot.y_domain[0]), 6) for _, plot in found}
    assert len(spans) == 1
    for _, plot in found:
        assert [[point.run for point in line] for line in plot.lines] == [[0, 1, 2, 3], [4, 5, 6]]
        assert plot.breaks == (TrendMark(4, "kernel: 6.1 → 6.8"),)
        assert len(plot.levels) == 2


def test_an_axis_is_not_stretched_without_limit_by_one_value() -> None:
    far = [*stepped(), snapshot(20, {GRPC: 30.0, RATE: 0.0})]
    (_, plot), *_ = trends(document_of(history(far)))
    assert plot.y_domain[1] / plot.y_domain[0] < 20


def test_over_time_runs_stand_at_their_times() -> None:
    (_, beside), *_ = trends(document_of(history(stepped())))
    (_, plot), *_ = trends(document_of(history(stepped()), by_time=True))
    assert beside.times_s == ()
    assert plot.times_s[1] - plot.times_s[0] == 24 * 3600


def test_other_series_are_folded_and_the_baselines_own_stand_last() -> None:
    own = SeriesKey(HTTP.__class__(protocol="http", gzip=True, load=HTTP.load), HTTP)
    runs = [snapshot(n, {own: 0.3, GRPC: 0.7, RATE: 0.0}) for n in range(4)]
    document = document_of(history(runs))
    main = [caption for caption, _ in trends(document)]
    assert main == ["gRPC ÷ HTTP/JSON, plain", "HTTP/JSON: gzip ÷ plain", "gRPC ÷ HTTP/JSON, plain"]
    folded = [section for section in document.sections if section.detail and section.drawn]
    assert [section.title for section in folded] == ["get: one recipe, 16 in flight"]
    assert "16 in flight" not in comment(document)


def test_values_as_measured_are_in_milliseconds_and_requests_per_second() -> None:
    latency, rate = SeriesKey(GRPC.cell, None), SeriesKey(RATE.cell, None)
    runs = [snapshot(n, {latency: math.log(2e6), rate: math.log(5000)}) for n in range(4)]
    document = document_of(history(runs))
    (caption, plot), (_, of_rate) = trends(document)
    assert caption == "gRPC, plain"
    assert plot.lines[0][0].value == pytest.approx(2.0)
    assert of_rate.lines[0][0].value == pytest.approx(5000)
    assert "Latency (ms) and throughput (requests/s) as measured" in comment(document)


def test_left_out_files_and_runs_with_one_instance_are_shown_as_such() -> None:
    runs = [*stepped(), snapshot(20, {GRPC: measurement(0.0, None)})]
    document = document_of(history(runs), [LeftOut("x.json", "no run file")])
    assert "- warning: Left out: x.json: no run file." in comment(document)
    (_, plot), *_ = trends(document)
    assert not plot.lines[0][-1].several


def test_of_many_changes_the_latest_are_listed_and_all_are_in_the_details() -> None:
    values = [0.5 * (number // 3) for number in range(3 * (EVENTS_AT_MOST + 3))]
    runs = [snapshot(number, {GRPC: value}) for number, value in enumerate(values)]
    document = document_of(history(runs))
    text = comment(document)
    assert f"- These are the latest of {EVENTS_AT_MOST + 2} places with changes." in text
    assert len(re.findall(r"^- commit\d+ → ", text, re.MULTILINE)) == EVENTS_AT_MOST
    assert len(re.findall(r"^\| commit\d+ → ", markdown.render(document), re.MULTILINE)) == EVENTS_AT_MOST + 2


def test_text_of_unknown_origin_is_escaped_and_cannot_end_the_script() -> None:
    given = stepped(note=HOSTILE, commit=HOSTILE, name=HOSTILE)
    document = document_of(history(given), [LeftOut(HOSTILE, HOSTILE)])
    assert "<" not in markdown.render(document)
    page = html.render(document, html.RESULT_FIRST).decode()
    assert "alert(1)</script>" not in page
    assert Page(page).by_tag["h1"] == ["History of 8 runs"]


def test_hundreds_of_runs_make_a_page_of_bearable_size() -> None:
    page = html.render(document_of(history(noisy(1, 300, many_keys(16)))), html.RESULT_FIRST).decode()
    assert len(page) < 1_500_000
    (data,) = re.findall(r'id="plot-data">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(data)) == 16


def test_names_of_runs_are_short() -> None:
    run = snapshot(1, {GRPC: 0.0}, commit="0123456789abcdef", note="x" * 500)
    assert len(history_charts.run_name(run)) < 120
    assert history_charts.run_name(snapshot(1, {GRPC: 0.0}, commit=None)).startswith("unknown commit · ")
