"""The comparison of two states of the lab: its table, and its sentence."""

from pathlib import Path

import pytest

from benchmarks.alternating import Pair, conclusion, table, times_narrower
from benchmarks.repeated import FoundRatio, FoundRun
from tests.support.programs import assert_one_line_error, run


def found(*half_widths: float, recorded: float = 0.7) -> FoundRun:
    """A run with headline ratios of these half-widths, and another ratio that does not count."""
    ratios = [
        FoundRatio(
            cell="c", value=1, low=1 / (1 + half), high=1 + half, verdict="same", headline=number < len(half_widths)
        )
        for number, half in enumerate([*half_widths, 0.9])
    ]
    return FoundRun(exit_code=0, duration_s=175.0, recorded_share=recorded, ratios=ratios)


PAIRS = [
    Pair(before=found(0.2, 0.1, 0.3, recorded=0.25), after=found(0.04, 0.02, 0.05)),
    Pair(before=found(0.18), after=found(0.06)),
]


def test_a_row_has_both_runs_and_how_much_narrower_the_second_is() -> None:
    assert table(PAIRS).splitlines()[2:] == [
        "| 1 | 25% | ±20 % | ±30 % | 70% | ±4 % | ±5 % | 5.00 |",
        "| 2 | 70% | ±18 % | ±18 % | 70% | ±6 % | ±6 % | 3.00 |",
    ]
    header, rule = table(PAIRS).splitlines()[:2]
    assert header.count("|") == rule.count("|") == 9


def test_the_conclusion_is_about_the_median_pair() -> None:
    assert conclusion(PAIRS) == (
        "Median half-width of headline ratios: ±19 % before, ±5 % after; before ÷ after 4.00 in the median pair."
    )


def test_runs_without_intervals_are_shown_as_such() -> None:
    pair = Pair(before=found(), after=found(0.02))
    assert times_narrower(pair) is None
    assert table([pair]).splitlines()[2] == "| 1 | 70% | – | – | 70% | ±2 % | ±2 % | – |"
    assert conclusion([pair]) == "No pair has intervals on both sides."
    assert times_narrower(PAIRS[0]) == pytest.approx(5)


def test_an_unknown_commit_is_a_one_line_error(tmp_path: Path) -> None:
    failed = run("benchmarks.alternating", "no-such-commit", "--out", str(tmp_path / "x.jsonl"))
    assert_one_line_error(failed, 2, "'no-such-commit' is neither a commit of this repository nor a directory")
