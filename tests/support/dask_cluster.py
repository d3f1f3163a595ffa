"""A Dask scheduler and workers as separate processes, each in a network namespace of its own if that is wanted."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep

import psutil

from tests.support.namespaces import MIDDLE, Namespaces, tied
from tests.support.programs import environment

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 120.0
LOCAL = "127.0.0.1"


def processes_of(pid: int) -> list[psutil.Process]:
    """The processes that this one has started, and those that they have started."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


class DaskCluster:
    """A scheduler, and the workers that were started."""

    def __init__(self, directory: Path, apart: Namespaces | None) -> None:
        self.directory = directory
        self.apart = apart
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""
        """Of the scheduler."""
        self._ending = ExitStack()

    @property
    def host(self) -> str:
        """The address at which servers listen that the workers reach."""
        return LOCAL if self.apart is None else MIDDLE

    def start(
        self, command: Sequence[str], place: int = 0, name: str = "", **variables: str
    ) -> "subprocess.Popen[bytes]":
        """Start a process where machine `place` stands; 0 is that of the scheduler. It ends with the cluster."""
        inside = [] if self.apart is None else self.apart.inside(place)
        log = (self.directory / f"{name or 'process'}.log").open("wb")
        self._ending.callback(log.close)
        process = subprocess.Popen(
            [*inside, *tied(command)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            env=environment(**variables),
        )
        self._ending.callback(_kill, process)
        return process

    def start_scheduler(self, *flags: str) -> None:
        """Start the scheduler on a free port."""
        file = self.directory / "scheduler.json"
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", self.host]
        self.start([*command, "--no-dashboard", "--no-show", "--scheduler-file", str(file), *flags], name="scheduler")
        self._wait(lambda: file.is_file() and file.stat().st_size > 0, "the scheduler")
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, number: int, *flags: str, place: int | None = None) -> "subprocess.Popen[bytes]":
        """Start worker `number`, from 1, on the machine of this number, or on machine `place`."""
        name = f"worker-{number}"
        directory = self.directory / name
        directory.mkdir()
        place = number if place is None else place
        host = self.host if self.apart is None or not place else self.apart.address(place)
        command = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny", "--no-dashboard"]
        command += ["--nthreads", "1", "--host", host, "--name", name, "--local-directory", str(directory)]
        worker = self.start([*command, *flags], place, name, PYTHONPATH=str(ROOT), TMPDIR=str(directory))
        self.workers.append(worker)
        return worker

    def wait_for_workers(self) -> None:
        """Wait until every worker that was started is registered."""
        for log in self.directory.glob("worker-*.log"):
            self._wait(lambda log=log: b"Registered to" in log.read_bytes(), log.stem)  # type: ignore[misc]

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        until = monotonic() + PATIENCE_S
        while not condition():
            assert monotonic() < until, f"{what} does not start"
            sleep(0.02)

    def close(self) -> None:
        """End all processes."""
        self._ending.close()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@contextmanager
def dask_cluster(
    directory: Path, workers: int, apart: Namespaces | None = None, flags: Sequence[str] = ()
) -> Iterator[DaskCluster]:
    """A scheduler and so many workers, until the end of the block."""
    cluster = DaskCluster(directory, apart)
    try:
        cluster.start_scheduler(*flags)
        for number in range(1, workers + 1):
            cluster.start_worker(number, *flags)
        cluster.wait_for_workers()
        yield cluster
    finally:
        cluster.close()
