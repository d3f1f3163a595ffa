"""Trying the limits of fronts: each is offered more than it lets through, and what the consumer sees is counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.limits import CASES, LimitCase, LimitFound, ways
from bench.load.recorder import OK
from bench.network.profile import LOOPBACK
from bench.runner.front_chain import ChainPlan, start_chain
from bench.runner.front_trials import Trial
from bench.runner.job import Job
from bench.runner.session import Session

STARTING_S = 3.0
"""About how long the processes of one case take to start and to end."""
TIMEOUT_S = 2.0
"""Of a consumer's request: where a front neither serves nor refuses, this is what ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTrial(Trial[LimitFound]):
    """One limit of one front, seen by one protocol's consumer."""

    case: LimitCase

    @property
    def text(self) -> str:
        """The limit."""
        return self.case.title

    @property
    def asked(self) -> LimitFound:
        """What the limit does."""
        return LimitFound(protocol=self.protocol, front=self.front, limit=self.case.name)

    @property
    def plan(self) -> ChainPlan:
        """What is started for it."""
        delay = self.case.round_trip_ms
        return ChainPlan(
            protocol=self.protocol,
            front=self.front,
            network=f"rtt={delay}ms" if delay else LOOPBACK,
            limits=self.case.limits,
            timeout_s=TIMEOUT_S,
        )

    async def measured(self, session: Session, job: Job, seconds: float) -> LimitFound:
        """Offer more than the limit lets through."""
        chain = await start_chain(session, job, self.plan)
        load, seed = self.case.load, str(job.plan.seed)
        await chain.verify(load)
        if self.case.settling_s:
            await chain.send(load, seconds=self.case.settling_s, seed=seed)
        done = await chain.send(load, seconds=seconds, seed=seed)
        return replace(
            self.asked,
            version=chain.version,
            requests=sum(done.outcomes.values()),
            answered=done.outcomes[OK],
            p50_ms=None if done.slice.p50_ns is None else done.slice.p50_ns / 1e6,
            ways=ways(self.protocol, done.causes),
        )


def limit_trials(protocols: Sequence[str], fronts: Sequence[str], cases: Sequence[str]) -> list[LimitTrial]:
    """All combinations, those of one protocol and front one after the other."""
    return [
        LimitTrial(protocol=protocol, front=front, case=CASES[case])
        for protocol in protocols
        for front in fronts
        for case in cases
    ]
