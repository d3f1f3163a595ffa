"""The page: well formed, accessible, and without external resources or scripts."""

import base64
import hashlib
import re
from functools import cache

import pytest
from msgspec.structs import replace

from bench.load_models import OpenLoad
from bench.report import html
from bench.report.run_document import document_of
from bench.results import RecipesUsed, Run, RunWarning
from bench.wire.results import TlsSession
from tests.check_run import References
from tests.support.pages import Page
from tests.support.runs import HOSTILE, LIST, cell, latency_ratio, run, set_fields, small, two_variants, without_figures


def content(given: Run) -> str:
    return html.render(document_of(given)).decode()


def page(given: Run) -> Page:
    return Page(content(given))


def without_scripts(text: str) -> str:
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


@cache
def small_content() -> str:
    return content(small())


@cache
def small_page() -> Page:
    return Page(small_content())


def test_the_page_is_well_formed_and_fetches_nothing() -> None:
    text = small_content()
    assert small_page().wrong == []
    references = References()
    references.feed(text)
    assert references.fetched == []
    assert re.findall(r"url\((?!#)|@import", without_scripts(text)) == []
    assert not any(name.startswith("on") for _, attributes in small_page().elements for name in attributes)


def test_a_report_depends_on_its_run_only() -> None:
    assert content(small()) == small_content()


def test_the_title_names_the_protocols() -> None:
    found = small_page()
    assert found.by_tag["h1"] == ["What serving recipes costs: HTTP/JSON, GraphQL and gRPC"]
    assert found.by_tag["title"] == ["Recipe Lab: HTTP/JSON, GraphQL and gRPC"]
    assert found.all("html")[0]["lang"] == "en"


def test_no_script_runs_but_those_of_the_page() -> None:
    policy = next(each["content"] or "" for each in small_page().all("meta") if "http-equiv" in each)
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives["default-src"] == "'none'"
    script = re.findall(r"<script>(.*?)</script>", small_content(), re.DOTALL)
    codes = [html.LIBRARY.read_text(encoding="utf-8"), *script]
    digests = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes]
    assert directives["script-src"] == " ".join(f"'sha256-{digest}'" for digest in digests)
    assert len(codes) == 2


def test_the_answer_comes_first_then_trust_then_controls_then_values() -> None:
    text = small_content()
    order = ["HTTP/JSON is fastest", "<b>Trust:</b>", 'id="controls"', 'id="chart"', 'id="view-body"', "<nav"]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_warnings_stand_folded_behind_the_line_of_trust() -> None:
    text = small_content()
    assert "1 warning</summary>" in text
    assert text.index("<b>Trust:</b>") < text.index("The load average was 2.6") < text.index("</details>")


def test_without_scripts_the_first_values_are_there() -> None:
    rows = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in re.findall(r"<tr>.*?</tr>", start_table())]
    assert rows == [
        "configuration median latency, µs × HTTP/JSON n",
        "HTTP/JSON plain 150 135–165 baseline 2,000",
        "GraphQL plain 450 405–495 3.00× 2.70–3.30 ▲ slower 2,000",
        "gRPC plain 300 270–330 2.00× 1.80–2.20 ▲ slower 2,000",
    ]


def start_table() -> str:
    found = re.search(r'<table class="start">.*?</table>', small_content(), re.DOTALL)
    assert found is not None
    return found.group()


def test_verdicts_have_a_sign_and_no_colour() -> None:
    assert '<b class="verdict">▲ slower</b>' in small_content()
    assert '<b class="verdict">? too noisy</b>' in small_content()


def test_tables_are_semantic_and_charts_have_alternative_text() -> None:
    found = small_page()
    assert len(found.by_tag["caption"]) == len(found.all("table"))
    assert all(attributes.get("scope") in ("row", "col") for attributes in found.all("th"))
    charts = [attributes for attributes in found.all("div") if attributes.get("role") == "img"]
    assert charts
    assert len(charts) == len(found.by_tag["figcaption"]) - 1
    assert all(len(attributes["aria-label"] or "") > 20 for attributes in charts)


def test_every_link_has_its_anchor() -> None:
    found = small_page()
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all((attributes["href"] or "").removeprefix("#") in ids for attributes in found.all("a"))


def test_the_page_ends_with_everything_that_results_depend_on() -> None:
    given = run([cell("grpc", tls=True)])
    set_fields(
        given.cells[0],
        tls_session=TlsSession(version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", group="x25519", alpn="h2"),
    )
    text = content(given)
    for expected in (
        "python -m bench run",
        "Seed of the schedule",
        "generated:1000:1",
        "d1",
        "TLSv1.3, cipher TLS_AES_128_GCM_SHA256, group x25519, ALPN h2",
        "CPU",
    ):
        assert expected in text


def test_only_recipes_of_the_cookbook_are_attributed() -> None:
    given = run([cell("http")], recipes=RecipesUsed(source="wikibooks", count=3129, digest="d"))
    assert "CC BY-SA 4.0" in content(given)
    assert "Wikibooks" not in small_content()


@pytest.mark.parametrize(
    "given",
    [
        run([]),
        run([cell("grpc")]),
        run([cell("http"), cell("grpc")]),
        run([cell("http", load=OpenLoad(rate_hz=500)), cell("http", load=OpenLoad(rate_hz=0.1))]),
        run([cell("http", bytes=None, cpu_us_per_request=None, latency_histogram="rubbish", outcomes={})]),
        run([without_figures("http", status, "why") for status in ("unsupported", "failed")]),
        run([without_figures("http", "generator_limited", None), without_figures("grpc", "interrupted", "stopped")]),
        run([cell(f"protocol-{number}", workload=LIST) for number in range(9)]),
        run([cell("http", version="v1"), cell("http", version="v2", tls=True)]),
    ],
    ids=["empty", "one", "no-baseline", "open", "bare", "failed", "not-reached", "many", "versions"],
)
def test_every_kind_of_run_becomes_a_page(given: Run) -> None:
    text = content(given)
    assert Page(text).wrong == []
    assert "None" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)


def test_the_reason_for_missing_results_is_given() -> None:
    given = run([cell("http"), without_figures("grpc", "unsupported", "the producer has no such call")])
    assert "Not measured (unsupported): grpc-get-c1: the producer has no such call." in content(given)


def test_hostile_text_stays_text() -> None:
    given = run(
        [
            cell(HOSTILE, version=HOSTILE, ratio=latency_ratio(HOSTILE, 2.0, "slower")),
            without_figures(HOSTILE, "failed", HOSTILE),
            cell("http", outcomes={"ok": 1, HOSTILE: 2}, tls_session=TlsSession(version=HOSTILE)),
        ],
        warnings=[RunWarning(code=HOSTILE, text=HOSTILE)],
        environment={HOSTILE: {HOSTILE: [HOSTILE, None, True, 1.5]}},
        command=HOSTILE,
        recipes=RecipesUsed(source=HOSTILE, count=1, digest=HOSTILE),
    )
    given.cells[0] = replace(given.cells[0], workload=replace(given.cells[0].workload, name=HOSTILE))
    text = content(given)
    assert Page(text).wrong == []
    assert text.count("<script") == small_content().count("<script")
    assert "</td><script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") > 10


def test_text_in_every_script_is_preserved() -> None:
    given = run([cell("http")], recipes=RecipesUsed(source="Crème/中文/مرحبا/🍮.json", count=1, digest="d"))
    assert "Crème/中文/مرحبا/🍮.json" in content(given)


def test_a_lone_surrogate_does_not_break_the_page() -> None:
    given = two_variants()
    set_fields(given, command="\udc80")
    assert b"<h1" in html.render(document_of(given))
