"""Two runs compared, as text."""

import io
import re
from dataclasses import replace

from rich.console import Console

from bench.report import comparison, markdown, terminal
from bench.results import RatioEstimate, Verdict
from bench.spec import CellKey
from bench.stats.compare import ChangedBytes, ComparedCell, Comparison
from bench.stats.estimates import LATENCY, MeasureName
from bench.stats.gate import GatedCell, gate
from tests.support.runs import HOSTILE, ONE, SIXTEEN, ratio_estimate


def compared(
    name: str, value: float, verdict: Verdict, *, measure: MeasureName = "latency_ns_p50", bound: bool = False
) -> ComparedCell:
    return ComparedCell(
        id=name,
        measure=measure,
        value_a=200e3,
        value_b=200e3 * value,
        bound_b=bound,
        ratio=ratio_estimate(value, verdict),
    )


def found(
    *cells: ComparedCell,
    changed: list[ChangedBytes] | None = None,
    differences: list[str] | None = None,
    gaps: list[str] | None = None,
) -> Comparison:
    gated = [
        GatedCell(CellKey(protocol="http", load=ONE if each.measure == LATENCY.name else SIXTEEN), each.id, each.ratio)
        for each in cells
    ]
    return Comparison(
        cells=list(cells),
        changed_bytes=changed or [],
        differences=differences or [],
        notes=["These are two runs."],
        gate=gate(gated, 0.02, gaps or [], interleaved=False),
    )


def shown(given: Comparison) -> str:
    out = io.StringIO()
    terminal.render(comparison.document_of(given), Console(file=out, width=100))
    return out.getvalue()


WITHOUT_INTERVAL = RatioEstimate(value=1.0, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
SLOWER = compared("http-get-c1", 1.3, "slower")


def test_the_conclusion_lists_the_regressions_at_the_end() -> None:
    text = shown(found(SLOWER, compared("grpc-get-c1", 1.0, "same")))
    assert text.rstrip().splitlines()[-2].startswith("1 regression, slower by more than 2 %: http-get-c1.")
    assert re.search(r"1\.30 \(1\.17–1\.43\) slower +\+12 % +regression", text)
    assert text.startswith("Limits of this comparison: 1 note\nnote:  These are two runs.")


def test_every_cell_shows_what_it_could_have_detected_and_why_it_is_inconclusive() -> None:
    bare = replace(compared("graphql-get-c1", 1.0, "inconclusive"), ratio=WITHOUT_INTERVAL)
    far = replace(compared("grpc-get-c1", 1.0, "inconclusive"))
    far = replace(far, ratio=ratio_estimate(1.0, "inconclusive", 0.01, 100.0, detectable_change=99.0))
    (table,) = comparison.tables(found(SLOWER, far, bare))
    assert [[entry.whole for entry in row.entries[2:4]] for row in table.rows] == [
        ["1.30 (1.17–1.43) slower", "+12 %"],
        ["1.00 (0.0100–100) too noisy", "> 1,000 %"],
        ["1.00 (no interval) inconclusive", "–"],
    ]


def test_what_was_not_compared_is_a_warning_and_makes_the_comparison_inconclusive() -> None:
    given = found(compared("http-get-c1", 1.0, "same"), gaps=["B was interrupted after 2 of 8 instances."])
    assert "warning: B was interrupted after 2 of 8 instances." in " ".join(shown(given).split())
    document = comparison.document_of(given)
    assert document.conclusion is not None
    assert document.conclusion.alarming
    assert document.conclusion.text.startswith("Inconclusive. B was interrupted after 2 of 8 instances.")


def test_intervals_are_labelled_as_corrected_for_the_rows_of_the_comparison() -> None:
    text = " ".join(shown(found(SLOWER, compared("grpc-get-c1", 1.0, "same"))).split())
    assert (
        "In parentheses after a ratio: its interval, corrected for all 2 ratios of this comparison. "
        "All of them hold at once in 99 of 100 runs."
    ) in text
    assert "95 %" not in text


def test_a_throughput_that_the_client_limited_is_a_bound() -> None:
    (table,) = comparison.tables(found(compared("http-c16", 1.0, "same", measure="requests_per_second", bound=True)))
    assert [entry.text for entry in table.rows[0].entries[:2]] == ["200,000", "≥ 200,000"]
    assert any(note.startswith("≥: the client was the limit") for note in table.notes)


def test_latency_throughput_and_sizes_have_tables_of_their_own() -> None:
    given = found(
        SLOWER,
        compared("http-get-c16", 0.7, "slower", measure="requests_per_second"),
        changed=[ChangedBytes(id="http-get-c1", wire_bytes_a=1000, wire_bytes_b=1100)],
    )
    titles = [table.title for table in comparison.tables(given)]
    assert titles == ["Median latency", "Throughput", "Changed response sizes (wire bytes)"]
    text = shown(given)
    assert "+10 %" in text
    assert "2 regressions, slower by more than 2 %: http-get-c1, http-get-c16." in text


def test_forced_differences_are_listed_first() -> None:
    text = " ".join(shown(found(SLOWER, differences=["Python: 3.11, then 3.12"])).split())
    assert text.startswith(
        "Limits of this comparison: 1 warning, 1 note warning: The runs differ in Python: 3.11, then 3.12. "
        "They were compared because of --force. note: These are two runs."
    )


def test_markdown_begins_with_the_conclusion_and_has_no_html() -> None:
    text = markdown.render(comparison.document_of(found(SLOWER, compared(HOSTILE, 1.0, "same"))))
    assert text.startswith("**1 regression, slower by more than 2 %: http-get-c1.")
    assert "**\n\n**Limits of this comparison: 1 note**" in text
    assert "- note: These are two runs." in text
    assert "| http-get-c1 | 200 | 260 | 1.30 (1.17–1.43) slower | +12 % | regression |" in text
    assert "<" not in text
