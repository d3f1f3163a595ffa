"""Which cells get a result when requests or processes fail while they are counted. Nothing runs: rigs are stand-ins."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bench import front_processes
from bench.callgrind.profile import Profile
from bench.callgrind.tool import Valgrind
from bench.load.messages import Verification
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan, Version
from bench.results import Run
from bench.runner import counted_instance
from bench.runner.counted_rig import RequestFailed, Windows
from bench.runner.instructions import count_instructions, instructions_run
from bench.runner.processes import ProcessFailed
from bench.spec import CellKey
from bench.stats.instructions import INSTANCES, changes, outcome
from tests.support.measuring import HEADER, job_of

VALGRIND = Valgrind("valgrind", "vgdb", "3.19.0")
REQUESTS = 10
PLAN = RunPlan(
    matrix=Matrix({"version": ["old", "new"], "protocol": ["http"], "load": [ClosedLoad(concurrency=1)]}),
    instances=INSTANCES[-1],
    rounds=0,
    seconds=0.0,
    slice_ns=0,
    seed=1,
    recipes="generated:50",
    versions=(Version(name="old"), Version(name="new")),
    threshold=0.01,
)


@dataclass
class Processes:
    """Stand-ins for the rigs of all instances, and what they count."""

    instructions: Callable[[str, int], float]
    """Of a request, by version and instance. Raises what goes wrong with it."""
    started: Counter[str] = field(default_factory=Counter)
    """By version."""
    run_first: bool = True
    sides: list[tuple[str, str]] = field(default_factory=list)
    """Of all rigs: the protocol, and what was counted."""
    order: list[str] = field(default_factory=list)
    """The versions of all windows, as they were counted."""

    numbers: list[tuple[str, int]] = field(default_factory=list)
    """The version of each start, and the number of its instance."""

    async def start(
        self, _session: object, _job: object, key: CellKey, side: str, *_: object, instance: int
    ) -> "CountingRig":
        self.sides.append((key.protocol, side))
        version = str(key.version)
        self.numbers.append((version, instance))
        self.started[version] += 1
        return CountingRig(self, version, self.started[version], self.run_first)


@dataclass
class CountingRig:
    processes: Processes
    version: str
    instance: int
    runs_first: bool

    async def verify(self, _: CellKey) -> Verification:
        return Verification()

    async def start_counting(self) -> None:
        pass

    async def warm_up(self, _: CellKey) -> Windows:
        return Windows(REQUESTS, 1, Profile())

    async def count_window(self, _: CellKey, windows: Windows) -> None:
        found = self.processes.instructions(self.version, self.instance)
        self.processes.order.append(self.version)
        windows.profiles.append(Profile(instructions=round(REQUESTS * found)))


async def counted(monkeypatch: pytest.MonkeyPatch, processes: Processes, plan: RunPlan = PLAN) -> Run:
    monkeypatch.setattr(counted_instance, "CountedRig", processes)
    return instructions_run(await count_instructions(job_of(plan, ids=[1]), VALGRIND), plan, HEADER)


def results(run: Run) -> dict[str, tuple[str, str | None]]:
    return {cell.id: (cell.status, cell.reason) for cell in run.cells}


async def test_versions_that_hardly_differ_are_counted_in_the_fewest_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(lambda version, instance: 100_000 + instance)
    run = await counted(monkeypatch, processes)
    assert processes.started == {"old": INSTANCES[0], "new": INSTANCES[0]}
    assert [(each.verdict, each.instances) for each in changes(run)] == [("same", INSTANCES[0])]
    assert run.plan.instances == run.plan.instances_done == INSTANCES[0]
    neighbours = zip(processes.order[::2], processes.order[1::2], strict=True)
    assert {frozenset(pair) for pair in neighbours} == {frozenset(("old", "new"))}
    assert set(processes.order[::2]) == {"old", "new"}
    both = [(version, number) for version in ("new", "old") for number in range(1, INSTANCES[0] + 1)]
    assert sorted(processes.numbers) == both, "both versions have the memory and the hashes of each instance"


async def test_processes_that_others_may_interrupt_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, interrupted = [
        await counted(monkeypatch, Processes(lambda version, instance: 100_000, run_first=first))
        for first in (True, False)
    ]
    assert [warning.code for warning in alone.warnings] == []
    assert [(warning.code, warning.grade) for warning in interrupted.warnings] == [("threads_interrupted", "note")]


async def test_instances_that_differ_are_counted_in_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """By 1.5 % either way: after four, the interval is too wide for a verdict, and after all of them, too."""
    processes = Processes(
        lambda version, instance: 100_000 * (1.015 if (version == "new") == bool(instance % 2) else 1)
    )
    run = await counted(monkeypatch, processes)
    assert [(each.verdict, each.instances) for each in changes(run)] == [("inconclusive", INSTANCES[-1])]
    assert outcome(changes(run), complete=True) == "inconclusive"
    assert processes.started == {"old": INSTANCES[-1], "new": INSTANCES[-1]}


async def test_an_instance_that_fails_is_left_out_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def once_failing(version: str, instance: int) -> float:
        if (version, instance) == ("new", 2):
            raise ProcessFailed("the http producer ended with 7")
        return 100_000

    run = await counted(monkeypatch, Processes(once_failing))
    assert set(results(run).values()) == {("measured", None)}
    assert [(each.verdict, each.instances) for each in changes(run)] == [("same", INSTANCES[1] - 1)]
    (warning,) = run.warnings
    assert warning.code == "instances_left_out"
    assert warning.text.endswith(
        "was left out in 2 configurations (old-http-get, new-http-get): the http producer ended with 7."
    )


async def test_producers_that_always_fail_are_not_started_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(version: str, instance: int) -> float:
        raise ProcessFailed("the http producer ended with 7")

    processes = Processes(failing)
    run = await counted(monkeypatch, processes)
    assert set(results(run).values()) == {("failed", "the http producer ended with 7")}
    assert {warning.code for warning in run.warnings} == {"process_trouble"}
    assert processes.started["old"] < INSTANCES[0]


async def test_a_version_that_was_not_counted_because_of_the_other_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(version: str, instance: int) -> float:
        if version == "old":
            raise RequestFailed("status 500")
        return 100_000

    run = await counted(monkeypatch, Processes(failing))
    assert results(run) == {
        "old-http-get": ("failed", "status 500"),
        "new-http-get": ("failed", "counted in turns with old-http-get-c1, of which a request failed"),
    }


async def test_fronts_are_counted_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """One rig counts all fronts of a protocol."""
    monkeypatch.setattr(front_processes, "why_not_installed", lambda _: None)
    fronts, loads = ["none", "haproxy", "nginx"], [ClosedLoad(concurrency=1)]
    matrix = Matrix({"front": fronts, "protocol": ["http", "grpc"], "load": loads})
    plan = replace(PLAN, matrix=matrix, instances=1, versions=(Version(),), threshold=None)
    processes = Processes(lambda version, instance: 100_000)
    run = await counted(monkeypatch, processes, plan)
    sides = ("producer", "front", "consumer")
    assert sorted(processes.sides) == sorted((name, side) for name in ("http", "grpc") for side in sides)
    assert {cell.id: [side for side in sides if getattr(cell.instructions, side)] for cell in run.cells} == {
        **{f"{name}-get": ["producer", "consumer"] for name in ("http", "grpc")},
        **{f"{name}-get-{front}": [*sides] for name in ("http", "grpc") for front in ("haproxy", "nginx")},
    }


async def test_versions_behind_a_front_are_compared_by_their_producers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_processes, "why_not_installed", lambda _: None)
    processes = Processes(lambda version, instance: 100_000)
    plan = replace(PLAN, matrix=Matrix({**PLAN.matrix.values, "front": ["haproxy"]}))
    run = await counted(monkeypatch, processes, plan)
    assert set(processes.sides) == {("http", "producer")}
    assert [(each.key.label, each.verdict) for each in changes(run)] == [("new-http-get-haproxy", "same")]
