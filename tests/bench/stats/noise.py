"""Simulated noise around a known truth: restarts move whole instances, disturbances slow single slices."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from bench.load_models import ClosedLoad, Load
from bench.results import Cell
from bench.slices import Slices
from bench.workloads import Workload


@dataclass(frozen=True)
class Noise:
    """Standard deviations and shares, on the log scale, as measured on a shared machine."""

    restart: float = 0.008
    """Effect of one start of a producer, shared by all cells of a protocol."""
    luck: float = 0.004
    """Effect of one start on a single cell."""
    slice: float = 0.04
    spoiled: float = 0.15
    """Share of slices that something else on the machine slowed down."""
    spoiled_by: float = 0.4
    """How much slower these are, on average."""
    round: float = 0.2
    """Speed of the machine from round to round, shared by all cells."""


def slice_logs(
    rng: np.random.Generator, truth: float, luck: NDArray[np.float64], rounds: NDArray[np.float64], noise: Noise
) -> NDArray[np.float64]:
    """Logarithms of one cell's latencies, instances × rounds. `luck`: per instance; `rounds`: the machine's speed."""
    shape = rounds.shape
    disturbed = rng.random(shape) < noise.spoiled
    return np.asarray(
        truth
        + luck[:, None]
        + rounds
        + noise.slice * rng.standard_normal(shape)
        + disturbed * rng.exponential(noise.spoiled_by, shape)
    )


def cells_with_noise(
    rng: np.random.Generator,
    cells: list[Cell],
    *,
    instances: int,
    rounds: int,
    base_ns: float = 200_000.0,
    effect: dict[str, float] | None = None,
    noise: Noise | None = None,
) -> list[Cell]:
    """The cells with slices. `effect`: the logarithm of how much slower a protocol is than the others."""
    noise, effect = noise or Noise(), effect or {}
    machine = noise.round * rng.standard_normal((instances, rounds))
    restart = {cell.protocol: noise.restart * rng.standard_normal(instances) for cell in cells}
    filled = []
    for cell in cells:
        luck = restart[cell.protocol] + noise.luck * rng.standard_normal(instances)
        logs = slice_logs(rng, float(np.log(base_ns)) + effect.get(cell.protocol, 0.0), luck, machine, noise)
        slices = slices_of(np.exp(logs), concurrency=getattr(cell.load, "concurrency", 1))
        filled.append(replace(cell, slices=slices))
    return filled


def with_columns(cell: Cell, **columns: list[Any]) -> Cell:
    """The cell with some columns of its slices replaced."""
    return replace(cell, slices=cell.slices.with_columns(**columns))


def slices_of(p50_ns: NDArray[np.float64], concurrency: int = 1) -> Slices:
    """Columns of a closed loop with these medians, instances × rounds."""
    instances, rounds = p50_ns.shape
    count = instances * rounds
    flat = [float(value) for value in p50_ns.ravel()]
    return Slices.of(
        instance=[int(value) for value in np.repeat(np.arange(instances), rounds)],
        round=[int(value) for value in np.tile(np.arange(rounds), instances)],
        started_ns=[index * 20_000_000 for index in range(count)],
        duration_ns=[int(value * 50) for value in flat],
        ok=[50 * concurrency] * count,
        failed=[0] * count,
        p50_ns=list(flat),
        producer_cpu_ns=[int(value * 25 * concurrency) for value in flat],
        consumer_cpu_ns=[int(value * 20 * concurrency) for value in flat],
        send_lag_p50_ns=[None] * count,
    )


def matrix(
    protocols: tuple[str, ...] = ("alpha", "beta", "gamma"),
    variants: tuple[tuple[bool, bool], ...] = ((False, False), (False, True), (True, False), (True, True)),
    workloads: tuple[str, ...] = ("get", "list"),
    loads: tuple[Load, ...] = (ClosedLoad(concurrency=1),),
) -> list[Cell]:
    """Cells of a matrix, without slices. No protocol is one of the lab's: the statistics must not depend on them."""
    return [
        Cell(
            id=f"{protocol}-{workload}-{int(gzip)}{int(tls)}-{number}",
            protocol=protocol,
            gzip=gzip,
            tls=tls,
            workload=Workload(name=workload),
            load=load,
        )
        for protocol in protocols
        for workload in workloads
        for gzip, tls in variants
        for number, load in enumerate(loads)
    ]
