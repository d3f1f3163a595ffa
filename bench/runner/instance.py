"""An instance: one fresh start of everything that is measured, of which several live at the same time."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.load import messages
from bench.load.recorder import OK, SILENCE
from bench.machine import peak_memory_bytes
from bench.runner.recording import CellRecording
from bench.runner.rig import Rig
from bench.schedule import Turns
from bench.spec import CellKey

GIVE_UP_AFTER = 3
"""After so many slices in a row without a successful request, a cell is left out for the rest of its instance."""


@dataclass(slots=True)
class Instance:
    """The rigs of one instance, and what happened to them so far."""

    number: int
    rigs: dict[CellKey, Rig]
    """By CellKey.process. One that could not be started is missing."""
    turns: Turns = field(default_factory=Turns)
    rounds: int = 0
    """Recorded so far, and not discarded."""
    _unsuccessful: Counter[CellKey] = field(default_factory=Counter)
    """How many slices in a row had no successful request."""

    def rig_for(self, cell: CellRecording) -> Rig | None:
        """The rig to measure a cell with; None when it cannot be measured in this instance, or no longer."""
        rig = self.rigs.get(cell.key.process)
        if rig is None or rig.broken or cell.status != "measured" or self._unsuccessful[cell.key] >= GIVE_UP_AFTER:
            return None
        return rig

    def note(self, rig: Rig, key: CellKey, result: messages.SliceDone, workloads: Iterable[str]) -> str | None:
        """Note how a slice ended. Returns why the rig is left alone from now on, if it is.

        A rig that answers none of the `workloads` any more would make each slice last until the timeouts.
        """
        self._unsuccessful[key] = 0 if result.outcomes.get(OK) else self._unsuccessful[key] + 1
        kinds = {kind for kind, count in result.outcomes.items() if count}
        if not kinds or not kinds <= SILENCE:
            rig.silent.clear()
            return None
        rig.silent.append(key.workload.label)
        if len(rig.silent) < GIVE_UP_AFTER or not set(workloads) <= set(rig.silent):
            return None
        rig.broken = True
        return (
            f"The {rig.key.protocol} producer answered nothing in {len(rig.silent)} slices in a row "
            f"({result.causes[0].text}), so it was left out for the rest of its instance"
        )

    def memory_bytes(self) -> int | None:
        """The resident memory that all of its processes took at most, together; None where the system does not say."""
        found = [peak_memory_bytes(pid) for rig in self.rigs.values() for pid in rig.pids()]
        known = [each for each in found if each is not None]
        return sum(known) if known else None
