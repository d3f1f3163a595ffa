"""Fronts in tests: those that are installed, before two real producers of one session."""

import asyncio
import csv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bench.front_programs import why_not_installed
from bench.fronts.front import Front
from bench.fronts.plan import FrontPlan
from bench.fronts.registry import front
from bench.machine import NOT_PINNED
from bench.runner.front import RunningFront
from bench.runner.producer_counts import counts_at
from bench.runner.session import RunningProducer, Session
from consumers.client import ClientSettings, RecipeClient
from consumers.registry import client
from consumers.target import parse_target
from producers.certificates import CertificateFiles


def installed(name: str) -> Front:
    """The front of this name; skips where its program is missing."""
    found = front(name)
    if (reason := why_not_installed(found)) is not None:
        pytest.skip(reason)
    return found


async def haproxy_status(running: RunningFront) -> list[dict[str, str]]:
    """What HAProxy says of its frontend, backend and servers."""
    reader, writer = await asyncio.open_unix_connection(str(running.directory / "statistics.sock"))
    writer.write(b"show stat\n")
    text = (await reader.read()).decode().removeprefix("# ")
    writer.close()
    return list(csv.DictReader(text.splitlines()))


@dataclass
class Replicas:
    """Two producers of a session, which count calls."""

    session: Session
    protocol: str
    certificates: CertificateFiles
    producers: list[RunningProducer]

    def plan(self, **changes: Any) -> FrontPlan:
        """A plan for a front of them, with calls counted."""
        described = FrontPlan(protocol=self.protocol, upstreams=(), **{"counts_calls": True, **changes})
        addresses = [each.tls if described.checks_tls else each.plain for each in self.producers]
        upstreams = tuple(parse_target(address or "").authority for address in addresses)
        return FrontPlan(protocol=self.protocol, upstreams=upstreams, **{"counts_calls": True, **changes})

    async def start(self, one: Front, plan: FrontPlan) -> RunningFront:
        """Start a front for them."""
        return await self.session.start_front(one, plan, self.certificates.directory)

    def consumer(self, running: RunningFront, **settings: Any) -> RecipeClient:
        """A consumer of a front, with one connection."""
        usual = {"ca": self.certificates.ca, "timeout_s": 30, "connections": 1}
        return client(self.protocol, ClientSettings(target=running.target, **{**usual, **settings}))

    async def accepted(self) -> int:
        """How many connections the producers have accepted, together."""
        return sum([(await counts_at(each.metrics[0])).connections_accepted for each in self.producers])

    async def counted(self) -> list[int]:
        """How many calls each producer has counted."""
        return [(await counts_at(each.metrics[0])).total for each in self.producers]

    async def checked(self) -> list[int]:
        """How many health checks each producer has counted."""
        return [(await counts_at(each.metrics[0])).health_checks for each in self.producers]


@asynccontextmanager
async def two_producers(protocol: str, certificates: CertificateFiles, *flags: str) -> AsyncIterator[Replicas]:
    """Two producers with plain and TLS ports, in a session of their own."""
    async with Session(NOT_PINNED) as session:

        async def start() -> RunningProducer:
            return await session.start_producer(
                protocol, recipes="generated:50", flags=flags, counting=1, certificates=certificates.directory
            )

        async with asyncio.TaskGroup() as starting:
            tasks = [starting.create_task(start()) for _ in range(2)]
        yield Replicas(session, protocol, certificates, [task.result() for task in tasks])
