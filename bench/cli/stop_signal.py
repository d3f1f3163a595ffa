"""Ctrl-C: the first asks to stop and keeps what was measured; the second ends the program at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from commands.loop_signals import handled_in_loop


@contextmanager
def stop_on_signal() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT, SIGTERM or SIGHUP sets; a second one cancels the current task."""
    stop = asyncio.Event()
    task = asyncio.current_task()

    def on_signal() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    with handled_in_loop(on_signal):
        yield stop
