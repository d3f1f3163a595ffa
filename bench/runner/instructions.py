"""Counting instructions per request of producers, fronts and consumers, with callgrind.

One side of a protocol at a time runs under callgrind, on a CPU of its own; the others run as ever. Requests go one
after the other. They are counted in windows that hold the same requests, with a dump of the counts between two. Where
versions are compared, they are counted in several instances, in random order.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import get_args

from msgspec.structs import asdict, replace

from bench import schedule as planning
from bench.callgrind.tool import Valgrind
from bench.cgroup import cpu_quota
from bench.fronts.registry import NONE
from bench.machine import NOT_PINNED, Pinning, usable_cpus
from bench.plan import RunPlan
from bench.results import Cell, InstructionCount, Instructions, PlanUsed, Run, RunWarning, Side
from bench.runner.counted_instance import CountedInstance, Failure, Found
from bench.runner.counted_rig import Windows, count_of
from bench.runner.job import Job, RunHeader
from bench.spec import CellKey
from bench.stats import instructions as counts
from bench.stats.wording import configurations
from bench.topology import read_topology

SIDES: tuple[Side, ...] = get_args(Side)
ALL_FAILED_AT_MOST = 2
"""Producers that gave nothing in so many instances, and in no other, are not started again."""
INTERRUPTED = (
    "The system did not permit that counted processes run before all others (SCHED_FIFO). Where a server or client has "
    "several threads, as gRPC's have, counts vary by several percent with how busy the machine is. Remedy: "
    "`sudo prlimit --rtprio=3:3 --pid $$` in the shell that runs the command."
)


@dataclass(slots=True)
class Counted:
    """What was found about one cell."""

    sides: Sequence[Side]
    """That are to be counted."""
    windows: dict[Side, dict[int, Windows]] = field(default_factory=dict)
    """Of each instance, by its number from 1."""
    failures: dict[int, Failure] = field(default_factory=dict)
    """Of instances in which it was not counted. Number 0: it cannot be counted in any."""

    @property
    def failure(self) -> Failure | None:
        """Why it has no result; None where every side was counted."""
        missing = any(not self.windows.get(side) for side in self.sides)
        return next(iter(self.failures.values()), None) if missing else None

    def counts(self) -> dict[Side, InstructionCount]:
        """The result of each side that was counted."""
        return {side: count_of(dict(sorted(found.items()))) for side, found in self.windows.items()}


@dataclass(slots=True)
class Counting:
    """What was found about all cells, and the problems with processes."""

    cells: dict[CellKey, Counted]
    """By their keys as in the plan."""
    problems: list[str] = field(default_factory=list)
    instances: int = 0
    """How many were started."""
    interrupted: bool = False
    """Whether other processes may have interrupted those that were counted."""

    def add(self, number: int, side: Side, found: Found) -> None:
        """Add what was found in an instance."""
        for cell, windows in found.windows.items():
            self.cells[cell].windows.setdefault(side, {})[number] = windows
        for cell, failure in found.failures.items():
            self.cells[cell].failures.setdefault(number, failure)
        self.problems += found.problems
        self.interrupted |= found.interrupted
        self.instances = max(self.instances, number)

    @property
    def nothing(self) -> bool:
        """Whether no cell was counted."""
        return not any(cell.windows for cell in self.cells.values())


@dataclass(frozen=True, slots=True)
class _Work:
    """Cells to be counted in one instance: of one side, served by one producer or by two versions of it."""

    number: int
    side: Side
    cells: Sequence[CellKey]


async def count_instructions(job: Job, valgrind: Valgrind) -> Counting:
    """Count every cell of the job's matrix. Raises Stopped; nothing for problems with a producer."""
    plan = job.plan
    counting = Counting({cell: Counted(_sides(cell, plan)) for cell in plan.matrix.cells()})
    for cell, found in counting.cells.items():
        if (reason := planning.why_unsupported(cell, plan)) is not None:
            found.failures[0] = Failure("unsupported", reason)
    left = [cell for cell, found in counting.cells.items() if not found.failures]
    random = Random(f"{plan.seed}/instructions")
    job.on_progress(0.0, "starting")
    if not plan.compares_versions:
        work = [
            _Work(1, side, cells)
            for side in SIDES
            for cells in _side_by_side(cell for cell in left if side in counting.cells[cell].sides)
        ]
        await _count_all(work, job, valgrind, counting, random)
        return counting
    done = 0
    for instances in counts.INSTANCES:
        work = [
            _Work(number, "producer", cells)
            for number in range(done + 1, instances + 1)
            for cells in _side_by_side(left)
        ]
        random.shuffle(work)
        await _count_all(work, job, valgrind, counting, random)
        done = instances
        left = _undecided(counting, plan)
    return counting


async def _count_all(work: Sequence[_Work], job: Job, valgrind: Valgrind, counting: Counting, random: Random) -> None:
    """Do all of this work, as much of it at the same time as there are CPUs for."""
    steps = [cell for each in work for cell in each.cells]
    done = 0

    def on_done(number: int, cell: CellKey) -> None:
        nonlocal done
        done += 1
        instance = f"instance {number}, " if job.plan.compares_versions else ""
        job.on_progress(done / len(steps), instance + replace(cell, load=None).label)

    free: asyncio.Queue[int | None] = asyncio.Queue()
    for cpu in _cpus():
        free.put_nowait(cpu)

    async def count_on_free_cpu(each: _Work) -> None:
        cpu = await free.get()
        try:
            if not _given_up(counting, each.cells):
                instance = CountedInstance(each.number, job, valgrind, each.side, each.cells, random)
                pinning = _pinning(cpu, each.side)
                counting.add(each.number, each.side, await instance.count(pinning, partial(on_done, each.number)))
        finally:
            free.put_nowait(cpu)

    tasks = [asyncio.create_task(count_on_free_cpu(each)) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _sides(cell: CellKey, plan: RunPlan) -> Sequence[Side]:
    """The sides of a cell that are counted."""
    if plan.compares_versions:
        # Versions differ in their producers; fronts and consumers are the same.
        return ("producer",)
    return tuple(side for side in SIDES if side != "front" or cell.front != NONE)


def _side_by_side(cells: Iterable[CellKey]) -> list[list[CellKey]]:
    """The cells of each producer; those that differ in the version only are together."""
    found: dict[object, list[CellKey]] = {}
    for cell in cells:
        found.setdefault(cell.process.without("version"), []).append(cell)
    return list(found.values())


def _given_up(counting: Counting, cells: Iterable[CellKey]) -> bool:
    """Whether none of the cells was counted so far, in as many instances as it takes to stop trying."""
    found = [counting.cells[cell] for cell in cells]
    return all(not each.windows and len(each.failures) >= ALL_FAILED_AT_MOST for each in found)


def _undecided(counting: Counting, plan: RunPlan) -> list[CellKey]:
    """The cells of both versions that were counted and have no verdict yet."""
    assert plan.threshold is not None
    changes = counts.changes_of(_cells(counting), plan.threshold)
    undecided = {change.key.without("version") for change in changes if change.verdict == "inconclusive"}
    return [cell for cell in counting.cells if replace(cell, load=None).without("version") in undecided]


def _cpus() -> list[int | None]:
    """A CPU of each physical core that can be used at the same time; one None where there is no choice."""
    usable = usable_cpus()
    quota = cpu_quota()
    cores = read_topology(usable).of(usable) if len(usable) > 1 else []
    found: list[int | None] = [min({*core.cpus} & {*usable}) for core in cores]
    return found[: max(1, int(quota))] if found and quota is not None else found or [None]


def _pinning(cpu: int | None, counted: Side) -> Pinning:
    """What is counted on this CPU, all else on the others.

    On one CPU, threads of a process take turns in nearly the same way every time. On several, a thread that is woken
    runs at once or a little later, and finds more or less to do.
    """
    others = tuple(other for other in usable_cpus() if other != cpu)
    if cpu is None or not others:
        return NOT_PINNED
    own: dict[Side, tuple[int, ...]] = dict.fromkeys(SIDES, others) | {counted: (cpu,)}
    return Pinning(producer=own["producer"], front=own["front"], load=own["consumer"])


def instructions_run(counting: Counting, plan: RunPlan, header: RunHeader) -> Run:
    """The run as it is written: one row per cell, without a load."""
    used = PlanUsed(
        instances=counting.instances,
        rounds=0,
        seconds=None,
        slice_ms=0,
        instances_done=counting.instances,
        gzip_level=plan.gzip_level,
        instruction_threshold=plan.threshold,
    )
    cells = _cells(counting)
    left_out = list(_left_out(counting)) if plan.compares_versions else []
    # What happened to processes of instances that were left out is in the warnings about these.
    problems = [] if left_out and all(cell.status != "failed" for cell in cells) else counting.problems
    warnings = [RunWarning(code="process_trouble", text=f"{text}.") for text in dict.fromkeys(problems)]
    if counting.interrupted:
        left_out.append(RunWarning(code="threads_interrupted", grade="note", text=INTERRUPTED))
    return header.run(plan, used, cells, [*warnings, *left_out])


def _cells(counting: Counting) -> list[Cell]:
    return [_cell(replace(key, load=None), found) for key, found in counting.cells.items()]


def _cell(key: CellKey, found: Counted) -> Cell:
    failure = found.failure
    return Cell(
        **asdict(key),
        id=key.label,
        status="measured" if failure is None else failure.status,
        reason=None if failure is None else failure.reason,
        instructions=Instructions(**found.counts()) if found.windows else None,
    )


def _left_out(counting: Counting) -> Iterator[RunWarning]:
    """Instances in which cells were not counted that have a result from others, by cause."""
    found: dict[tuple[tuple[int, ...], str], list[str]] = {}
    for key, cell in counting.cells.items():
        if cell.failure is None and cell.failures:
            reason = next(iter(cell.failures.values())).reason
            found.setdefault((tuple(sorted(cell.failures)), reason), []).append(replace(key, load=None).label)
    for (numbers, reason), ids in found.items():
        named = f"Instance {numbers[0]}" if len(numbers) == 1 else f"Instances {', '.join(map(str, numbers))}"
        was = "was" if len(numbers) == 1 else "were"
        yield RunWarning(
            code="instances_left_out", text=f"{named} {was} left out in {configurations(ids)}: {reason}.", cells=ids
        )
