"""Timers with nanosecond resolution.

Event loops round their timers to milliseconds, which is longer than a request takes. On Linux a timerfd wakes the loop
on time. Elsewhere the loop's own timer is used; the send lag that every slice records shows how late it was.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import perf_counter_ns

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """Calls back at a given nanosecond, on the clock of `time.perf_counter_ns`. It is set for one time only."""

    def __init__(self, on_time: Callable[[], None]) -> None:
        """`on_time` is called on the running event loop, never before the time set."""
        self._loop = asyncio.get_running_loop()
        self._on_time = on_time
        self._descriptor = -1
        self._handle: asyncio.TimerHandle | None = None
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._expired)

    def set(self, due_ns: int) -> None:
        """Call back at `due_ns`, or at once when that has passed. Replaces the time that was set before."""
        if self._descriptor < 0:
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_later(max(0, due_ns - perf_counter_ns()) / 1e9, self._called, due_ns)
            return
        # A time of zero would switch the timer off.
        due_ns = max(1, due_ns)
        setting = _Itimerspec(_Timespec(0, 0), _Timespec(due_ns // 1_000_000_000, due_ns % 1_000_000_000))
        if self._libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, ctypes.byref(setting), None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        """Stop calling back."""
        if self._handle is not None:
            self._handle.cancel()
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _called(self, due_ns: int) -> None:
        """Called by the loop's own timer, which may round down."""
        if perf_counter_ns() < due_ns:
            self.set(due_ns)
        else:
            self._on_time()

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return
        self._on_time()


class PreciseTimer:
    """A timer for any number of waiters, on the clock of `time.perf_counter_ns`. Use as a context manager.

    Waiters that are due at the same time continue in the order in which they came.
    """

    def __init__(self) -> None:
        self._alarm = Alarm(self._expired)
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    def __enter__(self) -> "PreciseTimer":
        return self

    def __exit__(self, *_: object) -> None:
        self._alarm.close()

    async def wait_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or at once when that has passed."""
        if due_ns <= perf_counter_ns():
            return
        waiter = (due_ns, next(self._arrivals), asyncio.get_running_loop().create_future())
        heappush(self._waiters, waiter)
        if self._waiters[0] is waiter:
            self._alarm.set(due_ns)
        await waiter[2]

    def _expired(self) -> None:
        now_ns = perf_counter_ns()
        while self._waiters and self._waiters[0][0] <= now_ns:
            waiter = heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)
        if self._waiters:
            self._alarm.set(self._waiters[0][0])
