"""The measuring instruments, each with a known quantity."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from time import process_time_ns

import pytest

from bench import environment, machine
from bench.load import latency_histogram
from bench.machine import peak_memory_bytes, process_cpu_ns

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the CPU clock of another process: Linux only")

BURN_THEN_WAIT = """
import sys, time
end = float(sys.argv[1])
while time.process_time() < end:
    pass
block = bytearray(int(sys.argv[2]))
print("done", flush=True)
sys.stdin.read()
"""


@needs_linux
@pytest.mark.parametrize("cpu_s", [0.2, 0.6])
def test_a_known_amount_of_cpu_is_measured_within_5_percent(cpu_s: float) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BURN_THEN_WAIT, str(cpu_s), "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        read_ns = process_cpu_ns(child.pid)
        assert read_ns is not None
        assert read_ns / 1e9 == pytest.approx(cpu_s, rel=0.05)
        child.communicate()


@needs_linux
def test_the_cpu_clock_agrees_with_python() -> None:
    before_ns = process_time_ns()
    read_ns = process_cpu_ns(os.getpid())
    assert read_ns is not None
    assert before_ns <= read_ns <= process_time_ns()


def test_an_ended_process_has_no_cpu_clock_and_no_memory() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert process_cpu_ns(child.pid) is None
    assert peak_memory_bytes(child.pid) is None


def test_without_linux_there_is_no_cpu_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert process_cpu_ns(os.getpid()) is None


@needs_linux
def test_peak_memory_grows_by_the_allocated_bytes() -> None:
    peaks = []
    for taken_bytes in (0, 64 << 20):
        with subprocess.Popen(
            [sys.executable, "-c", BURN_THEN_WAIT, "0", str(taken_bytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            peaks.append(peak_memory_bytes(child.pid))
            child.communicate()
    assert peaks[0] is not None
    assert peaks[1] is not None
    assert peaks[1] - peaks[0] == pytest.approx(64 << 20, rel=0.1)


def test_the_environment_records_what_results_depend_on() -> None:
    found = environment.describe(machine.Pinning((1,), (0,)), measures_elsewhere=False)
    assert found["cpu"]["model"]
    assert found["pinning"].items() >= {"producer": [1], "load": [0], "siblings": [], "apart": True}.items()
    assert found["cpu"]["count"] == len(found["cpu"]["usable"]) >= found["cpu"]["physical_cores"]
    assert found["cpu"]["physical_cores"] == sum(found["cpu"]["cores_of_each_kind"])
    assert {"aiohttp", "grpcio", "graphql-core", "hpack", "strawberry-graphql"} <= set(found["libraries"])
    assert found["libraries"]["hpack"] == metadata.version("hpack")
    assert found["kernel"] == os.uname().release
    assert found["python"].startswith("3.")


def test_histograms_keep_three_digits_and_survive_encoding() -> None:
    histogram = latency_histogram.new_histogram()
    assert latency_histogram.record_all(histogram, range(100_000, 200_000)) == 0
    again = latency_histogram.decode(latency_histogram.encode(histogram))
    assert again.get_total_count() == 100_000
    for percentile, value_ns in ((50, 150_000), (99, 199_000)):
        assert again.get_value_at_percentile(percentile) == pytest.approx(value_ns, rel=1e-3)


def test_values_outside_a_histogram_are_counted_at_its_end() -> None:
    histogram = latency_histogram.new_histogram()
    assert latency_histogram.record_all(histogram, [10**15, 5]) == 1
    assert histogram.get_total_count() == 2
    assert histogram.get_max_value() == pytest.approx(latency_histogram.HIGHEST_NS, rel=0.01)


def test_histograms_merge_without_loss() -> None:
    whole, merged = latency_histogram.new_histogram(), latency_histogram.new_histogram()
    latency_histogram.record_all(whole, range(1, 10_000, 7))
    for part in (range(1, 5_000, 7), range(5_006, 10_000, 7)):
        histogram = latency_histogram.new_histogram()
        latency_histogram.record_all(histogram, [v for v in range(1, 10_000, 7) if v in part])
        merged.add(histogram)
    missing = set(range(1, 10_000, 7)) - set(range(1, 5_000, 7)) - set(range(5_006, 10_000, 7))
    latency_histogram.record_all(merged, sorted(missing))
    assert latency_histogram.encode(merged) == latency_histogram.encode(whole)


MOUNTED = """\
31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
33 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""


def meminfo(root: Path, available_kb: int) -> None:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "mountinfo").write_text(MOUNTED)
    (root / "proc" / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {available_kb} kB\n")


def group(root: Path, path: str, **files: str) -> None:
    directory = root / "sys" / "fs" / "cgroup" / path
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("__", ".")).write_text(content)


def test_the_available_memory_is_what_the_system_says(tmp_path: Path) -> None:
    assert machine.available_memory_bytes(tmp_path) is None
    meminfo(tmp_path, 1000)
    assert machine.available_memory_bytes(tmp_path) == 1000 * 1024


@pytest.mark.parametrize("holder", ["lab", "lab/run"])
def test_the_limit_of_a_control_group_and_of_those_above_it_counts(tmp_path: Path, holder: str) -> None:
    meminfo(tmp_path, 1000)
    (tmp_path / "proc" / "self" / "cgroup").write_text("0::/lab/run\n")
    group(tmp_path, "lab/run", memory__max="max\n", memory__current="5\n")
    group(tmp_path, holder, memory__max="300\n", memory__current="100\n")
    assert machine.available_memory_bytes(tmp_path) == 200


def test_the_limit_of_a_control_group_of_version_1_counts(tmp_path: Path) -> None:
    meminfo(tmp_path, 1000)
    (tmp_path / "proc" / "self" / "cgroup").write_text("4:cpu:/other\n3:memory:/lab\n")
    group(tmp_path, "memory/lab", memory__limit_in_bytes="300\n", memory__usage_in_bytes="400\n")
    assert machine.available_memory_bytes(tmp_path) == 0


STARTS_THREADS = """
import sys, threading
threading.Thread(target=sys.stdin.read, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""


@needs_linux
def test_all_threads_run_first_where_the_system_permits_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_THREADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            expected = (os.SCHED_FIFO, 2) if machine.run_first(process.pid, 2) else (os.SCHED_OTHER, 0)
            threads = [int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir()]
            found = [(os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority) for thread in threads]
            assert found == [expected] * 2
        finally:
            process.kill()


@needs_linux
def test_where_the_system_does_not_permit_it_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert not machine.run_first(os.getpid())
