"""What results depend on besides the code: the machine, its system, the versions of libraries. Kept in run files."""

import os
import platform
import re
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.cgroup import ThrottleClock
from bench.machine import Pinning, usable_cpus
from bench.occupancy import Occupancy
from bench.topology import read_topology
from consumers.access import redacted_arguments
from recipes.installation import DISTRIBUTION, INSTALLED, ROOT, started_as

REQUIREMENTS = Path("requirements") / "run.txt"
"""The locked distributions that the lab runs with, inside a checkout."""
IMPLEMENTATIONS = Path("requirements") / "implementations.txt"
"""The locked distributions that other implementations of the protocols need besides, inside a checkout."""
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==", re.MULTILINE)


def describe(pinning: Pinning, *, measures_elsewhere: bool, required: Iterable[str] = ()) -> dict[str, Any]:
    """The environment of a run. `measures_elsewhere`: the producers are targets, which may run anywhere. `required`:
    distributions that its implementations need besides those of the lab."""
    usable = usable_cpus()
    topology = read_topology(usable)
    cores = topology.of(usable)
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": {
            "model": cpu_model(),
            "count": len(usable),
            "usable": list(usable),
            "physical_cores": len(cores),
            "cores_of_each_kind": [count for _, count in sorted(Counter(core.kind for core in cores).items())],
            "quota_cores": pinning.quota_cores,
            "governor": governor(),
        },
        "memory_bytes": psutil.virtual_memory().total,
        "load_average_1min": round(os.getloadavg()[0], 2),
        "pinning": {
            "producer": list(pinning.producer),
            "load": list(pinning.load),
            **({"front": list(pinning.front)} if pinning.front else {}),
            "siblings": list(pinning.siblings),
            "kinds": [core.kind for cpu in (*pinning.producer, *pinning.load) for core in topology.of([cpu])],
            "apart": pinning.apart,
        },
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": installed_libraries(required),
        "lab_commit": _commit(),
        "foreign_target": measures_elsewhere,
    }


def governor() -> str | None:
    """The CPU frequency governor; None where the system does not say."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


class StealClock:
    """The share of the machine's time that a hypervisor gave to others, since this object was made."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float | None:
        """Of the time of all cores so far; None where the system does not say."""
        now = psutil.cpu_times()
        if not hasattr(now, "steal"):
            return None
        passed = sum(now) - sum(self._before)
        return round((now.steal - self._before.steal) / passed, 4) if passed > 0 else None


class Disturbances:
    """What took time from a run, since this object was made."""

    def __init__(self, occupancy: Occupancy | None) -> None:
        """`occupancy`: of the CPUs that the run uses; None: other runs are not noticed."""
        self._steal = StealClock()
        self._throttle = ThrottleClock()
        self._occupancy = occupancy

    def so_far(self) -> dict[str, Any]:
        """Parts of the environment, by name. Each is None where the system does not say."""
        throttling = self._throttle.so_far()
        return {
            "stolen_share": self._steal.share(),
            "quota_periods": None if throttling is None else asdict(throttling),
            "other_runs": None if self._occupancy is None else self._occupancy.other_runs(),
        }


def cpu_model() -> str:
    """The processor as the system names it."""
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def installed_libraries(required: Iterable[str] = ()) -> dict[str, str]:
    """The version of every locked distribution that is installed, and of those required besides: any of them may move a
    result."""
    locked = _LOCKED.findall((ROOT / REQUIREMENTS).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for name in (*locked, *required):
        with suppress(metadata.PackageNotFoundError):  # not for this system, or of an extra
            found[name] = metadata.version(name)
    return found


def _commit() -> str | None:
    """The commit of the lab's own code, with `-dirty` when files differ from it. Where it is installed: its version,
    as the directory may be inside a repository of the user's. None where neither is known."""
    if INSTALLED:
        return metadata.version(DISTRIBUTION)
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - git is looked up as everywhere
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def command_line() -> str:
    """The command that started this process, as a user would type it, without the values of headers."""
    arguments = redacted_arguments(sys.argv[1:])
    return " ".join([started_as("bench"), *(f"'{a}'" if " " in a or not a else a for a in arguments)])
