"""Pages that begin with their result, comparisons and histories, in a real browser."""

import pytest
from playwright.sync_api import expect

from bench.report import html
from bench.report.comparison import document_of as comparison_document
from bench.report.history import document_of as history_document
from bench.stats.history import history
from tests.bench.report.test_comparison import compared, found, many
from tests.browser.conftest import DESKTOP, PHONE, Open, Opened
from tests.support.histories import GRAPHQL, GRPC, RATE, snapshot


def comparison_page() -> bytes:
    cells = [compared("fast", 0.5, "faster"), compared("slow", 1.3, "slower"), compared("slower", 1.6, "slower")]
    return html.render(comparison_document(found(*cells, *many(40)), ("a.json", "b.json")), html.RESULT_FIRST)


def history_page(*, by_time: bool = False) -> bytes:
    levels = [0.0, 0.004, -0.004, 0.002, 0.2, 0.204, 0.196, 0.202]
    runs = [snapshot(n, {GRPC: value, GRAPHQL: 1.0, RATE: 0.0}, note=f"why {n}") for n, value in enumerate(levels)]
    return html.render(history_document(history(runs), by_time=by_time), html.RESULT_FIRST)


def heights(opened: Opened) -> dict[str, float]:
    """Where each text of the first chart stands, from the top."""
    found_at: dict[str, float] = (
        opened.page.locator(".chart svg")
        .first.locator("text")
        .evaluate_all(
            "texts => Object.fromEntries(texts.map((text) => [text.textContent, text.getBoundingClientRect().top]))"
        )
    )
    return found_at


def test_the_largest_slowdown_stands_at_the_top_of_the_forest_plot(open_report: Open) -> None:
    at = heights(open_report(comparison_page()))
    assert at["slower"] < at["slow"] < at["fast"]
    assert {"0.5", "1"} <= set(at), "the marks of the axis"


def test_unchanged_configurations_are_folded_until_asked_for(open_report: Open) -> None:
    opened = open_report(comparison_page())
    row = opened.page.get_by_role("rowheader", name="cell-39", exact=True)
    assert not row.is_visible()
    opened.page.get_by_text("40 configurations without a difference").click()
    assert row.is_visible()


@pytest.mark.parametrize("by_time", [False, True])
def test_a_history_has_a_chart_for_each_series_with_its_changes(open_report: Open, *, by_time: bool) -> None:
    opened = open_report(history_page(by_time=by_time))
    charts = opened.page.locator("main > section:not(.folded) .chart")
    assert charts.count() == 2
    charts.nth(1).locator("svg").wait_for()
    texts = opened.texts("main > section:not(.folded) .chart svg")
    assert ["+22 %, slower" in text for text in texts] == [True, False]


def test_hovering_names_the_run_and_its_note(open_report: Open) -> None:
    opened = open_report(history_page())
    chart = opened.page.locator(".chart svg").first
    chart.locator("circle, path[transform]").first.hover(force=True)
    expect(chart).to_contain_text("why 0")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("page", [comparison_page(), history_page()], ids=["comparison", "history"])
def test_nothing_is_cut_off_without_a_cue(open_report: Open, size: tuple[int, int], page: bytes) -> None:
    opened = open_report(page, size=size)
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    cut = opened.page.locator(".wide:not(.scrolls)").evaluate_all(
        "tables => tables.filter((each) => each.scrollWidth > each.clientWidth + 1).length"
    )
    assert cut == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [comparison_page(), history_page()], ids=["comparison", "history"])
def test_no_serious_finding_of_axe(open_report: Open, axe: str, page: bytes, scheme: str) -> None:
    opened = open_report(page, color_scheme=scheme)
    opened.page.evaluate(axe)
    result = opened.page.evaluate("axe.run()")
    serious = [each for each in result["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious] == []
