"""A load process: `python -m bench.load.worker`. It reads orders from stdin and writes answers to stdout.

Each process sends requests over one protocol, so that it does not share threads, memory or garbage collection with
another client library. It ends when its stdin ends, so it never outlives the bench.
"""

import asyncio
import gc
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle, takewhile
from random import Random
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop
from msgspec.structs import replace

from bench.clients.base import LoadClient, LoopClient, ProgramClient, Request
from bench.load import latency_histogram, messages
from bench.load.causes import UNCUT_AT_MOST, bounded
from bench.load.cell_clients import CellClients
from bench.load.client_queue import ClientQueue
from bench.load.closed_loop import run_closed
from bench.load.in_turn import send_in_turn
from bench.load.open_loop import NO_RESPONSE, due_offsets_ns, run_open
from bench.load.recorder import OK, UNANSWERED, SliceRecord, cause_of, failures, most_frequent_failure
from bench.load.request_logging import OpenLog
from bench.load.stdin import reader_of_stdin
from bench.load.verifying import FAILURES_AT_FIRST, ask_some
from bench.load.watch import ConnectionCount, LoopWatch
from bench.load_models import ClosedLoad, Load
from bench.machine import process_cpu_ns
from bench.own_workload import own_questions
from bench.protocols import protocol as row
from bench.results import Cause
from bench.slices import Slice
from bench.spec import CellKey
from bench.workloads import WORKLOADS, Question, Workload, WrongAnswer, page_size_of
from commands import streams
from consumers.client import RecipeClient
from consumers.errors import ConsumerError, OperationUnsupported, UnexpectedResponse
from consumers.target import Target
from recipes import sources
from recipes.errors import RecipeError
from recipes.model import Recipe

if TYPE_CHECKING:
    from bench.load.size_reader import SizeReader

OPEN_LOOP_WANTED = 256
"""How many requests in flight are tried for an open loop, whose number has no bound: more than servers of HTTP/2 allow
on a connection as a rule (100 to 250)."""


@dataclass(slots=True)
class VerifiedCell:
    """A cell whose responses are correct: its client, its requests, and what was recorded so far."""

    client: LoadClient
    load: Load
    route: messages.Route
    requests: Sequence[Request]
    latency: Any = field(default_factory=latency_histogram.new_histogram)
    service: Any = field(default_factory=latency_histogram.new_histogram)


class Worker:
    """Carries out orders, one at a time."""

    def __init__(self, setup: messages.Setup, recipes: Sequence[Recipe]) -> None:
        self.setup = setup
        self.recipes = recipes
        self.clients = CellClients(setup)
        self.cells: dict[str, VerifiedCell] = {}
        self.questions: dict[Workload, Sequence[Question[Any]]] = {}
        self.requests: dict[tuple[Hashable, ...], Sequence[Request]] = {}
        """Verified ones, by what decides how they are answered."""
        self.connections: dict[Target, ConnectionCount] = {}
        """By the producer's address."""

    async def answer(self, order: messages.Order) -> messages.Answer:
        """Carry out one order."""
        match order:
            case messages.Verify():
                return await self.verify(order)
            case messages.TapProducer():
                return await self._sizes.tap_producer(order)
            case messages.ReadSizes():
                return await self._sizes.read(order, self.questions[order.key.workload])
            case messages.CountInFlight():
                return await self.count_in_flight(order.key)
            case messages.RunSlice():
                return await self.run_slice(order)
            case messages.SendRequests():
                return await self.send_requests(order)
            case messages.Discard():
                for cell in self.cells.values():
                    cell.latency.reset()
                    cell.service.reset()
                return messages.Done()
            case messages.Collect():
                return _recorded({order.cell: self.cells.pop(order.cell)})
            case messages.Finish():
                return await self.finish()
            case messages.Setup():
                return messages.Broken(text="the process has been set up already")
            case messages.LogRequests() | messages.StopRequests():
                raise AssertionError("obey carries these out")

    async def _questions(self, client: LoadClient, workload: Workload) -> Sequence[Question[Any]]:
        """The questions of a workload. Raises WrongAnswer, and what the client raises."""
        for attempt in range(1, FAILURES_AT_FIRST + 1):
            if workload in self.questions:
                break
            try:
                self.questions[workload] = await self._ask_about(workload, client.consumer)
            except (UnexpectedResponse, RecipeError):
                if attempt == FAILURES_AT_FIRST:
                    raise
        return self.questions[workload]

    async def verify(self, order: messages.Verify) -> messages.Verification:
        """Ask the first questions of a cell and compare the whole responses."""
        key = order.key
        workload = key.workload
        assert key.load is not None
        try:
            client = await self.clients.opened(key)
            requests = client.requests(await self._questions(client, workload))
            if not requests:
                raise OperationUnsupported("the workload has no requests")
            if (earlier := self.requests.get(key.answers)) is not None:
                client.share_verified(requests, earlier)
            asked = await ask_some(client, requests, order)
            if asked.broken_off and client.checks == "status":
                # What is not compared while it is timed has to be compared before.
                requests = asked.answered
            self.requests[key.answers] = requests
        except (WrongAnswer, ConsumerError, RecipeError) as error:
            supported = not isinstance(error, OperationUnsupported)
            return messages.Verification(cause=self._cause(error), text=self._in_words(error), supported=supported)
        self.cells[key.label] = VerifiedCell(client, key.load, self.clients.route(key), requests)
        return messages.Verification(
            page_size=page_size_of(self.questions[workload]),
            failed=asked.causes.found(),
            request_ns=asked.request_ns,
        )

    async def _ask_about(self, workload: Workload, consumer: RecipeClient) -> Sequence[Question[Any]]:
        """The questions of a workload. Raises what its making them raises."""
        setup = self.setup
        if setup.own_requests is not None:
            return await own_questions(consumer, setup.protocol, setup.own_requests)
        kind = WORKLOADS[workload.name]
        return await kind.questions(consumer, workload.page_size or 0, self.recipes, setup.ids, setup.known)

    @cached_property
    def _sizes(self) -> "SizeReader":
        """Needed in one instance of a run, and large."""
        from bench.load.size_reader import SizeReader  # noqa: PLC0415

        return SizeReader(self.setup, self.clients)

    async def count_in_flight(self, key: CellKey) -> messages.InFlightCounted:
        """Count how many requests the cell's client can have in flight. Its requests need no TLS for that."""
        from bench.load.in_flight import count_in_flight  # noqa: PLC0415 - needed in one instance of a run

        assert key.load is not None
        wanted = key.load.connection_limit or OPEN_LOOP_WANTED
        if (plain := self.clients.route(key).plain) is None:
            return messages.InFlightCounted(wanted=wanted)
        return await count_in_flight(
            lambda target: self.clients.load_client(key, target),
            self.questions[key.workload],
            producer=plain,
            codec=row(self.setup.protocol).codec(),
            wanted=wanted,
            patience_s=self.setup.timeout_s,
        )

    async def run_slice(self, order: messages.RunSlice) -> messages.SliceDone:
        """Measure one slice. Afterwards, untimed, record it and, where the order says so, verify one whole response."""
        cell = self.cells[order.cell]
        client = cell.client
        # A program keeps its own time, which its queue may not be part of.
        at_most = None if isinstance(client, ProgramClient) else order.in_flight_at_most
        record = SliceRecord(queue=None if at_most is None else ClientQueue(at_most))
        asked = shuffled_forever(cell.requests, order.seed)
        # Looks at the kernel's tables when it is made, which takes longer than a slice: while warming up.
        connections = self._connection_count(client.settings.connects_to, cell.route)
        if order.recorded:
            connections.begin()
        producer_before_ns = cpu_ns_of(cell.route.producer_pids)
        front_before_ns = cpu_ns_of(cell.route.front_pids)
        consumer_before_ns = client.cpu_ns()
        started_ns = perf_counter_ns()
        with LoopWatch() as watch:
            duration_ns = await self._run(cell, asked, order, record)
        consumer_ns = client.cpu_ns() - consumer_before_ns
        front_after_ns = cpu_ns_of(cell.route.front_pids)
        producer_after_ns = cpu_ns_of(cell.route.producer_pids)
        # Other instances open connections while they warm up, and finding out whose they were takes long.
        opened = connections.opened() if order.recorded else None
        if order.verified:
            await self._compare_one(client, next(asked), record)
        latency, service = (
            (latency_histogram.new_histogram(), latency_histogram.new_histogram())
            if order.apart
            else (cell.latency, cell.service)
        )
        if order.recorded:
            latency_histogram.record_all(latency, record.latency_ns)
            latency_histogram.record_all(service, record.service_ns)
        closed = isinstance(cell.load, ClosedLoad)
        measured = Slice(
            started_ns=started_ns,
            duration_ns=duration_ns,
            ok=record.outcomes.get(OK, 0),
            failed=failures(record.outcomes),
            failure=most_frequent_failure(record.outcomes),
            p50_ns=median(record.latency_ns) if record.latency_ns else None,
            service_p50_ns=median(record.service_ns) if record.service_ns else None,
            producer_cpu_ns=_passed_ns(producer_before_ns, producer_after_ns),
            front_cpu_ns=_passed_ns(front_before_ns, front_after_ns),
            consumer_cpu_ns=consumer_ns,
            window_ns=record.window_ns,
            in_flight=record.in_flight_ns / record.window_ns if closed and record.window_ns else None,
            turnaround_ns=record.turnaround_ns if closed else None,
            queued_ns=None if record.queue is None else record.queue.queued_ns,
            due=None if closed else record.due,
            second_half_due=None if closed else record.second_half_due,
            second_half_ended=None if closed else record.second_half_ended,
            send_lag_p50_ns=median(record.lag_ns) if record.lag_ns else None,
            send_lag_max_ns=max(record.lag_ns, default=None),
            loop_stall_ns=watch.longest_stall_ns,
            connections_opened=opened,
        )
        return messages.SliceDone(
            slice=measured,
            outcomes=record.outcomes,
            causes=record.causes.found(),
            latency=latency_histogram.encode(latency) if order.apart else None,
            service=latency_histogram.encode(service) if order.apart else None,
        )

    async def log_requests(self, order: messages.LogRequests, stop: "asyncio.Future[Any]") -> messages.Answer:
        """Send requests in open loop until `stop` is done, and log each."""
        cell = self.cells[order.cell]
        if not isinstance(cell.client, LoopClient) or isinstance(cell.load, ClosedLoad):
            return messages.Broken(text="requests are logged in open loop, by a client that this process drives")
        log, record = OpenLog(), SliceRecord()
        offsets_ns = (
            due_offsets_ns(cell.load.rate_hz, order.at_most_ns, cell.load.arrivals, order.seed)
            if order.bursts is None
            else order.bursts.due_offsets_ns(order.at_most_ns, order.seed)
        )
        began_ns = perf_counter_ns()
        ended_ns = began_ns + order.at_most_ns

        def stopped(_: object) -> None:
            nonlocal ended_ns
            ended_ns = min(ended_ns, perf_counter_ns())

        stop.add_done_callback(stopped)
        with LoopWatch() as watch:
            await run_open(
                cell.client,
                shuffled_forever(cell.requests, order.seed),
                due_offsets_ns=takewhile(lambda _: not stop.done(), offsets_ns),
                duration_ns=order.at_most_ns,
                answers_within_ns=round((self.setup.timeout_s + 1) * 1e9),
                record=record,
                log=log,
            )
        unanswered = (UNANSWERED, NO_RESPONSE)
        found = log.closed(began_ns, ended_ns - began_ns, perf_counter_ns(), unanswered, watch.longest_stall_ns)
        return messages.RequestsLogged(log=found)

    async def send_requests(self, order: messages.SendRequests) -> messages.Answer:
        """Send a fixed number of requests, one after the other."""
        cell = self.cells[order.cell]
        if not isinstance(cell.client, LoopClient):
            return messages.Broken(text="a client that is a program of its own sends no fixed number of requests")
        idle = {"producer": cell.route.producer_pids, "front": cell.route.front_pids}.get(order.counted, ())
        turns = await send_in_turn(cell.client, cell.requests[: order.requests_at_most], order.passes, idle)
        failure = turns.failure
        return messages.RequestsSent(sent=turns.sent, failure=None if failure is None else str(failure))

    async def _run(
        self, cell: VerifiedCell, asked: Iterator[Request], order: messages.RunSlice, record: SliceRecord
    ) -> int:
        """Send requests for one slice. Returns its duration in nanoseconds."""
        client, load = cell.client, order.load or cell.load
        if isinstance(load, ClosedLoad):
            lengths = {"duration_ns": order.duration_ns, "requests_at_least": order.requests_at_least}
            if isinstance(client, ProgramClient):
                measured = await client.run_slice(asked, in_flight=load.concurrency, duration_ns=order.duration_ns)
                record.succeed(measured.latency_ns)
                for failure in measured.failures:
                    record.fail_with(failure)
                return measured.duration_ns
            assert isinstance(client, LoopClient)
            return await run_closed(
                client, asked, concurrency=load.concurrency, record=record, within_ns=order.within_ns, **lengths
            )
        assert isinstance(client, LoopClient)
        return await run_open(
            client,
            asked,
            due_offsets_ns=due_offsets_ns(load.rate_hz, order.duration_ns, load.arrivals, order.seed),
            duration_ns=order.duration_ns,
            # The clients' own timeouts come first.
            answers_within_ns=round((self.setup.timeout_s + 1) * 1e9),
            record=record,
        )

    async def _compare_one(self, client: LoadClient, request: Request, record: SliceRecord) -> None:
        try:
            client.recheck()
            await client.verify(request)
        except Exception as error:  # whatever a client library raises is this request's outcome
            cause = self._cause(error)
            record.fail(cause.kind, cause.text, cause.detail)

    def _cause(self, error: Exception) -> Cause:
        """The cause of one request that failed; one about a renumbered recipe names its own id, too."""
        cause = cause_of(error)
        if self._own_id(error) is None:
            return cause
        words = self._in_words(error)
        return replace(cause, detail=words) if cause.detail else replace(cause, text=words)

    def _in_words(self, error: Exception) -> str:
        """The text of an error; one about a renumbered recipe names its own id, too."""
        own_id = self._own_id(error)
        words = str(error) if own_id is None else f"{error} (in its file the id is {own_id})"
        return bounded(words, UNCUT_AT_MOST)

    def _own_id(self, error: Exception) -> str | None:
        return self.setup.own_ids.get(getattr(error, "recipe_id", None) or 0)

    def _connection_count(self, target: Target, route: messages.Route) -> ConnectionCount:
        if target not in self.connections:
            # Only this process connects to what the bench has started.
            shared = not route.producer_pids
            self.connections[target] = ConnectionCount(target.host, target.port, shared=shared)
        return self.connections[target]

    async def finish(self) -> messages.Recorded:
        """Close every connection and return what was recorded."""
        problems = await self.clients.close()
        if "_sizes" in vars(self):
            await self._sizes.close()
        return _recorded(self.cells, problems)


def _recorded(cells: Mapping[str, VerifiedCell], problems: Sequence[str] = ()) -> messages.Recorded:
    return messages.Recorded(
        latency={name: latency_histogram.encode(cell.latency) for name, cell in cells.items()},
        service={
            name: latency_histogram.encode(cell.service) for name, cell in cells.items() if cell.service.total_count
        },
        problems=tuple(problems),
    )


def cpu_ns_of(pids: Sequence[int]) -> int | None:
    """The CPU time of these processes together so far; None without any, and where it cannot be read."""
    found = [process_cpu_ns(pid) for pid in pids]
    known = [each for each in found if each is not None]
    return sum(known) if known and len(known) == len(found) else None


def _passed_ns(before_ns: int | None, after_ns: int | None) -> int | None:
    return None if before_ns is None or after_ns is None else after_ns - before_ns


def shuffled_forever(requests: Sequence[Request], seed: str) -> Iterator[Request]:
    """The requests in a seeded order, again and again. It is drawn before the slice starts."""
    return cycle(Random(seed).sample(requests, len(requests)))


async def obey(reader: asyncio.StreamReader) -> None:
    """Carry out orders until they end."""
    worker: Worker | None = None
    following: asyncio.Task[bytes] | None = None
    """Reads the order that follows, where one is carried out until that comes."""
    while line := await (following or reader.readline()):
        order, following = messages.decode_order(line), None
        if isinstance(order, messages.StopRequests):
            continue
        reply: messages.Answer
        if isinstance(order, messages.Setup):
            recipes = sources.load(order.recipes).recipes if order.own_requests is None else ()
            worker = Worker(order, sorted(recipes, key=lambda recipe: recipe.id))
            # What was loaded stays; garbage collections during a slice must not walk through it.
            gc.collect()
            gc.freeze()
            reply = messages.Done()
        elif worker is None:
            reply = messages.Broken(text="the first order must be Setup")
        else:
            if isinstance(order, messages.LogRequests):
                following = asyncio.create_task(reader.readline())
                found = await worker.log_requests(order, following)
            else:
                found = await worker.answer(order)
            reply = messages.without_values(found, worker.setup.access.headers)
        sys.stdout.buffer.write(messages.encode(reply))
        sys.stdout.buffer.flush()
        if isinstance(order, messages.Finish):
            return


async def _read_orders() -> None:
    await obey(await reader_of_stdin(1 << 24))


def main() -> None:
    """Carry out the orders that come on stdin; exit 2 for one that cannot be read."""
    parser = ArgumentParser(
        prog="python -m bench.load.worker",
        usage=SUPPRESS,
        description="A load process. The bench starts it and sends it orders on stdin, one JSON message a line.",
    )
    parser.parse_args()
    streams.open_descriptors()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_read_orders())
    except msgspec.DecodeError as error:
        parser.error(f"stdin: {error}")


if __name__ == "__main__":
    main()
