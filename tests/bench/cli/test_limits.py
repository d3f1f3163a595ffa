"""What a run needs of the system is checked before it starts."""

import subprocess
import sys
from pathlib import Path

from commands.errors import ExitCode
from tests.support.programs import PATIENCE_S, assert_one_line_error, environment


def with_files(allowed: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m bench …` with so many open files allowed."""
    command = ["sh", "-c", f'ulimit -n {allowed}; exec "$@"', "sh", sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment(), check=False)


def test_too_few_open_files_are_refused_with_how_many_are_needed(tmp_path: Path) -> None:
    out = str(tmp_path / "run.json")
    done = with_files(64, "run", "--quick", "--out", out)
    assert_one_line_error(done, ExitCode.USAGE, "open files", "64 are allowed", "ulimit -Hn")
    done = with_files(1024, "run", "--concurrency", "1024", "--out", out)
    assert_one_line_error(done, ExitCode.USAGE, "open files", "1,024 are allowed", "--concurrency")
    assert list(tmp_path.iterdir()) == []
