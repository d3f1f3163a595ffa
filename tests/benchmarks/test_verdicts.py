"""The evaluation of many runs whose truth is known, and the producer that is slower by a known share."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.results import Verdict
from benchmarks.repeated import FoundRatio, FoundRun
from benchmarks.slowed_producer import FIRST_STEPS, WINDOW, Slowdown, copied, slow_down, slowdown_of, steps_for
from benchmarks.verdicts import TRUTHS, conclusion, line, table, truth_in_words
from tests.support.programs import assert_one_line_error, run


def found(*verdicts: Verdict, value: float = 1.05) -> FoundRun:
    ratios = [
        FoundRatio(
            cell=f"cell-{number}", value=value, low=value / 1.02, high=value * 1.02, verdict=verdict, headline=True
        )
        for number, verdict in enumerate(verdicts)
    ]
    return FoundRun(exit_code=0, duration_s=30.2, recorded_share=0.7, ratios=ratios)


@pytest.mark.parametrize(
    ("truth", "verdicts", "good"),
    [
        ("same", [*["same"] * 10, *["inconclusive"] * 10], True),
        ("same", [*["same"] * 19, "slower"], True),
        ("same", [*["same"] * 18, "slower", "faster"], False),
        ("5%", [*["slower"] * 19, "inconclusive"], True),
        ("5%", [*["slower"] * 18, *["inconclusive"] * 2], False),
        ("5%", [*["slower"] * 19, "faster"], False),
        ("3%", [*["slower"] * 12, *["inconclusive"] * 8], True),
        ("3%", [*["slower"] * 11, *["inconclusive"] * 9], False),
        ("3%", [*["slower"] * 19, "faster"], False),
    ],
)
def test_what_is_good_enough(truth: str, verdicts: list[Verdict], good: bool) -> None:
    assert conclusion(TRUTHS[truth], [found(verdict) for verdict in verdicts])[1] is good


def test_a_conclusion_says_what_was_required() -> None:
    runs = [found("slower"), found("inconclusive"), found("slower")]
    text, _ = conclusion(TRUTHS["3%"], runs)
    assert text == ("A wrong verdict in 0 of 3 runs (allowed: 0). The difference was found in 2 of 3 (required: 2).")
    assert conclusion(TRUTHS["same"], runs)[0] == "A wrong verdict in 2 of 3 runs (allowed: 0)."


def test_the_table_counts_the_verdicts_of_each_cell() -> None:
    lines = table([found("slower", "same"), found("inconclusive", "same", value=1.1)]).splitlines()
    assert lines[2:] == [
        "| cell-0 | 0 | 1 | 0 | 1 | 1.05–1.10 | ±2 %, ±2 % |",
        "| cell-1 | 0 | 0 | 2 | 0 | 1.05–1.10 | ±2 %, ±2 % |",
    ]


def test_a_run_is_one_line() -> None:
    assert line(3, found("slower", "same")) == "run 3: 1 same, 1 slower; ±2 %, ±2 %; exit 0; 30 s"


def test_it_is_said_how_the_truth_is_known() -> None:
    known = Slowdown(0.049, 0.002)
    assert truth_in_words(TRUTHS["5%"], [known, known]).endswith("alternate within it: 4.9 ± 0.2 %.")
    assert truth_in_words(TRUTHS["same"], []) == "Two versions with the same code."


def test_a_slowdown_is_found_whatever_the_speed_of_the_machine() -> None:
    rng = np.random.default_rng(1)
    speed = np.repeat(np.exp(0.3 * rng.standard_normal(200)), WINDOW)
    plain_ns = 200_000 * speed * np.exp(0.1 * rng.standard_normal(speed.size))
    kinds = np.tile([1.0, 1.05], speed.size // 2)
    known = slowdown_of([round(value) for value in plain_ns * kinds])
    assert known.share == pytest.approx(0.05, abs=0.005)
    assert 0.001 < known.error < 0.006
    assert slowdown_of([1000] * 6 * WINDOW) == Slowdown(0.0, 0.0)


def test_steps_are_proportional_to_the_share() -> None:
    assert steps_for(0.05, []) == FIRST_STEPS
    assert steps_for(0.05, [(2000, 0.2)]) == 500
    assert steps_for(0.05, [(2000, 0.2), (500, 0.07)]) == round(0.05 / ((400 + 35) / (2000**2 + 500**2)))
    assert steps_for(0.05, [(2000, -0.01)]) == FIRST_STEPS


def test_a_slowed_copy_serves_the_same_recipes(tmp_path: Path) -> None:
    directory = copied(tmp_path / "after")
    slow_down(directory, steps=10, every=2)
    slow_down(directory, steps=20)
    assert json.loads((directory / "recipes" / "slowed.json").read_text()) == {"steps": 20, "every": 1}
    program = (
        "import asyncio, recipes.book as b; from recipes import sources;"
        "book = b.InMemoryRecipeBook(sources.load('generated:50').recipes);"
        "print(b.__file__, asyncio.run(book.get(42)).name, next(b._requests))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=directory, capture_output=True, text=True, check=True)
    assert done.stdout.split(" ", 1) == [str(directory / "recipes" / "book.py"), "Chicken Tikka Masala 1\n"]


def test_an_unknown_truth_is_a_one_line_error() -> None:
    assert_one_line_error(run("benchmarks.verdicts", "4%"), 2, "'4%' is not one of same, 3%, 5%")
