"""Waking up at a given nanosecond.

Event loops round their timers to milliseconds, which is longer than a request takes. On Linux a timerfd wakes the loop
at the time set; elsewhere the loop's own timer has to do, and the send lag that every slice records shows by how much.
"""

import asyncio
import ctypes
import os
import sys
from time import perf_counter_ns

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class PreciseTimer:
    """A timer of one waiter at a time, on the clock of `time.perf_counter_ns`. Use as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._descriptor = -1
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._expired)

    def __enter__(self) -> "PreciseTimer":
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    async def wait_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or at once when that has passed."""
        remaining_ns = due_ns - perf_counter_ns()
        if remaining_ns <= 0:
            return
        if self._descriptor < 0:
            await asyncio.sleep(remaining_ns / 1e9)
            return
        self._waiter = self._loop.create_future()
        setting = _Itimerspec(_Timespec(0, 0), _Timespec(due_ns // 1_000_000_000, due_ns % 1_000_000_000))
        if self._libc.timerfd_settime(self._descriptor, _TFD_TIMER_ABSTIME, ctypes.byref(setting), None) != 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")
        await self._waiter

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
