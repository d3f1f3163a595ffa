"""A real front under callgrind, before a producer and behind a consumer that are not."""

import shutil
from pathlib import Path

import pytest

from bench.callgrind.libraries import library
from bench.callgrind.tool import installed as valgrind
from bench.front_programs import why_not_installed
from bench.fronts.registry import front
from bench.load_models import ClosedLoad
from bench.machine import NOT_PINNED
from bench.plan import Matrix
from bench.runner.counted_rig import CountedRig, Windows
from bench.runner.session import Session
from tests.support.measuring import job_of, plan_of
from tests.support.programs import nothing_left_running

TIMEOUT_S = 120.0
"""As of `bench instructions`: the first request that is counted is slow."""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(why_not_installed(front("haproxy")) is not None, reason="haproxy is not installed")
async def test_a_front_executes_the_same_for_each_request_however_many_there_are(tmp_path: Path) -> None:
    """Whatever was counted besides requests would be a smaller part of each of them in a longer window."""
    matrix = Matrix({"protocol": ["http"], "front": ["haproxy"], "load": [ClosedLoad(concurrency=1)]})
    plan = plan_of([], [], matrix=matrix, timeout_s=TIMEOUT_S)
    (cell,) = plan.matrix.cells()
    with nothing_left_running():
        async with Session(NOT_PINNED) as session:
            rig = await CountedRig.start(session, job_of(plan), cell.process, "front", valgrind(), tmp_path)
            assert (await rig.verify(cell)).cause is None
            await rig.start_counting()
            warm = await rig.warm_up(cell)
            once = warm.requests // warm.passes
            short, long = (Windows(once * passes, passes, warm.empty) for passes in (1, 2))
            for windows in (short, long):
                await rig.count_window(cell, windows)
        assert session.problems == []
    assert short.per_request == pytest.approx(long.per_request, rel=0.02)
    (profile,) = long.profiles
    by_library = {library(path): instructions for path, instructions in profile.by_object.items()}
    assert by_library["haproxy"] > 0.8 * profile.instructions, "the rest is of the C library"
    assert not any("python" in name for name in by_library)
    assert profile.system_calls / long.requests > 4, "it reads and writes a request and a response"
