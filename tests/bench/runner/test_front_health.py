"""What a replica that is killed costs behind a front, with real processes."""

import asyncio
from time import perf_counter_ns

import pytest

from bench.front_programs import why_not_installed
from bench.fronts.plan import FrontPlan, HealthCheck
from bench.fronts.registry import front
from bench.load_models import OpenLoad
from bench.machine import NOT_PINNED
from bench.protocols import PROTOCOLS
from bench.runner.front import RunningFront
from bench.runner.front_health import age_flags, why_unsupported
from bench.runner.logged_load import logged, start_verified_load
from bench.runner.replicas import Replicas
from bench.runner.session import RunningProducer, Session
from bench.spec import CellKey
from bench.stats.reactions import ReactionKey
from producers.registry import DEFAULT
from tests.support import measuring
from tests.support.fronts import haproxy_status


async def is_up(running: RunningFront, replica: str) -> bool:
    """Whether HAProxy sends requests to a replica, by its own words."""
    (row,) = [row for row in await haproxy_status(running) if row["svname"] == replica]
    return row["status"].startswith("UP")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_killed_replica_fails_only_what_was_in_flight_and_what_was_sent_before_the_front_knew(
    protocol: str,
) -> None:
    haproxy = front("haproxy")
    if (reason := why_not_installed(haproxy)) is not None:
        pytest.skip(reason)
    cell = CellKey(protocol=protocol, load=OpenLoad(rate_hz=100, arrivals="constant"), front="haproxy", replicas=2)
    job = measuring.job_of(measuring.plan_of([protocol], [OpenLoad(rate_hz=100)], timeout_s=30))
    async with Session(NOT_PINNED) as session:

        async def start(port: int) -> RunningProducer:
            return await session.start_producer(protocol, recipes=measuring.RECIPES, port=port)

        async def kill() -> tuple[int, int]:
            """Kill a replica, and wait until the front knows. Returns when both were."""
            await asyncio.sleep(0.2)
            killed_ns = perf_counter_ns()
            replicas.running[1].child.kill()
            up = True
            while up:
                up = await is_up(running, "replica2")
            known_ns = perf_counter_ns()
            await asyncio.sleep(0.5)
            return killed_ns, known_ns

        async with Replicas.while_needed(session, start, 2) as replicas:
            health = HealthCheck(interval_s=0.1, timeout_s=30)
            running = await session.start_front(
                haproxy, FrontPlan(protocol=protocol, upstreams=replicas.addresses, health=health)
            )
            load = await start_verified_load(session, job, cell, running.target)
            (killed_ns, known_ns), log = await logged(load, cell, 1, 60, kill())
    failed = [request for request in log.requests() if request.cause is not None]
    assert failed
    assert all(request.ended_ns >= killed_ns - log.began_ns for request in failed)
    assert all(request.sent_ns < known_ns - log.began_ns for request in failed)
    # Requests that were sent until then went to the other one, too.
    sent = [request for request in log.requests() if killed_ns <= request.sent_ns + log.began_ns < known_ns]
    assert any(request.cause is None for request in sent)
    assert any(request.sent_ns > known_ns - log.began_ns for request in log.requests())


def key(protocol: str, implementation: str = DEFAULT, connection_age_s: float | None = None) -> ReactionKey:
    cell = CellKey(protocol=protocol, implementation=implementation, front="haproxy", replicas=2)
    return ReactionKey(cell=cell, check_interval_s=0.5, connection_age_s=connection_age_s)


def test_producers_limit_the_age_of_connections_under_their_own_names() -> None:
    assert age_flags(key("http", connection_age_s=2)) == ("--limit", "connection_age_s=2")
    assert age_flags(key("grpc", connection_age_s=2.5)) == ("--limit", "calls.connection_age_s=2.5")
    assert age_flags(key("http")) == ()


def test_an_age_that_a_producer_does_not_limit_is_unsupported() -> None:
    plan = FrontPlan(protocol="http", upstreams=())
    said = why_unsupported(key("http", "granian", connection_age_s=2), plan)
    assert said == "Granian does not limit the age of connections"
