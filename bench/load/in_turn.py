"""A fixed number of requests, one after the other, so that what they cost can be counted."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from time import perf_counter, sleep

from bench.clients.base import LoopClient, Request
from bench.machine import all_threads_sleep

CHECK_EVERY_S = 0.00025
IDLE_CHECKS = 2
"""A process is idle once all of its threads were found asleep so many times in a row."""
IDLE_WITHIN_S = 5.0
"""A process that is not idle by then is not waited for any longer."""


class InTurn:
    """Hands out each request once. Ends with the first that fails."""

    def __init__(self, requests: Iterator[Request]) -> None:
        self.sent = 0
        """Successful ones."""
        self.failure: Exception | None = None
        self._requests = requests

    def first(self) -> Request | None:
        """The first request."""
        return next(self._requests, None)

    def next_after(self, sent_ns: int, done_ns: int, failure: Exception | None) -> Request | None:
        """Count a request, and return the next."""
        if failure is not None:
            self.failure = failure
            return None
        self.sent += 1
        return next(self._requests, None)


async def send_in_turn(client: LoopClient, requests: Sequence[Request], passes: int, idle: Sequence[int]) -> InTurn:
    """Send all requests, `passes` times over, one at a time.

    `idle`: the processes that have to be idle before each of them, by their ids. What a server does after its response
    would otherwise overlap with the next request, more or less of it, and cost more or fewer instructions.
    """
    all_of_them = chain.from_iterable(repeat(requests, passes))
    if not idle:
        turns = InTurn(all_of_them)
        await client.keep_asking(turns, 1)
        return turns
    turns = InTurn(iter(()))
    for request in all_of_them:
        await _until_idle(idle)
        one = InTurn(iter((request,)))
        await client.keep_asking(one, 1)
        turns.sent += one.sent
        if one.failure is not None:
            turns.failure = one.failure
            break
    await _until_idle(idle)
    return turns


async def _until_idle(pids: Sequence[int]) -> None:
    idle = 0
    ends = perf_counter() + IDLE_WITHIN_S
    while idle < IDLE_CHECKS and perf_counter() < ends:
        await asyncio.sleep(0)  # what the client still has to do
        idle = idle + 1 if _soon_idle(pids) else 0


def _soon_idle(pids: Sequence[int]) -> bool:
    """Whether all threads of these processes sleep a moment later.

    It blocks: timers of event loops go by milliseconds, and with those, half of the time would be waiting.
    """
    sleep(CHECK_EVERY_S)
    return all(map(all_threads_sleep, pids))
