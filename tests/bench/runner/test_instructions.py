"""Which cells get a result when requests fail while they are counted. Nothing runs: rigs are stand-ins."""

import pytest

from bench.callgrind.tool import Valgrind
from bench.load.messages import Verification
from bench.load.recorder import OK
from bench.plan import Matrix, RunPlan, Version
from bench.runner import instructions
from bench.runner.counted_rig import RequestFailed, Windows
from bench.runner.instructions import count_instructions
from bench.spec import CellKey, ClosedLoad
from tests.support.measuring import job_of

VALGRIND = Valgrind("valgrind", "vgdb", "3.19.0")


class FailingRig:
    """The first request that is counted fails."""

    @classmethod
    async def start(cls, *_: object) -> "FailingRig":
        return cls()

    async def verify(self, _: CellKey) -> Verification:
        return Verification(outcome=OK)

    async def start_counting(self) -> None:
        pass

    async def warm_up(self, _: CellKey) -> Windows:
        raise RequestFailed("status 500")


async def test_a_version_that_was_not_counted_because_of_the_other_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "CountedRig", FailingRig)
    plan = RunPlan(
        matrix=Matrix({"version": ["old", "new"], "protocol": ["http"], "load": [ClosedLoad(concurrency=1)]}),
        instances=1,
        rounds=0,
        seconds=0.0,
        slice_ns=0,
        seed=1,
        recipes="generated:50",
        versions=(Version(name="old"), Version(name="new")),
    )
    found = await count_instructions(job_of(plan, ids=[1]), VALGRIND)
    assert {key.label: (cell.status, cell.reason) for key, cell in found.cells.items()} == {
        "old-http-get-c1": ("failed", "status 500"),
        "new-http-get-c1": ("failed", "counted in turns with old-http-get-c1, of which a request failed"),
    }
