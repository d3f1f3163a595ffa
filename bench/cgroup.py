"""Limits of control groups (cgroups, versions 1 and 2), as containers have them: CPU quotas, throttling, memory.

A group with a quota may use so much CPU time in each period. When it is used up, all its processes wait until the next
period begins. That is throttling, and it looks like a slow machine to everything inside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

BUSY_CORES = 2
"""The cores that a run keeps busy: one of the producers, one of the load."""
FILES = Path("/")


@dataclass(frozen=True, slots=True)
class Throttling:
    """Periods of a group's quota, and those of them in which it was used up."""

    periods: int
    throttled: int

    @property
    def share(self) -> float:
        """Of the periods, those that were throttled; zero without periods."""
        return self.throttled / self.periods if self.periods else 0.0


def cpu_quota(files: Path = FILES) -> float | None:
    """The cores' worth of CPU time that this process may use: the least quota of its groups. None: there is no quota.

    `files`: the directory that is / on Linux.
    """
    return min((quota for group in _groups(files, "cpu") if (quota := _quota_cores(group)) is not None), default=None)


class ThrottleClock:
    """How often a CPU quota has stopped this process and its children, since this object was made."""

    def __init__(self, files: Path = FILES) -> None:
        """`files`: the directory that is / on Linux."""
        self._before = {group: _throttling(group) for group in _groups(files, "cpu") if _quota_cores(group) is not None}

    def so_far(self) -> Throttling | None:
        """Of the group that was throttled most often so far. None: no group has a quota."""
        passed = []
        for group, before in self._before.items():
            now = _throttling(group)
            passed.append(Throttling(now.periods - before.periods, now.throttled - before.throttled))
        return max(passed, key=lambda throttling: throttling.throttled, default=None)


def unused_memory_bytes(files: Path = FILES) -> list[int]:
    """Of each group with a limit, how much memory its processes may still take. `files`: the directory that is /."""
    found = []
    for group in _groups(files, "memory"):
        for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            limit_bytes, used_bytes = ("".join(_lines(group / name)) for name in (limit, used))
            if limit_bytes.isdigit() and used_bytes.isdigit():
                found.append(max(0, int(limit_bytes) - int(used_bytes)))
    return found


def _groups(files: Path, controller: str) -> Iterator[Path]:
    """The directories of this process's groups that a controller may limit, each group before the one around it."""
    paths = dict(_group_paths(files))
    for hierarchy, root, mount in _mounts(files, controller):
        path = paths.get(hierarchy)
        if path is None:
            continue
        # In a container the mount may begin inside the hierarchy, at the container's own group.
        below = path.relative_to(root) if path.is_relative_to(root) and ".." not in path.parts else PurePosixPath()
        for parent in (below, *below.parents):
            yield files / mount.relative_to("/") / parent


def _group_paths(files: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """The controllers whose hierarchies have a group of this process, with its path. Version 2 has the name ''."""
    for line in _lines(files / "proc" / "self" / "cgroup"):
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, PurePosixPath(path)


def _mounts(files: Path, controller: str) -> Iterator[tuple[str, PurePosixPath, PurePosixPath]]:
    """The mounted hierarchies that may have the controller: what groups name them by, the group mounted, and where."""
    for line in _lines(files / "proc" / "self" / "mountinfo"):
        mount, _, system = line.partition(" - ")
        root, point = (PurePosixPath(path) for path in mount.split()[3:5])
        kind, *_, options = system.split()
        if kind == "cgroup2":
            yield "", root, point
        elif kind == "cgroup" and controller in options.split(","):
            yield controller, root, point


def _quota_cores(group: Path) -> float | None:
    limit = _lines(group / "cpu.max")
    quota, period = (
        limit[0].split() if limit else ("".join(_lines(group / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    )
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _throttling(group: Path) -> Throttling:
    counts = dict(line.split() for line in _lines(group / "cpu.stat"))
    return Throttling(int(counts.get("nr_periods", 0)), int(counts.get("nr_throttled", 0)))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
