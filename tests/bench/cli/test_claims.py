"""`python -m bench claims`, as a user runs it."""

from pathlib import Path

from bench import run_file
from tests.bench.report.test_claims import two
from tests.support import programs


def test_the_verdicts_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(run_file.encode(two()))
    done = programs.run_here("bench", "claims", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "7. REST is faster than gRPC" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = programs.run_here("bench", "claims", str(path), "--format", "markdown")
    assert done.stdout.startswith("# Published claims, tested\n")


def test_the_claims_without_a_run() -> None:
    done = programs.run_here("bench", "claims")
    assert (done.returncode, done.stderr) == (0, "")
    assert "7. REST is faster than gRPC" in done.stdout


def test_a_file_that_is_no_run_is_a_one_line_error() -> None:
    done = programs.run_here("bench", "claims", "pyproject.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
