"""Two runs compared, as text."""

import io

from rich.console import Console

from bench.report import comparison
from bench.results import Verdict
from bench.stats.compare import ChangedBytes, ComparedCell, Comparison
from bench.stats.measures import MeasureName
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
    comparison.render_terminal(given, Console(file=out, width=100))
    return out.getvalue()


SLOWER = compared("http-get-c1", 1.3, "slower", regressed=True)


def test_the_conclusion_names_the_regressions_and_comes_last() -> None:
    text = shown(found(SLOWER, compared("grpc-get-c1", 1.0, "same")))
    assert text.rstrip().splitlines()[-1] == "1 regression, slower by more than 2 %: http-get-c1."
    assert "1.30 (1.17–1.43) slower  regression" in text
    assert text.startswith("These are two runs.")


def test_without_a_regression_it_says_what_was_not_shown() -> None:
    text = comparison.conclusion(found(compared("grpc-get-c1", 1.0, "inconclusive")))
    assert text == "No regression: no cell of B is shown to be slower than in A and by more than 2 %."


def test_latency_throughput_and_sizes_have_tables_of_their_own() -> None:
    given = found(
        SLOWER,
        compared("http-get-c16", 0.7, "slower", regressed=True, measure="requests_per_second"),
        changed=[ChangedBytes(id="http-get-c1", wire_bytes_a=1000, wire_bytes_b=1100)],
    )
    titles = [table.title for table in comparison.tables(given)]
    assert titles == ["Median latency", "Throughput", "Answers whose size on the wire changed"]
    text = shown(given)
    assert "+10 %" in text
    assert "2 regressions, slower by more than 2 %: http-get-c1, http-get-c16." in text


def test_what_was_forced_is_said_first() -> None:
    assert shown(found(SLOWER, differences=["Python: 3.11, then 3.12"])).startswith(
        "Compared although the runs differ in Python: 3.11, then 3.12."
    )


def test_markdown_begins_with_the_conclusion_and_has_no_html() -> None:
    text = comparison.render_markdown(found(SLOWER, compared(HOSTILE, 1.0, "same")))
    assert text.startswith("**1 regression, slower by more than 2 %: http-get-c1.**\n\n- These are two runs.")
    assert "| http-get-c1 | 200 | 260 | 1.30 (1.17–1.43) slower | regression |" in text
    assert "<" not in text
