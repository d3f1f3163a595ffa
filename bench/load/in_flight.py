"""How many requests a client can have in flight: counted on the wire, between the client and the producer.

A client may queue requests instead of sending them, because the producer allows only so many on a connection or because
the library opens only so many connections. Its own timestamps do not show that. So a client of the same kind, with
connections of its own, sends the number wanted through a tap, twice. The first time they are answered, which opens
connections. The second time the tap holds responses back, and the client sends what it can. Nothing of this is timed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from typing import Any

from bench.clients.base import LoadClient, LoopClient, ProgramClient
from bench.load.closed_loop import run_closed
from bench.load.messages import InFlightCounted
from bench.load.recorder import SliceRecord, failures
from bench.wire.codec import Codec
from bench.wire.gate import Gate
from bench.wire.tap import HOST, open_tap
from bench.workloads import Question, WrongAnswer
from consumers.errors import ConsumerError
from consumers.target import Target
from recipes.errors import RecipeError

STEP_S = 0.002
QUIET_STEPS = 100
"""After so many steps without another request, the client sends no more. Time in which this process did not run is one
step at most."""
PROGRAM_NS = 1_000_000_000
"""How long a program sends: longer than it takes to see that it sends no more."""


async def count_in_flight(
    connect: Callable[[Target], LoadClient],
    questions: Sequence[Question[Any]],
    *,
    producer: Target,
    codec: Codec,
    wanted: int,
    patience_s: float,
) -> InFlightCounted:
    """Have a client keep `wanted` requests in flight, and count those that are on the wire.

    `connect` makes a client for an address, not opened yet. `producer` is the producer's address without TLS. Nothing
    is counted where requests fail, or where `patience_s` does not suffice. Raises nothing for either.
    """
    gate = Gate(codec.exchanges)
    async with open_tap(producer.host, producer.port, limit_bytes=0, gate=gate) as tap:
        client = connect(replace(producer, host=HOST, port=tap.port))
        reached = 0
        with suppress(TimeoutError, WrongAnswer, ConsumerError, RecipeError):
            await client.open()
            sending = asyncio.create_task(_send(client, questions, gate, wanted))
            try:
                settled = await _settled(gate, sending, wanted, patience_s)
                tap.open_gate()
                async with asyncio.timeout(patience_s):
                    reached = settled if await sending else 0
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                await client.close()
    return InFlightCounted(wanted=wanted, reached=min(reached, wanted) or None, streams_at_most=gate.streams_at_most)


async def _send(client: LoadClient, questions: Sequence[Question[Any]], gate: Gate, wanted: int) -> bool:
    """Send as many requests at once as are wanted in flight, twice. Returns whether all were successful.

    A program sends for as long as it does, and responses are held back once so many were answered.
    """
    requests = client.requests(questions)
    await client.verify(requests[0])
    if isinstance(client, ProgramClient):
        gate.hold_after(wanted)
        return not (await client.run_slice(cycle(requests), in_flight=wanted, duration_ns=PROGRAM_NS)).failures
    assert isinstance(client, LoopClient)
    record = SliceRecord()
    lengths = {"concurrency": wanted, "duration_ns": 0, "requests_at_least": wanted}
    await run_closed(client, cycle(requests), record=record, **lengths)
    gate.hold_after(0)
    await run_closed(client, cycle(requests), record=record, **lengths)
    return not failures(record.outcomes)


async def _settled(gate: Gate, sending: "asyncio.Task[bool]", wanted: int, patience_s: float) -> int:
    """The number of requests in flight, once it no longer grows or is as wanted. 0 where it was never known.

    Raises TimeoutError.
    """
    counted, quiet_steps = 0, 0
    async with asyncio.timeout(patience_s):
        while not sending.done():
            found = gate.open_requests if gate.holding else 0
            quiet_steps = 0 if found != counted or not found else quiet_steps + 1
            counted = found
            if counted >= wanted or quiet_steps >= QUIET_STEPS:
                return counted
            await asyncio.sleep(STEP_S)
    return 0
