"""A new connection to the producer for each request, against kept ones: slices of both in turn, with one in flight."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.front import FrontTimes
from bench.fronts.reuse import ReuseFound, SliceFigures, added, figures, of_slice
from bench.load.recorder import OK
from bench.runner.front_chain import Chain, ChainPlan, start_chain
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.producer_counts import counts_at
from bench.runner.session import Session, Stopped
from bench.spec import ClosedLoad

STARTING_S = 5.0
"""About how long the processes of one front take to start and to end."""
SLICE_S = 0.2
PAIRS_AT_LEAST = 6
LOAD = ClosedLoad(concurrency=1)
KEPT_S = 600.0
"""How long kept connections may be idle: longer than anything here takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """One front, seen by one protocol's consumer."""

    protocol: str
    front: str

    def plan(self, *, kept: bool) -> ChainPlan:
        """What is started for one way to connect."""
        times = FrontTimes(client_keep_alive_s=KEPT_S, upstream_keep_alive_s=KEPT_S if kept else 0.0)
        return ChainPlan(protocol=self.protocol, front=self.front, times=times, counting=True)


class _Side:
    """One way to connect: its processes, and what was measured of it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.slices: list[SliceFigures] = []
        self.requests = self.failed = 0

    async def measure(self, seed: str) -> SliceFigures | None:
        """Measure one more slice."""
        done = await self.chain.send(LOAD, seconds=SLICE_S, seed=seed)
        requests = sum(done.outcomes.values())
        self.requests += requests
        self.failed += requests - done.outcomes[OK]
        return of_slice(done.slice)

    async def accepted(self) -> int:
        """Connections that the producer has accepted so far."""
        return (await counts_at(self.chain.producer.metrics[0])).connections_accepted


async def compare_reuse(job: Job, tried: Sequence[Reuse], seconds: float) -> list[ReuseFound]:
    """Compare them one after the other, each for so long. Returns what was found before the user asked to stop."""
    found: list[ReuseFound] = []
    for number, one in enumerate(tried):
        job.on_progress(number / len(tried), f"{one.protocol} behind {one.front}")
        try:
            found.append(await _compare(job, one, seconds))
        except Stopped:
            break
    return found


async def _compare(job: Job, one: Reuse, seconds: float) -> ReuseFound:
    asked = ReuseFound(protocol=one.protocol, front=one.front)
    reasons = [one.plan(kept=kept).why_not() for kept in (True, False)]
    if (reason := reasons[0] or reasons[1]) is not None:
        return replace(asked, unsupported=reason)
    try:
        async with Session(job.pinning, job.stop) as session:
            return await session.unless_stopped(_measured(session, job, one, asked, seconds))
    except ProcessFailed as error:
        return replace(asked, trouble=str(error))


async def _measured(session: Session, job: Job, one: Reuse, asked: ReuseFound, seconds: float) -> ReuseFound:
    kept, new = [_Side(await start_chain(session, job, one.plan(kept=way))) for way in (True, False)]
    seed = str(job.plan.seed)
    for side in (kept, new):
        await side.chain.verify(LOAD)
        await side.chain.send(LOAD, seconds=SLICE_S, seed=seed)
    before = [await side.accepted() for side in (kept, new)]
    for number in range(max(PAIRS_AT_LEAST, round(seconds / (2 * SLICE_S)))):
        # Each comes first in turn, so that what drifts adds to both alike.
        order = (kept, new) if number % 2 else (new, kept)
        measured = {side: await side.measure(f"{seed}/{number}") for side in order}
        pair = [measured[kept], measured[new]]
        if None not in pair:
            for side, one_slice in zip((kept, new), pair, strict=True):
                assert one_slice is not None
                side.slices.append(one_slice)
    connections = [await side.accepted() - count for side, count in zip((kept, new), before, strict=True)]
    if not kept.slices:
        raise ProcessFailed(f"{kept.chain.load.child.name}: no request was successful")
    of_kept, of_new = (
        figures(side.slices, requests=side.requests, failed=side.failed, connections=count)
        for side, count in zip((kept, new), connections, strict=True)
    )
    front = kept.chain.front
    return replace(
        asked,
        version="" if front is None else front.version,
        pairs=len(kept.slices),
        kept=of_kept,
        new=of_new,
        latency=added([each.p50_us for each in kept.slices], [each.p50_us for each in new.slices]),
        front_cpu=added([each.front_cpu_us for each in kept.slices], [each.front_cpu_us for each in new.slices]),
        producer_cpu=added(
            [each.producer_cpu_us for each in kept.slices], [each.producer_cpu_us for each in new.slices]
        ),
    )
