"""Fronts as processes of a session: they forward, count, and end with it. With the real programs."""

import asyncio

import pytest

from bench.fronts.front import Front, FrontPlan
from bench.fronts.registry import front
from bench.machine import NOT_PINNED
from bench.protocols import PROTOCOLS
from bench.runner.front import why_not_installed
from bench.runner.session import Session
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target


def installed(name: str) -> Front:
    """The front of this name; skips where its program is missing."""
    found = front(name)
    if (reason := why_not_installed(found)) is not None:
        pytest.skip(reason)
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_haproxy_forwards_to_both_producers_in_turn(protocol: str) -> None:
    haproxy = installed("haproxy")
    async with Session(NOT_PINNED) as session:
        async with asyncio.TaskGroup() as starting:
            tasks = [starting.create_task(session.start_producer(protocol, recipes="generated:50")) for _ in range(2)]
        upstreams = tuple(parse_target(task.result().plain).authority for task in tasks)
        running = await session.start_front(haproxy, FrontPlan(protocol=protocol, upstreams=upstreams))
        before = await running.counts()
        async with client(protocol, ClientSettings(target=running.target, timeout_s=30)) as consumer:
            recipes = [await consumer.get(42) for _ in range(4)]
        counts = (await running.counts()).since(before)
    assert {recipe.name for recipe in recipes} == {"Chicken Tikka Masala"}
    assert counts.calls == 4
    assert [counts.replicas[upstream].calls for upstream in upstreams] == [2, 2]
    assert counts.failures == {}
    assert running.version
