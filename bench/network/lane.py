"""One direction of a network in the relay: bytes in transit on a link, bounded, each delivered at its nanosecond."""

import asyncio
import heapq
from collections.abc import Callable
from functools import partial
from itertools import count
from time import perf_counter_ns
from typing import Protocol

from bench.load.timer import Alarm
from bench.network.link import Link

Action = Callable[[], None]


class Agenda:
    """Actions by the time at which they are due. Those due at the same time run in the order of adding."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Action]] = []
        self._numbers = count()
        self._alarm = Alarm(self._work_off)

    def at(self, due_ns: int, action: Action) -> None:
        """Run an action at `due_ns`, or soon when that has passed. It must not raise."""
        heapq.heappush(self._entries, (due_ns, next(self._numbers), action))
        if self._entries[0][0] == due_ns:
            self._alarm.set(due_ns)

    async def wait_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or soon when that has passed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(due_ns, lambda: None if waiter.done() else waiter.set_result(None))
        await waiter

    def close(self) -> None:
        """Drop the actions that are not done yet."""
        self._alarm.close()
        self._entries.clear()

    def _work_off(self) -> None:
        while self._entries and self._entries[0][0] <= perf_counter_ns():
            heapq.heappop(self._entries)[2]()
        if self._entries:
            self._alarm.set(self._entries[0][0])


class Source(Protocol):
    """What can be asked to wait before it sends more."""

    def may_send(self, allowed: bool) -> None:
        """Called when the lane begins or ceases to take more, and once on joining."""


class Lane:
    """Carries bytes over a link that all connections share, and lets senders wait while it is full."""

    def __init__(self, link: Link, agenda: Agenda, held_bytes_at_most: int) -> None:
        self._link = link
        self._agenda = agenda
        self._held_bytes_at_most = held_bytes_at_most
        self._held_bytes = 0
        self._full = False
        self._sources: set[Source] = set()

    @property
    def held_bytes(self) -> int:
        """Bytes that were accepted and are not delivered yet."""
        return self._held_bytes

    def join(self, source: Source) -> None:
        """Let a source send over the lane."""
        self._sources.add(source)
        source.may_send(not self._full)

    def leave(self, source: Source) -> None:
        """Remove a source. What it sent is still delivered."""
        self._sources.discard(source)

    def carry(self, data: bytes, deliver: Callable[[bytes], None]) -> None:
        """Deliver bytes that have just arrived, in pieces, at the times that the link gives."""
        start = 0
        for piece in self._link.send(len(data), perf_counter_ns()):
            part = data[start : start + piece.size_bytes]
            start += piece.size_bytes
            self._agenda.at(piece.delivered_ns, partial(self._deliver, part, deliver))
        self._held_bytes += len(data)
        self._update_sources()

    def carry_end(self, action: Callable[[], None]) -> None:
        """Run an action after everything sent before has been delivered, such as the end of a stream."""
        for piece in self._link.send(0, perf_counter_ns()):
            self._agenda.at(piece.delivered_ns, action)

    def _deliver(self, part: bytes, deliver: Callable[[bytes], None]) -> None:
        self._held_bytes -= len(part)
        deliver(part)
        self._update_sources()

    def _update_sources(self) -> None:
        # A full lane takes more again at half the bound, so that senders are not stopped and started for every piece.
        limit = self._held_bytes_at_most // 2 if self._full else self._held_bytes_at_most
        if (full := self._held_bytes > limit) != self._full:
            self._full = full
            for source in list(self._sources):
                source.may_send(not full)
