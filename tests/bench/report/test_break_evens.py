"""Where the answer flips, in a report: the words, the table, the maps, and where there is nothing to tell."""

import math
import re

import pytest

from bench.model.break_even import EVERYWHERE, INCONCLUSIVE, NOWHERE, BreakEven
from bench.report import html
from bench.report.break_even_maps import break_even_maps
from bench.report.break_even_words import at_rates
from bench.report.break_evens import BreakEvens, break_evens
from bench.report.grouping import arranged
from bench.report.latency_charts import Figure
from bench.results import Estimate, Run
from tests.support.model_runs import TRUTHS, Asked, known_run
from tests.support.pages import Page
from tests.support.runs import run, small


def told(given: Run) -> BreakEvens:
    found = break_evens(given)
    assert found is not None
    return found


def maps(given: Run) -> list[Figure]:
    return break_even_maps(given, arranged(given))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (EVERYWHERE, "at every rate"),
        (NOWHERE, "at no rate"),
        (INCONCLUSIVE, "inconclusive"),
        (BreakEven("below", Estimate(value=38e6, low=36e6, high=40e6)), "below 38.0 Mbit/s (36.0–40.0)"),
        (BreakEven("above", Estimate(value=2e9, low=1e9, high=3e9)), "above 2.00 Gbit/s (1.00–3.00)"),
        (BreakEven("below", Estimate(value=math.inf, low=120e6, high=None)), "below 120 Mbit/s at least"),
        (
            BreakEven("above", Estimate(value=500e6, low=120e6, high=None)),
            "above 120 Mbit/s at the earliest, if at all",
        ),
        (BreakEven("below", Estimate(value=5e11, low=4e11, high=6e11)), "at every rate"),
        (BreakEven("above", Estimate(value=5e11, low=4e11, high=6e11)), "at no rate"),
        (BreakEven("below", Estimate(value=5e2, low=4e2, high=6e2)), "at no rate"),
        (BreakEven("above", Estimate(value=5e2, low=4e2, high=6e2)), "at every rate"),
    ],
)
def test_a_break_even_in_words(found: BreakEven, words: str) -> None:
    assert at_rates(found) == words


def test_statements_say_where_gzip_pays_and_who_beats_the_baseline() -> None:
    statements = told(known_run(Asked(pages=(20,)))).statements
    assert [statement.topic for statement in statements] == ["get: one recipe", "list: a page of 20 recipes"]
    gzip, beats = statements[1].sentences
    # 480 kbit saved for 440 µs.
    assert re.fullmatch(
        r"gzip pays below 27\d Mbit/s \(.*\) over HTTP, below \d+ Mbit/s \(.*\) over GraphQL and below .* over gRPC\.",
        gzip,
    )
    assert re.fullmatch(
        r"Faster than HTTP: GraphQL at no rate; gRPC below .* without gzip, below .* with gzip\.", beats
    )


def test_the_table_has_a_row_for_every_protocol_with_and_without_tls() -> None:
    table = told(known_run(Asked(pages=(20,)))).table
    assert len(table.rows) == 2 * 2 * len(TRUTHS)
    http = table.rows[0]
    assert http.headings == ("get: one recipe", "plain", "HTTP")
    assert [entry.text for entry in http.entries[1:]] == ["–", "–"]
    assert {row.entries[1].text for row in table.rows if row.headings[2] == "GraphQL"} == {"at no rate"}


def test_maps_show_who_is_fastest_and_say_so_in_words() -> None:
    near, far = maps(known_run())
    assert "at a round trip of 1.00 ms" in near.caption
    assert "at a round trip of 40.0 ms" in far.caption
    assert re.search(r"HTTP in \d+ % of the map", near.alternative)
    assert "no clear difference" in far.alternative
    assert {"var(--series-0)", "var(--series-2)"} <= set(re.findall(r"var\(--series-\d\)", near.svg))
    assert "clip" not in near.svg


def test_without_several_payloads_there_is_no_map() -> None:
    assert maps(known_run(Asked(pages=()))) == []


def test_runs_that_tell_a_model_nothing_have_no_such_section() -> None:
    assert break_evens(small()) is None
    assert maps(run([])) == []
    one = known_run(Asked(truths={"http": TRUTHS["http"]}, gzip=(False,)))
    assert break_evens(one) is None
    assert maps(one) == []
    assert "Over a network" not in html.render(small()).decode()


@pytest.mark.no_cover
def test_the_report_shows_it() -> None:
    given = known_run(Asked(connections=("persistent",)))
    text = html.render(given).decode()
    assert Page(text).wrong == []
    assert '<h2 id="break-evens">Over a network</h2>' in text
    assert text.count("Who is fastest with TLS") == 2 * 2
    assert html.render(given) == text.encode()
