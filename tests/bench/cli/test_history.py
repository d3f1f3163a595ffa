"""`python -m bench history`, as a user runs it: exit codes, files that are no runs, one-line errors."""

import shutil
from pathlib import Path

import pytest

from bench import run_file
from bench.report.text import markdown as escaped
from bench.results import Run
from tests.bench.test_run_file import SCHEMA_1
from tests.support import programs
from tests.support.histories import run_file_of

NOISE = [2.0, 2.01, 1.99, 2.005, 1.995, 2.008]


def put(path: Path, given: Run) -> str:
    path.write_bytes(run_file.encode(given))
    return str(path)


@pytest.fixture(name="runs")
def several_runs(tmp_path: Path) -> list[str]:
    return [put(tmp_path / f"run-{n}.json", run_file_of(n, ratio, note=f"why {n}")) for n, ratio in enumerate(NOISE)]


def test_a_table_and_a_page_beside_the_runs(tmp_path: Path, runs: list[str]) -> None:
    done = programs.run_here("bench", "history", *runs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "grpc-get-c1" in done.stdout
    page = tmp_path / "history.html"
    assert done.stdout.endswith(f"page: {page}\n")
    assert "why 5" in page.read_text(encoding="utf-8")


def test_a_gate_ends_like_compare(tmp_path: Path, runs: list[str]) -> None:
    assert programs.run_here("bench", "history", *runs, "--gate", "10").returncode == 3
    assert programs.run_here("bench", "history", *runs, "--gate", "10", "--threshold", "50%").returncode == 0
    slower = put(tmp_path / "slower.json", run_file_of(9, 3.0))
    done = programs.run_here("bench", "history", slower, *runs, "--gate", "10")
    assert done.returncode == 1
    assert "1 regression, slower by more than 2 %: grpc-get-c1." in " ".join(done.stdout.split())
    assert programs.run_here("bench", "history", slower, *runs).returncode == 0, "without a gate"


def test_files_that_are_no_runs_are_named_and_left_out(tmp_path: Path, runs: list[str]) -> None:
    foreign = tmp_path / "package.json"
    foreign.write_text('{"name": "x"}', encoding="utf-8")
    flags = ("--gate", "10", "--threshold", "50%")
    done = programs.run_here("bench", "history", *runs, str(foreign), *flags)
    assert (done.returncode, done.stderr) == (0, f"left out: {foreign}: no run file\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"schema": "recipe-lab/run/2", "started_at', "Input data was truncated"),
        (b'{"schema": "recipe-lab/run/9"}', "its schema is 'recipe-lab/run/9'"),
        (b"\x00\xff", "no run file: "),
        (b"", "no run file: "),
        (None, "No such file or directory"),
    ],
)
def test_a_damaged_file_may_be_the_newest_run_so_the_gate_is_inconclusive(
    content: bytes | None, reason: str, tmp_path: Path, runs: list[str]
) -> None:
    damaged = tmp_path / "damaged.json"
    if content is not None:
        damaged.write_bytes(content)
    flags = ("--gate", "10", "--threshold", "50%", "--format", "markdown")
    done = programs.run_here("bench", "history", *runs, str(damaged), *flags)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert f"It could not be read: {escaped(str(damaged))}." in done.stdout
    assert programs.run_here("bench", "history", *runs, str(damaged)).returncode == 0


def test_copies_and_files_given_twice_count_once(tmp_path: Path, runs: list[str]) -> None:
    shutil.copy(runs[0], tmp_path / "copy.json")
    done = programs.run_here("bench", "history", *runs, runs[1], str(tmp_path / "copy.json"), "--format", "markdown")
    assert done.stdout.startswith("# History of 6 runs\n")


def test_one_run_and_runs_of_an_older_schema(tmp_path: Path, runs: list[str]) -> None:
    page = str(tmp_path / "h.html")
    one = programs.run_here("bench", "history", runs[0], "--gate", "5")
    assert one.returncode == 3
    assert "0 earlier runs under the conditions of the newest" in " ".join(one.stdout.split())
    done = programs.run_here("bench", "history", str(SCHEMA_1), *runs, "--html", page, "--values", "absolute")
    assert (done.returncode, done.stderr) == (0, "")


def test_time_as_the_axis(tmp_path: Path, runs: list[str]) -> None:
    page = tmp_path / "h.html"
    assert programs.run_here("bench", "history", *runs, "--over", "time", "--html", str(page)).returncode == 0
    assert '"times_s":[17' in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--gate", "0"), "'0' is not a whole number from 1 to 10000"),
        (("--values", "x"), "'x' is not one of ratio, absolute"),
        (("--html", "reports/x.json"), "--html: 'reports/x.json' does not end in .html"),
        (("--html", "/nowhere/x.html"), "/nowhere/x.html: cannot be written"),
    ],
)
def test_bad_usage_is_a_one_line_error(flags: tuple[str, str], text: str, runs: list[str]) -> None:
    done = programs.run_here("bench", "history", *runs, *flags)
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_single_run_it_is_an_error(tmp_path: Path) -> None:
    foreign = tmp_path / "x.json"
    foreign.write_text("[]", encoding="utf-8")
    done = programs.run_here("bench", "history", str(foreign))
    assert (done.returncode, done.stdout) == (2, "")
    assert "none of the 1 files is a run that a history can show" in done.stderr
