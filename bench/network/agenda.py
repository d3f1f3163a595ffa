"""What is to happen when: actions on an event loop, each at its nanosecond, in order."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from time import perf_counter_ns

from bench.load.precise_timer import Alarm

Action = Callable[[], None]


class Agenda:
    """Actions by the time they are due. Those due at the same time happen in the order in which they were put down."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Action]] = []
        self._numbers = count()
        self._alarm = Alarm(self._work_off)

    def at(self, due_ns: int, action: Action) -> None:
        """Do this at `due_ns`, or soon when that has passed. It must not raise."""
        heapq.heappush(self._entries, (due_ns, next(self._numbers), action))
        if self._entries[0][0] == due_ns:
            self._alarm.set(due_ns)

    async def wait_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or soon when that has passed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(due_ns, lambda: None if waiter.done() else waiter.set_result(None))
        await waiter

    def close(self) -> None:
        """Forget what is still to be done."""
        self._alarm.close()
        self._entries.clear()

    def _work_off(self) -> None:
        while self._entries and self._entries[0][0] <= perf_counter_ns():
            heapq.heappop(self._entries)[2]()
        if self._entries:
            self._alarm.set(self._entries[0][0])
