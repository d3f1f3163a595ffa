"""How fronts react: a replica is killed, reports that it is not ready, or hangs; then a new one takes its place.

A replica that is not ready is one that was asked to stop with a long notice: it serves on. One that hangs is stopped by
a signal (SIGSTOP): its connections stay open, and nothing answers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter_ns
from typing import NamedTuple

from msgspec.structs import replace

from bench.front_processes import tls_place
from bench.front_programs import why_not_installed
from bench.fronts.plan import FrontPlan, HealthCheck
from bench.fronts.registry import front
from bench.machine import this_process_on
from bench.runner.job import Job
from bench.runner.logged_load import NotCarriedOut, logged, start_verified_load
from bench.runner.processes import Child, ProcessFailed
from bench.runner.producer_counts import counts_at
from bench.runner.replicas import NoFreePort, Replicas, start_replica
from bench.runner.session import RunningProducer, Session, Stopped
from bench.stats.reactions import CallCounts, Fault, FrontReactions, Observed, ReactionKey, reactions_of
from producers.registry import implementation

LEAD_S = 1.0
"""Of load before each fault."""
READ_EVERY_S = 0.1
"""How often replicas are asked what they have counted."""
NOTICE_S = 3600.0
"""Of a replica that is not ready: longer than it is observed."""
START_WITHIN_S = 60.0
AGE_LIMITS = ("calls.connection_age_s", "connection_age_s")
"""Limits of producers on the age of connections. Each implementation enforces one of them, or none."""
MARGIN_S = 1.0


class Harm(NamedTuple):
    """How a replica is made to fail."""

    inflict: Callable[[Child], None]
    answers: bool
    """Whether it still says what it has counted."""


HARMS: Mapping[Fault, Harm] = {
    "killed": Harm(Child.kill, answers=False),
    "not-ready": Harm(Child.ask_to_end, answers=True),
    "hanging": Harm(Child.freeze, answers=False),
}


def age_flags(key: ReactionKey) -> tuple[str, ...]:
    """The flags with which a producer ends connections at the age of the key; none where it has none."""
    if key.connection_age_s is None:
        return ()
    return ("--limit", f"{age_limit(key)}={key.connection_age_s:g}")


def age_limit(key: ReactionKey) -> str | None:
    """The name of the producer's limit on the age of connections; None where it has no such limit."""
    row = implementation(key.cell.protocol, key.cell.implementation)
    return next((name for name in AGE_LIMITS if row.enforces(name)), None)


def why_unsupported(key: ReactionKey, plan: FrontPlan) -> str | None:
    """Why a front cannot be tried out, in words; None where it can."""
    if key.connection_age_s is not None and age_limit(key) is None:
        return (
            f"{implementation(key.cell.protocol, key.cell.implementation).title} does not limit the age of connections"
        )
    chosen = front(key.cell.front)
    return why_not_installed(chosen) or chosen.why_not(plan)


class Reactions:
    """Tries fronts out, one after the other, each with processes of its own."""

    def __init__(
        self, job: Job, keys: Sequence[ReactionKey], faults: Sequence[Fault], check_timeout_s: float, share_s: float
    ) -> None:
        """`check_timeout_s`: of one health check. `share_s`: how long a new replica is observed."""
        self.job = job
        self.keys = keys
        self.faults = faults
        self.check_timeout_s = check_timeout_s
        self.share_s = share_s

    async def run(self) -> list[FrontReactions]:
        """Try them all. Those before which the user asks to stop are missing."""
        found: list[FrontReactions] = []
        with this_process_on(self.job.pinning.load):
            for number, key in enumerate(self.keys):
                self.job.on_progress(number / len(self.keys), f"front {number + 1}/{len(self.keys)}: {key.id}")
                try:
                    found.append(await self._one(key))
                except Stopped:
                    break
        return found

    async def _one(self, key: ReactionKey) -> FrontReactions:
        """One front. Raises Stopped."""
        if (reason := why_unsupported(key, self.plan(key, ()))) is not None:
            return FrontReactions(key=key, status="unsupported", reason=reason)
        try:
            async with Session(self.job.pinning, self.job.stop) as session:
                return await session.unless_stopped(_Trial(session, self, key).carried_out())
        except (ProcessFailed, NoFreePort, NotCarriedOut) as error:
            return FrontReactions(key=key, status="failed", reason=str(error))

    def plan(self, key: ReactionKey, upstreams: tuple[str, ...]) -> FrontPlan:
        """What the front is configured for."""
        check = HealthCheck(interval_s=key.check_interval_s, timeout_s=self.check_timeout_s)
        return FrontPlan(protocol=key.cell.protocol, upstreams=upstreams, tls_at=tls_place(key.cell), health=check)

    def out_s(self, key: ReactionKey) -> float:
        """How long a fault is observed: until enough checks must have failed, even where each runs into its timeout."""
        check = HealthCheck(interval_s=key.check_interval_s, timeout_s=self.check_timeout_s)
        return (check.fall + 1) * (check.interval_s + check.timeout_s) + MARGIN_S


class _Trial:
    """One front, while it is tried out."""

    def __init__(self, session: Session, reactions: Reactions, key: ReactionKey) -> None:
        self.session = session
        self.key = key
        self.reactions = reactions
        self.job = reactions.job

    async def carried_out(self) -> FrontReactions:
        """Start everything, and try one fault after the other. Raises ProcessFailed, NoFreePort and NotCarriedOut."""
        async with Replicas.while_needed(self.session, self._start_producer, self.key.cell.replicas) as replicas:
            return await self._try_out(replicas)

    async def _try_out(self, replicas: Replicas) -> FrontReactions:
        key, reactions = self.key, self.reactions
        plan = reactions.plan(key, replicas.addresses)
        running = await self.session.start_front(front(key.cell.front), plan, self.job.certificates)
        load = await start_verified_load(self.session, self.job, key.cell, running.target)
        each_s = LEAD_S + reactions.out_s(key) + START_WITHIN_S + reactions.share_s
        work = self._try_all(replicas)
        observed, log = await logged(load, key.cell, self.job.plan.seed, each_s * len(reactions.faults), work)
        return reactions_of(key, log, [_since(log.began_ns, each) for each in observed], running.version)

    async def _start_producer(self, port: int) -> RunningProducer:
        flags = ("--stop-notice", f"{NOTICE_S:g}", *age_flags(self.key))
        return await start_replica(self.session, self.job, self.key.cell, port, flags, counting=1)

    async def _try_all(self, replicas: Replicas) -> list[Observed]:
        return [await self._try(replicas, fault) for fault in self.reactions.faults]

    async def _try(self, replicas: Replicas, fault: Fault) -> Observed:
        harm = HARMS[fault]
        slot = await self._busiest(replicas)
        child = replicas.running[slot].child
        try:
            at_ns = perf_counter_ns()
            harm.inflict(child)
            async with self._counting(replicas, asks_all=harm.answers) as out_counts:
                await asyncio.sleep(self.reactions.out_s(self.key))
            undone_ns = perf_counter_ns()
        finally:
            child.kill()
        await replicas.end(slot, 0)
        await replicas.begin(slot)
        ready_ns = perf_counter_ns()
        async with self._counting(replicas, asks_all=True) as back_counts:
            await asyncio.sleep(self.reactions.share_s)
        return Observed(
            fault=fault,
            slot=slot,
            at_ns=at_ns,
            undone_ns=undone_ns,
            ready_ns=ready_ns,
            ended_ns=perf_counter_ns(),
            out_counts=out_counts,
            back_counts=back_counts,
        )

    @asynccontextmanager
    async def _counting(self, replicas: Replicas, *, asks_all: bool) -> AsyncIterator[list[CallCounts]]:
        """What replicas have counted, read again and again until the end of the block."""
        found: list[CallCounts] = []
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._count(replicas, found)) if asks_all else None
            yield found
            if reading is not None:
                reading.cancel()

    async def _busiest(self, replicas: Replicas) -> int:
        """The replica that answers most requests, and is the one that fails: kept connections may leave others idle."""
        before = await self._calls(replicas)
        await asyncio.sleep(LEAD_S)
        after = await self._calls(replicas)
        answered = [(last or 0) - (first or 0) for first, last in zip(before, after, strict=True)]
        return answered.index(max(answered))

    async def _calls(self, replicas: Replicas) -> list[int | None]:
        addresses = (replicas.running[slot].metrics[0] for slot in range(self.key.cell.replicas))
        return list(await asyncio.gather(*map(_calls_at, addresses)))

    async def _count(self, replicas: Replicas, found: list[CallCounts]) -> None:
        while True:
            read = await self._calls(replicas)
            found.append(CallCounts(at_ns=perf_counter_ns(), calls=read))
            await asyncio.sleep(READ_EVERY_S)


async def _calls_at(address: str) -> int | None:
    """The calls that a replica has ended; None where it does not answer."""
    try:
        return (await counts_at(address)).total
    except ProcessFailed:
        return None


def _since(began_ns: int, observed: Observed) -> Observed:
    """The observation with times from there on."""

    def moved(counts: Sequence[CallCounts]) -> list[CallCounts]:
        return [replace(each, at_ns=each.at_ns - began_ns) for each in counts]

    return replace(
        observed,
        at_ns=observed.at_ns - began_ns,
        undone_ns=observed.undone_ns - began_ns,
        ready_ns=observed.ready_ns - began_ns,
        ended_ns=observed.ended_ns - began_ns,
        out_counts=moved(observed.out_counts),
        back_counts=moved(observed.back_counts),
    )
