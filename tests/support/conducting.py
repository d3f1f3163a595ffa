"""Runs of the lab against producers whose truth is known: real processes, the lab's own measuring and statistics."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bench import machine
from bench.results import RecipesUsed, Run
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.runner.session import RunningProducer, Session
from bench.schedule import sample_ids
from bench.spec import Load, Matrix, RunPlan, Target, Version
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
    """A known producer on the producers' core, until the end of the block."""
    async with Session(machine.pinning_here()) as session:
        yield await start_known(session, protocol, behaviour)


def plan_of(
    protocols: Sequence[str], loads: Sequence[Load], targets: Mapping[str, Target] | None = None, **given: Any
) -> RunPlan:
    """A plan without gzip and TLS for `get`, one instance of a few rounds unless told."""
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
    return RunPlan(matrix=matrix, **settings)


def target_of(producer: RunningProducer) -> Target:
    """The producer as somebody else's."""
    return Target(plain=producer.plain, tls=None)


async def conducted(plan: RunPlan, on_progress: Callable[[float, str], None] = lambda _, __: None) -> Run:
    """The run that the plan gives, as it would be written."""
    loaded = sources.load(plan.recipes)
    measurement = Measurement(
        plan,
        ids=sample_ids([recipe.id for recipe in loaded.recipes], plan, QUESTIONS_AT_MOST),
        certificates=None,
        pinning=machine.pinning_here(),
        on_progress=on_progress,
        stop=asyncio.Event(),
    )
    return assemble.run_of(
        await measurement.run(),
        plan,
        started_at="",
        duration_s=0.0,
        command="",
        environment={},
        recipes=RecipesUsed(source=loaded.source, count=len(loaded.recipes), digest=loaded.digest),
    )
