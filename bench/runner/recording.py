"""What is being recorded while a run goes on: slices, outcomes, histograms, sizes, memory, problems.

These values change; the results that are assembled from them do not.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from bench.load import messages
from bench.load.causes import Causes
from bench.load.recorder import OK, PROCESS_LOST, WRONG_ANSWER, sum_outcomes
from bench.results import CallsCounted, Cause, ClusterUsed, Memory, Status
from bench.slices import Slice
from bench.spec import CellKey


@dataclass(slots=True)
class CellRecording:
    """What was recorded of one cell, over all instances."""

    key: CellKey
    status: Status = "measured"
    reason: str | None = None
    slices: list[Slice] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=lambda: {OK: 0})
    causes: Causes = field(default_factory=Causes)
    """Why requests failed."""
    latency: dict[int, Any] = field(default_factory=dict)
    """Histogram by instance."""
    service: dict[int, Any] = field(default_factory=dict)
    page_size: int | None = None
    """How many recipes the fullest page had; None where the workload has no pages of the producer's own."""

    def give_up(self, status: Status, reason: str) -> None:
        """Give the cell no result. The first reason counts."""
        if self.status == "measured":
            self.status, self.reason = status, reason

    def lose(self, instance: int, round_number: int, started_ns: int) -> None:
        """Record a slice whose load process was lost with all its counts; `started_ns` since the run began."""
        lost = Slice(instance=instance, round=round_number, started_ns=started_ns, failed=1, failure=PROCESS_LOST)
        self.slices.append(lost)
        self.fail([Cause(kind=PROCESS_LOST, text="the load process ended, or no longer answered", count=1)])

    def add(self, instance: int, round_number: int, began_ns: int, done: messages.SliceDone) -> None:
        """Record a slice of a run that began at `began_ns`."""
        started_ns = done.slice.started_ns - began_ns
        self.slices.append(replace(done.slice, instance=instance, round=round_number, started_ns=started_ns))
        self.outcomes[OK] += done.outcomes.get(OK, 0)
        self.fail(done.causes)

    def warm_up(self, done: messages.SliceDone) -> None:
        """Record the failures of a slice of the warm-up, and nothing else of it."""
        self.fail(done.causes)

    def discard(self, instance: int) -> None:
        """Treat everything that was recorded in an instance as warm-up: failures still count."""
        self.outcomes[OK] -= sum(each.ok for each in self.slices if each.instance == instance)
        self.slices = [each for each in self.slices if each.instance != instance]

    def fail(self, causes: Iterable[Cause]) -> None:
        """Count requests that failed. A wrong answer takes the cell's result."""
        for cause in causes:
            self.outcomes = sum_outcomes([self.outcomes, {cause.kind: cause.count}])
            self.causes.add(cause)
            if cause.kind == WRONG_ANSWER:
                self.give_up("failed", cause.text)


@dataclass(slots=True)
class RunRecording:
    """What was recorded of a run."""

    cells: list[CellRecording]
    sizes: dict[CellKey, messages.SizesRead] = field(default_factory=dict)
    in_flight: dict[Hashable, messages.InFlightCounted] = field(default_factory=dict)
    """By CellKey.sender."""
    calls: dict[Hashable, dict[int, CallsCounted]] = field(default_factory=dict)
    """By replica or worker: by CellKey.spread, then by instance."""
    memory: dict[CellKey, Memory] = field(default_factory=dict)
    """The largest resident memory of the processes of cells, over all instances, by CellKey.path."""
    problems: list[str] = field(default_factory=list)
    """What went wrong with processes, in words."""
    instances: int = 1
    """How many the run has when it is finished."""
    instances_done: int = 0
    """How many have results: all of their rounds, or those before an interruption."""
    instances_at_once: int = 1
    """How many lived at the same time, at most."""
    warm_up_rounds: list[int] = field(default_factory=list)
    """How many rounds of each instance were not recorded, or discarded."""
    interrupted: bool = False
    cluster: ClusterUsed | None = None
    """What sent the requests; None: this machine."""

    @property
    def has_slices(self) -> bool:
        """Whether anything was recorded."""
        return any(cell.slices for cell in self.cells)

    def in_flight_at_most(self, key: CellKey) -> int | None:
        """How many requests the cell's client can have in flight; None where it can have all, or it is not known."""
        counted = self.in_flight.get(key.sender)
        return counted.reached if counted is not None and (counted.reached or 0) < counted.wanted else None
