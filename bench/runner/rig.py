"""A rig: the processes that serve one protocol of one version and send requests to it, between two fresh starts."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from bench import connections
from bench import schedule as planning
from bench.load import messages
from bench.network.profile import LOOPBACK
from bench.plan import Addresses
from bench.runner.job import Job
from bench.runner.processes import UNWRAPPED, Child, LoadProcess, ProcessFailed, Wrapper
from bench.runner.session import RunningProducer, Server, Session
from bench.spec import CellKey
from consumers.access import Access
from consumers.target import parse_target

VERIFY_TIMEOUT_S = 120.0
"""How long verifying a cell's responses, or counting its bytes, may take."""


@dataclass(slots=True)
class Rig:
    """The processes of one protocol of one version: its load process, its relays, its producer."""

    session: Session
    key: CellKey
    """CellKey.process of its cells."""
    load: LoadProcess
    relays: Sequence[Server]
    producer: RunningProducer | None
    """None: somebody else's, given by its address."""
    broken: bool = False
    """Whether nothing more can be measured with it."""
    load_lost: bool = False
    """Whether the load process no longer answers. What it recorded is lost."""
    silent: list[str] = field(default_factory=list)
    """The workloads of the latest slices in a row in which no request was answered at all."""

    async def order(self, order: messages.Order, timeout_s: float) -> messages.Answer | None:
        """The answer to an order; None when the rig broke over it, which the session notes. Raises Stopped."""
        try:
            answer = await self.session.unless_stopped(self.load.order(order, timeout_s))
        except ProcessFailed as error:
            self.broken = self.load_lost = True
            self.session.problems.append(str(error))
            return None
        for child in self._servers():
            if not child.alive:
                self.broken = True
                ended = f"{child.name} ended with {child.process.returncode}{child.last_error()}"
                self.session.problems.append(ended)
        return answer

    async def finish(self, timeout_s: float) -> messages.Recorded | None:
        """Close the connections of the load process and return what it recorded; None when that is lost."""
        if self.load_lost:
            return None
        try:
            # Also when the user has asked to stop: what was measured is kept.
            answer = await self.load.order(messages.Finish(), timeout_s)
        except ProcessFailed as error:
            self.session.problems.append(str(error))
            return None
        assert isinstance(answer, messages.Recorded)
        self.session.problems += answer.problems
        return answer

    def pids(self) -> list[int]:
        """The ids of its processes."""
        return [self.load.child.pid, *(child.pid for child in self._servers())]

    def _servers(self) -> Iterable[Child]:
        yield from (relay.child for relay in self.relays)
        if self.producer is not None:
            yield self.producer.child


async def start_rigs(session: Session, job: Job, instance: int = 0) -> dict[CellKey, Rig]:
    """Start a rig for every protocol of every version, all at the same time. Raises Stopped.

    A rig that cannot be started is missing; the session's problems say why.
    """
    rigs: dict[CellKey, Rig] = {}

    async def start(key: CellKey) -> None:
        try:
            rigs[key] = await start_rig(session, job, key)
        except ProcessFailed as error:
            session.problems.append(str(error))

    async def start_all() -> None:
        async with asyncio.TaskGroup() as starting:
            for key in planning.start_order(job.plan, instance):
                starting.create_task(start(key))

    await session.unless_stopped(start_all())
    return rigs


async def start_rig(
    session: Session, job: Job, key: CellKey, producer_in: Wrapper = UNWRAPPED, load_in: Wrapper = UNWRAPPED
) -> Rig:
    """Start the rig of one producer. `producer_in`, `load_in`: what runs its processes. Raises ProcessFailed."""
    plan = job.plan
    protocol = key.protocol
    version = plan.version_of(key)
    producer: RunningProducer | None = None
    direct = version.targets.get(protocol)
    if direct is None:
        cells = planning.served(key, plan)
        producer = await session.start_producer(
            protocol,
            implementation=key.implementation,
            recipes=plan.recipes,
            gzip=any(cell.gzip for cell in cells),
            gzip_level=plan.gzip_level,
            flags=connections.producer_flags(cells),
            certificates=job.certificates if any(cell.tls for cell in cells) else None,
            directory=version.directory,
            python=version.python,
            wrapper=producer_in,
        )
        direct = producer.addresses
    # Every rig has relays of its own, as only one rig sends at a time.
    addresses = [address.url for address in (direct.plain, direct.tls) if address is not None]
    relays = {
        network: await session.start_relay(network, addresses, plan.seed)
        for network in plan.matrix["network"]
        if network != LOOPBACK
    }
    setup = messages.Setup(
        protocol=protocol,
        direct=direct,
        networks={network: _through(relay, direct) for network, relay in relays.items()},
        access=_access(job, protocol),
        recipes=plan.recipes,
        own_ids=dict(job.own_ids),
        ids=list(job.ids),
        known=plan.known,
        timeout_s=plan.timeout_s,
        producer_pid=None if producer is None else producer.pid,
        own_requests=None if plan.requests is None else plan.requests.of(protocol),
    )
    load = await session.start_load(setup, load_in)
    return Rig(session, key, load, list(relays.values()), producer)


def _access(job: Job, protocol: str) -> Access:
    """What a producer of this protocol demands: of those that the lab starts, the lab's own authority is trusted."""
    access = replace(job.plan.access, headers=job.plan.access.headers_of(protocol))
    return access if job.certificates is None else replace(access, ca=job.certificates / "ca.pem")


def _through(relay: Server, direct: Addresses) -> Addresses:
    """The addresses at a relay that stand for those of the producer."""
    announced = map(parse_target, relay.addresses)
    return Addresses(direct.plain and next(announced), direct.tls and next(announced))


def order_to_verify(cell: CellKey, questions_at_most: int, within_s: float | None = None) -> messages.Verify:
    """The order to verify that a cell's responses are correct."""
    return messages.Verify(key=cell, questions_at_most=questions_at_most, within_s=within_s)
