"""The machine: who runs on which of its CPUs, and what the kernel says of a process: its CPU time, its memory.

Imported by load processes, so it needs the standard library only.
"""

import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import clock_gettime_ns

from bench.cgroup import BUSY_CORES, FILES, cpu_quota, unused_memory_bytes
from bench.topology import Core, Topology, read_topology

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether this system lets processes choose their CPUs."""


@dataclass(frozen=True, slots=True)
class Pinning:
    """The CPUs, by number, on which processes run while they are measured; empty where nothing is pinned."""

    producer: tuple[int, ...]
    """Of producers. Where several serve together and there are cores to spare, one for each of them."""
    load: tuple[int, ...]
    front: tuple[int, ...] = ()
    """Of fronts; empty where they have none of their own, and share those of producers and load."""
    siblings: tuple[int, ...] = ()
    """The other CPUs of the pinned ones' physical cores. What runs on one takes time from what is measured."""
    starting: tuple[int, ...] = ()
    """The CPUs on which processes start, before they are pinned: every usable one near the pinned ones."""
    quota_cores: float | None = None
    """The cores' worth of CPU time that all processes together may use. None: there is no quota."""

    @property
    def apart(self) -> bool:
        """Whether producers and load have a physical core each, so that neither slows the other down."""
        pinned = {*self.producer, *self.load}
        shared = {*self.producer} & {*self.load} or pinned & {*self.siblings}
        return bool(pinned) and not shared

    @property
    def between(self) -> tuple[int, ...]:
        """Where what stands between load and producers runs: on CPUs of its own, else on whichever is idle."""
        return self.front or tuple(sorted({*self.producer, *self.load}))

    @property
    def may_spin(self) -> tuple[int, ...]:
        """The pinned CPUs that can be kept awake by a spinning process without slowing down what is measured.

        Beside a sibling that is measured, spinning would take that one's time. Under a CPU quota that two busy cores
        use up, it would take the time of all.
        """
        affordable = self.quota_cores is None or self.quota_cores > BUSY_CORES
        return tuple(sorted({*self.producer, *self.load, *self.front})) if self.apart and affordable else ()

    @property
    def measured(self) -> tuple[int, ...]:
        """All CPUs of the physical cores that are measured; empty where nothing is pinned."""
        return tuple(sorted({*self.producer, *self.load, *self.front, *self.siblings}))


NOT_PINNED = Pinning((), ())


def usable_cpus() -> tuple[int, ...]:
    """The CPUs that this process may run on, ascending."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else tuple(range(os.cpu_count() or 1))


@dataclass(frozen=True, slots=True)
class Busy:
    """Which processes are busy at the same time besides the load."""

    producers: int = 1
    """Those that serve together: replicas behind a front, or workers of one producer."""
    front: bool = False
    """Whether there is a front."""


def pinning_for(
    topology: Topology,
    usable: Sequence[int],
    *,
    quota_cores: float | None = None,
    can_pin: bool = True,
    busy: Busy = Busy(),
) -> Pinning:
    """A physical core for the producers and one for the load, of the fastest kind that has two; one CPU of each.

    With cores of that kind to spare, a front has one of its own, and then each further producer. Where only one core is
    usable, producers and load get a CPU of it each, and they are not apart. With a single CPU, or where the system
    cannot pin, nothing is pinned. The run says so in both cases.
    """
    if not can_pin or len(usable) < 2:
        return Pinning((), (), quota_cores=quota_cores)
    cores = topology.of(usable)
    spare: list[int] = []
    if len(cores) < 2:
        producer, load = usable[-1], usable[0]
    else:
        first, second = min(combinations(cores, 2), key=_rank)
        if first.kind < second.kind:  # the producers are what is measured
            first, second = second, first
        load, producer = (min({*core.cpus} & {*usable}) for core in (first, second))
        others = [core for core in cores if core not in (first, second) and core.kind == second.kind]
        spare = [min({*core.cpus} & {*usable}) for core in others]
    front = spare[: int(busy.front)]
    producers = [producer, *spare[len(front) : len(front) + busy.producers - 1]]
    pinned = [load, *front, *producers]
    # Memory belongs to the package on which it is first used.
    packages = {core.package for core in topology.of(pinned)}
    near = {cpu for core in cores if core.package in packages for cpu in core.cpus}
    return Pinning(
        producer=tuple(producers),
        load=(load,),
        front=tuple(front),
        siblings=topology.siblings(pinned),
        starting=tuple(cpu for cpu in usable if cpu in near),
        quota_cores=quota_cores,
    )


def _rank(pair: tuple[Core, Core]) -> tuple[int, ...]:
    """The lower, the better are these cores for producers and load. Of equal pairs, the outermost is best."""
    first, second = pair
    return (
        first.kind != second.kind,
        max(first.kind, second.kind),
        first.package != second.package,
        first.cpus[0],
        -second.cpus[0],
    )


def pinning_here(busy: Busy = Busy()) -> Pinning:
    """The pinning for the CPUs that this process may use."""
    usable = usable_cpus()
    return pinning_for(read_topology(usable), usable, quota_cores=cpu_quota(), can_pin=CAN_PIN, busy=busy)


def pin(pid: int, cpus: Sequence[int]) -> None:
    """Let another process run on these CPUs only, all its threads. Does nothing without CPUs, or without a choice."""
    if cpus and CAN_PIN:
        _for_each_thread(pid, lambda thread_id: os.sched_setaffinity(thread_id, cpus))


def run_first(pid: int, priority: int = 1) -> bool:
    """Let all threads of another process run before everything else on their CPUs, each until it waits. Those of a
    higher priority, from 1 to 99, run before those of a lower one.

    That is SCHED_FIFO of sched(7). Returns whether the system permits it: to root, to processes with CAP_SYS_NICE, and
    to those whose RLIMIT_RTPRIO is at least the priority.
    """
    if not hasattr(os, "SCHED_FIFO"):
        return False
    try:
        _for_each_thread(
            pid, lambda thread_id: os.sched_setscheduler(thread_id, os.SCHED_FIFO, os.sched_param(priority))
        )
    except PermissionError:
        return False
    return True


def _for_each_thread(pid: int, change: Callable[[int], None]) -> None:
    """Change every thread of a process in a way that threads inherit from those that start them.

    So once a pass finds no thread that has not been changed yet, every later one starts changed.
    """
    changed: set[int] = set()
    with suppress(FileNotFoundError):  # the process has ended
        while found := {int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()} - changed:
            for thread_id in found:
                with suppress(ProcessLookupError):  # the thread has ended
                    change(thread_id)
            changed |= found


@contextmanager
def this_process_on(cpus: Sequence[int]) -> Iterator[None]:
    """Run on these CPUs only, until the end of the block. Does nothing without CPUs, or without a choice.

    It holds for the calling thread, and for the threads and processes that it starts inside the block.
    """
    if not cpus or not CAN_PIN:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def process_cpu_ns(pid: int) -> int | None:
    """CPU time of all threads of `pid` so far, user and system; None where it cannot be read in nanoseconds.

    /proc counts in ticks of 10 ms, as long as a slice. On Linux the CPU clock of another process has nanoseconds; its
    clock id is `(~pid << 3) | 2`, what clock_getcpuclockid(3) returns.
    """
    if sys.platform != "linux":
        return None
    try:
        return clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return None


def all_threads_sleep(pid: int) -> bool:
    """Whether every thread of `pid` waits for something (state S of proc(5)); false where the system does not say."""
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            if (thread / "stat").read_bytes().rpartition(b")")[2].split(maxsplit=1)[0] != b"S":
                return False
    except (OSError, IndexError):  # a thread or the process has ended meanwhile
        return False
    return True


def allow_open_files() -> int:
    """Let this process and those that it starts open as many files as the system allows, and return how many.

    What a user may raise without anybody's permission is the soft limit, up to the hard one (getrlimit(2)).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS allows fewer than its hard limit says
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def local_ports(files: Path = FILES) -> int | None:
    """How many ports the system may choose from for this side of a new connection; None where it does not say.

    `files`: the directory that is / on Linux.
    """
    found = ports_of_connections(files)
    return None if found is None else len(found)


def ports_of_connections(files: Path = FILES) -> range | None:
    """The ports that the system may choose from for this side of a new connection; None where it does not say.

    `files`: as in `local_ports`.
    """
    try:
        text = (files / "proc" / "sys" / "net" / "ipv4" / "ip_local_port_range").read_text(encoding="ascii")
        low, high = map(int, text.split())
    except (OSError, ValueError):
        return None
    return range(low, high + 1)


def peak_memory_bytes(pid: int) -> int | None:
    """The largest resident memory of `pid` so far (VmHWM of proc(5)); None where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def available_memory_bytes(files: Path = FILES) -> int | None:
    """How much memory new processes may take before the system swaps, or a control group of this process is full.

    The first is MemAvailable of proc(5). None where the system does not say. `files`: the directory that is / on Linux.
    """
    try:
        lines = (files / "proc" / "meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    available = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return min([*available, *unused_memory_bytes(files)], default=None)
