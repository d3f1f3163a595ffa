"""Markdown: as written down, and harmless."""

from pathlib import Path

from bench.report import markdown
from bench.results import RecipesUsed, RunWarning
from tests.support.runs import HOSTILE, cell, run, small, without_figures

GOLDEN = Path(__file__).parent / "golden" / "small.md"


def test_a_small_run() -> None:
    assert markdown.render(small()) == GOLDEN.read_text(encoding="utf-8")


def test_hostile_text_is_escaped() -> None:
    given = run(
        [cell(HOSTILE), without_figures("http", "failed", HOSTILE)],
        warnings=[RunWarning(code="x", text=HOSTILE)],
        command=HOSTILE,
    )
    text = markdown.render(given)
    assert "<" not in text
    assert "\x1b" not in text
    for block in text.split("\n\n"):
        columns = {line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(columns) <= 1


def test_warnings_or_that_there_are_none() -> None:
    assert "One reason for warning:\n\n- The load average" in markdown.render(small())
    assert "No reason for warning was found." in markdown.render(run([cell("http")]))
    two = run([cell("http")], warnings=[RunWarning(code="a", text="A."), RunWarning(code="b", text="B.")])
    assert "2 reasons for warning:\n\n- A. (a)\n- B. (b)" in markdown.render(two)


def test_an_empty_run_and_an_attribution() -> None:
    given = run([], recipes=RecipesUsed(source="wikibooks", count=3129, digest="d"))
    text = markdown.render(given)
    assert "The run has no cells." in text
    assert "CC BY-SA 4.0" in text
