"""The machine: its cores and who runs on which, and what the kernel says of a process: its CPU time, its memory.

Imported by load processes, so it needs the standard library only.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import clock_gettime_ns

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether this system lets processes choose their cores."""


@dataclass(frozen=True, slots=True)
class Pinning:
    """Core numbers for each side; empty where nothing is pinned."""

    producer: tuple[int, ...]
    load: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """Whether producer and load cannot take each other's core."""
        return bool(self.producer) and not set(self.producer) & set(self.load)


NOT_PINNED = Pinning((), ())


def usable_cores() -> tuple[int, ...]:
    """The cores that this process may run on, ascending."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else tuple(range(os.cpu_count() or 1))


def pinning_for(cores: Sequence[int], *, can_pin: bool) -> Pinning:
    """One core for the producers and one for the load: the last and the first, which share no physical core.

    With a single core, or where the system cannot pin, nothing is pinned, and the run says so.
    """
    if not can_pin or len(cores) < 2:
        return NOT_PINNED
    return Pinning(producer=(cores[-1],), load=(cores[0],))


def pinning_here() -> Pinning:
    """The pinning for the cores that this process may use."""
    return pinning_for(usable_cores(), can_pin=CAN_PIN)


def pin(pid: int, cores: Sequence[int]) -> None:
    """Let another process run on these cores only, all its threads. Does nothing without cores, or without a choice.

    Threads inherit the cores of the thread that starts them. So once a pass finds no thread that is not pinned yet,
    every later one starts pinned.
    """
    if not cores or not CAN_PIN:
        return
    pinned: set[int] = set()
    with suppress(FileNotFoundError):  # the process has ended
        while found := {int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()} - pinned:
            for thread_id in found:
                with suppress(ProcessLookupError):  # the thread has ended
                    os.sched_setaffinity(thread_id, cores)
            pinned |= found


@contextmanager
def this_process_on(cores: Sequence[int]) -> Iterator[None]:
    """Run on these cores only, until the end of the block. Does nothing without cores, or without a choice.

    It holds for the calling thread, and for the threads and processes that it starts inside the block.
    """
    if not cores or not CAN_PIN:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
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
