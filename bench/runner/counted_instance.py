"""One instance whose instructions are counted: fresh processes of one producer, of two versions of it in turns."""

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from bench.callgrind.tool import Valgrind
from bench.machine import Pinning
from bench.results import Side, Status
from bench.runner.counted_process import NotCounted
from bench.runner.counted_rig import CountedRig, RequestFailed, Windows, explained
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from bench.spec import CellKey
from bench.stats.instructions import is_precise

WINDOWS = 6
"""Of one version: the fewest for which the range is an interval of the median with 95 %."""
WINDOWS_AT_MOST = 12
"""Where windows differ more, they become so many, and single ones no longer count."""
PAIRS = 3
"""Of two versions: enough for a median. What more of them would show is how windows of these processes differ, and not
how processes do."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a cell was not counted."""

    status: Status
    reason: str


@dataclass(slots=True)
class Found:
    """What was found about each cell in one instance: windows or a failure."""

    windows: dict[CellKey, Windows] = field(default_factory=dict)
    failures: dict[CellKey, Failure] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """With processes."""
    interrupted: bool = False
    """Whether other processes may have interrupted those that were counted."""


class CountedInstance:
    """Counts one side of cells that one producer serves. Two versions run at the same time and take turns."""

    def __init__(
        self, number: int, job: Job, valgrind: Valgrind, side: Side, cells: Sequence[CellKey], random: Random
    ) -> None:
        """`number`: from 1. `random`: the order of versions and cells."""
        self.number = number
        self.cells = random.sample(cells, len(cells)) if job.plan.compares_versions else list(cells)
        self._job = job
        self._valgrind = valgrind
        self._side = side
        self._random = random
        self._rigs: dict[CellKey, CountedRig] = {}
        self._found = Found()

    async def count(self, pinning: Pinning, on_done: Callable[[CellKey], None]) -> Found:
        """Start the processes, count cell by cell, and end the processes. Raises Stopped.

        `on_done` is called once a cell is done.
        """
        problems: list[str] = []
        with tempfile.TemporaryDirectory(prefix="recipe-lab-callgrind-") as directory:
            try:
                async with Session(pinning, self._job.stop, problems) as session:
                    for number, key in enumerate(dict.fromkeys(cell.process for cell in self.cells)):
                        own = Path(directory) / str(number)
                        self._rigs[key] = await CountedRig.start(
                            session, self._job, key, self._side, self._valgrind, own, instance=self.number
                        )
                    session.pin()
                    await self._count_all(on_done)
            except (ProcessFailed, NotCounted) as error:
                problems.append(str(error))
        self._found.problems = [explained(text, self._valgrind.version) for text in problems]
        for cell in self.cells:
            if cell not in self._found.windows:
                self._fail(cell, "failed", "; ".join(self._found.problems))
        return self._found

    async def _count_all(self, on_done: Callable[[CellKey], None]) -> None:
        for cell in self.cells:
            verification = await self._rigs[cell.process].verify(cell)
            if verification.cause is not None:
                self._fail(cell, "failed" if verification.supported else "unsupported", verification.text)
        for rig in self._rigs.values():
            await rig.start_counting()
            self._found.interrupted |= not rig.runs_first
        groups: dict[object, list[CellKey]] = {}
        for cell in self.cells:
            groups.setdefault(cell.without("version"), []).append(cell)
        for group in groups.values():
            if left := [cell for cell in group if cell not in self._found.failures]:
                await self._count(left)
            for cell in group:
                on_done(cell)

    def _fail(self, cell: CellKey, status: Status, reason: str) -> None:
        """The first reason counts."""
        self._found.failures.setdefault(cell, Failure(status, reason))

    async def _count(self, cells: Sequence[CellKey]) -> None:
        """Count cells in turns, until that is enough. What disturbs one for a while then disturbs the others, too."""
        found: dict[CellKey, Windows] = {}
        cell = cells[0]
        try:
            for cell in cells:
                found[cell] = await self._rigs[cell.process].warm_up(cell)
            while not self._enough(found.values()):
                for cell in self._random.sample(cells, len(cells)):
                    await self._rigs[cell.process].count_window(cell, found[cell])
        except RequestFailed as error:
            self._fail(cell, "failed", str(error))
            for other in cells:
                self._fail(other, "failed", f"counted in turns with {cell.label}, of which a request failed")
        else:
            self._found.windows |= found

    def _enough(self, counted: Iterable[Windows]) -> bool:
        """Whether no more windows are needed."""
        windows = [each.per_request for each in counted]
        done = min(map(len, windows))
        if self._job.plan.compares_versions:
            return done >= PAIRS
        return done >= WINDOWS_AT_MOST or (done >= WINDOWS and all(map(is_precise, windows)))
