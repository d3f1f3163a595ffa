"""Load from a scheduler and three workers, each a process, and where the system allows it on a machine of its own.

The machine of the tests may be busy at any time, so workers may be left out of slices in any of these runs. What is
asserted holds then, too: counts follow exactly from the seeds of the workers that a slice names.
"""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from bench import run_file
from bench import schedule as planning
from bench.cluster.parts import parts_of, seed_of
from bench.load import latency_histogram
from bench.load.open_loop import due_offsets_ns
from bench.load_models import OpenLoad
from bench.results import Cell, Run
from bench.run_file import read
from bench.slices import Slice
from bench.stats.estimates import counts_of, order_ranks
from tests.support.dask_cluster import PATIENCE_S, ROOT, DaskCluster, dask_cluster, processes_of
from tests.support.measuring import plan_of
from tests.support.namespaces import Namespaces, NoNamespaces, namespaces

pytest.importorskip("distributed", reason="Dask is not installed: make setup-cluster")

WORKERS = 3
RATE_HZ = 100.0
STALL_MS = 600
"""Of each second. A request that is due in it waits for its end, so latencies are spread over that time, whatever else
the machine does: their quantiles are known to some 20 ms, and a busy machine moves them by far less."""
SURE = 0.9999
SOCKETS_AT_FIRST = 8
"""Of a load process that has one connection, and more than it has."""


@dataclass(frozen=True)
class Setting:
    """A cluster, and the address of a server that its workers reach."""

    cluster: DaskCluster
    target: str

    def started(self, *arguments: str, scheduler: bool = True) -> "subprocess.Popen[bytes]":
        """`bench run` on the machine of the scheduler, against the server."""
        command = [sys.executable, "-m", "bench", "run", "--workload", "get", "--gzip", "off"]
        command += ["--recipes", "generated:50", "--target", f"http={self.target}"]
        command += ["--scheduler", self.cluster.address] if scheduler else []
        return self.cluster.start([*command, *arguments], name="bench", PYTHONPATH=str(ROOT))

    def said(self) -> str:
        """What the last run wrote to stdout and stderr."""
        return (self.cluster.directory / "bench.log").read_text()

    def run(self, path: Path, *arguments: str, scheduler: bool = True) -> Run:
        """The run file of a run that has to succeed."""
        return self.finished(self.started("--out", str(path), *arguments, scheduler=scheduler), path)

    def finished(self, process: "subprocess.Popen[bytes]", path: Path) -> Run:
        """The run file, once the run has ended well."""
        assert process.wait(PATIENCE_S) == 0, self.said()
        return read(path)

    @property
    def left(self) -> list[str]:
        """What the workers have started and not ended, and temporary files of the lab on their machines."""
        started = [str(each) for worker in self.cluster.workers for each in processes_of(worker.pid)]
        return started + [str(path) for path in self.cluster.directory.glob("worker-*/recipe-lab-*")]

    def wait_until_nothing_is_left(self) -> None:
        # Looking for processes takes much longer than looking whether those that are known still run.
        psutil.wait_procs([each for worker in self.cluster.workers for each in processes_of(worker.pid)], PATIENCE_S)
        wait_until(lambda: not self.left, lambda: f"still there: {self.left}")


def wait_until(condition: Callable[[], object], otherwise: Callable[[], str]) -> None:
    until = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < until, otherwise()
        sleep(0.3)


def load_process(worker: "subprocess.Popen[bytes]") -> psutil.Process | None:
    """The load process on a worker, once it has sent several requests at a time and so has as many connections."""
    for each in processes_of(worker.pid):
        try:
            if "bench.load.worker" in each.cmdline() and sockets_of(each) > SOCKETS_AT_FIRST:
                return each
        except (psutil.Error, OSError):  # it has just ended
            continue
    return None


def sockets_of(process: psutil.Process) -> int:
    """How many sockets it has open, whatever its network namespace."""
    links = [str(link.readlink()) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
    return sum(link.startswith("socket:") for link in links)


@pytest.fixture(scope="module")
def machines() -> Iterator[Namespaces | str]:
    """A machine for the scheduler and one for each worker, or why there are none."""
    with ExitStack() as entered:
        try:
            made: Namespaces | str = entered.enter_context(namespaces(WORKERS))
        except NoNamespaces as error:
            made = str(error)
        yield made


@pytest.fixture(scope="module")
def setting(machines: Namespaces | str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    """Three workers, on machines of their own where there are some, and a server that stalls."""
    directory = tmp_path_factory.mktemp("cluster")
    with dask_cluster(directory, WORKERS, machines if isinstance(machines, Namespaces) else None) as cluster:
        command = [sys.executable, "-m", "tests.support.known_producer", "http", "--host", cluster.host]
        cluster.start([*command, "--stall-ms", str(STALL_MS)], name="producer", PYTHONPATH=str(ROOT))
        log = directory / "producer.log"
        wait_until(lambda: log.read_text().startswith("listening "), log.read_text)
        yield Setting(cluster, log.read_text().split()[1])


def expected_due(cell: Cell, each: Slice, workers: Sequence[int], of: int) -> int:
    """How many requests these workers send in a slice that so many share, from their seeds."""
    assert isinstance(cell.load, OpenLoad)
    seed = planning.slice_seed(cell, plan_of((), ()), each.instance, each.round)
    part = parts_of(cell.load, of)[0]
    assert isinstance(part, OpenLoad)
    return sum(
        sum(1 for _ in due_offsets_ns(part.rate_hz, each.window_ns, part.arrivals, seed_of(seed, worker)))
        for worker in workers
    )


def check_counts(run: Run) -> None:
    """Every value is of the workers that a slice names, and nothing of them is missing."""
    for cell in run.cells:
        total = 0
        for each in cell.slices:
            assert each.workers is not None
            assert not set(each.workers) & {out.worker for out in each.left_out}
            total += each.ok
            assert each.failed == 0
            if each.workers and isinstance(cell.load, OpenLoad):
                of = len(each.workers) + len(each.left_out)
                assert each.due == each.ok == expected_due(cell, each, each.workers, of)
                assert each.start_window_ns is not None
                assert run.cluster is not None
                assert each.start_window_ns <= run.cluster.start_window_ns
        assert cell.outcomes["ok"] == total
        recorded = cell.latency_histogram and latency_histogram.decode(cell.latency_histogram).total_count
        assert (recorded or 0) == total


def interval_ns(cell: Cell, quantile: float) -> tuple[int, int]:
    """Between which latencies the quantile surely lies, of requests that are independent of each other; between the
    extremes where there are too few requests to say more."""
    histogram = latency_histogram.decode(cell.latency_histogram or "")
    up_to = counts_of(histogram).cumsum()
    low, high = order_ranks(histogram.total_count, quantile, SURE) or (0, histogram.total_count - 1)
    low_ns, high_ns = (histogram.get_value_from_index(int(up_to.searchsorted(rank + 1))) for rank in (low, high))
    return low_ns, high_ns


def test_the_merged_result_equals_that_of_one_load_process(setting: Setting, tmp_path: Path) -> None:
    load = ["--rate", f"{RATE_HZ:g}", "--rounds", "3"]
    merged = setting.run(tmp_path / "merged.json", *load)
    alone = setting.run(tmp_path / "alone.json", *load, scheduler=False)

    check_counts(merged)
    assert merged.cluster is not None
    assert [each.number for each in merged.cluster.workers] == list(range(WORKERS))
    assert {each.lab_digest for each in merged.cluster.workers} == {merged.cluster.workers[0].lab_digest}
    assert alone.cluster is None
    assert run_file.decode(run_file.encode(merged)) == merged

    (together,), (one,) = merged.cells, alone.cells
    assert together.key == one.key
    assert [each.due for each in one.slices] == [each.ok for each in one.slices]
    print(f"\nrequests: {together.outcomes['ok']} of {WORKERS} workers, {one.outcomes['ok']} of one load process")
    print(f"workers of each slice: {[each.workers for each in together.slices]}")
    print(f"they began within, ms: {[round((each.start_window_ns or 0) / 1e6, 1) for each in together.slices]}")
    for quantile in (0.5, 0.75, 0.9):
        (low, high), (other_low, other_high) = interval_ns(together, quantile), interval_ns(one, quantile)
        print(
            f"{quantile:.0%} of requests, ms: {low / 1e6:.0f} to {high / 1e6:.0f} merged, "
            f"{other_low / 1e6:.0f} to {other_high / 1e6:.0f} alone"
        )
        assert low <= other_high
        assert other_low <= high
    # That intervals can differ: those of two quantiles of one load process do.
    assert interval_ns(one, 0.5)[1] < interval_ns(one, 0.9)[0]
    if not any(each.left_out for each in together.slices):
        # Both are Poisson at the whole rate.
        for cell in (together, one):
            due = sum(each.due or 0 for each in cell.slices)
            expected = RATE_HZ * sum(each.window_ns for each in cell.slices) / 1e9
            assert abs(due - expected) < 4 * expected**0.5
    setting.wait_until_nothing_is_left()


def test_workers_that_are_killed_or_lag_are_left_out_and_the_others_send_the_whole_load(
    setting: Setting, tmp_path: Path
) -> None:
    # Beside the scheduler: all other machines have one.
    victim = setting.cluster.start_worker(4, place=0)
    setting.cluster.wait_for_workers()
    path, slow = tmp_path / "run.json", setting.cluster.workers[0]
    process = setting.started("--rate", f"{RATE_HZ:g}", "--rounds", "3", "--load-workers", "4", "--out", str(path))
    wait_until(lambda: load_process(victim) and load_process(slow), setting.said)
    stalling = load_process(slow)
    assert stalling is not None
    victim.kill()
    victim.wait()
    setting.cluster.workers.remove(victim)
    # Every slice lasts longer than that, so it stands still in each for longer than is allowed.
    with suppress(psutil.NoSuchProcess):
        while process.poll() is None:
            stalling.send_signal(signal.SIGSTOP)
            sleep(0.3)
            stalling.send_signal(signal.SIGCONT)
            sleep(0.2)
    # On a machine that is busy enough, the others are left out, too.
    assert process.wait(PATIENCE_S) in (0, 3), setting.said()
    run = read(path)

    check_counts(run)
    assert run.cluster is not None
    (lost,) = run.cluster.lost
    assert lost.reason in ("it left the cluster", "the connection to it broke")
    assert {"worker_lost", "workers_left_out"} <= {warning.code for warning in run.warnings}
    last = run.cells[0].slices.rows[-1]
    assert any("are allowed" in out.reason for out in last.left_out)
    sending = {*(last.workers or ()), *(out.worker for out in last.left_out)}
    assert sending == set(range(WORKERS + 1)) - {lost.worker}
    setting.wait_until_nothing_is_left()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_bench_that_ends_early_leaves_nothing_on_the_workers(
    number: signal.Signals, code: int, setting: Setting, tmp_path: Path
) -> None:
    process = setting.started("--rate", f"{RATE_HZ:g}", "--rounds", "100", "--out", str(tmp_path / "run.json"))
    wait_until(lambda: all(map(load_process, setting.cluster.workers)), setting.said)
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == code, setting.said()
    setting.wait_until_nothing_is_left()


def test_workers_are_on_machines_of_their_own(machines: Namespaces | str, setting: Setting) -> None:
    if isinstance(machines, str):
        pytest.skip(f"no network namespaces: {machines}")
    own = {Path(f"/proc/{worker.pid}/ns/net").readlink() for worker in setting.cluster.workers}
    assert len(own | {Path("/proc/self/ns/net").readlink()}) == WORKERS + 1
