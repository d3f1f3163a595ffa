"""The report of a run as a document, and that every renderer shows all of it."""

import io
import re
from collections.abc import Callable
from functools import cache

import pytest
from msgspec.structs import replace
from rich.console import Console

from bench.report import html, markdown, terminal
from bench.report.document import Conclusion, Document, Section, Table
from bench.report.run_document import document_of
from tests.bench.report.test_anatomy import given as with_anatomy
from tests.support.model_runs import Asked, known_run
from tests.support.pages import Page
from tests.support.runs import cell, latency_ratio, run, small


@cache
def everything() -> Document:
    """Latency, throughput, break-evens and a byte anatomy in one run."""
    predictable = known_run(Asked(pages=(20,)))
    return document_of(replace(predictable, cells=[*predictable.cells, *with_anatomy().cells]))


def shown(document: Document) -> str:
    out = io.StringIO()
    terminal.render(document, Console(file=out, width=200))
    return out.getvalue()


def sections(found: tuple[Section, ...]) -> list[Section]:
    return [each for section in found for each in (section, *sections(section.sections))]


@pytest.mark.parametrize(
    "document_with",
    [lambda: document_of(small()), everything, lambda: document_of(run([]))],
    ids=["small", "everything", "empty"],
)
def test_html_and_markdown_have_every_section_and_every_table(document_with: Callable[[], Document]) -> None:
    document = document_with()
    page, text = Page(html.render(document).decode()), markdown.render(document)
    tables = [block for block in document.blocks() if isinstance(block, Table)]
    for section in sections(document.sections):
        assert section.title in page.by_tag["h2"] + page.by_tag.get("h3", [])
        assert re.search(rf"^##+ {re.escape(section.title)}$", text, re.MULTILINE), section.title
    for table in tables:
        assert table.title in page.by_tag["caption"]
        assert f"**{table.title}**" in text


def test_the_terminal_has_all_tables_except_details_and_lists_those_omitted() -> None:
    document = everything()
    text, left_out = shown(document).split("Only in the HTML and Markdown reports: ")
    for section in document.sections:
        for each in [section, *section.sections]:
            detail = section.detail or each.detail
            assert (each.title in left_out) is detail
            for table in (block for block in each.blocks if isinstance(block, Table)):
                assert (f"\n{table.title}\n" in text) is not detail, table.title


def test_terminal_and_markdown_have_the_byte_anatomy_and_the_break_evens() -> None:
    document = everything()
    for text in (shown(document), markdown.render(document)):
        assert "Bytes of a request in steady state" in text
        assert "gzip helps HTTP/JSON on links slower than " in text


def test_sections_without_content_are_left_out() -> None:
    assert "Throughput" not in [each.title for each in sections(document_of(run([cell("http")])).sections)]
    assert [section.title for section in document_of(run([])).sections] == [
        "The run has no configurations.",
        "All configurations",
        "How to read this",
        "How it was measured",
    ]


def test_a_run_of_two_versions_ends_with_what_it_showed() -> None:
    ratio = latency_ratio("http-get-c1", 1.5, "slower", low=1.4, high=1.6)
    given = run([cell("http", version="v1"), cell("http", version="v2", ratio=ratio)])
    assert document_of(given).conclusion is None
    gated = replace(given, plan=replace(given.plan, threshold=0.02))
    assert document_of(gated).conclusion == Conclusion(
        "1 regression, slower by more than 2 %: http-get-c1. 1 slower, 0 faster, 0 same, 0 inconclusive. "
        "Smallest detectable slowdown: 12 %.",
        alarming=True,
    )
    assert document_of(gated).sections[0].title == "v1 → v2"


def test_a_shared_definition_appears_once() -> None:
    text = markdown.render(document_of(small()))
    assert text.count("Verdict: faster or slower = ") == 1
    assert text.count("n: successful responses") == 1
