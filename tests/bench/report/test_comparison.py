"""A comparison as a document: what stands first, what is folded, and that it fits a comment."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from bench.report import comparison, html, markdown, terminal
from bench.report.document import Charts, Document, Table, with_details
from bench.report.plots import Forest
from bench.results import RatioEstimate, Verdict
from bench.spec import CellKey
from bench.stats.compare import ChangedCount, ComparedCell, Comparison
from bench.stats.differences import Difference
from bench.stats.estimates import LATENCY, MeasureName
from bench.stats.gate import HELP_TWO_RUNS, GatedCell, gate
from tests.support.pages import Page
from tests.support.runs import HOSTILE, ONE, SIXTEEN, ratio_estimate


def compared(
    name: str, value: float, verdict: Verdict, *, measure: MeasureName = "latency_ns_p50", bound: bool = False
) -> ComparedCell:
    return ComparedCell(
        id=name,
        key=CellKey(protocol="http", load=ONE if measure == LATENCY.name else SIXTEEN),
        measure=measure,
        value_a=200e3,
        value_b=200e3 * value,
        bound_b=bound,
        ratio=ratio_estimate(value, verdict),
    )


def found(
    *cells: ComparedCell,
    changed: list[ChangedCount] | None = None,
    differences: list[Difference] | None = None,
    gaps: list[str] | None = None,
) -> Comparison:
    gated = [GatedCell(each.key, each.id, each.ratio) for each in cells]
    return Comparison(
        cells=list(cells),
        changed_counts=changed or [],
        circumstances=[Difference("commit", "aaa", "bbb")],
        differences=differences or [],
        notes=["These are two runs."],
        gate=gate(gated, 0.02, gaps or [], remedy=HELP_TWO_RUNS),
    )


def document(given: Comparison) -> Document:
    return comparison.document_of(given, ("a.json", "b.json"))


def comment(given: Comparison) -> str:
    return markdown.render(document(given), details=False)


def shown(given: Document) -> str:
    out = io.StringIO()
    terminal.render(given, Console(file=out, width=100))
    return out.getvalue()


def tables(given: Comparison, *, details: bool) -> list[Table]:
    sections = [section for section in document(given).sections if section.detail == details]
    return [block for section in sections for block in section.blocks if isinstance(block, Table)]


def forest(given: Comparison) -> Forest:
    (charts,) = (block for block in document(given).blocks() if isinstance(block, Charts))
    (chart,) = charts.charts
    assert isinstance(chart.plot, Forest)
    return chart.plot


def many(count: int, verdict: Verdict = "same", value: float = 1.0) -> list[ComparedCell]:
    return [compared(f"cell-{number}", value, verdict) for number in range(count)]


WITHOUT_INTERVAL = RatioEstimate(value=1.0, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
SLOWER = compared("http-get-c1", 1.3, "slower")
SAME = compared("grpc-get-c1", 1.0, "same")


def test_a_comment_about_one_regression_has_at_most_25_lines() -> None:
    text = comment(found(SLOWER, *many(71)))
    lines = text.splitlines()
    assert len(lines) <= 25
    assert lines[2].startswith(
        "**1 regression, slower by more than 2 %: http-get-c1. 1 slower, 0 faster, 71 same, 0 in"
    )
    assert "Smallest detectable slowdown: 12 %" in lines[2]
    assert "| http-get-c1 | 0.200 → 0.260 | 1.30 (1.17–1.43) slower | regression |" in lines
    assert "- commit: aaa → bbb" in lines
    assert lines[-1] == "Left out: 71 configurations without a difference; How to read this."
    assert "cell-0" not in text


def test_every_configuration_is_in_the_page_and_unchanged_ones_are_folded() -> None:
    page = html.render(document(found(SLOWER, *many(71))), html.RESULT_FIRST).decode()
    before, folded = page.split("<details", 1)
    assert "cell-70" not in before
    assert "cell-70" in folded
    assert before.index("1 regression") < before.index("data-plot") < before.index("What else differs")


def test_with_everything_terminal_and_markdown_have_unchanged_configurations_too() -> None:
    given = document(found(SLOWER, SAME))
    assert "grpc-get-c1" not in shown(given)
    assert "grpc-get-c1" in shown(with_details(given))
    assert "grpc-get-c1" in markdown.render(given)


def test_the_forest_plot_has_the_largest_slowdown_first_and_a_band_for_the_threshold() -> None:
    faster = compared("fast", 0.5, "faster")
    fewer = compared("fewer", 0.5, "slower", measure="requests_per_second")
    plot = forest(found(faster, SLOWER, fewer, SAME))
    assert [(each.label, each.value, each.text) for each in plot.effects] == [
        ("fewer", 2.0, "2.00 slower"),
        ("http-get-c1", 1.3, "1.30 slower"),
        ("fast", 0.5, "0.500 faster"),
    ]
    assert plot.band == pytest.approx((1 / 1.02, 1.02))


def test_without_a_difference_the_forest_plot_has_what_the_gate_requires() -> None:
    rate = compared("rate", 1.0, "same", measure="requests_per_second")
    given = found(SAME, rate)
    assert [each.label for each in forest(given).effects] == ["grpc-get-c1"]
    assert "Nothing was shown to be slower or faster." in comment(given)


def test_of_many_differences_the_most_important_are_shown_and_the_rest_is_folded() -> None:
    raw = [
        replace(each, key=CellKey(protocol="http", load=ONE, client="raw"), id=f"raw-{number}")
        for number, each in enumerate(many(20, "slower", 2.0))
    ]
    given = found(*raw, *many(5, "slower", 1.1), compared("fast", 0.1, "faster"))
    (first,) = tables(given, details=False)
    assert [row.headings[0] for row in first.rows] == [f"cell-{n}" for n in range(5)] + [f"raw-{n}" for n in range(7)]
    assert "The largest differences; 14 more were shown." in comment(given)
    (whole,) = tables(given, details=True)
    assert len(whole.rows) == 26
    assert whole.rows[-1].headings == ("fast",)


def test_every_cell_shows_what_it_could_have_detected_and_why_it_is_inconclusive() -> None:
    bare = replace(compared("graphql-get-c1", 1.0, "inconclusive"), ratio=WITHOUT_INTERVAL)
    far = compared("grpc-get-c1", 1.0, "inconclusive")
    far = replace(far, ratio=ratio_estimate(1.0, "inconclusive", 0.01, 100.0, detectable_change=99.0))
    table, *_ = comparison.ratio_tables([SLOWER, far, bare], found(SLOWER, far, bare))
    assert [[entry.whole for entry in row.entries[1:3]] for row in table.rows] == [
        ["1.30 (1.17–1.43) slower", "–"],
        ["1.00 (0.0100–100) too noisy", "> 1,000 %"],
        ["1.00 (no interval) inconclusive", "–"],
    ]


def test_what_was_not_compared_is_a_warning_and_makes_the_comparison_inconclusive() -> None:
    given = document(found(SAME, gaps=["B was interrupted with results of 2 of 8 instances."]))
    assert "warning: B was interrupted with results of 2 of 8 instances." in " ".join(shown(given).split())
    assert given.conclusion is not None
    assert not given.conclusion.alarming
    assert given.conclusion.text.startswith("Inconclusive. 0 slower, 0 faster, 1 same, 0 inconclusive.")


def test_what_would_help_an_inconclusive_comparison_is_said_once() -> None:
    wide = replace(SAME, ratio=ratio_estimate(1.0, "inconclusive", 0.9, 1.1))
    text = comment(found(wide))
    assert text.count("What helps: --ab") == 1


def test_intervals_are_labelled_as_corrected_for_the_rows_of_the_comparison() -> None:
    text = " ".join(shown(with_details(document(found(SLOWER, SAME)))).split())
    assert (
        "In parentheses after a ratio: its interval, corrected for all 2 ratios of this comparison. "
        "All of them hold at once in 99 of 100 runs."
    ) in text
    assert "95 %" not in text


def test_a_throughput_that_the_client_limited_is_a_bound() -> None:
    given = found(compared("http-c16", 1.2, "faster", measure="requests_per_second", bound=True))
    (table,) = tables(given, details=False)
    assert table.rows[0].entries[0].text == "200,000 → ≥ 240,000"
    assert any("≥: the server can serve at least this" in note for note in table.notes)


def test_latency_throughput_and_sizes_have_tables_of_their_own() -> None:
    given = found(
        SLOWER,
        compared("http-get-c16", 0.7, "slower", measure="requests_per_second"),
        changed=[ChangedCount(id="http-get-c1", what="response bytes", before=1000, after=1100)],
    )
    titles = [table.title for table in tables(given, details=False)]
    assert titles == ["Median latency", "Throughput", "Changed counts per request"]
    assert "| http-get-c1 | response bytes | 1,000 → 1,100 | +10 % |" in comment(given)


def test_instructions_stand_beside_bytes() -> None:
    count = ChangedCount(id="http-get-c1", what="server instructions", before=1_234_567, after=1_334_567)
    text = comment(found(SLOWER, changed=[count]))
    assert "| http-get-c1 | server instructions | 1,234,567 → 1,334,567 | +8.1 % |" in text
    assert "Instructions are shown where they differ by more than 0.4 %" in text


def test_forced_differences_are_a_warning_and_listed() -> None:
    given = found(SLOWER, differences=[Difference("Python", "3.11", "3.12")])
    text = comment(given)
    assert "- warning: The runs differ in what moves results (Python), and were compared because of --force." in text
    assert "- Python: 3.11 → 3.12" in text
    assert "Same recipes" not in text
    assert "- Same recipes, settings, CPU, kernel and libraries." in comment(found(SLOWER))


def test_text_of_unknown_origin_is_escaped() -> None:
    given = found(compared(HOSTILE, 1.3, "slower"), differences=[Difference(HOSTILE, HOSTILE, HOSTILE)])
    text = comment(given)
    assert "<" not in text
    assert "\x1b" not in text
    page = html.render(document(given), html.RESULT_FIRST).decode()
    assert "</td><script" not in page
    assert "alert(1)" in page
    assert re.search(r"&lt;script", page)
    assert Page(page).by_tag["h1"] == ["a.json → b.json"]
