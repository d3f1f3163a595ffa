"""A new connection to the producer for each request, against kept ones: slices of both in turn, with one in flight."""

from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.plan import FrontTimes
from bench.fronts.reuse import ReuseFound, SliceFigures, added, figures, of_slice
from bench.load.recorder import OK
from bench.load_models import ClosedLoad
from bench.runner.front_chain import Chain, ChainPlan, start_chain
from bench.runner.front_trials import Trial
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.producer_counts import counts_at
from bench.runner.session import Session

STARTING_S = 5.0
"""About how long the processes of one front take to start and to end."""
SLICE_S = 0.2
PAIRS_AT_LEAST = 6
LOAD = ClosedLoad(concurrency=1)
KEPT_S = 600.0
"""How long kept connections may be idle: longer than anything here takes."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ReuseTrial(Trial[ReuseFound]):
    """Both ways to connect."""

    @property
    def text(self) -> str:
        """What is compared."""
        return "new connections against kept ones"

    @property
    def asked(self) -> ReuseFound:
        """What a new connection for each request costs."""
        return ReuseFound(protocol=self.protocol, front=self.front)

    @property
    def plan(self) -> ChainPlan:
        """With a new connection for each request, which not every front can do."""
        return self._plan(upstream_s=0.0)

    @property
    def kept_plan(self) -> ChainPlan:
        """With kept connections."""
        return self._plan(upstream_s=KEPT_S)

    def _plan(self, *, upstream_s: float) -> ChainPlan:
        times = FrontTimes(client_keep_alive_s=KEPT_S, upstream_keep_alive_s=upstream_s)
        return ChainPlan(protocol=self.protocol, front=self.front, times=times, counting=True)

    async def measured(self, session: Session, job: Job, seconds: float) -> ReuseFound:
        """Measure slices of both in turn."""
        return await _compared(session, job, self, seconds)


async def _compared(session: Session, job: Job, trial: ReuseTrial, seconds: float) -> ReuseFound:
    kept, new = [_Side(await start_chain(session, job, plan)) for plan in (trial.kept_plan, trial.plan)]
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
    return replace(
        trial.asked,
        version=kept.chain.version,
        pairs=len(kept.slices),
        kept=of_kept,
        new=of_new,
        latency=added([each.p50_us for each in kept.slices], [each.p50_us for each in new.slices]),
        front_cpu=added([each.front_cpu_us for each in kept.slices], [each.front_cpu_us for each in new.slices]),
        producer_cpu=added(
            [each.producer_cpu_us for each in kept.slices], [each.producer_cpu_us for each in new.slices]
        ),
    )
