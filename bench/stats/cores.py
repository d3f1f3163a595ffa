"""Whether the processes of a cell had a core each, from the pinning that a run recorded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.fronts import registry as fronts
from bench.load_models import ClosedLoad
from bench.spec import CellKey


@dataclass(frozen=True, slots=True)
class CoresUsed:
    """The cores that a run used."""

    producers: int
    """Those of producers; 0: nothing was pinned."""
    front: bool
    """Whether fronts had one of their own."""

    @classmethod
    def of(cls, environment: Mapping[str, Any]) -> "CoresUsed":
        """As recorded in a run's environment."""
        pinning = environment.get("pinning") or {}
        return cls(len(pinning.get("producer") or ()), bool(pinning.get("front")))

    def why_fewer(self, cell: CellKey) -> str | None:
        """Why the cell's processes had fewer cores than they keep busy, in words; None where each has one.

        With one request in flight, one process works at a time and the others wait for it. Of a producer alone that
        shares a core with the load, the run says so as a whole.
        """
        several = cell.replicas * cell.workers
        behind = cell.front != fronts.NONE
        if isinstance(cell.load, ClosedLoad) and cell.load.concurrency == 1:
            return None
        if (not behind or self.front) and several <= max(1, self.producers):
            return None
        serving = "producer" if several == 1 else f"{several} {'workers' if cell.workers > 1 else 'producers'}"
        parts = ", ".join(["load", *(["front"] if behind else []), serving])
        needed, there = 1 + behind + several, 1 + self.front + max(1, self.producers)
        return f"{needed} busy processes ({parts}) shared {there} cores"
