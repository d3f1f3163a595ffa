"""The load of one protocol from many machines: orders of a load process, carried out by one on every worker."""

import asyncio
from collections.abc import Hashable, Sequence
from time import perf_counter_ns
from typing import Any, NoReturn

from msgspec.structs import replace

from bench.cluster.cluster import Cluster
from bench.cluster.connection import WorkerLost
from bench.cluster.files import files_of
from bench.cluster.host import LEASE_S
from bench.cluster.merging import Part, merged, merged_verifications
from bench.cluster.messages import Answered, Await, Failed, Give, Plan, Reply, Request, Start, raw
from bench.cluster.parts import parts_of, seed_of
from bench.cluster.starts import Started, why_left_out, window_ns
from bench.load import latency_histogram, messages
from bench.load.recorder import OK
from bench.load_models import Load
from bench.runner.processes import START_TIMEOUT_S, ProcessFailed
from bench.slices import LeftOut, Slice
from bench.spec import CellKey

LEAD_NS = 50_000_000
"""How long before its start the first slice is planned. Later ones: twice as long as a plan took to be replied to."""
LEAST_LEAD_NS = 10_000_000
MOST_LEAD_NS = 1_000_000_000
GRACE_S = 5.0
"""By how much longer the bench waits for an answer than the host process that gives it."""


class ClusterLoad:
    """Load processes on all workers, which together carry out one order at a time."""

    def __init__(self, cluster: Cluster, number: int, setup: messages.Setup) -> None:
        """`number`: of this load among those of the cluster."""
        self._cluster = cluster
        self._number = number
        self._setup = setup
        self._dropped: set[int] = set()
        """Workers whose load process failed."""
        self._lead_ns = LEAD_NS
        self._keys: dict[str, CellKey] = {}
        """Of the cells that were verified, by their labels."""
        self._reached: dict[Hashable, int | None] = {}
        """How many requests the client of one worker can have in flight, by CellKey.sender."""
        self._latency: dict[str, Any] = {}
        """The sum of all workers' histograms by cell."""
        self._service: dict[str, Any] = {}

    @property
    def pids(self) -> list[int]:
        """The processes on this machine: none."""
        return []

    @property
    def workers(self) -> list[int]:
        """The numbers of the workers that take part. Raises ProcessFailed where none is left."""
        return [worker for worker in self._cluster.alive if worker not in self._dropped] or self._none_left()

    def _none_left(self) -> NoReturn:
        reasons = (f"worker {each.worker}: {each.reason}" for each in self._cluster.lost)
        raise ProcessFailed(f"no worker of the cluster is left: {'; '.join(reasons)}")

    async def start(self) -> None:
        """Start a load process on every worker. Raises ProcessFailed where one does not start."""
        try:
            files = files_of(self._setup)
        except OSError as error:
            raise ProcessFailed(f"{error.filename} cannot be sent to the workers: {error.strerror}") from None
        start = Start(load=self._number, setup=raw(self._setup), files=files)
        for worker, reply in await self._ask_all(start, START_TIMEOUT_S):
            if isinstance(reply, Failed):
                raise ProcessFailed(f"{self._cluster.name(worker)}: {reply.text}")

    async def order(self, order: messages.Order, timeout_s: float) -> messages.Answer:
        """Carry out an order, and return the workers' answers as one. Raises ProcessFailed."""
        match order:
            case messages.Verify():
                return await self._verify(order, timeout_s)
            case messages.RunSlice():
                return await self._run_slice(order, timeout_s)
            case messages.CountInFlight():
                return await self._count_in_flight(order, timeout_s)
            case messages.Discard():
                for histogram in (*self._latency.values(), *self._service.values()):
                    histogram.reset()
                return messages.Done()
            case messages.Finish():
                return await self._finish(timeout_s)
            case _:
                return await self._by_one(order, timeout_s)

    async def _verify(self, order: messages.Verify, timeout_s: float) -> messages.Verification:
        """Every worker verifies: each has connections of its own, and the target has to be reached from all."""
        found: list[tuple[str, messages.Verification]] = []
        for worker, answer in await self._give_all(order, timeout_s):
            assert isinstance(answer, messages.Verification)
            found.append((self._cluster.name(worker), answer))
        self._keys[order.key.label] = order.key
        return merged_verifications(found)

    async def _count_in_flight(self, order: messages.CountInFlight, timeout_s: float) -> messages.InFlightCounted:
        """Count for the part of one worker, and conclude from it for all."""
        key = order.key
        assert key.load is not None
        parts = [part for part in parts_of(key.load, len(self.workers)) if part is not None]
        counted = await self._by_one(messages.CountInFlight(key=replace(key, load=parts[0])), timeout_s)
        assert isinstance(counted, messages.InFlightCounted)
        self._reached[key.sender] = counted.reached
        wanted = [part.connection_limit or counted.wanted for part in parts]
        reached = None if counted.reached is None else sum(min(each, counted.reached) for each in wanted)
        return messages.InFlightCounted(wanted=sum(wanted), reached=reached, streams_at_most=counted.streams_at_most)

    async def _run_slice(self, order: messages.RunSlice, timeout_s: float) -> messages.SliceDone:
        """Let every worker send its part at the same time, and merge what is to be trusted of it."""
        key = self._keys[order.cell]
        assert key.load is not None
        workers = self.workers
        parts = [(w, part) for w, part in zip(workers, parts_of(key.load, len(workers)), strict=True) if part]
        planned_ns = perf_counter_ns() + self._lead_ns
        async with asyncio.TaskGroup() as sending:
            tasks = [
                sending.create_task(self._part(worker, part, order, len(parts), planned_ns, timeout_s))
                for worker, part in parts
            ]
        found = [task.result() for task in tasks]
        left_out = [each for each in found if isinstance(each, LeftOut)]
        kept: list[Part] = []
        first_ns = min((each.started.earliest_ns for each in found if isinstance(each, Part)), default=planned_ns)
        for (_, load), each in zip(parts, found, strict=True):
            if isinstance(each, LeftOut):
                continue
            reason = why_left_out(
                each.started,
                each.done.slice,
                load,
                first_ns=first_ns,
                allowed_ns=window_ns(order.duration_ns),
            )
            if reason is None:
                kept.append(each)
            else:
                left_out.append(LeftOut(worker=each.worker, reason=reason))
        took_ns = [each.started.heard_ns - each.started.sent_ns for each in found if isinstance(each, Part)]
        self._lead_ns = min(MOST_LEAD_NS, max(LEAST_LEAD_NS, 2 * max(took_ns, default=0)))
        if not kept:
            return _nothing(order, planned_ns, left_out)
        return self._recorded(order, merged(kept, left_out))

    def _recorded(self, order: messages.RunSlice, done: messages.SliceDone) -> messages.SliceDone:
        """The result of a slice, whose histograms are added to those of its cell."""
        assert done.latency is not None
        assert done.service is not None
        if order.recorded:
            for sums, text in ((self._latency, done.latency), (self._service, done.service)):
                total = sums.setdefault(order.cell, latency_histogram.new_histogram())
                latency_histogram.add(total, latency_histogram.decode(text))
        if self._cluster.shares_host(done.slice.workers or ()):
            # Each of them has counted those of the others, too.
            done = replace(done, slice=replace(done.slice, connections_opened=None))
        return done

    async def _part(
        self, worker: int, load: Load, order: messages.RunSlice, workers: int, planned_ns: int, timeout_s: float
    ) -> Part | LeftOut:
        """One worker's part of a slice that begins at `planned_ns`."""
        reached = self._reached.get(self._keys[order.cell].sender)
        own = replace(
            order,
            seed=seed_of(order.seed, worker),
            requests_at_least=-(-order.requests_at_least // workers),
            in_flight_at_most=None if order.in_flight_at_most is None else reached,
            load=load,
            apart=True,
        )
        raw_order = raw(own)
        sent_ns = perf_counter_ns()
        wait_ns = max(0, planned_ns - sent_ns)
        plan = Plan(load=self._number, order=raw_order, timeout_s=timeout_s, wait_ns=wait_ns)
        try:
            number, _ = await self._cluster.ask(worker, plan, LEASE_S)
            heard_ns = perf_counter_ns()
            patience_s = wait_ns / 1e9 + timeout_s + GRACE_S
            _, reply = await self._cluster.ask(worker, Await(planned=number), patience_s)
        except WorkerLost as error:
            return LeftOut(worker=worker, reason=str(error))
        if isinstance(reply, Failed):
            self._drop(worker, reply.text)
            return LeftOut(worker=worker, reason=reply.text)
        assert isinstance(reply, Answered)
        done = messages.decode_answer(reply.answer)
        assert isinstance(done, messages.SliceDone)
        assert reply.started_after_ns is not None
        return Part(worker=worker, started=Started(sent_ns, heard_ns, reply.started_after_ns), done=done)

    async def _finish(self, timeout_s: float) -> messages.Recorded:
        """Close all connections, and return the sums of all histograms."""
        problems: list[str] = []
        try:
            answers = await self._give_all(messages.Finish(), timeout_s)
        except ProcessFailed as error:
            problems.append(str(error))
        else:
            for worker, answer in answers:
                assert isinstance(answer, messages.Recorded)
                problems += [f"{self._cluster.name(worker)}: {problem}" for problem in answer.problems]
        return messages.Recorded(
            latency={cell: latency_histogram.encode(each) for cell, each in self._latency.items()},
            service={cell: latency_histogram.encode(each) for cell, each in self._service.items() if each.total_count},
            problems=tuple(problems),
        )

    async def _by_one(self, order: messages.Order, timeout_s: float) -> messages.Answer:
        """The answer of the first worker; of the next, where it is lost meanwhile. Raises ProcessFailed."""
        while True:
            worker, *_ = self.workers
            give = Give(load=self._number, order=raw(order), timeout_s=timeout_s)
            try:
                _, reply = await self._cluster.ask(worker, give, timeout_s + GRACE_S)
            except WorkerLost:
                continue
            if isinstance(reply, Failed):
                raise ProcessFailed(f"{self._cluster.name(worker)}: {reply.text}")
            assert isinstance(reply, Answered)
            return messages.decode_answer(reply.answer)

    async def _give_all(self, order: messages.Order, timeout_s: float) -> list[tuple[int, messages.Answer]]:
        """The answers of all workers, those left out whose load process failed. Raises ProcessFailed for no answer."""
        give = Give(load=self._number, order=raw(order), timeout_s=timeout_s)
        found: list[tuple[int, messages.Answer]] = []
        for worker, reply in await self._ask_all(give, timeout_s + GRACE_S):
            if isinstance(reply, Failed):
                self._drop(worker, reply.text)
            else:
                assert isinstance(reply, Answered)
                found.append((worker, messages.decode_answer(reply.answer)))
        return found or self._none_left()

    def _drop(self, worker: int, reason: str) -> None:
        self._dropped.add(worker)
        self._cluster.failed.append(LeftOut(worker=worker, reason=reason))

    async def _ask_all(self, request: Request, seconds: float) -> list[tuple[int, Reply]]:
        """The replies of all workers that are not lost meanwhile."""

        async def ask(worker: int) -> tuple[int, Reply] | None:
            try:
                _, reply = await self._cluster.ask(worker, request, seconds)
            except WorkerLost:
                return None
            return worker, reply

        found = await asyncio.gather(*(ask(worker) for worker in self.workers))
        return [each for each in found if each is not None]


async def start_cluster_load(cluster: Cluster, setup: messages.Setup) -> ClusterLoad:
    """A load process for this set-up on every worker. Raises ProcessFailed."""
    load = ClusterLoad(cluster, cluster.next_load(), setup)
    await load.start()
    return load


def _nothing(order: messages.RunSlice, planned_ns: int, left_out: Sequence[LeftOut]) -> messages.SliceDone:
    """The result of a slice of which nothing is to be trusted."""
    empty = Slice(started_ns=planned_ns, duration_ns=order.duration_ns, workers=(), left_out=tuple(left_out))
    return messages.SliceDone(slice=empty, outcomes={OK: 0})
