"""Load generators to compare the raw client with. Each is a program: its command, and how to read its output."""

import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from bench.machine import this_process_on
from bench.runner.processes import child_environment
from benchmarks.ceilings.raw_rate import Rate, Task

GIVE_UP_S = 60.0


class GeneratorFailed(Exception):
    """A generator is not installed, or failed. The text says why."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A load generator for one kind of server."""

    name: str
    command: Callable[[str, int, float], list[str]]
    """From URL, requests in flight and seconds."""
    read: Callable[[str], tuple[int, float] | Rate]
    """From its stdout to requests and seconds; the raw client also reports its CPU time."""


def _raw(protocol: str | None, url: str, in_flight: int, seconds: float) -> list[str]:
    target = url.rsplit("/", 2)[0]
    task = Task(target=target, in_flight=in_flight, seconds=seconds, protocol=protocol)
    return raw_command(task)


def raw_command(task: Task) -> list[str]:
    """The raw client as a program."""
    return [sys.executable, "-m", "benchmarks.ceilings.raw_rate", msgspec.json.encode(task).decode()]


def read_raw(said: str) -> Rate:
    """What the raw client reports."""
    return msgspec.json.decode(said, type=Rate)


def _wrk(url: str, in_flight: int, seconds: float) -> list[str]:
    # wrk knows whole seconds only.
    return ["wrk", "-t1", f"-c{in_flight}", f"-d{max(1, round(seconds))}", url]


def _read_wrk(said: str) -> tuple[int, float]:
    done = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", said)
    if done is None:
        raise GeneratorFailed("wrk reported no requests")
    return int(done[1]), float(done[2]) * {"ms": 1e-3, "s": 1.0, "m": 60.0}[done[3]]


def _autocannon(url: str, in_flight: int, seconds: float) -> list[str]:
    return ["autocannon", "--json", "-c", str(in_flight), "-d", str(max(1, round(seconds))), url]


def _read_autocannon(said: str) -> tuple[int, float]:
    found = msgspec.json.decode(said)
    return int(found["requests"]["total"]), float(found["duration"])


def _h2load(url: str, in_flight: int, seconds: float) -> list[str]:
    return ["h2load", "-c1", f"-m{in_flight}", f"-D{round(seconds * 1000)}ms", url]


def _read_h2load(said: str) -> tuple[int, float]:
    rate = re.search(r"finished in ([\d.]+)(us|ms|s),", said)
    done = re.search(r"(\d+) succeeded", said)
    if rate is None or done is None:
        raise GeneratorFailed("h2load reported no requests")
    return int(done[1]), float(rate[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[rate[2]]


HTTP1: tuple[Generator, ...] = (
    Generator("raw", partial(_raw, "http"), read_raw),
    Generator("wrk", _wrk, _read_wrk),
    Generator("autocannon", _autocannon, _read_autocannon),
)
HTTP2: tuple[Generator, ...] = (
    Generator("raw", partial(_raw, None), read_raw),
    Generator("h2load", _h2load, _read_h2load),
)


def run(generator: Generator, command: Sequence[str], cores: Sequence[int]) -> Rate:
    """Run it once on these cores. Raises GeneratorFailed.

    CPU time is that of the whole process, including its start, which counts for much in short runs.
    """
    program = shutil.which(command[0])
    if program is None:
        raise GeneratorFailed(f"{command[0]} is not installed")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with this_process_on(cores):
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            text=True,
            timeout=GIVE_UP_S,
            env=child_environment(),
            check=False,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise GeneratorFailed(f"{generator.name} ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    found = generator.read(done.stdout)
    if isinstance(found, Rate):
        return found
    requests, seconds = found
    if not requests:
        raise GeneratorFailed(f"{generator.name} had no successful request")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Rate(requests=requests, seconds=seconds, cpu_us_per_request=cpu_s * 1e6 / requests)
