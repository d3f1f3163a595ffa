"""Keep-alive limits that do not match: requests are sent through a front after idle times around a producer's limit."""

from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.keep_alive import IdleTimes, KeepAliveFound, bands, burst_s, idle_bursts
from bench.fronts.limits import ways
from bench.fronts.plan import FrontTimes
from bench.load.bursts import Bursts
from bench.load.causes import Causes
from bench.load_models import OpenLoad
from bench.network.profile import LOOPBACK, parse
from bench.request_log import RequestLog
from bench.results import Cause
from bench.runner.front_chain import ChainPlan, start_chain
from bench.runner.front_trials import Trial
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session

STARTING_S = 4.0
"""About how long the processes of one pair of limits take to start and to end."""
CALIBRATION_S, BETWEEN_S = 0.8, 0.2
"""To learn how long a burst takes."""
OF_CLIENTS_S = 3600.0
"""How long a front keeps idle connections of clients, so that only those to the producer end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAliveTrial(Trial[KeepAliveFound]):
    """One pair of limits, behind one front, seen by one protocol's consumer."""

    producer_s: float
    front_s: float
    retries: int = 0
    network: str = LOOPBACK
    """Between front and producer."""
    idle_s: float
    """The idle time around which requests are sent."""
    burst: int

    @property
    def text(self) -> str:
        """The limits."""
        return f"producer {self.producer_s:g} s, front {self.front_s:g} s"

    @property
    def asked(self) -> KeepAliveFound:
        """What becomes of requests around the limit."""
        return KeepAliveFound(
            protocol=self.protocol,
            front=self.front,
            producer_keep_alive_s=self.producer_s,
            front_keep_alive_s=self.front_s,
            retries=self.retries,
            idle_s=self.idle.range_s,
        )

    @property
    def plan(self) -> ChainPlan:
        """What is started for it."""
        return ChainPlan(
            protocol=self.protocol,
            front=self.front,
            producer_flags=("--limit", f"keep_alive_s={self.producer_s:g}"),
            network=self.network,
            times=FrontTimes(client_keep_alive_s=OF_CLIENTS_S, upstream_keep_alive_s=self.front_s),
            retries=self.retries,
        )

    @property
    def idle(self) -> IdleTimes:
        """The idle times that are tried."""
        round_trip_ns = 0 if self.network == LOOPBACK else parse(self.network).rtt_ns
        return IdleTimes(self.idle_s, round_trip_ns / 1e9)

    async def measured(self, session: Session, job: Job, seconds: float) -> KeepAliveFound:
        """Send bursts after idle times around the limit."""
        chain = await start_chain(session, job, self.plan)
        shortest_s, longest_s = self.idle.range_s
        load = OpenLoad(rate_hz=self.burst * 2 / (shortest_s + longest_s))
        try:
            await chain.verify(load)
        except ProcessFailed:
            # The connection over which the front forwarded its first request may have ended just now. It has no other.
            await chain.verify(load)

        async def logged(shortest_s: float, longest_s: float, seconds: float) -> RequestLog:
            bursts = Bursts(size=self.burst, shortest_ns=round(shortest_s * 1e9), longest_ns=round(longest_s * 1e9))
            return await chain.log(load, seconds=seconds, seed=str(job.plan.seed), bursts=bursts)

        before = await logged(BETWEEN_S, BETWEEN_S, CALIBRATION_S)
        took_s = burst_s(before.requests())
        log = await logged(shortest_s + took_s, longest_s + took_s, seconds)
        return replace(
            self.asked,
            version=chain.version,
            bands=bands(list(idle_bursts(log.requests())), self.idle),
            ways=ways(self.protocol, _causes(log)),
        )


def _causes(log: RequestLog) -> list[Cause]:
    """Why requests failed, the most frequent cause first."""
    found = Causes()
    found.add_all(log.different_causes)
    return found.found()
