"""An event loop with a virtual clock: when all tasks wait, time jumps to the next timer. Results are exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

Result = TypeVar("Result")
MODULES = ("bench.load.closed_loop", "bench.load.open_loop", "bench.clients.library")
"""Whose clock and timer are replaced."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits; adds the waiting time to the loop's time."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self.waited_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time starts at one second and passes only while all tasks wait."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1.0 + self._jumping.waited_s


def now_ns() -> int:
    """The running virtual loop's time."""
    return round(asyncio.get_running_loop().time() * 1e9)


async def sleep_until(due_ns: int) -> None:
    """Wait for a moment of the virtual clock."""
    await asyncio.sleep(max(0, due_ns - now_ns()) / 1e9)


class VirtualTimer:
    """Stands in for PreciseTimer."""

    def __enter__(self) -> "VirtualTimer":
        return self

    def __exit__(self, *_: object) -> None:
        return

    async def wait_until(self, due_ns: int) -> None:
        if due_ns > now_ns():
            await sleep_until(due_ns)


def run(monkeypatch: pytest.MonkeyPatch, work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` with the load loops on virtual time; return its result."""
    for module in MODULES:
        monkeypatch.setattr(f"{module}.perf_counter_ns", now_ns)
    monkeypatch.setattr("bench.load.open_loop.PreciseTimer", VirtualTimer)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
