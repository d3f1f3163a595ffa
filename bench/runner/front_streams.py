"""Trying MAX_CONCURRENT_STREAMS: calls are kept in flight below and above the limit, over one connection."""

from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.limits import ways
from bench.fronts.plan import FrontLimits
from bench.fronts.streams import FRONT, Level, StreamsAt, StreamsFound, levels, round_trip_ms
from bench.load.recorder import OK
from bench.load_models import ClosedLoad
from bench.runner.front_chain import Chain, ChainPlan, start_chain
from bench.runner.front_trials import Trial
from bench.runner.job import Job
from bench.runner.session import Session

STARTING_S = 4.0
"""About how long the processes of one front take to start and to end."""
ROUND_TRIPS = 4
"""A level lasts for so many times the latency that is expected, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsTrial(Trial[StreamsFound]):
    """One limit behind one front, seen by one protocol's consumer."""

    streams: int
    at: StreamsAt
    """Whose limit it is."""

    @property
    def text(self) -> str:
        """The limit."""
        return f"{self.streams} streams at the {self.at}"

    @property
    def asked(self) -> StreamsFound:
        """What waits before the limit."""
        return StreamsFound(
            protocol=self.protocol,
            front=self.front,
            streams=self.streams,
            at=self.at,
            round_trip_ms=round_trip_ms(self.streams),
        )

    @property
    def plan(self) -> ChainPlan:
        """What is started for it."""
        at_front = self.at == FRONT
        return ChainPlan(
            protocol=self.protocol,
            front=self.front,
            producer_flags=() if at_front else ("--limit", f"calls.streams={self.streams}"),
            network=f"rtt={self.asked.round_trip_ms}ms",
            limits=FrontLimits(streams=self.streams if at_front else None),
        )

    async def measured(self, session: Session, job: Job, seconds: float) -> StreamsFound:
        """Keep calls in flight, at one level after the other."""
        chain = await start_chain(session, job, self.plan)
        asked, seed = self.asked, str(job.plan.seed)
        in_flight = levels(self.streams)
        each_s = seconds / len(in_flight)
        found = [
            await _level(chain, count, max(each_s, ROUND_TRIPS * asked.expected_ms(count) / 1000), seed)
            for count in in_flight
        ]
        return replace(asked, version=chain.version, levels=tuple(found))


async def _level(chain: Chain, in_flight: int, seconds: float, seed: str) -> Level:
    load = ClosedLoad(concurrency=in_flight)
    await chain.verify(load)
    done = await chain.send(load, seconds=seconds, seed=seed)
    requests = sum(done.outcomes.values())
    return Level(
        in_flight=in_flight,
        requests=requests,
        failed=requests - done.outcomes[OK],
        p50_ms=None if done.slice.p50_ns is None else done.slice.p50_ns / 1e6,
        answered_hz=done.outcomes[OK] / (done.slice.duration_ns / 1e9),
        ways=ways(chain.plan.protocol, done.causes),
    )
