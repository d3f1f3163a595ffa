"""Runs for tests of comparisons, simulated with known noise."""

from functools import cache

import numpy as np
from msgspec.structs import replace

from bench.load_models import ClosedLoad
from bench.results import (
    Cell,
    PlanUsed,
    RecipesUsed,
    Run,
)
from bench.stats.analysis import analyse
from bench.stats.ratios import Baseline
from tests.bench.stats.noise import Noise, cells_with_noise, matrix

LOADS = (ClosedLoad(concurrency=1), ClosedLoad(concurrency=16))
LIBRARIES = {"aiohttp": "3.14.3", "graphql-core": "3.2.6", "grpcio": "1.85.0"}
NOISE = Noise(round=0.02, spoiled=0.05, slice=0.02)
CALM = Noise(restart=0.0005, luck=0.0005, round=0.002, spoiled=0.05, slice=0.002)


def run(seed: int, *, instances: int = 8, beta: float = 0.0, noise: Noise = NOISE) -> Run:
    """`beta`: the logarithm of how much slower that protocol is."""
    return replace(simulated(seed, instances, beta, noise))


@cache
def simulated(seed: int, instances: int, beta: float, noise: Noise) -> Run:
    cells = cells_with_noise(
        np.random.default_rng(seed),
        matrix(loads=LOADS),
        instances=instances,
        rounds=15,
        effect={"beta": beta},
        noise=noise,
    )
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        command="python -m bench run",
        seed=seed,
        environment={
            "host": "here",
            "cpu": {"model": "x", "count": 2, "governor": None},
            "kernel": "6.1.0-18",
            "python": "3.11.2",
            "openssl": "OpenSSL 3.0",
            "libraries": LIBRARIES,
        },
        recipes=RecipesUsed(source="generated", count=1000, digest="d1"),
        plan=PlanUsed(instances=instances, rounds=15, seconds=None, slice_ms=12, instances_done=instances),
        warnings=[],
        cells=analyse(cells, latency={}, baseline=Baseline("alpha")),
    )


def with_environment(one: Run, **values: object) -> Run:
    return replace(one, environment={**one.environment, **values})


def with_cells(one: Run, *cells: Cell) -> Run:
    """The run with its first cells replaced."""
    return replace(one, cells=[*cells, *one.cells[len(cells) :]])
