"""Runs for tests of warnings: a good one, and what is read of those with something changed."""

import re
from typing import Any

import numpy as np
from msgspec.structs import replace

from bench.load_models import ClosedLoad, Load
from bench.results import (
    Cell,
    Estimate,
    PlanUsed,
    Quantiles,
    RecipesUsed,
    Run,
    RunWarning,
)
from bench.stats.analysis import analyse
from bench.stats.ratios import Baseline
from bench.stats.warnings import warnings_of
from tests.bench.stats.noise import Noise, cells_with_noise, matrix

CALM = Noise(restart=0.001, luck=0.001, slice=0.01, spoiled=0.05, round=0.05)
GOOD_MACHINE: dict[str, Any] = {
    "pinning": {"producer": [1], "load": [0], "apart": True},
    "cpu": {"model": "x", "count": 2, "governor": "performance"},
    "load_average_1min": 0.1,
    "foreign_target": False,
}


def run(
    load: Load = ClosedLoad(concurrency=1),  # noqa: B008 - frozen
    instances: int = 6,
    rounds: int = 18,
    noise: Noise = CALM,
    **environment: Any,
) -> Run:
    cells = cells_with_noise(
        np.random.default_rng(1), matrix(loads=(load,)), instances=instances, rounds=rounds, noise=noise
    )
    cells = analyse(cells, latency={}, baseline=Baseline("alpha"))
    known = Estimate(value=2e5)
    cells = [
        replace(cell, outcomes={"ok": sum(cell.slices.ok)}, latency_ns=Quantiles(p50=known, p90=known, p99=known))
        for cell in cells
    ]
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        command="python -m bench run",
        seed=1,
        environment={**GOOD_MACHINE, **environment},
        recipes=RecipesUsed(source="generated", count=1000, digest="d"),
        plan=PlanUsed(instances=instances, rounds=18, seconds=None, slice_ms=12, instances_done=instances),
        warnings=[],
        cells=cells,
    )


def codes(run: Run) -> list[str]:
    return [warning.code for warning in warnings_of(run)]


def with_cells(run: Run, *cells: Cell) -> Run:
    """The run with its first cells replaced."""
    return replace(run, cells=[*cells, *run.cells[len(cells) :]])


def only(run: Run) -> RunWarning:
    """The only warning, checked to be whole sentences."""
    (warning,) = warnings_of(run)
    assert re.fullmatch(r"[A-Za-z0-9].*\.", warning.text)
    assert "  " not in warning.text
    assert "{" not in warning.text
    return warning
