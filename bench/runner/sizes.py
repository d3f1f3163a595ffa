"""Sizing up: every combination's bytes, without timing anything. One producer and one load process a protocol."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from bench import schedule as planning
from bench.load import messages
from bench.load.recorder import OK
from bench.machine import Pinning
from bench.results import Status
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_prove, start_rigs
from bench.runner.session import Session
from bench.spec import CellKey, RunPlan

RECIPES_AT_MOST = 4_000
"""Large pages are asked for less often, so that about so many recipes are enough for a combination."""
REQUESTS_AT_LEAST = 12


@dataclass(slots=True)
class SizedUp:
    """What was found about one combination."""

    status: Status = "measured"
    reason: str | None = None
    found: messages.Dissection | None = None


@dataclass(slots=True)
class Sizing:
    """What was found about all of them, and what went wrong with processes, in words."""

    combinations: dict[CellKey, SizedUp]
    troubles: list[str] = field(default_factory=list)


def requests_for(page_size: int, requests: int) -> int:
    """How many requests a combination is given out of those wanted; `page_size` 0: it has no pages."""
    return max(min(requests, REQUESTS_AT_LEAST), min(requests, RECIPES_AT_MOST // max(1, page_size)))


async def size_up(
    plan: RunPlan,
    *,
    ids: Sequence[int],
    requests: int,
    certificates: Path | None,
    pinning: Pinning,
    on_progress: Callable[[float, str], None],
) -> Sizing:
    """Size up every combination of the plan's matrix, its protocols side by side, since nothing is timed.

    Raises nothing for what goes wrong with a producer: that stands in what is returned.
    """
    cells = plan.matrix.cells()
    sizing = Sizing({cell.message: SizedUp() for cell in cells})
    done = 0

    def one_done(cell: CellKey) -> None:
        nonlocal done
        done += 1
        on_progress(done / len(cells), cell.label)

    async with Session(pinning, problems=sizing.troubles) as session:
        rigs = await start_rigs(session, plan, instance=0, ids=ids, certificates=certificates)
        async with asyncio.TaskGroup() as protocols:
            for key, own in groupby(cells, key=lambda cell: cell.process):
                protocols.create_task(_size_up_all(rigs.get(key), list(own), plan, sizing, requests, one_done))
    return sizing


async def _size_up_all(
    rig: Rig | None,
    cells: Sequence[CellKey],
    plan: RunPlan,
    sizing: Sizing,
    requests: int,
    on_done: Callable[[CellKey], None],
) -> None:
    """Size up the combinations of one rig; None: it could not be started."""
    for cell in cells:
        sized = sizing.combinations[cell.message]
        if (reason := planning.why_unsupported(cell, plan)) is not None:
            sized.status, sized.reason = "unsupported", reason
        elif rig is not None and not rig.broken:
            await _size_up_one(rig, cell, sized, requests)
        if sized.status == "measured" and sized.found is None:
            sized.status, sized.reason = "failed", "; ".join(sizing.troubles)
        on_done(cell)


async def _size_up_one(rig: Rig, cell: CellKey, sized: SizedUp, requests: int) -> None:
    proof = await rig.order(order_to_prove(cell, planning.PROVED_AGAIN), VERIFY_TIMEOUT_S)
    if isinstance(proof, messages.Proof) and proof.outcome != OK:
        sized.status, sized.reason = "failed" if proof.supported else "unsupported", proof.text
        return
    if rig.broken:
        return
    order = messages.Dissect(key=cell, requests=requests_for(cell.workload.page_size or 0, requests))
    found = await rig.order(order, VERIFY_TIMEOUT_S)
    if isinstance(found, messages.Dissection):
        sized.found = found
        if found.anatomy is None:
            sized.status, sized.reason = "failed", "; ".join(found.warnings)
