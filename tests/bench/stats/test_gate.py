"""The gate: which cells count, when the absence of a regression is shown, and what is said."""

import pytest
from msgspec.structs import replace

from bench.load_models import ClosedLoad, Load
from bench.results import Cell, RatioEstimate, Run, Verdict
from bench.spec import CellKey
from bench.stats.gate import HELP, HELP_TARGETS, HELP_TWO_RUNS, Gate, GatedCell, gate, gate_of_versions
from tests.support.runs import ONE, SIXTEEN, cell, latency_ratio, rate_ratio, ratio_estimate, run, without_figures


def estimate(low: float, high: float, verdict: Verdict = "inconclusive") -> RatioEstimate:
    return ratio_estimate((low * high) ** 0.5, verdict, low, high, detectable_change=(high / low) ** 0.5 - 0.99)


def gated(low: float, high: float, verdict: Verdict = "inconclusive", load: Load = ONE, client: str = "") -> GatedCell:
    key = CellKey(protocol="http", load=load, client=client or "library")
    return GatedCell(key, key.label, estimate(low, high, verdict))


NARROW = gated(0.99, 1.015, "same")
WIDE = gated(0.95, 1.08)
SLOWER = gated(1.03, 1.09, "slower")


@pytest.mark.parametrize(
    ("cells", "outcome"),
    [
        ([NARROW], "none"),
        ([gated(0.8, 0.9, "faster")], "none"),
        ([WIDE], "inconclusive"),
        ([NARROW, WIDE], "inconclusive"),
        ([gated(0.99, 1.025, "same")], "inconclusive"),
        ([gated(1.001, 1.025, "slower")], "inconclusive"),
        ([WIDE, SLOWER], "regression"),
        ([], "inconclusive"),
    ],
)
def test_the_absence_of_a_regression_needs_whole_intervals_below_the_threshold(
    cells: list[GatedCell], outcome: str
) -> None:
    assert gate(cells, 0.02, [], remedy=HELP).outcome == outcome


def test_throughput_is_gated_in_the_direction_of_fewer_requests() -> None:
    assert gate([gated(0.985, 1.2, load=SIXTEEN)], 0.02, [], remedy=HELP).outcome == "none"
    assert gate([gated(0.97, 1.01, load=SIXTEEN)], 0.02, [], remedy=HELP).outcome == "inconclusive"
    assert gate([gated(0.8, 0.9, "slower", load=SIXTEEN)], 0.02, [], remedy=HELP).outcome == "regression"


def test_absence_has_to_be_shown_in_latency_through_the_library_where_there_is_any() -> None:
    rate, raw = gated(0.5, 2.0, load=SIXTEEN), gated(0.5, 2.0, client="raw")
    assert gate([NARROW, rate, raw], 0.02, [], remedy=HELP).outcome == "none"
    assert gate([rate, raw], 0.02, [], remedy=HELP).required == [raw]
    assert gate([rate], 0.02, [], remedy=HELP).required == [rate]
    slower = gated(0.7, 0.9, "slower", load=ClosedLoad(concurrency=16))
    assert gate([NARROW, slower], 0.02, [], remedy=HELP).outcome == "regression"


def test_without_restarts_no_interval_shows_anything() -> None:
    ratio = ratio_estimate(1.0, "inconclusive", 0.999, 1.001, undecided="not_restarted")
    found = gate([GatedCell(CellKey(protocol="http", load=ONE), "http-c1", ratio)], 0.02, [], remedy=HELP)
    assert found.outcome == "inconclusive"
    assert found.text().endswith(f"in 1 of 1 configuration (http-c1). {HELP_TARGETS}")


def test_an_inconclusive_result_states_what_could_have_stayed_undetected_and_what_helps() -> None:
    text = gate([NARROW, WIDE], 0.02, ["B was interrupted."], remedy=HELP_TWO_RUNS).text()
    assert text == (
        "Inconclusive. 0 slower, 0 faster, 1 same, 1 inconclusive. Smallest detectable slowdown: 4.9 % in a typical "
        "configuration, 7.6 % in the worst. B was interrupted. Nothing was shown to be slower by more than 2 %, but "
        "such a slowdown could "
        "have stayed undetected in 1 of 2 configurations (http-get-c1). What helps: --ab, which measures both versions "
        "in one run; a longer run; fewer configurations; a quieter machine; a larger --threshold."
    )
    assert "--ab" not in gate([WIDE], 0.02, [], remedy=HELP).text()


def test_a_comparison_of_nothing_shows_nothing() -> None:
    assert gate([], 0.02, [], remedy=HELP_TWO_RUNS).text() == "Inconclusive. Nothing was compared."


def test_the_other_results_state_what_was_found() -> None:
    assert gate([NARROW, NARROW], 0.02, [], remedy=HELP).text() == (
        "No regression: all 2 configurations in which it matters are not slower by more than 2 %. 0 slower, 0 faster, "
        "2 same, 0 inconclusive. Smallest detectable slowdown: 2.3 % in a typical configuration, 2.3 % in the worst."
    )
    assert gate([NARROW], 0.02, [], remedy=HELP).text().startswith("No regression: http-get-c1 is not slower by")
    text = gate([NARROW, SLOWER], 0.02, ["B was interrupted."], remedy=HELP).text()
    assert text == (
        "1 regression, slower by more than 2 %: http-get-c1. 1 slower, 0 faster, 1 same, 0 inconclusive. "
        "Smallest detectable slowdown: 3.1 % in a typical configuration, 3.9 % in the worst. B was interrupted."
    )


def test_many_regressions_are_counted_and_some_of_them_named() -> None:
    text = gate([SLOWER] * 6, 0.02, [], remedy=HELP).text()
    assert text.startswith(
        "6 regressions, slower by more than 2 %: http-get-c1, http-get-c1, http-get-c1, http-get-c1 and 2"
    )


def versions(*later: Cell) -> Run:
    """A run of two versions; of the later one, these cells."""
    given = run([cell("http", version="old"), *later])
    return replace(given, plan=replace(given.plan, threshold=0.02))


def result(given: Run) -> Gate:
    found = gate_of_versions(given)
    assert found is not None
    return found


def test_a_run_of_two_versions_is_gated_by_the_ratios_of_the_later_one() -> None:
    narrow = cell("http", version="new", ratio=latency_ratio("a", 1.0, "same", low=0.99, high=1.01))
    assert result(versions(narrow)).outcome == "none"
    slower = cell("http", version="new", load=SIXTEEN, ratio=rate_ratio("a", 0.8, "slower"))
    assert result(versions(narrow, slower)).outcome == "regression"
    lost = without_figures("grpc", "failed", "it died", version="new")
    assert result(versions(narrow, lost)).gaps == [f"Without a result: {lost.id}."]
    failing = cell("grpc", version="new", outcomes={"ok": 3, "timeout": 1})
    found = result(versions(narrow, failing))
    assert found.outcome == "inconclusive"
    assert found.gaps == [f"Requests failed, so only the successful ones were compared: {failing.id}."]
    stopped = versions(narrow)
    stopped = replace(stopped, plan=replace(stopped.plan, interrupted=True, instances_done=3))
    assert result(stopped).gaps == ["The run was interrupted with results of 3 of 8 instances."]
    assert gate_of_versions(run([cell("http")])) is None
