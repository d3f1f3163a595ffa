"""What a run found, before anything is computed from it: cells with their slices, sizes, memory, troubles."""

from dataclasses import dataclass, field
from typing import Any

from bench.load import messages
from bench.load.recorder import OK, PROCESS_LOST, WRONG_ANSWER, failures, most_frequent_failure, sum_outcomes
from bench.results import Slices, Status
from bench.spec import CellKey


@dataclass(slots=True)
class RawCell:
    """What was found about one cell, over all instances."""

    plan: CellKey
    status: Status = "measured"
    reason: str | None = None
    slices: Slices = field(default_factory=Slices)
    outcomes: dict[str, int] = field(default_factory=lambda: {OK: 0})
    latency: dict[int, Any] = field(default_factory=dict)
    """Histogram by instance."""
    service: dict[int, Any] = field(default_factory=dict)
    barren_slices: int = 0
    """Slices without a right answer, in a row."""

    def give_up(self, status: Status, reason: str) -> None:
        """This cell has no result, for the first reason given."""
        if self.status == "measured":
            self.status, self.reason = status, reason

    def lose(self, instance: int, round_number: int, started_ns: int) -> None:
        """Mark a slice whose load process was lost with all that it had counted; `started_ns` since the run began."""
        lost = messages.SliceResult(
            started_ns=started_ns,
            duration_ns=0,
            outcomes={OK: 0, PROCESS_LOST: 1},
            p50_ns=None,
            producer_cpu_ns=None,
            consumer_cpu_ns=0,
        )
        self.add(instance, round_number, 0, lost)

    def add(self, instance: int, round_number: int, began_ns: int, result: messages.SliceResult) -> None:
        """Keep one slice."""
        ok = result.outcomes.get(OK, 0)
        kept = self.slices
        kept.instance.append(instance)
        kept.round.append(round_number)
        kept.started_ns.append(result.started_ns - began_ns)
        kept.duration_ns.append(result.duration_ns)
        kept.ok.append(ok)
        kept.failed.append(failures(result.outcomes))
        kept.p50_ns.append(result.p50_ns)
        kept.producer_cpu_ns.append(result.producer_cpu_ns)
        kept.consumer_cpu_ns.append(result.consumer_cpu_ns)
        kept.send_lag_p50_ns.append(result.send_lag_p50_ns)
        kept.send_lag_max_ns.append(result.send_lag_max_ns)
        kept.window_ns.append(result.window_ns)
        kept.in_flight.append(result.in_flight)
        kept.due.append(result.due)
        kept.second_half_due.append(result.second_half_due)
        kept.second_half_ended.append(result.second_half_ended)
        kept.loop_stall_ns.append(result.loop_stall_ns)
        kept.connections_opened.append(result.connections_opened)
        kept.failure.append(most_frequent_failure(result.outcomes))
        self._count(result, ok)

    def warm_up(self, result: messages.SliceResult) -> None:
        """Keep nothing of a slice that warms up but its failures."""
        self._count(result, 0)

    def _count(self, result: messages.SliceResult, ok: int) -> None:
        self.outcomes = sum_outcomes([self.outcomes, {**result.outcomes, OK: ok}])
        self.barren_slices = 0 if result.outcomes.get(OK) else self.barren_slices + 1
        if result.outcomes.get(WRONG_ANSWER):
            self.give_up("failed", result.text)


@dataclass(slots=True)
class RawRun:
    """What a run found, before anything is computed from it."""

    cells: list[RawCell]
    sizes: dict[CellKey, messages.SizesRead] = field(default_factory=dict)
    peak_bytes: dict[CellKey, int] = field(default_factory=dict)
    """Largest resident memory of any of a rig's producer processes."""
    problems: list[str] = field(default_factory=list)
    """What went wrong with processes, in words."""
    instances_done: int = 0
    warm_up_rounds: list[int] = field(default_factory=list)
    """How many each instance took to settle."""
    interrupted: bool = False
