"""Pictures for the docs: what cannot be pictured is a one-line error. tests/browser takes real ones."""

from pathlib import Path

import pytest

from tests.support import programs


@pytest.mark.parametrize("pages", ["nothing-here", "."])
def test_without_pages_there_are_no_pictures(pages: str, tmp_path: Path) -> None:
    done = programs.run_here("commands.pictures", str(tmp_path / pages), str(tmp_path / "images"))
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "images").exists()
