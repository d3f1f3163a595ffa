"""Markdown: a golden file, and escaped text."""

from pathlib import Path

from bench.report import markdown
from bench.report.run_document import document_of
from bench.results import Grade, RecipesUsed, RunWarning
from tests.support.runs import HOSTILE, cell, run, small, without_figures

GRADED: tuple[tuple[str, Grade], ...] = (("a", "note"), ("b", "warning"), ("c", "note"))
GOLDEN = Path(__file__).parent / "golden" / "small.md"


def test_a_small_run() -> None:
    assert markdown.render(document_of(small())) == GOLDEN.read_text(encoding="utf-8")


def test_hostile_text_is_escaped() -> None:
    given = run(
        [cell(HOSTILE), without_figures("http", "failed", HOSTILE)],
        warnings=[RunWarning(code="x", text=HOSTILE)],
        command=HOSTILE,
    )
    text = markdown.render(document_of(given))
    assert "<" not in text
    assert "\x1b" not in text
    for block in text.split("\n\n"):
        columns = {line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")}
        assert len(columns) <= 1


def test_warnings_or_their_absence_are_stated() -> None:
    assert "**Data quality: 1 warning**\n\n- warning: The load average" in markdown.render(document_of(small()))
    assert "**Data quality: no warnings**\n\n" in markdown.render(document_of(run([cell("http")])))
    two = run([cell("http")], warnings=[RunWarning(code="a", text="A."), RunWarning(code="b", text="B.")])
    assert "**Data quality: 2 warnings**\n\n- warning: A. (a)\n- warning: B. (b)" in markdown.render(document_of(two))


def test_an_empty_run_and_an_attribution() -> None:
    given = run([], recipes=RecipesUsed(source="wikibooks", count=3129, digest="d"))
    text = markdown.render(document_of(given))
    assert "The run has no configurations." in text
    assert "CC BY-SA 4.0" in text


def test_warnings_and_notes_are_counted_apart() -> None:
    warnings = [RunWarning(code=code, grade=grade, text="…") for code, grade in GRADED]
    assert "**Data quality: 1 warning, 2 notes**" in markdown.render(
        document_of(run([cell("http")], warnings=warnings))
    )
