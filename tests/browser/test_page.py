"""The whole page: accessible, usable on a phone, with a keyboard, on paper and without scripts, and harmless."""

import re
import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page

from bench import run_file
from bench.report import html
from bench.report.document import Chart, Charts, Conclusion, Document, Section
from bench.report.plots import Effect, Forest
from bench.report.run_document import document_of
from bench.results import RecipesUsed, Run, RunWarning
from bench.wire.results import TlsSession
from tests.bench.report.test_anatomy import given as with_anatomy
from tests.browser.conftest import PHONE, Open
from tests.support import programs
from tests.support.model_runs import FAST, LEAN, Asked, known_run
from tests.support.runs import HOSTILE, LIST, SIXTEEN, cell, latency_ratio, quantiles, run, small, without_figures

SERIOUS = ("serious", "critical")
PAGES_AT_MOST = 8
BYTES_AT_MOST = 500_000
OLDER = Path(__file__).parents[1] / "data" / "run-schema-1.json"


@cache
def default_run() -> Run:
    """As many configurations as a default run: three protocols, gzip, TLS, two workloads, two loads, two clients."""
    cells = known_run(Asked(pages=(20,), connections=("persistent",))).cells
    names = ("http", "graphql", "grpc")
    switches = [(gzip, tls) for gzip in (False, True) for tls in (False, True)]
    more = [
        cell(name, gzip=gzip, tls=tls, load=load, workload=workload, client=client)
        for name in names
        for gzip, tls in switches
        for workload in (cells[0].workload, LIST)
        for load, client in ((SIXTEEN, "library"), (SIXTEEN, "raw"))
    ]
    return run([*cells, *(replace(each, id=f"{each.id}-{each.client}-{number}") for number, each in enumerate(more))])


@cache
def everything() -> Run:
    """With a byte anatomy, too."""
    return replace(default_run(), cells=[*default_run().cells, *with_anatomy().cells])


@cache
def every_section() -> Run:
    """As few configurations as give every kind of section."""
    asked = Asked(pages=(20,), tls=(False,), connections=("persistent",), truths={"http": FAST, "grpc": LEAN})
    return replace(known_run(asked), cells=[*known_run(asked).cells, *with_anatomy().cells[:3]])


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_function("[...document.querySelectorAll('[data-plot]')].every((each) => each.querySelector('svg'))")


def findings(page: Page, axe: str) -> list[tuple[str, list[Any]]]:
    # The page's own policy lets no other script in, but the tools of the browser are not bound by it.
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (each["id"], [node["html"][:200] for node in each["nodes"]])
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_report: Open, axe: str, scheme: str) -> None:
    found = open_report(every_section(), color_scheme=scheme)
    open_all(found.page)
    found.slide("rtt", 9)
    assert findings(found.page, axe) == []


def test_axe_finds_nothing_serious_in_a_page_with_its_result_first(open_report: Open, axe: str) -> None:
    effects = (Effect("http-get-c1", 1.2, 1.1, 1.3, "slower", "1.20 slower"),)
    chart = Chart(Forest(effects, (0.98, 1.02), "B ÷ A"), "Changes", "http-get-c1 1.20 slower")
    tables = document_of(small()).sections
    document = Document(
        title="A → B",
        conclusion=Conclusion("1 regression.", alarming=True),
        sections=(Section("changed", "What changed", (Charts((chart,), ()),)), *tables),
    )
    for scheme in ("light", "dark"):
        found = open_report(html.render(document, html.RESULT_FIRST), color_scheme=scheme)
        open_all(found.page)
        assert findings(found.page, axe) == []


def test_every_chart_is_drawn_with_something_in_it(open_report: Open) -> None:
    found = open_report(everything())
    open_all(found.page)
    drawn = found.page.locator("[data-plot] svg")
    assert drawn.count() == found.page.locator("[data-plot]").count() > 20
    for number in range(drawn.count()):
        assert drawn.nth(number).locator("path, rect, line, circle").count() > 2


def test_a_wide_interval_does_not_compress_a_forest_plot(open_report: Open) -> None:
    effects = (
        Effect("wide", 1.3, 0.01, 100.0, "inconclusive", "1.30"),
        Effect("narrow", 1.2, 1.1, 1.3, "slower", "1.20 slower"),
    )
    chart = Chart(Forest(effects, (0.98, 1.02), "B ÷ A"), "caption", "words")
    document = Document(sections=(Section("s", "Section", (Charts((chart,), ()),)),))
    found = open_report(html.render(document, html.RESULT_FIRST))
    lines = found.page.locator("svg path[stroke-width='2.5'], svg [stroke-width='2.5'] path")
    widths = [lines.nth(number).bounding_box() for number in range(lines.count())]
    assert [box is not None and box["width"] > 40 for box in widths] == [True, True]
    assert "1.20 slower" in found.texts("svg text")
    wide, narrow = (found.page.locator("svg text", has_text=text).first.bounding_box() for text in ("wide", "narrow"))
    assert wide is not None
    assert narrow is not None
    assert wide["y"] < narrow["y"]


def test_every_tick_of_a_logarithmic_axis_has_its_number(open_report: Open) -> None:
    below = [("grpc", 0.45), ("graphql", 0.62)]
    compared = [cell(name, ratio=latency_ratio("http-get-c1", value, "faster")) for name, value in below]
    narrow = open_report(run([cell("http"), *compared]), "#show=relative", size=PHONE)
    assert {"0.5", "1"} <= set(narrow.texts("#chart svg text"))
    wide = open_report(run([cell("http", latency_ns=quantiles(1e5)), cell("grpc", latency_ns=quantiles(3e7))]))
    assert {"0.1", "0.2", "0.5", "1", "2", "5", "10", "20"} <= set(wide.texts("#chart svg text"))
    assert "" not in [*narrow.texts("#chart svg text"), *wide.texts("#chart svg text")]


def test_a_phone_shows_everything_without_scrolling_sideways(open_report: Open) -> None:
    found = open_report(everything(), size=PHONE)
    answer = found.page.locator(".result").first.bounding_box()
    chart = found.page.locator("#chart").bounding_box()
    assert answer is not None
    assert chart is not None
    assert answer["y"] + answer["height"] < PHONE[1] / 3
    assert chart["y"] < PHONE[1]
    open_all(found.page)
    assert found.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    table = found.page.locator("#view table").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= PHONE[0]


def test_labels_of_a_chart_stay_within_it(open_report: Open) -> None:
    cells = [cell("http", gzip=gzip, implementation=name) for gzip in (False, True) for name in ("default", "granian")]
    found = open_report(run(cells), size=PHONE)
    open_all(found.page)
    beyond = found.page.locator("#chart, [data-plot]").evaluate_all(
        """charts => charts.flatMap((chart) => [...chart.querySelectorAll("text")]
          .filter((text) => text.getBoundingClientRect().left < chart.getBoundingClientRect().left)
          .map((text) => text.textContent))"""
    )
    assert beyond == []
    drawn = found.texts("#chart svg text")
    assert "HTTP/JSON" in drawn
    assert any("…" in text and text.endswith("gzip") for text in drawn)


def test_a_table_that_is_cut_says_so_and_scrolls_with_the_keyboard(open_report: Open) -> None:
    found = open_report(everything(), size=PHONE)
    open_all(found.page)
    for place in found.page.locator(".wide").all():
        cut = place.evaluate("(each) => each.scrollWidth > each.clientWidth + 1")
        assert (place.get_attribute("tabindex") == "0") is cut
        cue = place.evaluate("(each) => getComputedStyle(each, '::before').content")
        assert ("scroll sideways" in cue) is cut


def test_the_keyboard_reaches_everything_and_stops_nowhere_else(open_report: Open) -> None:
    found = open_report(small())
    stops: list[str] = []
    for _ in range(60):
        found.page.keyboard.press("Tab")
        name = found.page.evaluate("(({id, name, tagName}) => id || name || tagName)(document.activeElement)")
        if name == "BODY":
            break
        stops.append(name)
    assert stops[:5] == ["A", "SUMMARY", "measure", "workload", "baseline"]
    assert {"show", "chart", "copy-markdown", "copy-csv", "reset", "BUTTON"} <= set(stops)
    assert stops.count("DIV") == 0
    found.page.keyboard.press("Home")


def test_the_skip_link_goes_to_the_content(open_report: Open) -> None:
    found = open_report(small())
    found.page.keyboard.press("Tab")
    assert found.page.locator(".skip").is_visible()
    found.page.keyboard.press("Enter")
    assert found.page.evaluate("location.hash") == "#main"


def test_a_link_to_a_folded_section_opens_it(open_report: Open) -> None:
    found = open_report(small(), "#cpu")
    assert found.page.locator("details:has(#cpu)").get_attribute("open") is not None
    assert found.page.locator("details:has(#bytes)").get_attribute("open") is None


def test_it_prints_on_few_pages(open_report: Open) -> None:
    found = open_report(everything())
    found.page.emulate_media(media="print")
    pdf = found.page.pdf(format="A4")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= PAGES_AT_MOST


def test_forced_colours_leave_shapes_that_distinguish_protocols(open_report: Open) -> None:
    found = open_report(small(), forced_colors="active")
    colours = found.page.locator("#view-body .mark").evaluate_all(
        "marks => marks.map((each) => getComputedStyle(each).backgroundColor)"
    )
    assert len(set(colours)) == 1
    shapes = found.page.locator("#view-body .mark").evaluate_all(
        "marks => marks.map((each) => getComputedStyle(each).clipPath + getComputedStyle(each).borderRadius)"
    )
    assert len(set(shapes)) == 3


def test_no_two_series_look_alike(open_report: Open) -> None:
    found = open_report(run([cell(f"protocol-{number}") for number in range(2 * html.SERIES)]))
    marks = found.page.locator("#view-body .mark").evaluate_all(
        "marks => marks.map(getComputedStyle).map((each) => [each.backgroundColor, each.clipPath + each.borderRadius])"
    )
    dots = found.page.locator("#chart svg path[fill*='--series']").evaluate_all(
        "dots => dots.map((each) => [each.getAttribute('fill'), each.getAttribute('d')])"
    )
    for looks in (marks, dots):
        assert len(looks) == len(set(map(tuple, looks))) == 2 * html.SERIES
        for colours_or_shapes in zip(*looks[: html.SERIES], strict=True):
            assert len(set(colours_or_shapes)) == html.SERIES


def test_dark_colours_are_not_those_of_light(open_report: Open) -> None:
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 27)")):
        found = open_report(small(), color_scheme=scheme)
        assert found.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper


def test_a_report_of_a_default_run_is_small() -> None:
    assert len(default_run().cells) >= 72
    assert len(html.render(document_of(default_run()))) < BYTES_AT_MOST


def test_markup_in_every_string_of_a_run_stays_text(open_report: Open) -> None:
    given = run(
        [
            cell(HOSTILE, version=HOSTILE, ratio=latency_ratio(HOSTILE, 2.0, "slower")),
            cell("http", outcomes={"ok": 1, HOSTILE: 2}, tls_session=TlsSession(version=HOSTILE)),
            cell("grpc", client=HOSTILE, network=HOSTILE),
            without_figures(HOSTILE, "failed", HOSTILE),
        ],
        warnings=[RunWarning(code=HOSTILE, text=HOSTILE)],
        environment={HOSTILE: {HOSTILE: [HOSTILE, None, True, 1.5]}},
        command=HOSTILE,
        recipes=RecipesUsed(source=HOSTILE, count=1, digest=HOSTILE),
    )
    found = open_report(given)
    open_all(found.page)
    assert found.page.locator("script").count() == open_report(small()).page.locator("script").count()
    assert "<script>alert(1)</script>" in (found.page.locator("#view").text_content() or "")
    assert "<script>alert(1)</script>" in (found.page.locator("footer, main").first.text_content() or "")


def test_a_run_of_an_older_schema_is_shown(open_report: Open) -> None:
    found = open_report(run_file.decode(OLDER.read_bytes()))
    assert found.table()


def test_values_of_any_size_are_drawn(open_report: Open) -> None:
    given = run([cell("http", latency_ns=quantiles(1e-3)), cell("grpc", latency_ns=quantiles(1e30)), cell("graphql")])
    found = open_report(given)
    assert found.page.locator("#chart svg").count() == 1
    open_all(found.page)


@pytest.mark.usefixtures("chromium")
def test_pictures_are_taken_of_every_page_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes(
        html.render(document_of(known_run(Asked(pages=(20,), connections=("persistent",)))))
    )
    done = programs.run("commands.pictures", str(tmp_path), str(tmp_path / "images"))
    assert (done.returncode, done.stderr) == (0, "")
    taken = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert set(taken) == {"report.png", "report-phone.png", "report-dark.png", "break-even.png"}
    assert {name: struct.unpack(">II", content[16:24]) for name, content in taken.items() if "report" in name} == {
        "report.png": (1280, 900),
        "report-dark.png": (1280, 900),
        "report-phone.png": (390, 844),
    }
