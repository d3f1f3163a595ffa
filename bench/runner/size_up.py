"""Sizing up: every combination's bytes, without timing anything. One producer and one load process a protocol."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import schedule as planning
from bench.cores import Pinning
from bench.load import messages, outcomes
from bench.results import Status
from bench.runner.processes import LoadProcess, ProcessFailed, RunningProducer, start_producer
from bench.schedule import RunPlan
from bench.spec import CellPlan, Combination

ORDER_TIMEOUT_S = 120.0
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

    combinations: dict[Combination, SizedUp]
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
    cells = [CellPlan(combination, plan.matrix.loads[0]) for combination in plan.matrix.combinations()]
    sizing = Sizing({cell.combination: SizedUp() for cell in cells})
    done = 0

    def one_done(cell: CellPlan) -> None:
        nonlocal done
        done += 1
        on_progress(done / len(cells), cell.combination.label)

    async def size_up_protocol(protocol: str) -> None:
        own = [cell for cell in cells if cell.combination.protocol == protocol]
        try:
            await _with_processes(plan, protocol, own, sizing, ids, requests, certificates, pinning, one_done)
        except ProcessFailed as error:
            sizing.troubles.append(str(error))
            for cell in own:
                sized = sizing.combinations[cell.combination]
                if sized.status == "measured" and sized.found is None:
                    sized.status, sized.reason = "failed", str(error)

    async with asyncio.TaskGroup() as protocols:
        for protocol in plan.matrix.protocols:
            protocols.create_task(size_up_protocol(protocol))
    return sizing


async def _with_processes(
    plan: RunPlan,
    protocol: str,
    cells: Sequence[CellPlan],
    sizing: Sizing,
    ids: Sequence[int],
    requests: int,
    certificates: Path | None,
    pinning: Pinning,
    on_done: Callable[[CellPlan], None],
) -> None:
    producer: RunningProducer | None = None
    load: LoadProcess | None = None
    target = plan.versions[0].targets.get(protocol)
    try:
        if target is None:
            producer = await start_producer(
                protocol,
                recipes=plan.recipes,
                gzip=planning.gzip_served(protocol, plan),
                gzip_level=plan.gzip_level,
                flags=planning.producer_flags(protocol, plan),
                certificates=certificates,
                cores=pinning.producer,
            )
        setup = messages.Setup(
            protocol=protocol,
            direct=messages.Route(
                plain=producer.plain if producer else target.plain if target else None,
                tls=producer.tls if producer else target.tls if target else None,
            ),
            ca=plan.ca or (None if certificates is None else str(certificates / "ca.pem")),
            recipes=plan.recipes,
            ids=list(ids),
            known=plan.known,
            timeout_s=plan.timeout_s,
            producer_pid=None,
        )
        load = await LoadProcess.start(protocol, setup, pinning.load)
        for cell in cells:
            sized = sizing.combinations[cell.combination]
            if (reason := planning.why_unsupported(cell.combination, plan)) is not None:
                sized.status, sized.reason = "unsupported", reason
            else:
                await _size_up_one(load, cell, sized, requests)
            on_done(cell)
    finally:
        for child in [load.child if load else None, producer.child if producer else None]:
            if child is not None:
                await child.stop()


async def _size_up_one(load: LoadProcess, cell: CellPlan, sized: SizedUp, requests: int) -> None:
    combination = cell.combination
    workload = combination.workload
    proof = await load.order(
        messages.Prove(
            cell=cell.id,
            workload=workload.name,
            page_size=workload.page_size,
            gzip=combination.gzip,
            tls=combination.tls,
            load=cell.load,
            questions_at_most=planning.PROVED_AGAIN,
            dialect=combination.dialect,
        ),
        ORDER_TIMEOUT_S,
    )
    if isinstance(proof, messages.Proof) and proof.outcome != outcomes.OK:
        sized.status, sized.reason = "failed" if proof.supported else "unsupported", proof.text
        return
    found = await load.order(
        messages.Dissect(
            workload=workload.name,
            page_size=workload.page_size,
            gzip=combination.gzip,
            tls=combination.tls,
            requests=requests_for(workload.page_size, requests),
            dialect=combination.dialect,
        ),
        ORDER_TIMEOUT_S,
    )
    assert isinstance(found, messages.Dissection)
    sized.found = found
    if found.anatomy is None:
        sized.status, sized.reason = "failed", "; ".join(found.warnings)
