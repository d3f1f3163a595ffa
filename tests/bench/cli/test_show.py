"""Files are written atomically."""

import os
from pathlib import Path

import pytest

from bench.cli.show import write_whole


def test_an_existing_file_is_replaced_without_temporary_files(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"before")
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_missing_directory_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "missing" / "run.json", b"x")


def test_a_failure_keeps_the_existing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    write_whole(path, b"before")

    def fails(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def test_a_directory_in_its_place_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "run.json", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]
