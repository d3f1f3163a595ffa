"""A producer that is slower by a known share. How much slower is measured without the bench.

A copy of the producers' code computes for some steps more before it answers. It takes steps instead of time, so that
the share stays the same when the speed of the machine changes. The number of steps is found with a copy that computes
more for every other request only: a consumer sends one request after the other and takes its time, and the medians of
both kinds are compared, within one process and within a fraction of a second. So neither luck of a process nor the
speed of the machine has a part in it, and nothing of the bench's measuring and statistics has.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import expm1, log, sqrt
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter_ns

from bench.machine import pinning_here
from bench.runner.session import Session
from commands.errors import UntrustedMeasurement
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from recipes import sources

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("commands", "producers", "protos", "recipes", "requirements")
FIRST_STEPS = 8_000
ATTEMPTS = 4
CLOSE_ENOUGH = 0.1
"""How far from the share that is wanted it may be, as a share of it."""
WARM_UP = 1_000
"""Requests that are not counted."""
WINDOW = 100
"""Requests of about 20 ms, whose medians are compared."""
SLOWED_BOOK = """

# What follows was appended by benchmarks/slowed_producer.py, in a copy made for one measurement.
import itertools as _itertools
import json as _json
from pathlib import Path as _Path

_slowed = _json.loads((_Path(__file__).parent / "slowed.json").read_text())
_requests = _itertools.count()
_get = InMemoryRecipeBook.get


async def _slowed_get(self, recipe_id):
    if next(_requests) % _slowed["every"] == _slowed["every"] - 1:
        for _ in _itertools.repeat(None, _slowed["steps"]):
            pass
    return await _get(self, recipe_id)


InMemoryRecipeBook.get = _slowed_get
"""


@dataclass(frozen=True, slots=True)
class Slowdown:
    """By which share requests of one kind took longer than the others."""

    share: float
    error: float
    """Half the width of its 95 % interval."""


def copied(directory: Path) -> Path:
    """A copy of the packages that producers need."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, directory / package)
    return directory


def slow_down(directory: Path, steps: int, every: int = 1) -> None:
    """Let the copy compute for so many steps more in every `every`-th request for one recipe."""
    book = directory / "recipes" / "book.py"
    text = book.read_text(encoding="utf-8")
    if SLOWED_BOOK not in text:
        book.write_text(text + SLOWED_BOOK, encoding="utf-8")
    (directory / "recipes" / "slowed.json").write_text(json.dumps({"steps": steps, "every": every}), encoding="utf-8")


async def slow_down_by(share: float, directory: Path, protocol: str, requests: int) -> Slowdown:
    """Let the copy's responses take longer by this share; return what was measured of it.

    Raises UntrustedMeasurement when that is not near the share that is wanted.
    """
    tried: list[tuple[int, float]] = []
    for times in range(1, ATTEMPTS + 1):
        steps = steps_for(share, tried)
        found = await _measured(directory, protocol, steps, times * requests)
        tried.append((steps, found.share))
        if abs(found.share - share) < CLOSE_ENOUGH * share:
            slow_down(directory, steps)
            return found
    raise UntrustedMeasurement(
        f"the producer could not be made {share:.0%} slower: in the last of {ATTEMPTS} attempts it was "
        f"{found.share * 100:.1f} ± {found.error * 100:.1f} %; the machine is too busy"
    )


def steps_for(share: float, tried: Sequence[tuple[int, float]]) -> int:
    """How many steps slow responses down by this share, by the steps tried so far and what each of them did.

    The slowdown is proportional to the steps: a line through the origin, fitted by least squares.
    """
    slope = sum(steps * found for steps, found in tried) / sum(steps**2 for steps, _ in tried) if tried else 0.0
    return max(1, round(share / slope)) if slope > 0 else FIRST_STEPS


async def _measured(directory: Path, protocol: str, steps: int, requests: int) -> Slowdown:
    slow_down(directory, steps, every=2)
    return slowdown_of(await _latencies_ns(directory, protocol, requests))


async def _latencies_ns(directory: Path, protocol: str, requests: int) -> list[int]:
    """Of requests one after the other, of which every second one is slowed. The number is even."""
    pinning = pinning_here()
    random, ids = Random(1), [recipe.id for recipe in sources.load("generated").recipes]
    async with Session(pinning) as session:
        producer = await session.start_producer(protocol, recipes="generated", directory=str(directory))
        session.pin()
        await session.keep_awake(True)
        with _on(pinning.load):
            async with client(protocol, ClientSettings(target=parse_target(producer.plain))) as caller:
                latencies_ns = []
                for _ in range(WARM_UP + requests // 2 * 2):
                    wanted = random.choice(ids)
                    sent_ns = perf_counter_ns()
                    await caller.get(wanted)
                    latencies_ns.append(perf_counter_ns() - sent_ns)
    return latencies_ns[WARM_UP:]


@contextmanager
def _on(cores: Sequence[int]) -> Iterator[None]:
    """Run this process on these cores; none: wherever it runs."""
    before = os.sched_getaffinity(0)
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def slowdown_of(latencies_ns: Sequence[int]) -> Slowdown:
    """How much longer every second request took: the median over windows of the ratio of medians.

    The interval is that of a median by its order statistics. There are six windows or more.
    """
    windows = [latencies_ns[start : start + WINDOW] for start in range(0, len(latencies_ns) - WINDOW + 1, WINDOW)]
    logs = sorted(log(median(window[1::2]) / median(window[::2])) for window in windows)
    reach = 0.98 * sqrt(len(logs))
    low, high = logs[max(0, int(len(logs) / 2 - reach))], logs[min(len(logs) - 1, int(len(logs) / 2 + reach))]
    middle = median(logs)
    return Slowdown(expm1(middle), expm1(max(high - middle, middle - low)))
