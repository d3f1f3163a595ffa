"""The processor as the kernel describes it: which CPUs are one physical core, and which cores are faster.

A CPU is what the kernel numbers. A physical core is one CPU, or several that share its units (hyperthreads); these are
siblings. Imported by load processes, so it needs the standard library only.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")
DEVICES = Path("/sys/devices")
SAME_KIND = 0.85
"""Cores are of one kind when the slower has at least this share of the faster one's speed. Cores of one kind differ by
up to about 10 % in their highest frequency, cores of different kinds by 25 % and more."""


@dataclass(frozen=True, slots=True)
class Core:
    """A physical core."""

    cpus: tuple[int, ...]
    """The numbers of its CPUs, ascending."""
    package: int = 0
    """The processor that it is part of."""
    kind: int = 0
    """Cores of one kind are equally fast. 0 is the fastest kind: performance cores, where there are several."""


@dataclass(frozen=True, slots=True)
class Topology:
    """All physical cores that are known, by their lowest CPU."""

    cores: tuple[Core, ...]

    def of(self, cpus: Iterable[int]) -> tuple[Core, ...]:
        """The physical cores that these CPUs belong to."""
        wanted = set(cpus)
        return tuple(core for core in self.cores if wanted & set(core.cpus))

    def siblings(self, cpus: Iterable[int]) -> tuple[int, ...]:
        """The other CPUs of the same physical cores, for each of these CPUs; ascending."""
        of_each = ({*core.cpus} - {cpu} for cpu in cpus for core in self.of([cpu]))
        return tuple(sorted(set[int]().union(*of_each)))


def read_topology(cpus: Iterable[int], devices: Path = DEVICES) -> Topology:
    """All physical cores of the machine. `devices`: the directory that is /sys/devices on Linux.

    Those of `cpus` that the system does not describe count as cores of their own, of the fastest kind.
    """
    described = (devices / "system" / "cpu").glob("cpu[0-9]*/topology")
    known = sorted({*cpus, *(int(path.parent.name.removeprefix("cpu")) for path in described)})
    kinds = _kinds(devices, known)
    cores = (Core(_siblings(devices, cpu, known), _package(devices, cpu), kinds[cpu]) for cpu in known)
    return Topology(tuple(sorted({core.cpus: core for core in cores}.values(), key=lambda core: core.cpus)))


def cpu_list(text: str) -> tuple[int, ...]:
    """The numbers of a list of CPUs as the kernel writes it, such as `0-3,8`."""
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(sorted(found))


def _of_cpu(devices: Path, cpu: int) -> Path:
    return devices / "system" / "cpu" / f"cpu{cpu}"


def _siblings(devices: Path, cpu: int, known: Sequence[int]) -> tuple[int, ...]:
    found = _read(_of_cpu(devices, cpu) / "topology" / "thread_siblings_list", cpu_list)
    if found:
        return found
    core = _core_id(devices, cpu)
    return (cpu,) if core is None else tuple(other for other in known if _core_id(devices, other) == core)


def _core_id(devices: Path, cpu: int) -> tuple[int, int] | None:
    """The numbers of its package and of its core therein; None where the system does not number cores."""
    core = _read(_of_cpu(devices, cpu) / "topology" / "core_id", int)
    return None if core is None or core < 0 else (_package(devices, cpu), core)


def _package(devices: Path, cpu: int) -> int:
    return _read(_of_cpu(devices, cpu) / "topology" / "physical_package_id", int) or 0


def _kinds(devices: Path, cpus: Sequence[int]) -> Mapping[int, int]:
    """The kind of the core that each CPU is part of, by the first source that distinguishes them."""
    performance = _read(devices / "cpu_core" / "cpus", cpu_list)
    efficiency = _read(devices / "cpu_atom" / "cpus", cpu_list)
    if performance and efficiency:
        return {cpu: 0 if cpu in performance else 1 for cpu in cpus}
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        speeds = {cpu: _read(_of_cpu(devices, cpu) / name, int) or 0 for cpu in cpus}
        if all(speeds.values()) and len({*(kinds := kinds_by_speed(speeds)).values()}) > 1:
            return kinds
    return dict.fromkeys(cpus, 0)


def kinds_by_speed(speeds: Mapping[int, int]) -> dict[int, int]:
    """The kind of each CPU from its speed, in any unit. A kind ends where the next slower speed is much lower."""
    descending = sorted({*speeds.values()}, reverse=True)
    kind_of, kind = dict.fromkeys(descending[:1], 0), 0
    for faster, slower in pairwise(descending):
        kind += slower < SAME_KIND * faster
        kind_of[slower] = kind
    return {cpu: kind_of[speed] for cpu, speed in speeds.items()}


def _read(path: Path, parse: Callable[[str], Value]) -> Value | None:
    try:
        return parse(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
