"""Counting instructions per request of producers and consumers, with callgrind.

One side of a protocol at a time runs under callgrind, on a CPU of its own; the other side runs as ever. Requests go one
after the other. They are counted in windows that hold the same requests, with a dump of the counts between two.
"""

import asyncio
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import Literal

from msgspec.structs import asdict, replace

from bench import schedule as planning
from bench.callgrind.libraries import library
from bench.callgrind.profile import NotAProfile, Profile, parse
from bench.callgrind.tool import ENVIRONMENT, Valgrind
from bench.cgroup import cpu_quota
from bench.load import messages
from bench.load.recorder import OK
from bench.machine import NOT_PINNED, Pinning, usable_cpus
from bench.results import Cell, InstructionCount, Instructions, PlanUsed, Run, RunWarning, Status
from bench.runner.job import Job, RunHeader
from bench.runner.processes import UNWRAPPED, Child, ProcessFailed, Wrapper
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rig
from bench.runner.session import Session
from bench.spec import CellKey, RunPlan
from bench.stats.instructions import estimate, is_precise
from bench.topology import read_topology

Side = Literal["producer", "consumer"]

REQUESTS_AT_MOST = 64
"""How many different requests a window holds, of workloads that have so many. All protocols send the same ones."""
PASSES_AT_MOST = 2
WINDOW_INSTRUCTIONS = 60_000_000
"""A window repeats its requests until it has about so many instructions: garbage collections and other work that is not
done for each request have to be spread over many."""
WINDOWS = 6
"""The fewest for which the range is an interval of the median with 95 %."""
WINDOWS_AT_MOST = 12
"""Where windows differ more, they become so many, and single ones no longer count."""
REQUESTS_TIMEOUT_S = 600.0
DUMP_TIMEOUT_S = 60.0


class NotCounted(Exception):
    """One side of a protocol could not be counted. The text is one line."""


class RequestFailed(Exception):
    """A request failed while it was counted. The text is why."""


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
    counts = [_CountSide(job, valgrind, key, side, counting) for side in sides for key in _processes(cells)]
    done, all_steps = 0, sum(len(each.cells) for each in counts)

    def on_done(cell: CellKey) -> None:
        nonlocal done
        done += 1
        job.on_progress(done / all_steps, replace(cell, load=None).label)

    free: asyncio.Queue[int | None] = asyncio.Queue()
    for cpu in _cpus():
        free.put_nowait(cpu)

    async def count(each: _CountSide) -> None:
        cpu = await free.get()
        try:
            await each.run(_pinning(cpu), on_done)
        finally:
            free.put_nowait(cpu)

    job.on_progress(0.0, "starting")
    tasks = [asyncio.create_task(count(each)) for each in counts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return counting


def _processes(cells: Sequence[CellKey]) -> list[CellKey]:
    return list(dict.fromkeys(cell.process for cell in cells))


def _cpus() -> list[int | None]:
    """A CPU of each physical core that can be used at the same time; one None where there is no choice."""
    usable = usable_cpus()
    quota = cpu_quota()
    cores = read_topology(usable).of(usable) if len(usable) > 1 else []
    found: list[int | None] = [min({*core.cpus} & {*usable}) for core in cores]
    return found[: max(1, int(quota))] if found and quota is not None else found or [None]


def _pinning(cpu: int | None) -> Pinning:
    """What is counted on this CPU, all else on the others.

    On one CPU, threads of a process take turns in the same way every time. On several, a thread that is woken runs at
    once or a little later, and finds more or less to do.
    """
    others = tuple(other for other in usable_cpus() if other != cpu)
    return NOT_PINNED if cpu is None or not others else Pinning(producer=(cpu,), load=others)


class _CountSide:
    """Counts one side of the cells that one producer serves."""

    def __init__(self, job: Job, valgrind: Valgrind, key: CellKey, side: Side, counting: Counting) -> None:
        self.cells = [cell for cell in counting.cells if cell.process == key]
        self._job = job
        self._valgrind = valgrind
        self._key = key
        self._side = side
        self._counting = counting
        self._found = counting.cells

    async def run(self, pinning: Pinning, on_done: Callable[[CellKey], None]) -> None:
        """Start the processes, count cell by cell, and end the processes. Raises Stopped."""
        is_producer = self._side == "producer"
        if not is_producer:
            pinning = Pinning(producer=pinning.load, load=pinning.producer)
        problems: list[str] = []
        with tempfile.TemporaryDirectory(prefix="recipe-lab-callgrind-") as directory:
            wrapper = Wrapper(self._valgrind.counting(Path(directory)), ENVIRONMENT)
            wrapped = (wrapper, UNWRAPPED) if is_producer else (UNWRAPPED, wrapper)
            try:
                async with Session(pinning, self._job.stop, problems) as session:
                    rig = await session.unless_stopped(start_rig(session, self._job, self._key, *wrapped))
                    session.pin()
                    child = rig.producer.child if is_producer and rig.producer else rig.load.child
                    counter = _Counter(session, self._valgrind, Path(directory), child)
                    await self._count_all(rig, counter, on_done)
            except (ProcessFailed, NotCounted) as error:
                problems.append(str(error))
        texts = [self._explained(text) for text in problems]
        self._counting.problems += texts
        for cell in self.cells:
            if self._side not in self._found[cell].sides:
                self._found[cell].give_up("failed", "; ".join(texts))

    async def _count_all(self, rig: Rig, counter: "_Counter", on_done: Callable[[CellKey], None]) -> None:
        for cell in self.cells:
            await self._verify(rig, cell)
        await counter.start()
        for cell in self.cells:
            found = self._found[cell]
            if found.status == "measured":
                try:
                    found.sides[self._side] = await self._count(rig, counter, cell)
                except RequestFailed as error:
                    found.give_up("failed", str(error))
            on_done(cell)

    async def _verify(self, rig: Rig, cell: CellKey) -> None:
        found = self._found[cell]
        if found.status != "measured":
            return
        verification = await rig.order(order_to_verify(cell, planning.VERIFIED_AT_FIRST), VERIFY_TIMEOUT_S)
        if rig.broken:
            raise NotCounted(f"the {self._key.label} cells could not be verified")
        if isinstance(verification, messages.Verification) and verification.outcome != OK:
            found.give_up("failed" if verification.supported else "unsupported", verification.text)

    async def _count(self, rig: Rig, counter: "_Counter", cell: CellKey) -> InstructionCount:
        """Warm up, find out how large a window has to be, and count windows until they are precise."""
        sent = await self._send(rig, cell, 1)
        await counter.dumped()
        await self._send(rig, cell, 0)
        empty = await counter.dumped()
        await self._send(rig, cell, 1)
        one_pass = await counter.dumped()
        passes = min(PASSES_AT_MOST, ceil(WINDOW_INSTRUCTIONS / max(1, one_pass.instructions - empty.instructions)))
        profiles: list[Profile] = []
        windows: list[float] = []
        while len(windows) < WINDOWS or (len(windows) < WINDOWS_AT_MOST and not is_precise(windows)):
            await self._send(rig, cell, passes)
            profiles.append(await counter.dumped())
            windows.append((profiles[-1].instructions - empty.instructions) / (sent * passes))
        return _count_of(profiles, windows, empty, sent * passes)

    async def _send(self, rig: Rig, cell: CellKey, passes: int) -> int:
        """Send the cell's requests. Returns how many. Raises RequestFailed, and NotCounted without an answer."""
        order = messages.SendRequests(
            cell=cell.label,
            requests_at_most=REQUESTS_AT_MOST,
            passes=passes,
            producer_idle=self._side == "producer",
        )
        answer = await rig.order(order, REQUESTS_TIMEOUT_S)
        if rig.broken or not isinstance(answer, messages.RequestsSent):
            raise NotCounted(f"counting {cell.label} was cut short")
        if answer.failure is not None:
            raise RequestFailed(answer.failure)
        return answer.sent

    def _explained(self, problem: str) -> str:
        """The problem, with its cause where that is known."""
        if f"ended with {-signal.SIGILL}" not in problem:
            return problem
        name = problem.partition(" ended with")[0]
        return (
            f"{name} ended with an illegal instruction: valgrind {self._valgrind.version} does not know all "
            "instructions of this processor; install a newer valgrind"
        )


@dataclass(slots=True)
class _Counter:
    """Orders to one process under callgrind."""

    session: Session
    valgrind: Valgrind
    directory: Path
    child: Child
    _dumps: int = 0

    async def start(self) -> None:
        """Count from now on. Raises ProcessFailed and Stopped."""
        await self._run(self.valgrind.start_counting(self.directory, self.child.pid))

    async def dumped(self) -> Profile:
        """What was executed since the last call. Raises ProcessFailed, NotCounted and Stopped."""
        await self._run(self.valgrind.dump(self.directory, self.child.pid))
        self._dumps += 1
        path = self.directory / f"dump.{self._dumps}"
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                return parse(lines)
        except OSError as error:
            raise NotCounted(f"callgrind wrote no {path.name}: {error.strerror or error}") from None
        except NotAProfile as error:
            raise NotCounted(f"callgrind wrote something else than a profile: {error}") from None
        finally:
            path.unlink(missing_ok=True)

    async def _run(self, command: Sequence[str]) -> None:
        try:
            await self.session.unless_stopped(self.session.run_to_end("vgdb", command, DUMP_TIMEOUT_S))
        except ProcessFailed as error:
            await self.child.raise_if_ended()
            raise error from None


def _count_of(profiles: Sequence[Profile], windows: Sequence[float], empty: Profile, requests: int) -> InstructionCount:
    """The result of windows of so many requests each. What an empty window executes is no part of a request."""
    found = estimate(windows)
    nearest = min(range(len(windows)), key=lambda number: abs(windows[number] - found.value))
    by_library: dict[str, float] = {}
    for path, instructions in profiles[nearest].by_object.items():
        own = (instructions - empty.by_object.get(path, 0)) / requests
        by_library[library(path)] = by_library.get(library(path), 0.0) + own
    calls = median(profile.system_calls - empty.system_calls for profile in profiles) / requests
    return InstructionCount(
        per_request=found,
        system_calls=calls,
        by_library={name: round(own, 1) for name, own in sorted(by_library.items(), key=lambda each: -each[1]) if own},
        windows=[round(window, 1) for window in windows],
        requests_per_window=requests,
        per_window=empty.instructions,
    )


def instructions_run(counting: Counting, plan: RunPlan, header: RunHeader, threshold: float | None) -> Run:
    """The run as it is written: one row per cell, without a load."""
    return Run(
        started_at=header.started_at,
        duration_s=header.duration_s,
        command=header.command,
        note=plan.note,
        seed=plan.seed,
        environment=header.environment,
        recipes=header.recipes,
        plan=PlanUsed(
            instances=1,
            rounds=0,
            seconds=None,
            slice_ms=0,
            instances_done=1,
            gzip_level=plan.gzip_level,
            instruction_threshold=threshold,
        ),
        warnings=[RunWarning(code="process_trouble", text=f"{text}.") for text in dict.fromkeys(counting.problems)],
        cells=[_cell(replace(key, load=None), counted) for key, counted in counting.cells.items()],
    )


def _cell(key: CellKey, counted: Counted) -> Cell:
    sides = counted.sides
    return Cell(
        **asdict(key),
        id=key.label,
        status=counted.status,
        reason=counted.reason,
        instructions=Instructions(producer=sides.get("producer"), consumer=sides.get("consumer")) if sides else None,
    )
