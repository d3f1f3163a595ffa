"""Break-evens in a report: sentences, table, maps, and runs without a prediction."""

import math
import re
from functools import cache

import pytest

from bench.model.break_even import EVERYWHERE, INCONCLUSIVE, NOWHERE, BreakEven
from bench.report import html
from bench.report.break_evens import (
    BreakEvens,
    Range,
    bandwidth_range,
    break_evens,
    gzip_helps,
    is_faster,
    value_range,
)
from bench.report.document import Chart
from bench.report.grouping import grouped
from bench.report.plots import AreaMap
from bench.report.run_document import document_of
from bench.report.units import DURATIONS_NS
from bench.results import Estimate, Run
from tests.support.model_runs import TRUTHS, Asked, known_run
from tests.support.pages import Page
from tests.support.runs import run, small


@cache
def with_one_page() -> BreakEvens:
    """Of a run with a page of 20 recipes."""
    return predicted(known_run(Asked(pages=(20,))))


def predicted(given: Run) -> BreakEvens:
    found = break_evens(given, grouped(given))
    assert found is not None
    return found


def maps(given: Run) -> list[Chart]:
    found = break_evens(given, grouped(given))
    return list(found.maps) if found is not None else []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (EVERYWHERE, "always"),
        (NOWHERE, "never"),
        (INCONCLUSIVE, "inconclusive"),
        (BreakEven("below", Estimate(value=38e6, low=36e6, high=40e6)), "below 38.0 Mbit/s (36.0–40.0)"),
        (BreakEven("above", Estimate(value=2e9, low=1e9, high=3e9)), "above 2.00 Gbit/s (1.00–3.00)"),
        (BreakEven("below", Estimate(value=math.inf, low=120e6, high=None)), "below ≥ 120 Mbit/s"),
        (
            BreakEven("above", Estimate(value=500e6, low=120e6, high=None)),
            "above ≥ 120 Mbit/s, if at all",
        ),
        (BreakEven("below", Estimate(value=5e11, low=4e11, high=6e11)), "always"),
        (BreakEven("above", Estimate(value=5e11, low=4e11, high=6e11)), "never"),
        (BreakEven("below", Estimate(value=5e2, low=4e2, high=6e2)), "never"),
        (BreakEven("above", Estimate(value=5e2, low=4e2, high=6e2)), "always"),
    ],
)
def test_a_break_even_is_described(found: BreakEven, words: str) -> None:
    assert bandwidth_range(found).short() == words


@pytest.mark.parametrize(
    ("found", "gzip", "faster"),
    [
        (Range("always"), "gzip always helps HTTP/JSON.", "gRPC is always faster than HTTP/JSON."),
        (Range("never"), "gzip never helps HTTP/JSON.", "gRPC is never faster than HTTP/JSON."),
        (
            Range("inconclusive"),
            "Whether gzip helps HTTP/JSON is inconclusive.",
            "Whether gRPC is faster than HTTP/JSON is inconclusive.",
        ),
        (
            Range("below", "5 Mbit/s"),
            "gzip helps HTTP/JSON on links slower than 5 Mbit/s.",
            "gRPC is faster than HTTP/JSON on links slower than 5 Mbit/s.",
        ),
        (
            Range("above", "5 Mbit/s"),
            "gzip helps HTTP/JSON on links faster than 5 Mbit/s.",
            "gRPC is faster than HTTP/JSON on links faster than 5 Mbit/s.",
        ),
        (
            Range("below", "5 Mbit/s", at_least=True),
            "gzip helps HTTP/JSON on links slower than 5 Mbit/s, possibly also on faster ones.",
            "gRPC is faster than HTTP/JSON on links slower than 5 Mbit/s, possibly also on faster ones.",
        ),
        (
            Range("above", "5 Mbit/s", at_least=True),
            "gzip helps HTTP/JSON at most on links faster than 5 Mbit/s.",
            "gRPC is faster than HTTP/JSON at most on links faster than 5 Mbit/s.",
        ),
    ],
)
def test_a_break_even_as_a_sentence(found: Range, gzip: str, faster: str) -> None:
    assert gzip_helps("HTTP/JSON", found) == gzip
    assert is_faster("gRPC", "HTTP/JSON", found) == faster


def test_other_break_evens_have_their_own_units() -> None:
    closed = BreakEven("above", Estimate(value=2e6, low=1e6, high=3e6))
    assert value_range(closed, DURATIONS_NS).short() == "above 2.00 ms (1.00–3.00)"
    half_open = BreakEven("above", Estimate(value=2e6, low=None, high=3e6))
    assert value_range(half_open, DURATIONS_NS).short() == "above 2.00 ms"
    assert value_range(NOWHERE, DURATIONS_NS).short() == "never"


def test_statements_name_where_gzip_and_other_protocols_are_faster() -> None:
    statements = with_one_page().statements
    assert [statement.topic for statement in statements] == ["get: one recipe", "list: a page of 20 recipes"]
    http, graphql, grpc, never, plain, compressed = statements[1].sentences
    # 480 kbit saved for 440 µs.
    assert re.fullmatch(r"gzip helps HTTP/JSON on links slower than 27\d Mbit/s \(.*\)\.", http)
    assert re.fullmatch(r"gzip helps GraphQL on links slower than \d+ Mbit/s \(.*\)\.", graphql)
    assert re.fullmatch(r"gzip helps gRPC on links slower than .*\.", grpc)
    assert never == "GraphQL is never faster than HTTP/JSON."
    assert plain.startswith("gRPC without gzip is faster than HTTP/JSON without gzip on links slower than ")
    assert compressed.startswith("gRPC with gzip is faster than HTTP/JSON with gzip on links slower than ")


def test_the_table_has_a_row_for_every_protocol_with_and_without_tls() -> None:
    table = with_one_page().table
    assert len(table.rows) == 2 * 2 * len(TRUTHS)
    http = table.rows[0]
    assert http.headings == ("get: one recipe", "plain", "HTTP/JSON")
    assert [entry.text for entry in http.entries[1:]] == ["–", "–"]
    assert {row.entries[1].text for row in table.rows if row.headings[2] == "GraphQL"} == {"never"}


def test_maps_show_the_fastest_option_and_describe_it() -> None:
    near, far = maps(known_run())
    assert near.caption.startswith("Fastest protocol (TLS, 1 ms RTT).")
    assert "40 ms RTT" in far.caption
    assert re.search(r"HTTP/JSON: \d+ % of the map", near.alternative)
    assert "no clear winner" in far.alternative
    assert isinstance(near.plot, AreaMap)
    shown = {(area.series, area.hatched) for area in near.plot.areas if area.clear}
    assert {(0, False), (2, False)} <= shown
    assert not all(area.clear for area in near.plot.areas)


def test_without_several_payloads_there_is_no_map() -> None:
    assert maps(known_run(Asked(pages=()))) == []


def test_runs_without_the_required_measurements_have_no_section() -> None:
    assert break_evens(small(), grouped(small())) is None
    assert maps(run([])) == []
    one = known_run(Asked(truths={"http": TRUTHS["http"]}, gzip=(False,)))
    assert break_evens(one, grouped(one)) is None
    assert maps(one) == []
    assert "Over a network" not in html.render(document_of(small())).decode()


@pytest.mark.no_cover
def test_the_report_has_the_section() -> None:
    given = known_run(Asked(pages=(1, 100), connections=("persistent",)))
    text = html.render(document_of(given)).decode()
    assert Page(text).wrong == []
    assert '<h2 id="break-evens">Over a network</h2>' in text
    assert text.count("Fastest protocol (TLS") == 2 * 2
    assert html.render(document_of(given)) == text.encode()
