"""Which cores the producers get, and which the load."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Pinning:
    """Core numbers for each side; empty where nothing is pinned."""

    producer: tuple[int, ...]
    load: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """Whether producer and load cannot take each other's core."""
        return bool(self.producer) and not set(self.producer) & set(self.load)


def usable_cores() -> tuple[int, ...]:
    """The cores that this process may run on, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(psutil.cpu_count() or 1))


def pinning_for(cores: Sequence[int], *, can_pin: bool) -> Pinning:
    """One core for the producers and one for the load, the last and the first, which share no physical core.

    With a single core, or where the system cannot pin, nothing is pinned: the run then says so.
    """
    if not can_pin or len(cores) < 2:
        return Pinning((), ())
    return Pinning(producer=(cores[-1],), load=(cores[0],))


def pinning_here() -> Pinning:
    """The pinning for this machine as this process may use it."""
    return pinning_for(usable_cores(), can_pin=hasattr(os, "sched_setaffinity"))


@contextmanager
def this_process_on(cores: Sequence[int]) -> Iterator[None]:
    """Run on these cores only, until the end of the block; without any given, or without a choice, anywhere.

    What this thread starts inside, threads and processes alike, starts on these cores. Nothing else may change them
    meanwhile.
    """
    if not cores or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
