"""Runs on the same cores notice each other, whichever started first, and ended runs leave nothing behind."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.occupancy import occupied

OCCUPY = """
import sys
from pathlib import Path
from bench.occupancy import occupied
with occupied([1, 2], Path(sys.argv[1])) as occupancy:
    print("occupied", flush=True)
    sys.stdin.read()
    print(occupancy.other_runs(), flush=True)
"""


@contextmanager
def run_elsewhere(directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that occupies CPUs 1 and 2, until it is ended."""
    command = [sys.executable, "-c", OCCUPY, str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "occupied\n"
        try:
            yield process
        finally:
            process.kill()


def files(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def test_two_runs_on_the_same_cpus_notice_each_other(tmp_path: Path) -> None:
    with run_elsewhere(tmp_path / "runs") as other:
        with occupied([2, 3], tmp_path / "runs") as own:
            assert own is not None
            assert own.other_runs() == 1
        answer, _ = other.communicate()
    assert answer == "1\n"
    assert files(tmp_path / "runs") == []


def test_runs_on_other_cpus_are_of_no_concern(tmp_path: Path) -> None:
    with run_elsewhere(tmp_path / "runs") as other:
        with occupied([0, 3], tmp_path / "runs") as own:
            assert own is not None
            assert own.other_runs() == 0
        answer, _ = other.communicate()
    assert answer == "0\n"


def test_each_other_run_counts_once_even_after_it_has_ended(tmp_path: Path) -> None:
    with occupied([0], tmp_path) as first, occupied([0, 1], tmp_path) as second:
        assert first is not None
        assert second is not None
        with occupied([0], tmp_path) as third:
            assert third is not None
            assert third.other_runs() == 2
        assert (first.other_runs(), second.other_runs()) == (2, 2)


def test_the_file_of_a_killed_run_is_ignored_and_removed(tmp_path: Path) -> None:
    with run_elsewhere(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
    (stale,) = files(tmp_path)
    with occupied([1, 2], tmp_path) as own:
        assert own is not None
        assert own.other_runs() == 0
        assert files(tmp_path) == [own.name] != [stale]


def test_the_directory_and_its_files_are_shared_with_other_users(tmp_path: Path) -> None:
    with occupied([0], tmp_path / "runs") as own:
        assert own is not None
        assert stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o1777
        assert stat.S_IMODE((tmp_path / "runs" / own.name).stat().st_mode) == 0o666


def test_whatever_else_lies_in_the_directory_is_survived(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("0\n", encoding="ascii")
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "link").symlink_to(victim)
    (runs / "directory").mkdir()
    (runs / "words").write_bytes(b"\xff no CPUs\n")
    os.mkfifo(runs / "pipe")
    with occupied([0], runs) as own:
        assert own is not None
        assert own.other_runs() == 0
    assert victim.read_text(encoding="ascii") == "0\n"


def test_a_directory_that_cannot_be_used_means_that_other_runs_are_not_noticed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / "file", tmp_path / "link", tmp_path / "missing" / "runs"):
        with occupied([0], path) as occupancy:
            assert occupancy is None


def test_a_file_that_was_removed_before_it_was_locked_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may look between the creation of a file and its lock, and take it for that of an ended run."""
    removed: list[str] = []

    def lock_after_removal(descriptor: int, operation: int) -> None:
        if not removed:
            (path,) = tmp_path.iterdir()
            path.unlink()
            removed.append(path.name)

    monkeypatch.setattr("bench.occupancy.fcntl.flock", lock_after_removal)
    with occupied([0], tmp_path) as own:
        assert own is not None
        assert files(tmp_path) == [own.name] != removed
