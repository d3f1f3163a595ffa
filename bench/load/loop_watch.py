"""How long the event loop of the load process was away: it asks to be woken every so often, and looks how late it is.

Whatever holds the loop (a long decode, a garbage collection, another process on its core) holds back every answer that
came meanwhile, and their stamps with them.
"""

import asyncio
from time import perf_counter_ns

BEAT_NS = 2_000_000
"""Loops round timers to milliseconds, so a stall is known to about one."""


class LoopWatch:
    """Watches the running loop. Use as a context manager around what is measured."""

    def __init__(self) -> None:
        self.longest_stall_ns = 0
        """The latest that a beat came."""
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> "LoopWatch":
        self._schedule()
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.cancel()
        self._look()

    def _schedule(self) -> None:
        self._due_ns = perf_counter_ns() + BEAT_NS
        self._handle = self._loop.call_later(BEAT_NS / 1e9, self._beat)

    def _beat(self) -> None:
        self._look()
        self._schedule()

    def _look(self) -> None:
        self.longest_stall_ns = max(self.longest_stall_ns, perf_counter_ns() - self._due_ns)
