"""Trying the limits of fronts: each is offered more than it lets through, and what the consumer sees is counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.limits import CASES, LimitCase, LimitFound, ways
from bench.load.recorder import OK
from bench.network.profile import LOOPBACK
from bench.runner.front_chain import ChainPlan, start_chain
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session, Stopped

STARTING_S = 3.0
"""About how long the processes of one case take to start and to end."""
SHORTEST_S, LONGEST_S = 1.0, 10.0
TIMEOUT_S = 2.0
"""Of a consumer's request: where a front neither serves nor refuses, this is what ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One limit of one front, seen by one protocol's consumer."""

    protocol: str
    front: str
    case: LimitCase

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


def trials(protocols: Sequence[str], fronts: Sequence[str], cases: Sequence[str]) -> list[Trial]:
    """All combinations, those of one protocol and front one after the other."""
    return [
        Trial(protocol=protocol, front=front, case=CASES[case])
        for protocol in protocols
        for front in fronts
        for case in cases
    ]


def seconds_each(seconds: float, count: int) -> float:
    """For how long each of so many trials is offered requests, so that all take about `seconds`."""
    return min(max(seconds / max(count, 1) - STARTING_S, SHORTEST_S), LONGEST_S)


async def try_limits(job: Job, tried: Sequence[Trial], seconds: float) -> list[LimitFound]:
    """Try them one after the other, each for so long. Returns what was found before the user asked to stop."""
    found: list[LimitFound] = []
    for number, trial in enumerate(tried):
        job.on_progress(number / len(tried), f"{trial.protocol} behind {trial.front}: {trial.case.title}")
        try:
            found.append(await _try(job, trial, seconds))
        except Stopped:
            break
    return found


async def _try(job: Job, trial: Trial, seconds: float) -> LimitFound:
    asked = LimitFound(protocol=trial.protocol, front=trial.front, limit=trial.case.name)
    if (reason := trial.plan.why_not()) is not None:
        return replace(asked, unsupported=reason)
    try:
        async with Session(job.pinning, job.stop) as session:
            return await session.unless_stopped(_offered(session, job, trial, asked, seconds))
    except ProcessFailed as error:
        return replace(asked, trouble=str(error))


async def _offered(session: Session, job: Job, trial: Trial, asked: LimitFound, seconds: float) -> LimitFound:
    chain = await start_chain(session, job, trial.plan)
    load = trial.case.load
    await chain.verify(load)
    if trial.case.settling_s:
        await chain.send(load, seconds=trial.case.settling_s, seed=str(job.plan.seed))
    done = await chain.send(load, seconds=seconds, seed=str(job.plan.seed))
    return replace(
        asked,
        version="" if chain.front is None else chain.front.version,
        requests=sum(done.outcomes.values()),
        answered=done.outcomes[OK],
        p50_ms=None if done.slice.p50_ns is None else done.slice.p50_ns / 1e6,
        ways=ways(trial.protocol, done.causes),
    )
