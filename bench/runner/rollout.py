"""A rollout: every producer behind a front is restarted, one after the other, while requests are due.

The front's configuration stays as it is. With `stop-first` the old process is stopped and the new one takes its port;
with `start-first` there is one slot more than replicas, in which the new one starts before the old one is stopped.
After each restart the operator waits until the front must have noticed.
"""

import asyncio
from collections.abc import Sequence
from time import perf_counter_ns

from msgspec.structs import replace

from bench.front_processes import tls_place
from bench.front_programs import why_not_installed
from bench.fronts.plan import FrontPlan, HealthCheck
from bench.fronts.registry import NONE, front
from bench.machine import this_process_on
from bench.runner.job import Job
from bench.runner.logged_load import NotCarriedOut, logged, start_verified_load
from bench.runner.processes import ProcessFailed
from bench.runner.replicas import NoFreePort, Replicas, start_replica
from bench.runner.session import RunningProducer, Session, Stopped
from bench.stats.restarts import Restart
from bench.stats.rollouts import Rollout, RolloutKey, rollout_of

LEAD_S = 2.0
"""Of load before the first restart."""
TAIL_S = 1.0
DRAIN_S = 15.0
"""How long a producer may take to stop, besides its notice, before it is killed."""
CHECK_TIMEOUT_S = 1.0


class Rollouts:
    """Carries out rollouts, one after the other, each with processes of its own."""

    def __init__(self, job: Job, keys: Sequence[RolloutKey], within_s: float, retries: int) -> None:
        """`within_s`: how long one may take. `retries`: how often the front sends a request again."""
        self.job = job
        self.keys = keys
        self.within_s = within_s
        self.retries = retries

    async def run(self) -> list[Rollout]:
        """Carry them all out. Those before which the user asks to stop are missing."""
        found: list[Rollout] = []
        with this_process_on(self.job.pinning.load):
            for number, key in enumerate(self.keys):
                self.job.on_progress(number / len(self.keys), f"rollout {number + 1}/{len(self.keys)}: {key.id}")
                try:
                    found.append(await self._one(key))
                except Stopped:
                    break
        return found

    async def _one(self, key: RolloutKey) -> Rollout:
        """One rollout. Raises Stopped."""
        if (reason := why_unsupported(key, self.retries)) is not None:
            return Rollout(key=key, status="unsupported", reason=reason)
        try:
            async with Session(self.job.pinning, self.job.stop) as session:
                return await session.unless_stopped(_RollingOut(session, self, key).carried_out())
        except (ProcessFailed, NoFreePort, NotCarriedOut) as error:
            return Rollout(key=key, status="failed", reason=str(error))


def why_unsupported(key: RolloutKey, retries: int) -> str | None:
    """Why a rollout cannot be carried out, in words; None where it can."""
    if key.cell.front != NONE:
        chosen = front(key.cell.front)
        return why_not_installed(chosen) or chosen.why_not(front_plan(key, (), retries))
    if key.order == "start-first":
        return "without a front, clients know one address, and two processes cannot have it at the same time"
    return None


def front_plan(key: RolloutKey, upstreams: tuple[str, ...], retries: int) -> FrontPlan:
    """What the front is configured for."""
    return FrontPlan(
        protocol=key.cell.protocol,
        upstreams=upstreams,
        tls_at=tls_place(key.cell),
        health=HealthCheck(interval_s=key.check_interval_s, timeout_s=CHECK_TIMEOUT_S),
        retries=retries,
    )


def noticed_after_s(check: HealthCheck, checks: int) -> float:
    """How long an operator waits so that the front must have noticed, by so many checks in a row."""
    return (checks + 1) * check.interval_s


class _RollingOut:
    """One rollout, while it is carried out."""

    def __init__(self, session: Session, rollouts: Rollouts, key: RolloutKey) -> None:
        self.session = session
        self.key = key
        self.job = rollouts.job
        self.rollouts = rollouts

    async def carried_out(self) -> Rollout:
        """Start everything, roll out under load, and see what it cost.

        Raises ProcessFailed, NoFreePort and NotCarriedOut.
        """
        key = self.key
        spare = int(key.order == "start-first")
        async with Replicas.while_needed(self.session, self._start_producer, key.cell.replicas, spare) as replicas:
            return await self._roll_out(replicas)

    async def _roll_out(self, replicas: Replicas) -> Rollout:
        key = self.key
        target, version = replicas.running[0].addresses.of(tls=key.cell.producer_tls), ""
        plan = front_plan(key, replicas.addresses, self.rollouts.retries)
        if key.cell.front != NONE:
            running = await self.session.start_front(front(key.cell.front), plan, self.job.certificates)
            target, version = running.target, running.version
        assert target is not None, "replicas are started with TLS where the cell has it there"
        load = await start_verified_load(self.session, self.job, key.cell, target)
        restarts, log = await logged(
            load, key.cell, self.job.plan.seed, self.rollouts.within_s, self._restart_all(replicas, plan)
        )
        return rollout_of(key, log, [_since(log.began_ns, each) for each in restarts], version)

    async def _start_producer(self, port: int) -> RunningProducer:
        notice_s = self.key.stop_notice_s
        flags = () if notice_s is None else ("--stop-notice", f"{notice_s:g}")
        return await start_replica(self.session, self.job, self.key.cell, port, flags)

    async def _restart_all(self, replicas: Replicas, plan: FrontPlan) -> list[Restart]:
        await asyncio.sleep(LEAD_S)
        restarts = [await self._restart(replicas, slot, plan) for slot in sorted(replicas.running)]
        await asyncio.sleep(TAIL_S)
        return restarts

    async def _restart(self, replicas: Replicas, slot: int, plan: FrontPlan) -> Restart:
        check = plan.health or HealthCheck()
        began_ns = perf_counter_ns()
        if self.key.order == "start-first":
            ready_ns = await self._begin(replicas, replicas.empty, check)
        stopped_ns = perf_counter_ns()
        by_itself = await replicas.end(slot, DRAIN_S + (self.key.stop_notice_s or 0.0))
        gone_ns = perf_counter_ns()
        if self.key.order == "stop-first":
            ready_ns = await self._begin(replicas, slot, check)
        else:
            await asyncio.sleep(noticed_after_s(check, check.fall))
        return Restart(
            replica=slot + 1,
            began_ns=began_ns,
            stopped_ns=stopped_ns,
            gone_ns=gone_ns,
            ready_ns=ready_ns,
            ended_ns=perf_counter_ns(),
            killed=not by_itself,
        )

    async def _begin(self, replicas: Replicas, slot: int, check: HealthCheck) -> int:
        """Start a producer, and wait until the front must have noticed. Returns when it accepted."""
        await replicas.begin(slot)
        ready_ns = perf_counter_ns()
        await asyncio.sleep(noticed_after_s(check, check.rise))
        return ready_ns


def _since(began_ns: int, restart: Restart) -> Restart:
    """The restart with times from there on."""
    names = ("began_ns", "stopped_ns", "gone_ns", "ready_ns", "ended_ns")
    return replace(restart, **{name: getattr(restart, name) - began_ns for name in names})
