"""Counting instructions per request of producers and consumers, with callgrind.

One side of a protocol at a time runs under callgrind, on a CPU of its own; the other side runs as ever. Requests go one
after the other. They are counted in windows that hold the same requests, with a dump of the counts between two.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from msgspec.structs import asdict, replace

from bench import schedule as planning
from bench.callgrind.tool import Valgrind
from bench.cgroup import cpu_quota
from bench.load.recorder import OK
from bench.machine import NOT_PINNED, Pinning, usable_cpus
from bench.plan import RunPlan
from bench.results import Cell, InstructionCount, Instructions, PlanUsed, Run, RunWarning, Status
from bench.runner.counted_rig import CountedRig, NotCounted, RequestFailed, Side, Windows, explained
from bench.runner.job import Job, RunHeader
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from bench.spec import CellKey
from bench.stats.instructions import is_decided, is_precise
from bench.topology import read_topology

WINDOWS = 6
"""The fewest for which the range is an interval of the median with 95 %."""
WINDOWS_AT_MOST = 12
"""Where windows differ more, they become so many, and single ones no longer count."""
PAIRS = 8
"""Of two versions: the fewest for which the range is an interval with 99 %."""
PAIRS_AT_MOST = 20


@dataclass(slots=True)
class Counted:
    """What was found about one cell."""

    status: Status = "measured"
    reason: str | None = None
    sides: dict[Side, InstructionCount] = field(default_factory=dict)

    def give_up(self, status: Status, reason: str) -> None:
        """Give the cell no result. The first reason counts."""
        if self.status == "measured":
            self.status, self.reason = status, reason


@dataclass(slots=True)
class Counting:
    """What was found about all cells, and the problems with processes."""

    cells: dict[CellKey, Counted]
    """By their keys as in the plan."""
    problems: list[str] = field(default_factory=list)


async def count_instructions(job: Job, valgrind: Valgrind) -> Counting:
    """Count every cell of the job's matrix. Raises Stopped; nothing for problems with a producer."""
    plan = job.plan
    cells = plan.matrix.cells()
    counting = Counting({cell: Counted() for cell in cells})
    for cell in cells:
        if (reason := planning.why_unsupported(cell, plan)) is not None:
            counting.cells[cell].give_up("unsupported", reason)
    # Versions differ in their producers; the consumers are this checkout's own.
    sides: tuple[Side, ...] = ("producer",) if plan.compares_versions else ("producer", "consumer")
    counts = [_CountSide(job, valgrind, keys, side, counting) for side in sides for keys in _side_by_side(cells)]
    done, steps = count(1), sum(len(each.cells) for each in counts)

    def on_done(cell: CellKey) -> None:
        job.on_progress(next(done) / steps, replace(cell, load=None).label)

    free: asyncio.Queue[int | None] = asyncio.Queue()
    for cpu in _cpus():
        free.put_nowait(cpu)

    async def count_on_free_cpu(each: _CountSide) -> None:
        cpu = await free.get()
        try:
            await each.run(_pinning(cpu), on_done)
        finally:
            free.put_nowait(cpu)

    job.on_progress(0.0, "starting")
    tasks = [asyncio.create_task(count_on_free_cpu(each)) for each in counts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return counting


def _side_by_side(cells: Iterable[CellKey]) -> list[list[CellKey]]:
    """The process keys of all cells; those that differ in the version only are together."""
    found: dict[object, list[CellKey]] = {}
    for key in dict.fromkeys(cell.process for cell in cells):
        found.setdefault(key.without("version"), []).append(key)
    return list(found.values())


def _cpus() -> list[int | None]:
    """A CPU of each physical core that can be used at the same time; one None where there is no choice."""
    usable = usable_cpus()
    quota = cpu_quota()
    cores = read_topology(usable).of(usable) if len(usable) > 1 else []
    found: list[int | None] = [min({*core.cpus} & {*usable}) for core in cores]
    return found[: max(1, int(quota))] if found and quota is not None else found or [None]


def _pinning(cpu: int | None) -> Pinning:
    """What is counted on this CPU, all else on the others.

    On one CPU, threads of a process take turns in nearly the same way every time. On several, a thread that is woken
    runs at once or a little later, and finds more or less to do.
    """
    others = tuple(other for other in usable_cpus() if other != cpu)
    return NOT_PINNED if cpu is None or not others else Pinning(producer=(cpu,), load=others)


class _CountSide:
    """Counts one side of the cells that one producer serves; of two versions of it, in turns."""

    def __init__(self, job: Job, valgrind: Valgrind, keys: Sequence[CellKey], side: Side, counting: Counting) -> None:
        self.cells = [cell for cell in counting.cells if cell.process in keys]
        self._job = job
        self._valgrind = valgrind
        self._keys = keys
        self._side = side
        self._counting = counting
        self._rigs: dict[CellKey, CountedRig] = {}

    async def run(self, pinning: Pinning, on_done: Callable[[CellKey], None]) -> None:
        """Start the processes, count cell by cell, and end the processes. Raises Stopped."""
        if self._side == "consumer":
            pinning = Pinning(producer=pinning.load, load=pinning.producer)
        problems: list[str] = []
        with tempfile.TemporaryDirectory(prefix="recipe-lab-callgrind-") as directory:
            try:
                async with Session(pinning, self._job.stop, problems) as session:
                    for number, key in enumerate(self._keys):
                        own = Path(directory) / str(number)
                        own.mkdir()
                        started = CountedRig.start(session, self._job, key, self._side, self._valgrind, own)
                        self._rigs[key] = await started
                    session.pin()
                    await self._count_all(on_done)
            except (ProcessFailed, NotCounted) as error:
                problems.append(str(error))
        texts = [explained(text, self._valgrind.version) for text in problems]
        self._counting.problems += texts
        for cell in self.cells:
            if self._side not in self._counting.cells[cell].sides:
                self._counting.cells[cell].give_up("failed", "; ".join(texts))

    async def _count_all(self, on_done: Callable[[CellKey], None]) -> None:
        for cell in self._left(self.cells):
            verification = await self._rigs[cell.process].verify(cell)
            if verification.outcome != OK:
                status: Status = "failed" if verification.supported else "unsupported"
                self._counting.cells[cell].give_up(status, verification.text)
        for rig in self._rigs.values():
            await rig.start_counting()
        groups: dict[object, list[CellKey]] = {}
        for cell in self.cells:
            groups.setdefault(cell.without("version"), []).append(cell)
        for group in groups.values():
            await self._count(self._left(group))
            for cell in group:
                on_done(cell)

    def _left(self, cells: Iterable[CellKey]) -> list[CellKey]:
        """Those that can still be counted."""
        return [cell for cell in cells if self._counting.cells[cell].status == "measured"]

    async def _count(self, cells: Sequence[CellKey]) -> None:
        """Count cells in turns, until that is enough. What disturbs one for a while then disturbs the others, too."""
        found: dict[CellKey, Windows] = {}
        cell = cells[0] if cells else None
        try:
            for cell in cells:
                found[cell] = await self._rigs[cell.process].warm_up(cell)
            while not self._enough([each.per_request for each in found.values()]):
                for cell, windows in found.items():
                    await self._rigs[cell.process].count_window(cell, windows)
        except RequestFailed as error:
            assert cell is not None
            self._counting.cells[cell].give_up("failed", str(error))
            for other in cells:
                if other not in found or not found[other].profiles:
                    self._counting.cells[other].give_up(
                        "failed", f"counted in turns with {cell.label}, of which a request failed"
                    )
        for counted, windows in found.items():
            if windows.profiles:
                self._counting.cells[counted].sides[self._side] = windows.count()

    def _enough(self, windows: Sequence[Sequence[float]]) -> bool:
        """Whether no more windows are needed, by the instructions per request of those that were counted."""
        done = min((len(each) for each in windows), default=WINDOWS_AT_MOST)
        threshold = self._job.plan.threshold
        if threshold is None or len(windows) != 2:
            return done >= WINDOWS_AT_MOST or (done >= WINDOWS and all(map(is_precise, windows)))
        return done >= PAIRS_AT_MOST or (done >= PAIRS and is_decided(windows[0], windows[1], threshold))


def instructions_run(counting: Counting, plan: RunPlan, header: RunHeader) -> Run:
    """The run as it is written: one row per cell, without a load."""
    used = PlanUsed(
        instances=1,
        rounds=0,
        seconds=None,
        slice_ms=0,
        instances_done=1,
        gzip_level=plan.gzip_level,
        instruction_threshold=plan.threshold,
    )
    warnings = [RunWarning(code="process_trouble", text=f"{text}.") for text in dict.fromkeys(counting.problems)]
    cells = [_cell(replace(key, load=None), counted) for key, counted in counting.cells.items()]
    return header.run(plan, used, cells, warnings)


def _cell(key: CellKey, counted: Counted) -> Cell:
    sides = counted.sides
    return Cell(
        **asdict(key),
        id=key.label,
        status=counted.status,
        reason=counted.reason,
        instructions=Instructions(producer=sides.get("producer"), consumer=sides.get("consumer")) if sides else None,
    )
