"""A rig with one side under callgrind: it counts what that side executes between two dumps."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from statistics import median
from typing import Literal

from bench import schedule as planning
from bench.callgrind.libraries import library
from bench.callgrind.profile import NotAProfile, Profile, parse
from bench.callgrind.tool import ENVIRONMENT, Valgrind
from bench.load import messages
from bench.machine import run_first
from bench.results import InstructionCount
from bench.runner.job import Job
from bench.runner.processes import UNWRAPPED, Child, LoadProcess, ProcessFailed, Wrapper
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rig
from bench.runner.session import Session
from bench.spec import CellKey
from bench.stats.instructions import estimate

Side = Literal["producer", "consumer"]

DIFFERENT_REQUESTS = 64
"""How many different requests a window holds, where each asks for one recipe. All protocols send the same ones."""
DIFFERENT_RECIPES = 40
"""How many recipes a window asks for where a request asks for several, in two requests at least."""
REQUESTS_AT_MOST = 128
WINDOW_INSTRUCTIONS = 60_000_000
"""A window repeats its requests until it has about so many instructions, or REQUESTS_AT_MOST: garbage collections and
other work that is not done for each request have to be spread over many."""
OTHER_SIDE_PRIORITY = 2
"""Of what is not counted (SCHED_FIFO). Counted processes have 1."""
ORDER_PRIORITY = 3
"""Of what sends a counted process its orders. Where processes of a priority take all of the CPUs' time, others get 5 %
of it (sched(7)), and on a busy machine share that."""
REQUESTS_TIMEOUT_S = 600.0
DUMP_TIMEOUT_S = 60.0


class NotCounted(Exception):
    """The counted side does not answer as it should. The text is one line."""


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
    found = estimate([median(each.per_request) for each in instances.values()] if len(instances) > 1 else windows)
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
    """A rig, its counted process, and where that writes its dumps."""

    session: Session
    valgrind: Valgrind
    directory: Path
    side: Side
    rig: Rig
    runs_first: bool = False
    """Whether nothing interrupts the threads of the counted process."""
    _dumps: int = 0
    _empty: Profile | None = None

    @classmethod
    async def start(
        cls, session: Session, job: Job, key: CellKey, side: Side, valgrind: Valgrind, directory: Path
    ) -> "CountedRig":
        """Start the rig of this process key. Raises ProcessFailed and Stopped."""
        wrapper = Wrapper(valgrind.counting(directory), ENVIRONMENT)
        wrapped = (wrapper, UNWRAPPED) if side == "producer" else (UNWRAPPED, wrapper)
        rig = await session.unless_stopped(start_rig(session, job, key, *wrapped))
        return cls(session, valgrind, directory, side, rig)

    @property
    def child(self) -> Child:
        """The counted process."""
        producers = self.rig.producers
        return producers[0].child if self.side == "producer" and producers else self._load

    @property
    def _other(self) -> Child:
        """The process of the other side."""
        producers = self.rig.producers
        return producers[0].child if self.side == "consumer" and producers else self._load

    @property
    def _load(self) -> Child:
        """The load process."""
        assert isinstance(self.rig.load, LoadProcess), "what is counted runs on this machine"
        return self.rig.load.child

    async def verify(self, cell: CellKey) -> messages.Verification:
        """Whether the cell's responses are correct. Raises NotCounted and Stopped."""
        verification = await self.rig.order(order_to_verify(cell, planning.VERIFIED_AT_FIRST), VERIFY_TIMEOUT_S)
        if self.rig.broken or not isinstance(verification, messages.Verification):
            raise NotCounted(f"{cell.label} could not be verified")
        return verification

    async def start_counting(self) -> None:
        """Count from now on, with nothing else on the CPU where that is permitted. Raises ProcessFailed and Stopped.

        Threads then take turns in the same way every time, each until it waits. Otherwise one may be interrupted while
        it holds a lock, for which others spin: waiting, which would be counted as work.

        The other side runs before counted processes of other rigs. It would wait behind them otherwise, for whole
        requests. A thread that it interrupts is the first of its process to go on (sched(7)), so none spins meanwhile.
        """
        self.runs_first = run_first(self.child.pid)
        if self.runs_first:
            run_first(self._other.pid, OTHER_SIDE_PRIORITY)
        await self._order(self.valgrind.start_counting(self.directory, self.child.pid))

    async def warm_up(self, cell: CellKey) -> Windows:
        """Send all requests of a window, and once more to find out how large windows have to be.

        Raises RequestFailed, NotCounted, ProcessFailed and Stopped.
        """
        await self._send(cell, 1)
        await self._dumped()
        if self._empty is None:
            await self._send(cell, 0)
            self._empty = await self._dumped()
        sent = await self._send(cell, 1)
        passes = passes_for(sent, (await self._dumped()).instructions)
        return Windows(sent * passes, passes, self._empty)

    async def count_window(self, cell: CellKey, windows: Windows) -> None:
        """Count one window more. Raises RequestFailed, NotCounted, ProcessFailed and Stopped."""
        await self._send(cell, windows.passes)
        windows.profiles.append(await self._dumped())

    async def _send(self, cell: CellKey, passes: int) -> int:
        """Send the cell's requests so many times. Returns how many were sent."""
        order = messages.SendRequests(
            cell=cell.label,
            requests_at_most=different_requests(cell.workload.page_size),
            passes=passes,
            producer_idle=self.side == "producer",
        )
        answer = await self.rig.order(order, REQUESTS_TIMEOUT_S)
        if self.rig.broken or not isinstance(answer, messages.RequestsSent):
            raise NotCounted(f"counting {cell.label} was cut short")
        if answer.failure is not None:
            raise RequestFailed(answer.failure)
        return answer.sent

    async def _dumped(self) -> Profile:
        """What was executed since the last call."""
        await self._order(self.valgrind.dump(self.directory, self.child.pid))
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

    async def _order(self, command: Sequence[str]) -> None:
        try:
            priority = ORDER_PRIORITY if self.runs_first else None
            await self.session.unless_stopped(self.session.run_to_end("vgdb", command, DUMP_TIMEOUT_S, priority))
        except ProcessFailed as error:
            await self.child.raise_if_ended()
            raise error from None


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
