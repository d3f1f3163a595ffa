"""What each protection of the gRPC producer costs per call: `python -m benchmarks.grpc_protections [STARTS]`.

One producer process for each variant, asked in turns and in random order, a burst of calls each time, so that whatever
the machine does besides happens to all of them; and all of them started anew several times, since processes of the same
code differ by their luck with memory. What is printed is the median, over all starts, of each variant's ratio to the
producer as it is, with a 95 % bootstrap interval; the second row is the same producer once more, which shows the noise.
"""

import asyncio
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Annotated, Any
from unittest.mock import patch

import grpc
import typer
import uvloop

from bench.machine import pinning_here, process_cpu_ns, this_process_on
from bench.runner.processes import ProcessFailed
from bench.runner.session import RunningProducer, Session
from commands import command_line, values
from commands.errors import UntrustedMeasurement
from producers import lifecycle
from producers.grpc_guard import GuardedMethods, RequestReader
from producers.grpc_http2 import GrpcHttp2Producer
from producers.grpc_limits import core_options
from producers.settings import CallLimits, Limits, ProducerSettings
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.books import small_book

CALLS_PER_BURST = 100
WARM_UP_CALLS = 500
KEPT_WITHOUT_LIMITS = ("grpc.so_reuseport", "grpc.default_compression_level", "grpc.max_receive_message_length")


def without_request_deadline() -> None:
    """The request is read as it comes."""

    async def read(_: RequestReader, context: Any) -> Any:
        return await context.read()

    patch.object(RequestReader, "_next", read).start()


def with_asyncio_timeout() -> None:
    """The request's deadline by a timeout of asyncio for each call."""

    async def read(_: RequestReader, context: Any) -> Any:
        async with asyncio.timeout(20):
            return await context.read()

    patch.object(RequestReader, "_next", read).start()


def with_call_later() -> None:
    """The request's deadline by a bare timer for each call."""

    async def read(_: RequestReader, context: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None
        timer = asyncio.get_running_loop().call_later(20, task.cancel)
        try:
            return await context.read()
        finally:
            timer.cancel()

    patch.object(RequestReader, "_next", read).start()


def with_request_read_to_its_end() -> None:
    """A second message is looked for."""
    one = RequestReader.one

    async def only(reader: RequestReader, context: Any) -> bytes:
        sent = await one(reader, context)
        assert await context.read() is grpc.aio.EOF
        return sent

    patch.object(RequestReader, "one", only).start()


def without_metadata_check() -> None:
    """Metadata is limited by gRPC's core alone."""

    def service(methods: GuardedMethods, details: grpc.HandlerCallDetails) -> Any:
        return methods._handlers.get(details.method)

    patch.object(GuardedMethods, "service", service).start()


def without_core_limits() -> None:
    """No limits on streams, metadata, connections, their age and idleness, handshakes, PINGs."""

    def kept(settings: ProducerSettings) -> list[tuple[str, int]]:
        return [option for option in core_options(settings) if option[0] in KEPT_WITHOUT_LIMITS]

    patch("producers.grpc_http2.core_options", kept).start()


def without_guard() -> None:
    """Handlers as grpc.aio takes them: unary, with whatever they raise shown to the caller."""
    patch.object(GuardedMethods, "_guarded_handler", lambda self, handler: handler).start()


def without_anything() -> None:
    """Neither guard nor limits."""
    without_guard()
    without_core_limits()


def as_it_is() -> None:
    """Everything."""


STRICT = "with --strict-calls"
VARIANTS: dict[str, Callable[[], None]] = {
    "as it is": as_it_is,
    "as it is, again": as_it_is,
    "without the request's deadline": without_request_deadline,
    "without the check of metadata": without_metadata_check,
    "without a limit on calls at once": as_it_is,
    "without the core's limits": without_core_limits,
    "without the guard": without_guard,
    "without any of them": without_anything,
    "with asyncio.timeout for each request": with_asyncio_timeout,
    "with call_later for each request": with_call_later,
    "with the request read to its end": with_request_read_to_its_end,
    STRICT: as_it_is,
}
UNLIMITED_CALLS = ("without a limit on calls at once", "without any of them")


def serve(variant: str) -> None:
    """Be one of the producers."""
    VARIANTS[variant]()
    calls = replace(CallLimits(), concurrent=None) if variant in UNLIMITED_CALLS else CallLimits()
    settings = ProducerSettings(port=0, limits=Limits(calls=calls), strict_calls=variant == STRICT)
    producer = GrpcHttp2Producer(small_book(), settings)
    uvloop.run(lifecycle.serve(producer, lambda addresses: lifecycle.announce(addresses, os.getpid())))


Samples = dict[str, list[list[float]]]
"""For each variant, for each start, a value for each burst."""


async def start_all(session: Session) -> dict[str, RunningProducer]:
    """A producer for each variant, started in random order."""
    producers = {}
    for variant in random.sample(list(VARIANTS), k=len(VARIANTS)):
        command = [sys.executable, "-m", "benchmarks.grpc_protections", "--serve", variant]
        server = await session.start_server(f"the producer {variant}", command)
        producers[variant] = RunningProducer(server.child, server.addresses[0], None)
    return producers


async def measure(starts: int, bursts: int) -> None:
    """Start the producers, call them in turn, again and again; print the table."""
    latency_ns: Samples = {name: [] for name in VARIANTS}
    cpu_ns: Samples = {name: [] for name in VARIANTS}
    pinning = pinning_here()
    with this_process_on(pinning.load):
        for _ in range(starts):
            async with Session(pinning) as session:
                producers = await start_all(session)
                session.pin()
                await measure_start(producers, bursts, latency_ns, cpu_ns)
    print(f"| producer | latency | CPU |\n|{'---|' * 3}")
    base = next(iter(VARIANTS))
    for name in VARIANTS:
        print(f"| {name} | {ratio(latency_ns[name], latency_ns[base])} | {ratio(cpu_ns[name], cpu_ns[base])} |")


async def measure_start(
    producers: Mapping[str, RunningProducer], bursts: int, latency_ns: Samples, cpu_ns: Samples
) -> None:
    """Call the producers of one start in turn, and add a value for each burst."""
    async with AsyncExitStack() as stack:
        callers = {name: await caller_of(producer, stack) for name, producer in producers.items()}
        for name, caller in callers.items():
            await burst(caller, WARM_UP_CALLS)
            latency_ns[name].append([])
            cpu_ns[name].append([])
        for _ in range(bursts):
            for name in random.sample(list(VARIANTS), k=len(VARIANTS)):
                before_ns = process_cpu_ns(producers[name].pid) or 0
                latency_ns[name][-1].append(statistics.median(await burst(callers[name], CALLS_PER_BURST)))
                after_ns = process_cpu_ns(producers[name].pid) or 0
                cpu_ns[name][-1].append((after_ns - before_ns) / CALLS_PER_BURST)


async def caller_of(producer: RunningProducer, stack: AsyncExitStack) -> Callable[[int], Any]:
    """Calls the producer for the recipe with an id, over a channel that `stack` closes."""
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(producer.plain.removeprefix("grpc://")))
    stub = RecipeServiceStub(channel)
    return lambda recipe_id: stub.GetRecipe(messages.RecipeRequest(id=recipe_id))


async def burst(caller: Callable[[int], Any], calls: int) -> list[int]:
    """The latencies of calls one after the other."""
    took_ns = []
    for number in range(calls):
        began_ns = time.perf_counter_ns()
        await caller(1 + number % 60)
        took_ns.append(time.perf_counter_ns() - began_ns)
    return took_ns


def ratio(samples: Sequence[Sequence[float]], base: Sequence[Sequence[float]]) -> str:
    """The median ratio within a burst's turn, and its interval."""
    by_start = [
        statistics.median(own / other for own, other in zip(mine, others, strict=True))
        for mine, others in zip(samples, base, strict=True)
    ]
    medians = sorted(statistics.median(random.choices(by_start, k=len(by_start))) for _ in range(2000))
    return f"{statistics.median(by_start):.3f} [{medians[50]:.3f}, {medians[1949]:.3f}]"


app = command_line.application("Measure what each protection of the gRPC producer costs per call.")


@app.command()
def grpc_protections(
    starts: Annotated[
        int,
        typer.Argument(parser=values.whole_number(1, 1000), metavar="STARTS", help="Restarts of all producers."),
    ] = 10,
    variant: Annotated[str, typer.Option("--serve", parser=values.one_of(("", *VARIANTS)), hidden=True)] = "",
) -> None:
    """Print each variant's ratio to the producer as it is, in latency and CPU, with 95 % intervals."""
    if variant:
        serve(variant)
    else:
        try:
            asyncio.run(measure(starts=starts, bursts=10))
        except ProcessFailed as error:
            raise UntrustedMeasurement(str(error)) from None


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.grpc_protections"))
