"""The measurements that `bench advise` predicts from: an earlier run that fits, or a new one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import environment, machine, run_file
from bench.cli import matrix_flags
from bench.cli.measure import Interrupted, checked_path, load_recipes, measured_run
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.protocols import PROTOCOLS
from bench.results import Run
from bench.runner import assemble
from bench.schedule import estimated_seconds
from bench.spec import NEW, PERSISTENT, Connection
from bench.stats.differences import environment_differences
from bench.workloads import Workload
from recipes import sources
from recipes.book import MAXIMUM_PAGE_SIZE

KEPT = "advise"
"""Prefix of the run files that are measured for this command."""
REPORTS = Path("reports")
USUAL_PAGES = (10, 100)
LARGE_FROM = 1.5
"""Payloads this many times larger than the larger usual page have the largest possible page measured, too, which takes
most of the time."""
SAMPLED = 200
"""How many recipes the mean size of a recipe is estimated from."""
INSTANCES = 4
SECONDS, SECONDS_LARGE = 45.0, 90.0
NEW_TAKES = 1.5
"""How much longer it takes to measure new connections, too."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the measurements are needed for."""

    payload_bytes: int
    connection: Connection
    recipes: str
    renumber: bool


def kept_or_measured(wanted: Wanted, *, anew: bool, fits: Callable[[Run], bool]) -> tuple[Path, Run, bool]:
    """The latest run that was measured here for this command and fits, unless `anew`; else one measured now.

    With its path, and whether it has yet to be written there.

    Raises UsageError and Interrupted.
    """
    loaded = load_recipes(wanted.recipes, renumber=wanted.renumber)
    if not anew and (kept := _kept(loaded, fits)) is not None:
        return (*kept, False)
    pages = pages_for(wanted.payload_bytes, loaded)
    large = pages[-1] > USUAL_PAGES[-1]
    plan = _plan(wanted, pages, (SECONDS_LARGE if large else SECONDS) * (NEW_TAKES if _new(wanted) else 1.0))
    path = checked_path(f"{REPORTS}/", KEPT, flag="")
    print(f"measuring first, about {estimated_seconds(plan):.0f} s", file=sys.stderr, flush=True)
    run = measured_run(plan, loaded)
    if run.plan.interrupted:
        raise Interrupted("interrupted before the measurement was complete; nothing was written")
    return path, run, True


def _kept(loaded: sources.LoadedRecipes, fits: Callable[[Run], bool]) -> tuple[Path, Run] | None:
    here = environment.describe(machine.pinning_here(), measures_elsewhere=False)
    for path in sorted(REPORTS.glob(f"{KEPT}-*.json"), reverse=True):
        try:
            run = run_file.read(path)
        except run_file.RunFileUnreadable:
            continue
        same = run.recipes.digest == loaded.digest and not environment_differences(run.environment, here)
        if same and not assemble.untrusted(run) and fits(run):
            return path, run
    return None


def pages_for(payload_bytes: int, loaded: sources.LoadedRecipes) -> list[int]:
    """The page sizes to measure, ascending: the usual ones, and the largest possible one for large payloads."""
    sample = loaded.recipes[:: max(1, loaded.count // SAMPLED)]
    recipe_bytes = sum(len(msgspec.json.encode(recipe)) for recipe in sample) / len(sample)
    most = min(loaded.count, MAXIMUM_PAGE_SIZE)
    usual = [size for size in USUAL_PAGES if size < most] or [most]
    large = payload_bytes > usual[-1] * recipe_bytes * LARGE_FROM and most > usual[-1]
    return [*usual, most] if large else usual


def _plan(wanted: Wanted, pages: list[int], seconds: float) -> RunPlan:
    return RunPlan(
        matrix=Matrix(
            {
                "protocol": list(PROTOCOLS),
                "gzip": [False, True],
                "tls": [False, True],
                "workload": [Workload(name="get"), *(Workload(name="list", page_size=size) for size in pages)],
                "load": [ClosedLoad(concurrency=1)],
                "connection": [PERSISTENT, NEW] if _new(wanted) else [PERSISTENT],
                "cores": [matrix_flags.usual_cores()],
            }
        ),
        instances=INSTANCES,
        rounds=None,
        seconds=seconds,
        slice_ns=12_000_000,
        seed=1,
        recipes=wanted.recipes,
    )


def _new(wanted: Wanted) -> bool:
    return wanted.connection == NEW
