"""Event loops, and Ctrl-C, SIGTERM and SIGHUP while one runs."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from commands import interruption

Result = TypeVar("Result")

DESCRIPTORS_OF_A_LOOP = 32
"""Of a loop with a few connections, in gRPC's core or in Python."""


@contextmanager
def handled_in_loop(on_signal: Callable[[], object]) -> Iterator[None]:
    """Let the running event loop call `on_signal` for every signal in the block."""
    loop = asyncio.get_running_loop()
    before = interruption.handlers()
    for number in before:
        loop.add_signal_handler(number, on_signal)
    if interruption.take_pending():
        loop.call_soon(on_signal)
    try:
        yield
    finally:
        # The loop would leave the system's handling behind, which ends the process without cleaning up.
        signal.pthread_sigmask(signal.SIG_BLOCK, before)
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, before)


def run(work: Coroutine[Any, Any, Result], new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> Result:
    """Run a coroutine in a new event loop, asyncio's own by default. The coroutine handles signals.

    Signals wait while the loop starts and while it is closed. Raises KeyboardInterrupt where one has cancelled the
    coroutine, and OSError where this process may not open the files that a loop needs.
    """
    try:
        check_descriptors()
        with interruption.held(), asyncio.Runner(loop_factory=new_loop) as runner:
            runner.get_loop()  # may fail, while nothing waits for it yet
            return runner.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        work.close()


def run_until_signal(
    work: Coroutine[Any, Any, Result], new_loop: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Result:
    """Like `run`. A signal cancels the coroutine, and KeyboardInterrupt is raised once it has ended."""

    async def cancelled_by_signal() -> Result:
        task = asyncio.current_task()
        assert task is not None
        with handled_in_loop(task.cancel):
            return await work

    try:
        return run(cancelled_by_signal(), new_loop)
    finally:
        work.close()


def check_descriptors() -> None:
    """Raise OSError for too few: a loop that gets none in the middle of its work does not end in one line."""
    opened: list[int] = []
    try:
        while len(opened) < DESCRIPTORS_OF_A_LOOP:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for each in opened:
            os.close(each)
