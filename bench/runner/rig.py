"""A rig: the processes that serve one protocol of one version and send requests to it, between two fresh starts.

All fronts of a rig stand before the same producers, and cells without a front use the first of these. So what a front
costs is compared within the same processes.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from bench import connections
from bench import schedule as planning
from bench.cluster.load import ClusterLoad, start_cluster_load
from bench.front_processes import FrontProcess, front_process, front_processes
from bench.fronts import registry
from bench.load import messages
from bench.machine import peak_memory_bytes
from bench.network.profile import LOOPBACK
from bench.plan import Addresses
from bench.results import Memory
from bench.runner.front import RunningFront
from bench.runner.job import Job
from bench.runner.processes import UNWRAPPED, Child, LoadProcess, ProcessFailed, Wrapper
from bench.runner.session import RunningProducer, Server, Session
from bench.spec import CellKey
from consumers.target import Target, parse_target

Started = TypeVar("Started")

VERIFY_TIMEOUT_S = 120.0
"""How long verifying a cell's responses, or counting its bytes, may take."""


@dataclass(frozen=True, slots=True)
class Wrappers:
    """What runs the processes of a rig."""

    producer: Wrapper = UNWRAPPED
    fronts: Mapping[FrontProcess, Wrapper] = field(default_factory=dict)
    load: Wrapper = UNWRAPPED


@dataclass(slots=True)
class Rig:
    """The processes of one protocol of one version: its load process, its relays, its fronts, its producers."""

    session: Session
    key: CellKey
    """CellKey.process of its cells."""
    load: LoadProcess | ClusterLoad
    relays: Sequence[Server]
    producers: Sequence[RunningProducer]
    """As many as the most replicas of a cell; none where it is somebody else's, given by its address."""
    fronts: Mapping[FrontProcess, RunningFront]
    gzip_level: int
    certificates: Path | None
    """The directory of the producers' certificates; None without TLS."""
    tapped: dict[FrontProcess, RunningFront] = field(default_factory=dict)
    """Fronts that were started for counting bytes, with a tap before their producer."""
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
        for child in self.servers():
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
        return [*self.load.pids, *(pid for child in self.servers() for pid in child.family())]

    def peak_memory(self, cell: CellKey) -> Memory:
        """The peak memory of what serves a cell: of its producers together, and of its front."""
        front = self.fronts.get(needed) if (needed := front_process(cell, self.gzip_level)) is not None else None
        producers = [producer.child for producer in self.producers[: cell.replicas]]
        return Memory(
            producer_peak=_peak_bytes(producers), front_peak=_peak_bytes([] if front is None else [front.child])
        )

    def servers(self) -> Iterable[Child]:
        """All of its processes but those that send requests."""
        yield from (relay.child for relay in self.relays)
        yield from (front.child for front in self.fronts.values())
        yield from (producer.child for producer in self.producers)


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


async def start_rig(session: Session, job: Job, key: CellKey, wrappers: Wrappers = Wrappers()) -> Rig:
    """Start the rig of one producer. Raises ProcessFailed."""
    plan = job.plan
    cells = planning.served(key, plan)
    direct = plan.version_of(key).targets.get(key.protocol)
    producers: list[RunningProducer] = []
    if direct is None:
        replicas = max((cell.replicas for cell in cells), default=1)
        starting = (_start_producer(session, job, key, cells, wrappers.producer) for _ in range(replicas))
        producers = await _together(starting)
        direct = producers[0].addresses
    needed = front_processes(cells, plan.gzip_level)
    running = await _together(
        _start_front(session, job, each, producers, wrappers.fronts.get(each, UNWRAPPED)) for each in needed
    )
    started = dict(zip(needed, running, strict=True))
    fronts = {each: found for each, found in started.items() if isinstance(found, RunningFront)}
    broken = {each: found for each, found in started.items() if isinstance(found, str)}
    networks = [network for network in plan.matrix["network"] if network != LOOPBACK]
    named = [direct.plain, direct.tls, *(before(front, direct) for front in fronts.values())]
    relayed = [target for target in named if target is not None]
    # Every rig has relays of its own, as only one rig sends at a time.
    relays = [await session.start_relay(network, [target.url for target in relayed], plan.seed) for network in networks]
    through = {
        network: dict(zip(relayed, map(parse_target, relay.addresses), strict=True))
        for network, relay in zip(networks, relays, strict=True)
    }
    routes = Routes(direct, producers, fronts, broken, through, plan.gzip_level)
    setup = messages.Setup(
        protocol=key.protocol,
        direct=direct,
        routes={cell.path.label: routes.of(cell) for cell in cells if not routes.is_direct(cell)},
        access=job.access(key.protocol),
        recipes=plan.recipes,
        own_ids=dict(job.own_ids),
        ids=list(job.ids),
        known=plan.known,
        timeout_s=plan.timeout_s,
        producer_pids=routes.producer_pids(1),
        own_requests=None if plan.requests is None else plan.requests.of(key.protocol),
    )
    load: LoadProcess | ClusterLoad
    if job.cluster is None:
        load = await session.start_load(setup, wrappers.load)
    else:
        load = await start_cluster_load(job.cluster, setup)
    return Rig(session, key, load, relays, producers, fronts, plan.gzip_level, job.certificates)


def _peak_bytes(children: Iterable[Child]) -> int | None:
    """The peak memory of these processes and of those that they have started; None where nothing is known."""
    found = [peak_memory_bytes(pid) for child in children for pid in child.family()]
    known = [each for each in found if each is not None]
    return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Routes:
    """How the clients of a rig's cells reach what serves them."""

    direct: Addresses
    """Of the first producer."""
    producers: Sequence[RunningProducer]
    fronts: Mapping[FrontProcess, RunningFront]
    broken: Mapping[FrontProcess, str]
    """Why fronts could not be started."""
    through: Mapping[str, Mapping[Target, Target]]
    """By network, for each address the one of the relay before it."""
    gzip_level: int

    def is_direct(self, cell: CellKey) -> bool:
        """Whether nothing stands between its clients and the first producer."""
        return cell.network == LOOPBACK and front_process(cell, self.gzip_level) is None

    def of(self, cell: CellKey) -> messages.Route:
        """How the cell's clients reach what serves it."""
        needed = front_process(cell, self.gzip_level)
        target, plain = self.direct.of(tls=cell.tls), self.direct.plain
        front_pids: tuple[int, ...] = ()
        if needed is not None:
            if reasons := [self.broken[each] for each in (needed, needed.plain) if each in self.broken]:
                return messages.Route(target=None, reason=reasons[0])
            running = self.fronts[needed]
            target, plain = (before(each, self.direct) for each in (running, self.fronts[needed.plain]))
            front_pids = tuple(running.child.family())
        relayed = self.through.get(cell.network, {})
        return messages.Route(
            target=target,
            via=None if target is None else relayed.get(target),
            plain=plain,
            producer_pids=self.producer_pids(cell.replicas),
            front_pids=front_pids,
        )

    def producer_pids(self, replicas: int) -> tuple[int, ...]:
        """The processes of the first so many producers; none where these are somebody else's."""
        return tuple(pid for producer in self.producers[:replicas] for pid in producer.child.family())


def before(front: RunningFront, producer: Addresses) -> Target:
    """Where a front is called, with the path at which its producers serve."""
    served = producer.plain or producer.tls
    return front.target if served is None else replace(front.target, path=served.path)


async def _together(starting: Iterable[Coroutine[Any, Any, Started]]) -> list[Started]:
    """Everything that is started, in order. Raises ProcessFailed when some of it is not."""
    tasks: list[asyncio.Task[Started]] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(each) for each in starting]
    except* ProcessFailed as failed:
        error = failed.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise error


async def _start_producer(
    session: Session, job: Job, key: CellKey, cells: Sequence[CellKey], wrapper: Wrapper
) -> RunningProducer:
    plan = job.plan
    version = plan.version_of(key)
    return await session.start_producer(
        key.protocol,
        implementation=key.implementation,
        recipes=plan.recipes,
        gzip=any(cell.producer_gzip for cell in cells),
        gzip_level=plan.gzip_level,
        flags=connections.producer_flags(cells),
        counting=key.workers if any(cell.replicas * cell.workers > 1 for cell in cells) else 0,
        certificates=job.certificates if any(cell.producer_tls for cell in cells) else None,
        directory=version.directory,
        python=version.python,
        wrapper=wrapper,
    )


async def _start_front(
    session: Session, job: Job, needed: FrontProcess, producers: Sequence[RunningProducer], wrapper: Wrapper
) -> RunningFront | str:
    """A front, or why it could not be started. Others can be measured without it."""
    addresses = [producer.addresses.of(tls=needed.producer_tls) for producer in producers[: needed.replicas]]
    upstreams = tuple(address.authority for address in addresses if address is not None)
    plan = replace(needed.plan, upstreams=upstreams)
    try:
        return await session.start_front(registry.front(needed.name), plan, job.certificates, wrapper)
    except ProcessFailed as error:
        session.problems.append(str(error))
        return str(error)


def order_to_verify(cell: CellKey, questions_at_most: int, within_s: float | None = None) -> messages.Verify:
    """The order to verify that a cell's responses are correct."""
    return messages.Verify(key=cell, questions_at_most=questions_at_most, within_s=within_s)
