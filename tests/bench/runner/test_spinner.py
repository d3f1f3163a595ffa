"""What keeps cores awake: a process of its own for each, which gives way to everything else and rests when asked to."""

import asyncio
import os
import sys

import psutil
import pytest

from bench.machine import pinning_here, process_cpu_ns
from bench.runner import spinner
from bench.runner.processes import Child
from bench.runner.session import Session
from tests.support.programs import nothing_left_running

needs_cores = pytest.mark.skipif(not pinning_here().may_spin, reason="producers and load have no physical core each")


BUSY = "print('listening here', flush=True)\nwhile True:\n    pass"


async def spinners(session: Session) -> list[psutil.Process]:
    await session.keep_awake(True)
    await session.keep_awake(False)
    return [each for each in psutil.Process().children() if "bench.runner.spinner" in each.cmdline()]


async def until_asleep(process: psutil.Process) -> None:
    while process.status() != psutil.STATUS_SLEEPING:  # noqa: ASYNC110 - the kernel notifies nobody
        await asyncio.sleep(0.001)


@needs_cores
async def test_every_pinned_core_has_one_of_the_lowest_priority() -> None:
    with nothing_left_running():
        async with Session(pinning_here()) as session:
            found = await spinners(session)
            assert {os.sched_getscheduler(each.pid) for each in found} == {os.SCHED_IDLE}
            cores = sorted(core for each in found for core in os.sched_getaffinity(each.pid))
    assert cores == list(pinning_here().may_spin)


@needs_cores
async def test_it_computes_while_awake_and_sleeps_at_rest() -> None:
    async with Session(pinning_here()) as session:
        found = await spinners(session)
        for each in found:
            await until_asleep(each)
        await session.keep_awake(True)
        for each in found:
            before_ns = process_cpu_ns(each.pid) or 0
            while (process_cpu_ns(each.pid) or 0) < before_ns + 5_000_000:  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.001)
        await session.keep_awake(False)
        for each in found:
            await until_asleep(each)
        assert session.problems == []


@needs_cores
async def test_it_leaves_the_core_to_what_the_bench_starts() -> None:
    """Each takes its share of the core while both compute: if they were of equal rank, half."""
    async with Session(pinning_here()) as session:
        await session.start_server("what computes", [sys.executable, "-c", BUSY], ports=1)
        session.pin()
        (spinner_on_core,) = [
            each for each in await spinners(session) if os.sched_getaffinity(each.pid) == {*pinning_here().producer}
        ]
        (busy,) = [each for each in psutil.Process().children() if BUSY in each.cmdline()]
        await session.keep_awake(True)
        before_ns = [process_cpu_ns(each.pid) or 0 for each in (busy, spinner_on_core)]
        while (process_cpu_ns(busy.pid) or 0) < before_ns[0] + 200_000_000:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.001)
        took_ns = (process_cpu_ns(spinner_on_core.pid) or 0) - before_ns[1]
    assert took_ns < 100_000_000


@needs_cores
async def test_one_that_ends_is_a_problem() -> None:
    async with Session(pinning_here()) as session:
        for each in await spinners(session):
            each.kill()
            each.wait()
        await session.keep_awake(True)
        (problem,) = session.problems
    assert "awake" in problem


@needs_cores
async def test_it_ends_with_its_stdin() -> None:
    command = [sys.executable, "-m", "bench.runner.spinner"]
    child = await Child.start("what keeps a core awake", command, pinning_here().may_spin[:1])
    try:
        await child.repeat(spinner.AWAKE)
        assert child.process.stdin is not None
        child.process.stdin.close()
        assert await child.process.wait() == 0
    finally:
        await child.end()
