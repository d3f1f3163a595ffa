"""Skips fail where they are said to, and coverage stays out of the programs that tests start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SKIPS_FAIL, TRACING
from tests.support.programs import PATIENCE_S, environment

SKIPPING = {
    "in a test": "import pytest\ndef test_it() -> None:\n    pytest.skip('no such program')\n",
    "in a mark": "import pytest\n@pytest.mark.skipif(True, reason='no such program')\ndef test_it() -> None: ...\n",
    "in a module": "import pytest\npytest.skip('no such program', allow_module_level=True)\n",
}


@pytest.mark.parametrize("content", SKIPPING.values(), ids=SKIPPING)
@pytest.mark.parametrize("fail", ["1", "0"])
def test_a_skip_fails_where_nothing_may_be_missing(tmp_path: Path, content: str, fail: str) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(content)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path), "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(**{SKIPS_FAIL: fail}),
        check=False,
    )
    assert (done.returncode in (1, 2)) is (fail == "1"), done.stdout
    assert ("no such program" in done.stdout) is (fail == "1")


@pytest.mark.no_cover
def test_coverage_leaves_a_test_out() -> None:
    """Comes before the next one, for which coverage goes on."""
    assert not any(name.startswith(TRACING) for name in os.environ)


def test_programs_are_not_traced_after_one_that_was_left_out() -> None:
    assert not any(name.startswith(TRACING) for name in os.environ)
