"""What the figures depend on besides the code: machine, system, versions."""

import os
import platform
import ssl
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from bench.cores import Pinning, usable_cores

LIBRARIES = (
    "aiohttp",
    "grpcio",
    "hdrhistogram",
    "msgspec",
    "numpy",
    "protobuf",
    "strawberry-graphql",
    "uvloop",
)
"""Libraries whose version moves a figure."""


def describe(pinning: Pinning, *, measures_elsewhere: bool) -> dict[str, Any]:
    """The environment of a run, as it stands in the run file. `measures_elsewhere`: a target of somebody else's."""
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": {
            "model": cpu_model(),
            "count": psutil.cpu_count() or 1,
            "usable": list(usable_cores()),
            "governor": governor(),
        },
        "memory_bytes": psutil.virtual_memory().total,
        "load_average_1min": round(os.getloadavg()[0], 2),
        "pinning": {"producer": list(pinning.producer), "load": list(pinning.load), "apart": pinning.apart},
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "openssl": ssl.OPENSSL_VERSION,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "lab_commit": _commit(),
        "foreign_target": measures_elsewhere,
    }


def governor() -> str | None:
    """What decides on the processor's frequency; None where the system does not tell."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


class StealClock:
    """How much of the machine's time a hypervisor gave to others, from its making on."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float | None:
        """Of all cores' time so far; None where the system does not tell."""
        now = psutil.cpu_times()
        if not hasattr(now, "steal"):
            return None
        passed = sum(now) - sum(self._before)
        return round((now.steal - self._before.steal) / passed, 4) if passed > 0 else None


def cpu_model() -> str:
    """The processor as the system names it."""
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the lab's own code, with a mark when files differ from it; None outside a checkout."""
    root = Path(__file__).parent.parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - git is looked up as everywhere
            cwd=root,
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
    """The command that started this process, as a person would type it."""
    arguments = sys.argv[1:]
    return " ".join(["python -m bench", *(f"'{a}'" if " " in a or not a else a for a in arguments)])
