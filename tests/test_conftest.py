"""Skips fail where they are said to, and coverage stays out of the programs that tests start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from coverage import Coverage

from tests.conftest import SKIPS_FAIL, TRACING
from tests.support.programs import PATIENCE_S, environment

SKIPPING = {
    "test_in_a_test.py": "import pytest\ndef test_it() -> None:\n    pytest.skip('no such program')\n",
    "test_in_a_mark.py": (
        "import pytest\n@pytest.mark.skipif(True, reason='no such program')\ndef test_it() -> None: ...\n"
    ),
    "test_in_a_module.py": "import pytest\npytest.skip('no such program', allow_module_level=True)\n",
}


@pytest.mark.parametrize("fail", ["1", "0"])
def test_a_skip_fails_where_nothing_may_be_missing(tmp_path: Path, fail: str) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name, content in SKIPPING.items():
        (tmp_path / name).write_text(content)
    command = [sys.executable, "-m", "pytest", "-q", "-rfEs", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--continue-on-collection-errors", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(**{SKIPS_FAIL: fail, "COLUMNS": "2000"}),
        check=False,
    )
    summary = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "SKIPPED"))]
    for name in SKIPPING:
        (line,) = (line for line in summary if name in line)
        assert line.startswith("SKIPPED") is (fail == "0")
        assert "no such program" in line
    assert done.returncode == (1 if fail == "1" else 0), done.stdout


@pytest.mark.no_cover
def test_coverage_leaves_a_test_out() -> None:
    """Comes before the next one, for which coverage goes on."""
    assert Coverage.current() is None
    assert not any(name.startswith(TRACING) for name in os.environ)


def test_programs_are_not_traced_after_one_that_was_left_out() -> None:
    assert not any(name.startswith(TRACING) for name in os.environ)
