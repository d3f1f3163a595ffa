"""Files are written atomically, once what is in them has been shown."""

import os
from pathlib import Path

import pytest

from bench import run_file
from bench.cli.show import REPORT, RUN_FILE, Files, show_then_write, write_whole
from commands.errors import UsageError
from tests.support.runs import small


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


def test_a_run_is_shown_before_its_files_are_written_and_named(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    done: list[object] = []
    show_then_write(Files.of_run(small(), path), lambda: done.append(list(tmp_path.iterdir())), done.append)
    assert done == [[], {RUN_FILE: str(path), REPORT: str(tmp_path / "r.html")}]
    assert run_file.read(path) == small()


def test_what_could_be_written_is_named_with_what_could_not(tmp_path: Path) -> None:
    (tmp_path / "r.html").mkdir()
    shown: list[object] = []
    with pytest.raises(UsageError) as refused:
        show_then_write(Files.of_run(small(), tmp_path / "r.json"), lambda: None, shown.append)
    text = f"{tmp_path}/r.html: cannot be written: Is a directory; written: run file {tmp_path}/r.json"
    assert str(refused.value) == text
    assert shown == [{RUN_FILE: f"{tmp_path}/r.json"}]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ZeroDivisionError()])
def test_a_run_that_cannot_be_shown_is_in_its_file(failure: BaseException, tmp_path: Path) -> None:
    def fails() -> None:
        raise failure

    with pytest.raises(type(failure)):
        show_then_write(Files.of_run(small(), tmp_path / "r.json", report=False), fails)
    assert run_file.read(tmp_path / "r.json") == small()
