"""Producers that are replaced one after the other while requests go on, each on a port that stays its own.

Whatever stands in front of them knows their addresses once and for all, as a proxy does whose configuration nobody
changes for a restart.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.machine import ports_of_connections
from bench.runner.front import HOST, is_taken
from bench.runner.job import Job
from bench.runner.session import RunningProducer, Session
from bench.spec import CellKey

LOWEST_PORT, HIGHEST_PORT = 10_000, 65_535
PORTS_TRIED = 1000

Start = Callable[[int], Coroutine[Any, Any, RunningProducer]]
"""Starts a producer on this port, and waits until it accepts."""


class NoFreePort(Exception):
    """No port was found that is free and stays free."""


@dataclass(slots=True)
class Replicas:
    """Slots, which are ports, and the producers that run in some of them."""

    session: Session
    start: Start
    ports: list[int]
    running: dict[int, RunningProducer] = field(default_factory=dict)
    """By slot, from 0."""

    @classmethod
    @asynccontextmanager
    async def while_needed(
        cls, session: Session, start: Start, count: int, spare: int = 0
    ) -> AsyncIterator["Replicas"]:
        """So many replicas, all started at the same time, and slots that stay empty, until the end of the block.

        Then they are killed: a long notice would hold the session up. Raises ProcessFailed and NoFreePort.
        """
        replicas = cls(session, start, kept_ports(count + spare))
        try:
            for result in await asyncio.gather(*map(replicas.begin, range(count)), return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
            yield replicas
        finally:
            for producer in replicas.running.values():
                producer.child.kill()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all slots, as host:port."""
        return tuple(f"{HOST}:{port}" for port in self.ports)

    @property
    def empty(self) -> int:
        """The first slot in which nothing runs."""
        return next(slot for slot in range(len(self.ports)) if slot not in self.running)

    async def begin(self, slot: int) -> RunningProducer:
        """Start a producer in an empty slot. Raises ProcessFailed."""
        self.running[slot] = await self.start(self.ports[slot])
        self.session.pin()
        return self.running[slot]

    async def end(self, slot: int, within_s: float) -> bool:
        """Ask the producer of a slot to stop, and kill it when it has not ended in time. Returns whether it ended."""
        return await self.session.end_server(self.running.pop(slot).child, within_s)


async def start_replica(
    session: Session, job: Job, cell: CellKey, port: int, flags: Sequence[str], *, counting: int = 0
) -> RunningProducer:
    """Start a producer of a cell, which is called at this port, with TLS where the cell has it there.

    Raises ProcessFailed.
    """
    tls = cell.producer_tls
    return await session.start_producer(
        cell.protocol,
        implementation=cell.implementation,
        recipes=job.plan.recipes,
        flags=flags,
        counting=counting,
        certificates=job.certificates if tls else None,
        port=0 if tls else port,
        tls_port=port if tls else 0,
    )


def kept_ports(count: int) -> list[int]:
    """Ports that are free, and that the system gives to no connection while a producer is down. Raises NoFreePort."""
    given = ports_of_connections() or range(0)
    found: list[int] = []
    for _ in range(PORTS_TRIED):
        if len(found) == count:
            return found
        port = random.randint(LOWEST_PORT, HIGHEST_PORT)
        if port not in given and port not in found and not is_taken(port):
            found.append(port)
    raise NoFreePort(f"{PORTS_TRIED} ports were tried, and {count} that are free were not found")
