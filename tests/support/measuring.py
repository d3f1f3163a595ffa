"""Runs against producers with known delays: real processes, the lab's own measuring and statistics."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.load_models import ClosedLoad, Load
from bench.machine import NOT_PINNED, Pinning, pinning_here
from bench.plan import Addresses, Matrix, RunPlan, Version
from bench.results import RecipesUsed, Run
from bench.runner import assemble
from bench.runner.job import Job, RunHeader
from bench.runner.measure import Measurement
from bench.runner.session import RunningProducer, Session
from bench.schedule import sample_ids
from bench.workloads import QUESTIONS_AT_MOST, Workload
from recipes import sources

RECIPES = "generated:50"


async def start_known(session: Session, protocol: str, behaviour: Sequence[str]) -> RunningProducer:
    """Start `python -m tests.support.known_producer`. Raises ProcessFailed."""
    command = [sys.executable, "-m", "tests.support.known_producer", protocol, "--recipes", RECIPES, *behaviour]
    server = await session.start_server(f"the {protocol} producer", command)
    return RunningProducer(server.child, server.addresses[0], None)


@asynccontextmanager
async def known(protocol: str, *behaviour: str) -> AsyncIterator[RunningProducer]:
    """A known producer on the core of producers, until the end of the block."""
    async with Session(pinning_here()) as session:
        producer = await start_known(session, protocol, behaviour)
        session.pin()
        yield producer


HEADER = RunHeader(
    started_at="2026-01-01T00:00:00+00:00",
    duration_s=1.0,
    command="",
    environment={},
    recipes=RecipesUsed(source=RECIPES, count=50, digest=""),
)


def plan_of(
    protocols: Sequence[str], loads: Sequence[Load], targets: Mapping[str, Addresses] | None = None, **given: Any
) -> RunPlan:
    """A plan without gzip and TLS for `get`, one instance of a few rounds by default."""
    settings: dict[str, Any] = {
        "instances": 1,
        "rounds": 4,
        "seconds": 60.0,
        "slice_ns": 12_000_000,
        "seed": 1,
        "recipes": RECIPES,
        **given,
    }
    if targets:
        settings["versions"] = (Version(targets=targets),)
    matrix = Matrix({"protocol": protocols, "workload": [Workload(name="get")], "load": loads})
    return RunPlan(**{"matrix": matrix, **settings})


def job_of(
    plan: RunPlan,
    *,
    ids: Iterable[int] | None = None,
    certificates: Path | None = None,
    pinning: Pinning = NOT_PINNED,
    on_progress: Callable[[float, str], None] = lambda *_: None,
    stop: asyncio.Event | None = None,
) -> Job:
    """A job of this plan. `ids`: those of the plan's recipes by default."""
    if ids is None:
        ids = sample_ids([recipe.id for recipe in sources.load(plan.recipes).recipes], plan, QUESTIONS_AT_MOST)
    return Job(
        plan=plan,
        ids=list(ids),
        certificates=certificates,
        pinning=pinning,
        on_progress=on_progress,
        stop=stop or asyncio.Event(),
        header=lambda: HEADER,
    )


def job_with(protocol: str) -> Job:
    """A job for an experiment with one protocol, which plans its own load."""
    return job_of(plan_of([protocol], [ClosedLoad(concurrency=1)]))


async def measured(plan: RunPlan) -> Run:
    """Measure the plan, on the cores that a run uses."""
    job = job_of(plan, pinning=pinning_here())
    return assemble.run_of(await Measurement(job).run(), plan, HEADER)
