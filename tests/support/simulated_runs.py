"""Simulated runs: slices as a run makes them, on a machine whose noise and whose producers are known.

All sets of producers are alive together and see the same machine at the same time. Its speed drifts, wanders and
changes between regimes, so slices that are close in time are alike. Sets are visited in random order, again and again;
a visit is a round of blocks, a block the slices that are compared with each other, and all orders are random. All of it
is on the scale of natural logarithms, where a difference of 0.01 is about 1 %.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench import schedule
from bench.dimension import Role
from bench.results import Cell
from bench.slices import Slice, Slices
from bench.spec import CellKey
from bench.stats.allocation import SHARE_AT_LEAST
from tests.support.plans import plan_of

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

# scipy has no type stubs.
_lfilter: Any = import_module("scipy.signal").lfilter

TICK_S = 0.004
"""Resolution of the machine's speed, a fraction of a slice."""
REQUESTS = 60
"""In each slice."""
ALLOCATED_EVERY = 8
"""After so many sweeps time is allocated anew."""


@dataclass(frozen=True)
class Conditions:
    """The machine and the luck of processes. By default a shared machine of two cores that sleep between requests."""

    drift: float = 0.1
    """Standard deviation of how much slower the machine is at the end of a run than at its start."""
    waves: tuple[tuple[float, float], ...] = ((0.06, 0.07), (0.6, 0.08))
    """Fluctuations of the machine's speed: for how many seconds each lasts, and its standard deviation."""
    regime: float = 0.25
    """How much slower the machine is in its slow regime."""
    regime_s: float = 4.0
    """How long a regime lasts on average; both alternate."""
    slice: float = 0.06
    """Noise of a single slice."""
    tail: float | None = None
    """Degrees of freedom of that noise, if it is Student-t with heavy tails."""
    spoiled: float = 0.1
    """Share of slices that something else on the machine slowed down."""
    spoiled_by: float = 0.4
    """How much slower these are, on average."""
    process: float = 0.009
    """Luck of one start of a process, shared by all cells that it serves."""
    set: float = 0.004
    """Luck that all processes of a set share."""
    cell: float = 0.003
    """Luck of one start on a single cell."""
    sensitivity: float = 0.0
    """How much more of the machine's slowness the protocols after the first show, as a share."""


SHARED = Conditions()
AWAKE = Conditions(waves=((0.06, 0.04), (0.6, 0.06)), slice=0.04, spoiled=0.06)
"""The same machine with cores that are kept awake."""
CALM = Conditions(drift=0.02, waves=((0.06, 0.01), (0.6, 0.01)), regime=0.02, slice=0.02, spoiled=0.03, spoiled_by=0.2)
"""A machine with cores to spare."""


@dataclass(frozen=True)
class Design:
    """How a run uses its time."""

    sets: int = 10
    seconds: float = 120.0
    """Recorded time."""
    slice_s: float = 0.012
    gap_s: float = 0.002
    """Between two slices."""
    at_once: int | None = None
    """How many sets are alive at the same time, if memory does not suffice for all."""
    by_need: bool = True
    """Whether blocks whose ratios spread less are left out of some rounds."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Slices in the order of measuring, as columns."""

    number: Numbers
    """Of the set."""
    round: Numbers
    cell: Numbers
    """Index among the cells."""
    started_s: Floats
    log: Floats
    """Logarithm of the slice's median latency, relative to the cell's."""


def speed(rng: np.random.Generator, seconds: float, conditions: Conditions) -> Floats:
    """How slow the machine is at every tick of a run, without the share of `sensitivity`."""
    ticks = int(seconds / TICK_S) + 1
    found = np.linspace(-0.5, 0.5, ticks) * conditions.drift * rng.standard_normal()
    for lasts_s, deviation in conditions.waves:
        kept = float(np.exp(-TICK_S / lasts_s))
        shocks = deviation * np.sqrt(1 - kept**2) * rng.standard_normal(ticks)
        shocks[0] = deviation * rng.standard_normal()
        found += _lfilter([1.0], [1.0, -kept], shocks)
    changes = rng.exponential(conditions.regime_s, int(4 * seconds / conditions.regime_s) + 20).cumsum()
    passed = np.searchsorted(changes, np.arange(ticks) * TICK_S)
    found += conditions.regime * ((passed + rng.integers(2)) % 2)
    return np.asarray(found)


def recorded(
    rng: np.random.Generator,
    cells: Sequence[CellKey],
    design: Design,
    conditions: Conditions,
) -> Recorded:
    """One run of these cells, all of which have the same latency but for luck and noise."""
    slowness = speed(rng, design.seconds, conditions)
    luck = _luck(rng, cells, design.sets, conditions)
    first = cells[0].part(Role.SERIES)
    follows = np.asarray([1.0 if cell.part(Role.SERIES) == first else 1 + conditions.sensitivity for cell in cells])
    every_s = design.slice_s + design.gap_s
    parts: list[Recorded] = []
    measured, until_s = 0, 0.0
    for alive in np.array_split(np.arange(design.sets), -(-design.sets // (design.at_once or design.sets))):
        until_s += design.seconds * alive.size / design.sets
        group: list[Recorded] = []
        for columns in _sweeps(rng, cells, alive, design, group):
            fitting = min(columns[0].size, int(until_s / every_s) - measured)
            number, sweep, cell = (column[:fitting] for column in columns)
            started_s = np.asarray((measured + np.arange(fitting)) * every_s, dtype=np.float64)
            slow: Floats = slowness[(started_s / TICK_S).astype(np.int64)] * follows[cell]
            log: Floats = slow + luck[number, cell] + _noise(rng, fitting, conditions)
            group.append(Recorded(number, sweep, cell, started_s, log))
            measured += fitting
            if fitting < columns[0].size:
                break
        parts.extend(group)
    return _joined(parts)


def _sweeps(
    rng: np.random.Generator, cells: Sequence[CellKey], alive: Numbers, design: Design, so_far: Sequence[Recorded]
) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Set, round and cell of every slice of a sweep, without end. All blocks take part in the first."""
    keys = [cell.key for cell in cells]
    of_round = schedule.blocks_of(keys, plan_of())
    blocks = [[keys.index(key) for key in block] for block in of_round]
    width = max(map(len, blocks))
    members = np.asarray([[*block, *[-1] * (width - len(block))] for block in blocks])
    usual = np.asarray(list(of_round.values()))
    shares, owed = usual, np.ones(len(blocks))
    for sweep in count():
        if design.by_need and sweep and sweep % ALLOCATED_EVERY == 0:
            shares = _by_need(usual, so_far, blocks)
        taking_part = np.flatnonzero(owed > 1 - 1e-9)
        owed[taking_part] -= 1
        owed += shares
        order = rng.random((alive.size, taking_part.size)).argsort(axis=1)
        of_block = members[taking_part[order]]
        cell = np.take_along_axis(of_block, rng.random(of_block.shape).argsort(axis=2), axis=2)
        number = np.broadcast_to(rng.permutation(alive)[:, None, None], cell.shape)[cell >= 0]
        yield number, np.full(number.size, sweep), cell[cell >= 0]


def _joined(parts: Sequence[Recorded]) -> Recorded:
    names = ("number", "round", "cell", "started_s", "log")
    return Recorded(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _luck(rng: np.random.Generator, cells: Sequence[CellKey], sets: int, conditions: Conditions) -> Floats:
    """Sets × cells."""
    processes = list(dict.fromkeys(cell.process for cell in cells))
    serving = [processes.index(cell.process) for cell in cells]
    of_process = conditions.process * rng.standard_normal((sets, len(processes)))
    of_cell = conditions.cell * rng.standard_normal((sets, len(cells)))
    return np.asarray(conditions.set * rng.standard_normal((sets, 1)) + of_process[:, serving] + of_cell)


def _noise(rng: np.random.Generator, count: int, conditions: Conditions) -> Floats:
    tail = conditions.tail
    noise = rng.standard_normal(count) if tail is None else rng.standard_t(tail, count)
    disturbed = rng.random(count) < conditions.spoiled
    return np.asarray(conditions.slice * noise + disturbed * rng.exponential(conditions.spoiled_by, count))


def _by_need(shares: Floats, parts: Sequence[Recorded], blocks: Sequence[Sequence[int]]) -> Floats:
    """The shares, of which those of latency blocks fall with the spread of their differences so far (Neyman)."""
    so_far = _joined(parts)
    spreads = np.asarray(
        [_spread(so_far, block) if share == 1 else 0.0 for block, share in zip(blocks, shares, strict=True)]
    )
    reduced = np.clip(spreads / max(float(spreads.max()), 1e-12), SHARE_AT_LEAST, 1.0)
    return np.where(shares == 1, reduced, shares)


def _spread(so_far: Recorded, block: Sequence[int]) -> float:
    """The largest spread of differences between a cell and the first of its block."""
    visits = so_far.number * (int(so_far.round.max()) + 1) + so_far.round
    chosen = [np.flatnonzero(so_far.cell == cell) for cell in block]
    largest = 0.0
    for other in chosen[1:]:
        _, above, below = np.intersect1d(visits[other], visits[chosen[0]], return_indices=True)
        differences = so_far.log[other][above] - so_far.log[chosen[0]][below]
        largest = max(
            largest, float(np.median(np.abs(differences - np.median(differences)))) if differences.size else 0.0
        )
    return largest


def with_slices(cells: Sequence[Cell], run: Recorded, base_ns: float = 200_000.0) -> list[Cell]:
    """The cells with the slices of a run. Requests take `base_ns`; throughput follows latency."""
    latency_ns = base_ns * np.exp(run.log)
    filled = []
    for index, cell in enumerate(cells):
        own = np.flatnonzero(run.cell == index)
        columns = (run.number[own], run.round[own], run.started_s[own] * 1e9, latency_ns[own])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        slices = Slices(
            Slice(
                instance=number,
                round=round_,
                started_ns=int(started_ns),
                duration_ns=int(p50_ns * REQUESTS),
                ok=REQUESTS,
                p50_ns=p50_ns,
            )
            for number, round_, started_ns, p50_ns in rows
        )
        filled.append(replace(cell, slices=slices))
    return filled
