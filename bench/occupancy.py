"""Runs that measure on the same cores at the same time, and notice each other.

Each run holds a file that names its CPUs, locked for as long as it runs; the lock ends with the process, however it
ends. A run that starts reads the others' files. Where CPUs overlap, it adds its own name to the other's file, so that
both know. Files of runs that have ended are removed. The directory is shared by all users.
"""

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIRECTORY = "recipe-lab-runs"
SHARED_DIRECTORY = 0o1777
SHARED_FILE = 0o666


class Occupancy:
    """The CPUs of one run, as others see them."""

    def __init__(self, directory: Path, cpus: Collection[int]) -> None:
        """Occupy these CPUs. Raises OSError where the directory cannot be used."""
        _make(directory)
        self.name, self._descriptor = _own_file(directory, cpus)
        self._path = directory / self.name
        self._met_at_start = set(_overlapping(directory, self.name, set(cpus)))

    def other_runs(self) -> int:
        """How many other runs have measured on the same CPUs, at the start of this one or since."""
        size = os.fstat(self._descriptor).st_size
        _, *names = os.pread(self._descriptor, size, 0).decode("ascii", errors="replace").splitlines()
        return len(self._met_at_start | {*names})

    def end(self) -> None:
        """Leave the CPUs to others."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


@contextmanager
def occupied(cpus: Collection[int], directory: Path | None = None) -> Iterator[Occupancy | None]:
    """Occupy these CPUs until the end of the block. `directory`: of the runs' files, in the temporary one by default.

    Gives None where that directory cannot be used: other runs are not noticed there.
    """
    try:
        occupancy = Occupancy(directory or Path(tempfile.gettempdir()) / DIRECTORY, cpus)
    except OSError:
        yield None
        return
    try:
        yield occupancy
    finally:
        occupancy.end()


def _make(directory: Path) -> None:
    with suppress(FileExistsError):
        directory.mkdir()
        directory.chmod(SHARED_DIRECTORY)
    if not stat.S_ISDIR(directory.lstat().st_mode):
        raise NotADirectoryError(directory)


def _own_file(directory: Path, cpus: Collection[int]) -> tuple[str, int]:
    """The name and the descriptor of a new, locked file."""
    while True:
        name = f"{os.getpid()}-{secrets.token_hex(8)}"
        descriptor = os.open(directory / name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND)
        try:
            os.fchmod(descriptor, SHARED_FILE)
            os.write(descriptor, f"{' '.join(map(str, sorted(cpus)))}\n".encode())
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            os.close(descriptor)
            (directory / name).unlink(missing_ok=True)
            raise
        if os.fstat(descriptor).st_nlink:
            return name, descriptor
        os.close(descriptor)  # another run removed it as that of an ended one, before it was locked


def _overlapping(directory: Path, own: str, cpus: set[int]) -> Iterator[str]:
    """The names of other runs on these CPUs, after adding `own` to their files. Removes files of ended runs."""
    for path in directory.iterdir():
        if path.name == own:
            continue
        with suppress(OSError):  # it has just been removed, or it belongs to somebody who does not share it
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if _ended(descriptor):
                    path.unlink()
                elif cpus & _cpus(descriptor):
                    os.write(descriptor, f"{own}\n".encode())
                    yield path.name
            finally:
                os.close(descriptor)


def _ended(descriptor: int) -> bool:
    """Whether nobody holds the file's lock. The shared kind is tried, so that two who try do not see each other."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _cpus(descriptor: int) -> set[int]:
    first, _, _ = os.pread(descriptor, 1 << 16, 0).decode("ascii", errors="replace").partition("\n")
    return {int(word) for word in first.split() if word.isdigit()}
