"""The terminal report: warnings first, no truncated values, no control characters."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from bench.load_models import OpenLoad
from bench.report import terminal
from bench.report.document import Column, Entry, Row, Table
from bench.report.run_document import document_of
from bench.results import Run, RunWarning
from tests.support.runs import HOSTILE, LIST, ONE, SIXTEEN, cell, latency_ratio, quantiles, run, small, without_figures


def shown(given: Run, width: int = 100) -> str:
    out = io.StringIO()
    terminal.render(document_of(given), Console(file=out, width=width))
    return out.getvalue()


def test_warnings_come_first() -> None:
    text = shown(small())
    assert text.startswith(
        "Data quality: 1 warning\nwarning:  The load average was 2.6, so others were at work. Stop them."
    )
    assert "[busy_machine]" in text
    assert shown(run([cell("http")])).startswith("Data quality: no warnings\n")
    two = run([cell("http")], warnings=[RunWarning(code="a", text="A."), RunWarning(code="b", text="B.")])
    assert shown(two).startswith("Data quality: 2 warnings")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
def test_no_value_is_cut_off(width: int) -> None:
    variants = [(False, False), (False, True), (True, False), (True, True)]
    cells = [
        cell(
            protocol,
            gzip=gzip,
            tls=tls,
            load=load,
            workload=LIST,
            ratio=None
            if protocol == "http"
            else latency_ratio("http-list-c1", 10.75, "inconclusive", low=0.0234, high=1234.5),
        )
        for protocol in ("http", "graphql", "grpc")
        for gzip, tls in variants
        for load in (ONE, SIXTEEN)
    ]
    text = shown(run(cells), width)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    if width > 40:
        assert text.count("10.8 (0.0234–1,230) too noisy") == 2
    assert text.count("1,230)") >= 2, "a value that is wider than the terminal goes on in the next line"


def test_a_table_that_is_too_wide_repeats_the_headings_of_its_rows() -> None:
    columns = (Column("name", numeric=False), Column("first"), Column("second"), Column("the third"))
    rows = (Row(("one",), (Entry("1" * 12), Entry("2" * 12), Entry("3" * 12))),)
    out = io.StringIO()
    terminal.print_blocks([Table("Wide", columns, rows)], Console(file=out, width=34))
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "Wide",
        "name         first        second",
        "────────────────────────────────",
        "one   111111111111  222222222222",
        "",
        "name     the third",
        "──────────────────",
        "one   333333333333",
        "",
    ]


@pytest.mark.parametrize("width", [50, 80])
def test_sentences_in_a_table_are_broken_into_lines(width: int) -> None:
    sentence = "this sentence is longer than what is left of a line beside the other columns of its table"
    columns = (Column("name", numeric=False), Column("value"), Column("meaning", numeric=False, prose=True))
    out = io.StringIO()
    table = Table("Prose", columns, (Row(("one",), (Entry("12"), Entry(sentence))),))
    terminal.print_blocks([table], Console(file=out, width=width))
    _, heading, _, first, *rest = out.getvalue().splitlines()
    assert heading.split() == ["name", "value", "meaning"]
    assert first.split()[:4] == ["one", "12", "this", "sentence"]
    assert " ".join(" ".join([first, *rest]).split()).endswith(sentence)
    assert max(map(len, out.getvalue().splitlines())) <= width


def test_shared_definitions_appear_once_and_columns_are_explained_under_each_table() -> None:
    text = " ".join(shown(small()).split())
    assert text.count("Verdict: faster or slower = the interval excludes 1;") == 1
    assert text.count("× HTTP/JSON: median latency relative to HTTP/JSON") == 1
    assert text.count("× HTTP/JSON: requests/s relative to HTTP/JSON") == 1


def test_a_variant_is_named_once() -> None:
    lines = [line for line in shown(small()).splitlines() if line.rstrip().endswith("  2,000")]
    assert [line.startswith("plain") for line in lines] == [True, False, False] * 2


def test_open_loop_fits() -> None:
    cells = [
        cell("http", load=OpenLoad(rate_hz=500), service_ns=quantiles(1e5)),
        cell("grpc", load=OpenLoad(rate_hz=500)),
    ]
    text = shown(run(cells))
    assert "latency at 500 requests/s" in text
    assert "…" not in text


def test_cells_without_results_state_the_reason() -> None:
    text = shown(run([cell("http"), without_figures("grpc", "unsupported", "there is no such call")]))
    assert "unsupported" in text
    assert "Not measured (unsupported): grpc-get-c1: there is no such call." in " ".join(text.split())


def test_hostile_text_has_no_control_characters_or_markup() -> None:
    cells = [cell(HOSTILE), without_figures("http", "failed", f"[red]{HOSTILE}")]
    text = shown(run(cells, warnings=[RunWarning(code="[bold]", text=f"[link]{HOSTILE}")]))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[link]" in text
    assert "[red]" in text


def test_an_empty_run() -> None:
    assert "The run has no configurations." in shown(run([]))


def test_rows_without_load_have_bytes() -> None:
    given = replace(cell("http", latency_ns=None, requests_per_second=None, cpu_us_per_request=None), load=None)
    text = shown(run([given]))
    assert "Bytes" in text
    assert "p50" not in text
