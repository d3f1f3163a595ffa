"""Keep-alive limits that do not match: requests are sent after idle times around the limit of a producer or a front."""

from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.keep_alive import Closer, IdleTimes, KeepAliveFound, bands, burst_s, idle_bursts
from bench.fronts.limits import ways
from bench.fronts.plan import FrontTimes
from bench.fronts.registry import NONE
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
LONG_S = 3600.0
"""How long connections are kept that are not tried, so that only the others end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAliveTrial(Trial[KeepAliveFound]):
    """One pair of limits, behind one front, seen by one protocol's consumer."""

    closed_by: Closer = "producer"
    """`producer` without a front."""
    closed_after_s: float
    kept_s: float
    """After how long the one that has opened a connection would close it itself."""
    retries: int = 0
    network: str = LOOPBACK
    """Over the connections that are tried."""
    idle_s: float
    """The idle time around which requests are sent."""
    burst: int

    @property
    def text(self) -> str:
        """The limits."""
        return f"closed by the {self.closed_by} after {self.closed_after_s:g} s, kept for {self.kept_s:g} s"

    @property
    def asked(self) -> KeepAliveFound:
        """What becomes of requests around the limit."""
        return KeepAliveFound(
            protocol=self.protocol,
            front=self.front,
            closed_by=self.closed_by,
            closed_after_s=self.closed_after_s,
            kept_s=self.kept_s,
            retries=self.retries,
            idle_s=self.idle.range_s,
        )

    @property
    def plan(self) -> ChainPlan:
        """What is started for it."""
        if self.closed_by == "front":
            return ChainPlan(
                protocol=self.protocol,
                front=self.front,
                producer_flags=_keep_alive(LONG_S),
                client_network=self.network,
                consumer_keep_alive_s=self.kept_s,
                times=FrontTimes(client_keep_alive_s=self.closed_after_s, upstream_keep_alive_s=LONG_S),
            )
        return ChainPlan(
            protocol=self.protocol,
            front=self.front,
            producer_flags=_keep_alive(self.closed_after_s),
            network=self.network,
            consumer_keep_alive_s=self.kept_s if self.front == NONE else LONG_S,
            times=FrontTimes(client_keep_alive_s=LONG_S, upstream_keep_alive_s=self.kept_s),
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
            # The connection of the first request may have ended just now. There is no other.
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


def _keep_alive(seconds: float) -> tuple[str, ...]:
    """The flags of a producer."""
    return "--limit", f"keep_alive_s={seconds:g}"


def _causes(log: RequestLog) -> list[Cause]:
    """Why requests failed, the most frequent cause first."""
    found = Causes()
    found.add_all(log.different_causes)
    return found.found()
