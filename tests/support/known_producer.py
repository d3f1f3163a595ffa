"""`python -m tests.support.known_producer PROTOCOL …`: a producer with known delays or faults.

The lab's producer of that protocol serves a book that waits to the microsecond, stalls on a schedule, or fails
after some requests. A relay in front of it corrupts bytes. It announces itself like any producer.
"""

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import replace
from time import perf_counter_ns
from urllib.parse import urlsplit, urlunsplit

import uvloop

from bench.load.timer import PreciseTimer
from producers import lifecycle
from producers.registry import PRODUCERS, producer_class
from producers.settings import CallLimits, Limits, ProducerSettings
from recipes import sources
from recipes.book import DEFAULT_PAGE_SIZE, InMemoryRecipeBook
from recipes.model import Recipe, RecipePage

BOOK_FAULTS = ("dies", "hangs", "errors", "another_recipe", "altered_recipe")
"""The process is killed; it stops responding; each request fails; responses have the wrong id, or the wrong text."""
WIRE_FAULTS = ("garbage", "closes")
"""Sends garbage; closes within a response."""


class KnownBook(InMemoryRecipeBook):
    """Responds after `delay_ns`, except while it stalls: in the first `stall_ns` of each `every_ns` of the clock."""

    waits = True

    def __init__(self, given: argparse.Namespace, timer: PreciseTimer) -> None:
        super().__init__(sources.load(given.recipes).recipes)
        self._timer = timer
        self._delay_ns = round(given.delay_ms * 1e6)
        self._stall_ns, self._every_ns = round(given.stall_ms * 1e6), round(given.every_ms * 1e6)
        self._turn = asyncio.Lock() if given.one_at_a_time else None
        self._fault = given.fault
        self._faulty = range(given.after, given.after + given.times)
        self._asked = 0

    async def get(self, recipe_id: int) -> Recipe:
        faulty = await self._wait()
        recipe = await super().get(recipe_id)
        if faulty and self._fault == "another_recipe":
            return replace(recipe, id=recipe.id + 1)
        if faulty and self._fault == "altered_recipe":
            return replace(recipe, steps=recipe.steps + ".")
        return recipe

    async def page(self, size: int = DEFAULT_PAGE_SIZE, after: str = "") -> RecipePage:
        await self._wait()
        return await super().page(size, after)

    async def _wait(self) -> bool:
        """Wait for the known time; return whether this request is to fail."""
        faulty = self._asked in self._faulty
        self._asked += 1
        if faulty and self._fault == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if faulty and self._fault == "hangs":
            await asyncio.Event().wait()
        if faulty and self._fault == "errors":
            raise RuntimeError("a fault that the test requested")
        now_ns = perf_counter_ns()
        stalled_for_ns = now_ns % self._every_ns
        if stalled_for_ns < self._stall_ns:
            await self._timer.wait_until(now_ns - stalled_for_ns + self._stall_ns)
        if self._turn is None:
            await self._timer.wait_until(perf_counter_ns() + self._delay_ns)
        else:
            async with self._turn:
                await self._timer.wait_until(perf_counter_ns() + self._delay_ns)
        return faulty


RESPONSE_BYTES = 200
"""Shorter pieces are not corrupted: they may be HTTP/2 frames of the connection instead of a response."""


class SpoilingRelay:
    """Relays bytes; corrupts some responses after a number of correct ones."""

    def __init__(self, address: str, given: argparse.Namespace) -> None:
        self._target = urlsplit(address)
        self._garbage = given.fault == "garbage"
        self._spoiled = range(given.after, given.after + given.times)
        self._answers = 0
        self._conversations: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return the address of the relay."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._target._replace(netloc=f"127.0.0.1:{port}"))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._converse(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(self._conversations.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        await asyncio.gather(self._pass_on(reader, onward_writer), self._answer(onward_reader, writer))

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                sink.write(data)
        sink.close()

    async def _answer(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 16):
                answer = len(data) >= RESPONSE_BYTES
                spoiled = answer and self._answers in self._spoiled
                self._answers += answer
                if spoiled:
                    sink.write(b"\x00 garbage \xff" * 4 if self._garbage else data[: len(data) // 2])
                    break
                sink.write(data)
        sink.close()


def arguments() -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.known_producer", description=__doc__)
    parser.add_argument("protocol", choices=PRODUCERS)
    parser.add_argument("--recipes", default="generated:50")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--one-at-a-time", action="store_true", help="so that its capacity is 1000 / delay")
    parser.add_argument("--stall-ms", type=float, default=0.0)
    parser.add_argument("--every-ms", type=float, default=1000.0)
    parser.add_argument("--streams", type=int, help="requests allowed on one connection at a time, for gRPC")
    parser.add_argument("--fault", choices=BOOK_FAULTS + WIRE_FAULTS)
    parser.add_argument("--after", type=int, default=0, help="questions before the fault")
    parser.add_argument("--times", type=int, default=1 << 60, help="how many of them it spoils")
    return parser.parse_args()


async def serve(given: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    with PreciseTimer() as timer:
        calls = CallLimits() if given.streams is None else CallLimits(streams=given.streams)
        settings = ProducerSettings(host=given.host, port=0, drain_s=0.1, limits=Limits(calls=calls))
        producer = producer_class(given.protocol)(KnownBook(given, timer), settings)
        with lifecycle.stop_requested() as stop:
            addresses = await producer.start()
            if given.fault in WIRE_FAULTS:
                addresses = [await SpoilingRelay(addresses[0], given).start()]
            lifecycle.announce(addresses, os.getpid())
            await stop()
            await producer.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(arguments()))
