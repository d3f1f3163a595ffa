"""`python -m bench compare`, as a user runs it: exit codes and one-line errors."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench import run_file
from bench.results import RecipesUsed, Run
from tests.bench.stats.compared_runs import CALM, run
from tests.support import programs
from tests.support.runs import cell, latency_ratio, set_fields
from tests.support.runs import run as made_run


def put(path: Path, given: Run) -> str:
    path.write_bytes(run_file.encode(given))
    return str(path)


@pytest.fixture(name="runs")
def two_runs(tmp_path: Path) -> tuple[str, str]:
    return put(tmp_path / "a.json", run(1)), put(tmp_path / "b.json", run(2, beta=0.15))


def test_the_absence_of_a_regression_is_exit_code_0(tmp_path: Path) -> None:
    calm = put(tmp_path / "calm.json", run(1, noise=CALM))
    done = programs.run_here("bench", "compare", calm, calm)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No regression: all 24 configurations in which it matters" in done.stdout


def test_a_regression_that_could_have_stayed_undetected_is_exit_code_3(runs: tuple[str, str]) -> None:
    done = programs.run_here("bench", "compare", runs[0], runs[0])
    assert (done.returncode, done.stderr) == (3, "")
    text = " ".join(done.stdout.split())
    assert "Nothing was shown to be slower by more than 2 %, but such a slowdown could" in text
    assert "Inconclusive. 0 slower, 0 faster, " in text


def test_a_regression_is_exit_code_1_unless_the_threshold_allows_it(runs: tuple[str, str]) -> None:
    done = programs.run_here("bench", "compare", *runs)
    assert (done.returncode, done.stderr) == (1, "")
    assert "regressions, slower by more than 2 %" in done.stdout
    assert programs.run_here("bench", "compare", *runs, "--threshold", "30%").returncode == 0


def test_markdown_and_a_page_in_one_go(tmp_path: Path, runs: tuple[str, str]) -> None:
    page = tmp_path / "c.html"
    done = programs.run_here("bench", "compare", *runs, "--format", "markdown", "--html", str(page))
    assert done.returncode == 1
    assert done.stdout.startswith("# a.json → b.json\n\n**16 regressions, slower by more than 2 %: ")
    assert "How to read this" in done.stdout.splitlines()[-1]
    assert "16 regressions" in page.read_text(encoding="utf-8")
    whole = programs.run_here("bench", "compare", *runs, "--format", "markdown", "--all")
    assert len(whole.stdout.splitlines()) > len(done.stdout.splitlines()) + 20


def test_the_page_never_replaces_a_run_file(runs: tuple[str, str]) -> None:
    done = programs.run_here("bench", "compare", *runs, "--html", runs[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("b.json' does not end in .html\n")


def test_a_run_of_two_versions_is_compared_alone(tmp_path: Path, runs: tuple[str, str]) -> None:
    ratio = latency_ratio("old-http-get-c1", 1.3, "slower")
    versions = [
        replace(cell("http", version="old"), id="old-http-get-c1"),
        replace(cell("http", version="new", ratio=ratio), id="new-http-get-c1"),
    ]
    path = put(tmp_path / "ab.json", made_run(versions))
    done = programs.run_here("bench", "compare", path, "--format", "markdown")
    assert done.returncode == 1
    assert done.stdout.startswith("# old → new\n\n**1 regression, slower by more than 2 %: new-http-get-c1.")
    assert programs.run_here("bench", "compare", path, "--threshold", "50%").returncode == 0
    alone = programs.run_here("bench", "compare", runs[0])
    assert (alone.returncode, alone.stdout) == (2, "")
    assert alone.stderr.endswith("does not compare two versions, so a second run file is needed as B\n")


def test_runs_that_cannot_be_compared_are_a_one_line_error(tmp_path: Path, runs: tuple[str, str]) -> None:
    other = run(2)
    set_fields(other, recipes=RecipesUsed(source="mine.json", count=3, digest="d2"))
    unlike = put(tmp_path / "c.json", other)
    done = programs.run_here("bench", "compare", runs[0], unlike)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("then mine.json (3, digest d2); use --force to compare them anyway\n")
    assert done.stderr.count("\n") == 1
    forced = programs.run_here("bench", "compare", runs[0], unlike, "--force")
    assert forced.returncode == 3
    assert "The runs differ in what moves results (recipes)" in " ".join(forced.stdout.split())


def test_runs_with_no_common_cell_are_an_error_that_does_not_suggest_force(
    tmp_path: Path, runs: tuple[str, str]
) -> None:
    other = run(2)
    set_fields(other, cells=[])
    done = programs.run_here("bench", "compare", runs[0], put(tmp_path / "c.json", other))
    assert done.returncode == 2
    assert "no configuration was measured in both runs" in done.stderr
    assert "--force" not in done.stderr


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ("", "A is empty"),
        ("missing.json", "A: missing.json: No such file"),
        ("pyproject.toml", "A: pyproject.toml is no run"),
    ],
)
def test_an_invalid_run_file_is_a_one_line_error(first: str, expected: str, runs: tuple[str, str]) -> None:
    done = programs.run_here("bench", "compare", first, runs[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
