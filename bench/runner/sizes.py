"""Sizes: the bytes of every combination, counted without timing anything."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from msgspec.structs import asdict

from bench import schedule as planning
from bench.load import messages
from bench.plan import RunPlan
from bench.results import Cell, PlanUsed, Run, RunWarning, Status
from bench.runner.front_sizes import read_sizes
from bench.runner.job import Job, RunHeader
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig, order_to_verify, start_rigs
from bench.runner.session import Session, Stopped
from bench.spec import CellKey
from bench.stats.wording import some_of

REQUESTS = 50
"""The number of requests over which sizes are counted by default, in `sizes` as in `run`. With the same questions, both
give the same bytes."""
RECIPES_AT_MOST = 4_000
"""Large pages are requested less often, so that a combination takes about this many recipes at most."""
REQUESTS_AT_LEAST = 12


@dataclass(slots=True)
class Sized:
    """What was found about one combination."""

    status: Status = "measured"
    reason: str | None = None
    found: messages.SizesRead | None = None


@dataclass(slots=True)
class Sizing:
    """What was found about all combinations, and the problems with processes."""

    combinations: dict[CellKey, Sized]
    problems: list[str] = field(default_factory=list)


def order_to_read(key: CellKey, requests: int = REQUESTS, *, anatomy: bool = False) -> messages.ReadSizes:
    """The order to count the bytes of a combination over so many requests, fewer where pages are large."""
    return messages.ReadSizes(key=key, requests=requests_for(key.workload.page_size or 0, requests), anatomy=anatomy)


def requests_for(page_size: int, requests: int) -> int:
    """How many of `requests` a combination gets. `page_size` 0: the workload has no pages."""
    return max(min(requests, REQUESTS_AT_LEAST), min(requests, RECIPES_AT_MOST // max(1, page_size)))


async def size_up(job: Job, requests: int) -> Sizing:
    """Count the bytes of every combination of the job's matrix, all protocols at the same time.

    Raises nothing for problems with a producer: the result has them. Raises Stopped.
    """
    plan = job.plan
    cells = plan.matrix.cells()
    sizing = Sizing({cell.message: Sized() for cell in cells})
    done = 0

    def one_done(cell: CellKey) -> None:
        nonlocal done
        done += 1
        job.on_progress(done / len(cells), f"combination {done}/{len(cells)}: {cell.message.label}")

    stopped = False
    async with Session(job.pinning, job.stop, sizing.problems) as session:
        rigs = await start_rigs(session, job)
        try:
            async with asyncio.TaskGroup() as protocols:
                for key, own in groupby(cells, key=lambda cell: cell.process):
                    protocols.create_task(_size_up_all(rigs.get(key), list(own), plan, sizing, requests, one_done))
        except* Stopped:
            stopped = True
    if stopped:
        raise Stopped
    return sizing


async def _size_up_all(
    rig: Rig | None,
    cells: Sequence[CellKey],
    plan: RunPlan,
    sizing: Sizing,
    requests: int,
    on_done: Callable[[CellKey], None],
) -> None:
    """Count the bytes of one rig's combinations. `rig` None: it could not be started."""
    for cell in cells:
        sized = sizing.combinations[cell.message]
        if (reason := planning.why_unsupported(cell, plan)) is not None:
            sized.status, sized.reason = "unsupported", reason
        elif rig is not None and not rig.broken:
            await _size_up_one(rig, cell, sized, requests)
        if sized.status == "measured" and sized.found is None:
            sized.status, sized.reason = "failed", "; ".join(sizing.problems)
        on_done(cell)


async def _size_up_one(rig: Rig, cell: CellKey, sized: Sized, requests: int) -> None:
    verification = await rig.order(order_to_verify(cell, planning.VERIFIED_AGAIN), VERIFY_TIMEOUT_S)
    if isinstance(verification, messages.Verification) and verification.cause is not None:
        sized.status, sized.reason = "failed" if verification.supported else "unsupported", verification.text
        return
    if rig.broken:
        return
    found = await read_sizes(rig, order_to_read(cell, requests, anatomy=True))
    if isinstance(found, messages.SizesRead):
        sized.found = found
        if found.anatomy is None:
            sized.status, sized.reason = "failed", "; ".join(found.warnings)


def sizes_run(sizing: Sizing, plan: RunPlan, header: RunHeader) -> Run:
    """The run as it is written: one row per combination, without a load."""
    used = PlanUsed(instances=1, rounds=0, seconds=None, slice_ms=0, instances_done=1, gzip_level=plan.gzip_level)
    cells = [_cell(key, sized) for key, sized in sizing.combinations.items()]
    return header.run(plan, used, cells, warnings_of(sizing))


def warnings_of(sizing: Sizing) -> list[RunWarning]:
    """What is missing and why, each reason once with the combinations that it concerns."""
    found = [RunWarning(code="process_trouble", text=f"{text}.") for text in dict.fromkeys(sizing.problems)]
    read = {key: sized.found for key, sized in sizing.combinations.items() if sized.found is not None}
    return found + unknown_sizes(read, list(sizing.combinations))


def unknown_sizes(read: Mapping[CellKey, messages.SizesRead], cells: Sequence[CellKey]) -> list[RunWarning]:
    """Notes about sizes that are not known, each reason once with those of the cells that it concerns."""
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        found = read.get(cell.message)
        for reason in found.warnings if found is not None else ():
            reasons.setdefault(reason, []).append(cell.label)
    return [
        RunWarning(
            code="sizes_unknown",
            grade="note",
            text=f"Some sizes of {some_of(names)} are not known and left out: {reason}.",
            cells=names,
        )
        for reason, names in reasons.items()
    ]


def _cell(key: CellKey, sized: Sized) -> Cell:
    found = sized.found
    shown = found if sized.status == "measured" else None
    return Cell(
        **asdict(key),
        id=key.label,
        status=sized.status,
        reason=sized.reason,
        bytes=shown.bytes if shown is not None else None,
        bytes_behind_front=shown.behind if shown is not None else None,
        tls_session=shown.tls_session if shown is not None else None,
        anatomy=found.anatomy if found is not None else None,
    )
