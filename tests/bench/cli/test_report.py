"""`python -m bench report`, as a user runs it."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench import run_file
from tests.support import programs
from tests.support.pages import Page
from tests.support.runs import small


@pytest.fixture(name="path")
def run_path(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_bytes(run_file.encode(small()))
    return path


def test_the_page_is_written_next_to_the_run_file(path: Path) -> None:
    done = programs.run_here("bench", "report", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    page = path.with_suffix(".html")
    assert done.stdout == f"report: {page}\n"
    assert Page(page.read_text(encoding="utf-8")).wrong == []


def test_out_sets_the_path_of_the_page(path: Path, tmp_path: Path) -> None:
    assert programs.run_here("bench", "report", str(path), "--out", str(tmp_path / "other.html")).returncode == 0
    assert (tmp_path / "other.html").is_file()
    assert not path.with_suffix(".html").exists()


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("markdown", "# What serving"),
        ("csv", "id,version,protocol"),
        ("terminal", "6 configurations, 8 instances, 150 s, "),
    ],
)
def test_other_formats_are_written_to_stdout(path: Path, form: str, begins: str) -> None:
    done = programs.run_here("bench", "report", str(path), "--format", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(begins)
    assert [each.name for each in path.parent.iterdir()] == ["run.json"]


def test_tables_explanation_and_json_follow_the_answer_on_demand(path: Path) -> None:
    answer = programs.run_here("bench", "report", str(path), "--format", "terminal").stdout
    assert "More:" in answer
    explained = programs.run_here("bench", "report", str(path), "--explain").stdout
    assert explained.startswith(answer.partition("Run file:")[0])
    assert "warning:  The load average was 2.6, so others were at work. Stop them." in explained
    tables = programs.run_here("bench", "report", str(path), "--tables", "bytes,load").stdout
    assert "get: one recipe; bytes per request" in tables
    assert "No table of load: this run has nothing for it." in tables
    assert "CPU per request\n" not in tables
    found = json.loads(programs.run_here("bench", "report", str(path), "--json").stdout)
    assert (found["run_file"], found["report"]) == (str(path), None)
    assert found["result"].startswith("HTTP/JSON is fastest")
    assert [each.name for each in path.parent.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--tables", "nosuch"], "--tables: 'nosuch' is not one of all, latency, "),
        (["--tables", ""], "--tables is empty"),
        (["--json", "--explain"], "--explain has no effect beside --json"),
        (["--format", "csv", "--explain"], "--explain has no effect with a --format other than terminal"),
    ],
)
def test_flags_that_do_not_go_together_are_a_one_line_error(arguments: list[str], named: str, path: Path) -> None:
    done = programs.run_here("bench", "report", str(path), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["missing.json"], ["pyproject.toml"], ["RUN", "--out", "/nowhere/at/all.html"]])
def test_files_that_cannot_be_read_or_written_are_a_one_line_error(arguments: list[str], path: Path) -> None:
    given = [str(path) if each == "RUN" else each for each in arguments]
    done = programs.run_here("bench", "report", *given)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


def test_a_truncated_file_is_refused_in_one_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    done = programs.run_here("bench", "report", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not path.with_suffix(".html").exists()


def test_unknown_keys_are_ignored(path: Path) -> None:
    found = json.loads(path.read_bytes())
    found["<script>alert(1)</script>"] = found["cells"][0]["<img src=x>"] = {"a": [1]}
    path.write_text(json.dumps(found), encoding="utf-8")
    assert programs.run_here("bench", "report", str(path)).returncode == 0
    page = path.with_suffix(".html").read_text(encoding="utf-8")
    assert "alert(1)" not in page
    assert "<img" not in page


def test_a_huge_run_is_shown(path: Path) -> None:
    given = small()
    cells = [
        replace(each, id=f"{each.id}-{number}", network=f"rtt={number}ms")
        for number in range(1, 101)
        for each in given.cells
    ]
    path.write_bytes(run_file.encode(replace(given, cells=cells)))
    assert programs.run_here("bench", "report", str(path)).returncode == 0
    assert Page(path.with_suffix(".html").read_text(encoding="utf-8")).wrong == []
