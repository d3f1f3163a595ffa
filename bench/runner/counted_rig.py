"""A rig with one side under callgrind: it counts what that side executes between two dumps."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from statistics import median

from bench import schedule as planning
from bench.callgrind.libraries import library
from bench.callgrind.profile import Profile
from bench.callgrind.tool import FOLLOW, Valgrind, counted_environment
from bench.front_processes import FrontProcess, front_process, front_processes
from bench.load import messages
from bench.machine import run_first
from bench.results import InstructionCount, Side
from bench.runner.counted_process import CountedProcess, NotCounted
from bench.runner.job import Job
from bench.runner.processes import Child, LoadProcess, Wrapper
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, Wrappers, order_to_verify, start_rig
from bench.runner.session import Session
from bench.spec import CellKey
from bench.stats.instructions import estimate, typical

DIFFERENT_REQUESTS = 64
"""How many different requests a window holds, where each asks for one recipe. All protocols send the same ones."""
DIFFERENT_RECIPES = 40
"""How many recipes a window asks for where a request asks for several, in two requests at least."""
REQUESTS_AT_MOST = 128
WINDOW_INSTRUCTIONS = 60_000_000
"""A window repeats its requests until it has about so many instructions, or REQUESTS_AT_MOST: garbage collections and
other work that is not done for each request have to be spread over many."""
OTHERS_PRIORITY = 2
"""Of what is not counted (SCHED_FIFO). Counted processes have 1."""
REQUESTS_TIMEOUT_S = 600.0


class RequestFailed(Exception):
    """A request failed while it was counted. The text is why."""


@dataclass(slots=True)
class Windows:
    """What was counted of one cell, window by window, each with the same requests."""

    requests: int
    """In one window."""
    passes: int
    empty: Profile
    """What a window without a request executes. It is no part of a request."""
    profiles: list[Profile] = field(default_factory=list)

    @property
    def per_request(self) -> list[float]:
        """Instructions per request of each window."""
        return [(profile.instructions - self.empty.instructions) / self.requests for profile in self.profiles]


def count_of(instances: Mapping[int, Windows]) -> InstructionCount:
    """The result of one instance or several, by their numbers."""
    windows = [window for each in instances.values() for window in each.per_request]
    found = estimate([typical(each.per_request) for each in instances.values()] if len(instances) > 1 else windows)
    profiles = [(each, profile) for each in instances.values() for profile in each.profiles]
    nearest = min(range(len(windows)), key=lambda number: abs(windows[number] - found.value))
    measured, profile = profiles[nearest]
    by_library: dict[str, float] = {}
    for path, instructions in profile.by_object.items():
        own = (instructions - measured.empty.by_object.get(path, 0)) / measured.requests
        by_library[library(path)] = by_library.get(library(path), 0.0) + own
    largest_first = sorted(by_library.items(), key=lambda each: -each[1])
    calls = [(profile.system_calls - each.empty.system_calls) / each.requests for each, profile in profiles]
    numbers = [number for number, each in instances.items() for _ in each.profiles]
    return InstructionCount(
        per_request=found,
        system_calls=median(calls),
        by_library={name: round(own, 1) for name, own in largest_first if own},
        windows=[round(window, 1) for window in windows],
        instance=numbers if len(instances) > 1 else [],
        requests_per_window=measured.requests,
        per_window=measured.empty.instructions,
    )


@dataclass(slots=True)
class CountedRig:
    """A rig with the processes of one side under callgrind."""

    side: Side
    rig: Rig
    counted: Mapping[FrontProcess | None, CountedProcess]
    """By what serves a cell: where fronts are counted, each by itself; else one for all cells, under None."""

    @classmethod
    async def start(
        cls,
        session: Session,
        job: Job,
        key: CellKey,
        side: Side,
        valgrind: Valgrind,
        directory: Path,
        *,
        instance: int = 1,
    ) -> "CountedRig":
        """Start the rig of this process key in the instance of this number. Raises ProcessFailed and Stopped."""
        if side == "front":
            # A program that is a script becomes another one.
            valgrind = replace(valgrind, flags=(*valgrind.flags, FOLLOW))
        directories = _directories(
            directory, front_processes(planning.served(key, job.plan), job.plan.gzip_level), side
        )
        environment = counted_environment(instance)
        wrapped = {each: Wrapper(valgrind.counting(own), environment) for each, own in directories.items()}
        rig = await session.unless_stopped(start_rig(session, job, key, _wrappers(side, wrapped)))
        children = _children(rig, side)
        counted = {
            each: CountedProcess(session, valgrind, own, children[each])
            for each, own in directories.items()
            if each in children
        }
        return cls(side, rig, counted)

    @property
    def runs_first(self) -> bool:
        """Whether nothing interrupts the threads of counted processes."""
        return all(process.runs_first for process in self.counted.values())

    async def verify(self, cell: CellKey) -> messages.Verification:
        """Whether the cell's responses are correct. Raises NotCounted and Stopped."""
        verification = await self.rig.order(order_to_verify(cell, planning.VERIFIED_AT_FIRST), VERIFY_TIMEOUT_S)
        if self.rig.broken or not isinstance(verification, messages.Verification):
            raise NotCounted(f"{cell.label} could not be verified")
        return verification

    async def start_counting(self) -> None:
        """Count from now on. Raises ProcessFailed and Stopped.

        What is not counted runs before counted processes of other rigs. It would wait behind them otherwise, for whole
        requests. A thread that it interrupts is the first of its process to go on (sched(7)), so none spins meanwhile.
        """
        for process in self.counted.values():
            await process.start_counting()
        if self.runs_first:
            counted = {process.child.pid for process in self.counted.values()}
            for child in (_load_of(self.rig), *self.rig.servers()):
                if child.pid not in counted:
                    run_first(child.pid, OTHERS_PRIORITY)

    async def warm_up(self, cell: CellKey) -> Windows:
        """Send all requests of a window once, and find out how large windows have to be.

        Raises RequestFailed, NotCounted, ProcessFailed and Stopped.
        """
        process = self._process(cell)
        await process.dumped()
        sent = await self._send(cell, 1)
        passes = passes_for(sent, (await process.dumped()).instructions)
        if process.empty is None:
            await self._send(cell, 0)
            process.empty = await process.dumped()
        return Windows(sent * passes, passes, process.empty)

    async def count_window(self, cell: CellKey, windows: Windows) -> None:
        """Count one window more. Raises RequestFailed, NotCounted, ProcessFailed and Stopped."""
        await self._send(cell, windows.passes)
        windows.profiles.append(await self._process(cell).dumped())

    def _process(self, cell: CellKey) -> CountedProcess:
        """What is counted of a cell."""
        return self.counted[front_process(cell, self.rig.gzip_level) if self.side == "front" else None]

    async def _send(self, cell: CellKey, passes: int) -> int:
        """Send the cell's requests so many times. Returns how many were sent."""
        order = messages.SendRequests(
            cell=cell.label,
            requests_at_most=different_requests(cell.workload.page_size),
            passes=passes,
            counted=self.side,
        )
        answer = await self.rig.order(order, REQUESTS_TIMEOUT_S)
        if self.rig.broken or not isinstance(answer, messages.RequestsSent):
            raise NotCounted(f"counting {cell.label} was cut short")
        if answer.failure is not None:
            raise RequestFailed(answer.failure)
        return answer.sent


def _directories(directory: Path, fronts: Sequence[FrontProcess], side: Side) -> dict[FrontProcess | None, Path]:
    """A directory for each counted process. Fronts are the only ones of which there are several."""
    counted: Sequence[FrontProcess | None] = fronts if side == "front" else [None]
    found = {each: directory / str(number) for number, each in enumerate(counted)}
    for own in found.values():
        own.mkdir(parents=True)
    return found


def _wrappers(side: Side, wrapped: Mapping[FrontProcess | None, Wrapper]) -> Wrappers:
    if side == "front":
        return Wrappers(fronts={each: wrapper for each, wrapper in wrapped.items() if each is not None})
    return Wrappers(producer=wrapped[None]) if side == "producer" else Wrappers(load=wrapped[None])


def _children(rig: Rig, side: Side) -> dict[FrontProcess | None, Child]:
    """The counted processes, as in `_directories`. Fronts that did not start are missing."""
    if side == "front":
        return {each: running.child for each, running in rig.fronts.items()}
    return {None: rig.producers[0].child if side == "producer" else _load_of(rig)}


def _load_of(rig: Rig) -> Child:
    """The load process."""
    assert isinstance(rig.load, LoadProcess), "what is counted runs on this machine"
    return rig.load.child


def different_requests(page_size: int | None) -> int:
    """How many different requests a window holds at most."""
    return DIFFERENT_REQUESTS if page_size is None else max(2, min(DIFFERENT_REQUESTS, DIFFERENT_RECIPES // page_size))


def passes_for(requests: int, instructions: int) -> int:
    """How many times a window repeats its requests, which take so many instructions in one pass."""
    return max(1, min(REQUESTS_AT_MOST // max(1, requests), ceil(WINDOW_INSTRUCTIONS / max(1, instructions))))


def explained(problem: str, version: str) -> str:
    """A problem with a counted process, with its cause where that is known. `version`: of Valgrind."""
    if f"ended with {-signal.SIGILL}" not in problem:
        return problem
    name = problem.partition(" ended with")[0]
    return (
        f"{name} ended with an illegal instruction: valgrind {version} does not know all instructions of this "
        "processor; install a newer valgrind"
    )
