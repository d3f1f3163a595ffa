"""Fronts as processes of a session: they forward, count, and end with it. With the real programs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bench.front_programs import why_not_installed
from bench.fronts.front import TLS_PLACES, Front, FrontPlan, HealthCheck
from bench.fronts.registry import FRONTS, front
from bench.machine import NOT_PINNED
from bench.protocols import PROTOCOLS
from bench.runner.front import RunningFront
from bench.runner.producer_counts import counts_at
from bench.runner.session import RunningProducer, Session
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles

CALLS = 4


def installed(name: str) -> Front:
    """The front of this name; skips where its program is missing."""
    found = front(name)
    if (reason := why_not_installed(found)) is not None:
        pytest.skip(reason)
    return found


@dataclass
class Replicas:
    """Two producers of a session."""

    session: Session
    protocol: str
    certificates: CertificateFiles
    producers: list[RunningProducer]

    def plan(self, **changes: object) -> FrontPlan:
        """A plan for a front of them, with calls counted."""
        plan = FrontPlan(protocol=self.protocol, upstreams=(), counts_calls=True, **changes)  # type: ignore[arg-type]
        addresses = [each.tls if plan.checks_tls else each.plain for each in self.producers]
        upstreams = tuple(parse_target(address or "").authority for address in addresses)
        return FrontPlan(protocol=self.protocol, upstreams=upstreams, counts_calls=True, **changes)  # type: ignore[arg-type]

    async def start(self, one: Front, plan: FrontPlan) -> RunningFront:
        """Start a front for them."""
        return await self.session.start_front(one, plan, self.certificates.directory)

    async def get(self, running: RunningFront, times: int) -> None:
        """Get recipe 42 through a front, over one connection."""
        settings = ClientSettings(target=running.target, ca=self.certificates.ca, timeout_s=30, connections=1)
        async with client(self.protocol, settings) as consumer:
            for _ in range(times):
                assert (await consumer.get(42)).name == "Chicken Tikka Masala"


@asynccontextmanager
async def two_producers(protocol: str, certificates: CertificateFiles) -> AsyncIterator[Replicas]:
    async with Session(NOT_PINNED) as session:
        async with asyncio.TaskGroup() as starting:
            tasks = [
                starting.create_task(
                    session.start_producer(protocol, recipes="generated:50", certificates=certificates.directory)
                )
                for _ in range(2)
            ]
        yield Replicas(session, protocol, certificates, [task.result() for task in tasks])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_every_front_forwards_wherever_tls_is(protocol: str, own_certificates: CertificateFiles) -> None:
    fronts = [installed(name) for name in FRONTS]
    async with two_producers(protocol, own_certificates) as replicas, asyncio.TaskGroup() as tests:
        for one in fronts:
            tests.create_task(forwards_wherever_tls_is(one, replicas))


async def forwards_wherever_tls_is(one: Front, replicas: Replicas) -> None:
    places = []
    for tls_at in TLS_PLACES:
        plan = replicas.plan(tls_at=tls_at)
        if one.why_not(plan) is not None:
            continue
        places.append(tls_at)
        running = await replicas.start(one, plan)
        before = await running.counts()
        await replicas.get(running, CALLS)
        counts = (await running.counts()).since(before)
        assert running.version
        assert counts.failures == {}
        if counts.calls is None:
            # It sees no requests. All of them went over one connection.
            assert sorted(each.connections or 0 for each in counts.replicas.values()) == [0, 1]
        else:
            assert counts.calls == CALLS
            assert [each.calls for each in counts.replicas.values()] == [CALLS // 2] * 2
    assert {"none", "front", "producer", "both"} <= set(places)


@pytest.mark.parametrize("name", ["haproxy", "haproxy-tcp"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_haproxy_keeps_a_producer_that_is_ready(name: str, protocol: str) -> None:
    haproxy = installed(name)
    async with Session(NOT_PINNED) as session:
        producer = await session.start_producer(protocol, recipes="generated:50", counting=1)
        health = HealthCheck(interval_s=0.05, timeout_s=10)
        plan = FrontPlan(protocol=protocol, upstreams=(parse_target(producer.plain).authority,), health=health)
        running = await session.start_front(haproxy, plan)
        checks = 0
        while checks < 2 * health.fall:
            checks = (await counts_at(producer.metrics[0])).health_checks
        async with client(protocol, ClientSettings(target=running.target, timeout_s=30)) as consumer:
            assert (await consumer.get(42)).name == "Chicken Tikka Masala"
