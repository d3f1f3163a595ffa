"""What gRPC's own retries cost, and how many calls fail without them: `python -m benchmarks.grpc_retries`.

Three consumers of one producer: without retries, with them, and with them again, which shows the noise. They make
bursts of calls in turn, in random order. Then calls over connections that reach their maximum age soon, with and
without retries.
"""

import asyncio
import random
import statistics
import sys
import time

import uvloop

from bench.machine import pinning_here, this_process_on
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from commands import command_line
from commands.errors import UntrustedMeasurement
from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.grpc_http2 import GrpcHttp2Client
from consumers.target import Target, parse_target
from producers.settings import CallLimits, Limits
from recipes import sources
from tests.support.books import small_book
from tests.support.grpc_channels import with_retries
from tests.support.relay import relay_to
from tests.support.serving import serving

BURSTS, CALLS_PER_BURST = 150, 100
WARM_UP_BURSTS = 10
CONNECTION_AGE_S, CONNECTIONS, CALLERS = 0.05, 400, 8


async def cost(target: Target) -> None:
    """Print the ratios of the time of a call: medians over the bursts, with 95 % intervals of the order statistics."""
    settings = ClientSettings(target=target)
    clients = [GrpcHttp2Client(settings), *(GrpcHttp2Client(settings, with_retries) for _ in range(2))]
    for client in clients:
        await client.open()
    took_ns: list[list[int]] = [[] for _ in clients]
    for _ in range(WARM_UP_BURSTS + BURSTS):
        for number in random.sample(range(len(clients)), k=len(clients)):
            began_ns = time.perf_counter_ns()
            for _ in range(CALLS_PER_BURST):
                await clients[number].get(42)
            took_ns[number].append(time.perf_counter_ns() - began_ns)
    for client in clients:
        await client.close()
    without, with_them, again = (taken[WARM_UP_BURSTS:] for taken in took_ns)
    for name, ours, theirs in (("with / without", with_them, without), ("with / with", again, with_them)):
        ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
        reach = 0.98 * len(ratios) ** 0.5
        low, high = ratios[int(len(ratios) / 2 - reach)], ratios[int(len(ratios) / 2 + reach)]
        print(f"{name}: {statistics.median(ratios):.3f} ({low:.3f}-{high:.3f})")


async def lost(*, retries: bool) -> None:
    """Print how many calls fail while connections reach their maximum age."""
    calls = failed = 0
    limits = Limits(calls=CallLimits(connection_age_s=CONNECTION_AGE_S))
    async with serving("grpc", small_book(), limits=limits) as served:
        target = served.client_settings.target
        async with relay_to(target.host, target.port) as relay:
            settings = ClientSettings(target=Target("127.0.0.1", relay.port))
            async with GrpcHttp2Client(settings, with_retries if retries else None) as client:

                async def call_on() -> None:
                    nonlocal calls, failed
                    while relay.connections < CONNECTIONS:
                        calls += 1
                        try:
                            await client.get(42)
                        except ProducerUnreachable:
                            failed += 1

                await asyncio.gather(*(call_on() for _ in range(CALLERS)))
    print(f"{'with' if retries else 'without'} retries: {failed} of {calls} calls lost")


async def cost_of_retries() -> None:
    """Measure `cost` with a producer of the lab."""
    pinning = pinning_here()
    with this_process_on(pinning.load):
        async with Session(pinning) as session:
            producer = await session.start_producer("grpc", recipes=sources.DEFAULT_SOURCE)
            session.pin()
            await cost(parse_target(producer.plain))


app = command_line.application("Measure what gRPC's own retries cost, and how many calls are lost without them.")


@app.command()
def grpc_retries() -> None:
    """Print the ratios of a call's time with and without retries, then how many calls were lost."""
    try:
        uvloop.run(cost_of_retries())
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None
    for retries in (False, True):
        asyncio.run(lost(retries=retries))


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.grpc_retries"))
