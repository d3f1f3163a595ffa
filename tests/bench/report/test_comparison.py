"""Two runs compared, as text."""

import io
from dataclasses import replace

from rich.console import Console

from bench.report import comparison, markdown, terminal
from bench.results import RatioEstimate, Verdict
from bench.stats.compare import ChangedBytes, ComparedCell, Comparison
from bench.stats.estimates import MeasureName
from tests.support.runs import HOSTILE, ratio_estimate


def compared(
    name: str, value: float, verdict: Verdict, *, regressed: bool = False, measure: MeasureName = "latency_ns_p50"
) -> ComparedCell:
    return ComparedCell(
        id=name,
        measure=measure,
        value_a=200e3,
        value_b=200e3 * value,
        ratio=ratio_estimate(value, verdict),
        regressed=regressed,
    )


def found(
    *cells: ComparedCell, changed: list[ChangedBytes] | None = None, differences: list[str] | None = None
) -> Comparison:
    return Comparison(
        threshold=0.02,
        cells=list(cells),
        changed_bytes=changed or [],
        differences=differences or [],
        notes=["These are two runs."],
    )


def shown(given: Comparison) -> str:
    out = io.StringIO()
    terminal.render(comparison.document_of(given), Console(file=out, width=100))
    return out.getvalue()


WITHOUT_INTERVAL = RatioEstimate(value=1.0, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
SLOWER = compared("http-get-c1", 1.3, "slower", regressed=True)


def test_the_conclusion_lists_the_regressions_at_the_end() -> None:
    text = shown(found(SLOWER, compared("grpc-get-c1", 1.0, "same")))
    assert text.rstrip().splitlines()[-1] == "1 regression, slower by more than 2 %: http-get-c1."
    assert "1.30 (1.17–1.43) slower  regression" in text
    assert text.startswith("Limits of this comparison: 1 note\nnote:  These are two runs.")


def test_without_a_regression_the_conclusion_states_its_limits() -> None:
    cells = [compared("grpc-get-c1", 1.0, "inconclusive"), compared("http-get-c1", 1.0, "same")]
    counts = "0 slower, 0 faster, 1 same, 1 inconclusive"
    reach = "Smallest detectable change: ±11 % in a typical configuration, ±11 % in the worst."
    assert comparison.conclusion(found(*cells)) == f"No regression beyond 2 % found: {counts}. {reach}"


def test_a_comparison_of_low_precision_states_what_it_could_detect() -> None:
    wide = compared("grpc-get-c1", 1.0, "inconclusive")
    wide = replace(wide, ratio=ratio_estimate(1.0, "inconclusive", 0.01, 100.0))
    assert comparison.conclusion(found(wide)).endswith("Only changes of more than ±100 % could have been detected.")


def test_a_comparison_without_precision_is_inconclusive() -> None:
    bare = replace(compared("grpc-get-c1", 1.0, "inconclusive"), ratio=WITHOUT_INTERVAL)
    assert comparison.conclusion(found(bare)) == (
        "Inconclusive: 0 slower, 0 faster, 0 same, 1 inconclusive. "
        "The size of the smallest detectable change is unknown."
    )


def test_latency_throughput_and_sizes_have_tables_of_their_own() -> None:
    given = found(
        SLOWER,
        compared("http-get-c16", 0.7, "slower", regressed=True, measure="requests_per_second"),
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
    assert text.startswith(
        "**1 regression, slower by more than 2 %: http-get-c1.**\n\n**Limits of this comparison: 1 note**"
    )
    assert "- note: These are two runs." in text
    assert "| http-get-c1 | 200 | 260 | 1.30 (1.17–1.43) slower | regression |" in text
    assert "<" not in text
