"""Ctrl-C, SIGTERM and SIGHUP while an event loop runs."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from commands.interruption import handlers

Result = TypeVar("Result")


@contextmanager
def handled_in_loop(on_signal: Callable[[], object]) -> Iterator[None]:
    """Let the running event loop call `on_signal` for every signal in the block."""
    loop = asyncio.get_running_loop()
    before = handlers()
    for number in before:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        # The loop would leave the system's handling behind, which ends the process without cleaning up.
        signal.pthread_sigmask(signal.SIG_BLOCK, before)
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)


def run_in_loop(work: Coroutine[Any, Any, Result], new_loop: Callable[[], asyncio.AbstractEventLoop]) -> Result:
    """Run a coroutine in a new event loop. A signal cancels it, and raises KeyboardInterrupt once it has ended."""

    async def cancelled_by_signal() -> Result:
        task = asyncio.current_task()
        assert task is not None
        with handled_in_loop(task.cancel):
            return await work

    with asyncio.Runner(loop_factory=new_loop) as runner:
        try:
            return runner.run(cancelled_by_signal())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
