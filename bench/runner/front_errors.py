"""Who sees an error: requests fail in several ways, and consumer, front and producer say what they counted."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from bench.fronts.errors import GONE, HANGING, KILLED, UNKNOWN, ErrorsFound, Incident, front_errors
from bench.fronts.limits import ways
from bench.fronts.plan import FrontTimes
from bench.load import messages
from bench.load.recorder import OK
from bench.load_models import OpenLoad
from bench.runner.front_chain import Chain, ChainPlan, start_chain
from bench.runner.front_trials import Trial
from bench.runner.job import Job
from bench.runner.processes import ProcessFailed
from bench.runner.producer_counts import ProducerCounts, counts_at
from bench.runner.session import Session

STARTING_S = 4.0
"""About how long the processes of one incident take to start and to end."""
LOAD = OpenLoad(rate_hz=50, arrivals="constant")
UNKNOWN_IDS = 10
"""Of recipes that do not exist, requested beside as many others."""
RESPONSE_S, TIMEOUT_S = 0.3, 2.0
"""How long the front waits for a producer that hangs; and how long a consumer does, where there is no front."""
IN_FLIGHT_S = 0.3
"""From the last request to the death of the producer: they are all on their way by then."""
SETTLED_WITHIN_S = 10.0
BETWEEN_READINGS_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsTrial(Trial[ErrorsFound]):
    """One incident behind one front, for one protocol."""

    incident: Incident

    @property
    def text(self) -> str:
        """The incident."""
        return self.incident.title

    @property
    def asked(self) -> ErrorsFound:
        """Who sees the errors."""
        return ErrorsFound(protocol=self.protocol, front=self.front, incident=self.incident.name)

    @property
    def plan(self) -> ChainPlan:
        """What is started for it."""
        hangs = self.incident.name == HANGING
        return ChainPlan(
            protocol=self.protocol,
            front=self.front,
            times=FrontTimes(response_s=RESPONSE_S) if hangs else FrontTimes(),
            counts_calls=True,
            counting=True,
            timeout_s=TIMEOUT_S,
            unknown_ids=UNKNOWN_IDS if self.incident.name == UNKNOWN else 0,
        )

    async def measured(self, session: Session, job: Job, seconds: float) -> ErrorsFound:
        """Let requests fail, and ask front and producer what they counted."""
        chain = await start_chain(session, job, self.plan)
        await chain.verify(LOAD)
        front = chain.front
        before = None if front is None else await front.counts()
        producer_before = await counts_at(chain.producer.metrics[0])
        done = await CARRIED_OUT[self.incident.name](chain, seconds, str(job.plan.seed))
        after = None if front is None else await front.counts()
        served = await _settled(chain, producer_before) if chain.producer.child.alive else None
        requests = sum(done.outcomes.values())
        return replace(
            self.asked,
            version=chain.version,
            requests=requests,
            consumer=requests - done.outcomes[OK],
            front_errors=None if before is None or after is None else front_errors(before, after),
            producer_statuses=None if served is None else _with_error_status(served),
            producer_errors=None if served is None else served.failed,
            ways=ways(self.protocol, done.causes),
        )


def _with_error_status(served: ProducerCounts) -> int:
    return sum(count for end, count in served.calls.items() if end.status >= 400)


async def _settled(chain: Chain, before: ProducerCounts) -> ProducerCounts:
    """What the producer counted since, once no call is in flight. Raises ProcessFailed."""
    producer = chain.producer
    try:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while (counts := await counts_at(producer.metrics[0])).in_flight:  # noqa: ASYNC110 - another process
                await asyncio.sleep(BETWEEN_READINGS_S)
    except TimeoutError:
        text = f"{producer.child.name} still had calls in flight {SETTLED_WITHIN_S:g} s after the last request"
        raise ProcessFailed(text) from None
    return counts.since(before)


async def _unknown(chain: Chain, seconds: float, seed: str) -> messages.SliceDone:
    return await chain.send(LOAD, seconds=seconds, seed=seed)


async def _hanging(chain: Chain, seconds: float, seed: str) -> messages.SliceDone:
    chain.producer.child.freeze()
    try:
        return await chain.send(LOAD, seconds=seconds, seed=seed)
    finally:
        await _kill(chain)


async def _gone(chain: Chain, seconds: float, seed: str) -> messages.SliceDone:
    await _kill(chain)
    return await chain.send(LOAD, seconds=seconds, seed=seed)


async def _killed(chain: Chain, seconds: float, seed: str) -> messages.SliceDone:
    async def kill_later() -> None:
        await asyncio.sleep(seconds + IN_FLIGHT_S)
        await _kill(chain)

    chain.producer.child.freeze()
    killing = asyncio.create_task(kill_later())
    try:
        return await chain.send(LOAD, seconds=seconds, seed=seed)
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        await _kill(chain)


async def _kill(chain: Chain) -> None:
    chain.producer.child.kill()
    await chain.producer.child.process.wait()


CARRIED_OUT: Mapping[str, Callable[[Chain, float, str], Awaitable[messages.SliceDone]]] = {
    UNKNOWN: _unknown,
    HANGING: _hanging,
    GONE: _gone,
    KILLED: _killed,
}
"""What is done, and the requests that are sent meanwhile, by incident."""
