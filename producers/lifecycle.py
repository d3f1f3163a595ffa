"""The lifecycle of a server process: listen, announce, serve until a signal, drain."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from commands.loop_signals import handled_in_loop
from producers.producer import Producer

STOP_WITH_STDIN = "RECIPE_LAB_STOP_WITH_STDIN"
"""An environment variable that a parent sets for a child whose stdin it holds: the end of stdin then acts as a stop
signal. So no child outlives a parent that was killed, and a child that is already stopping ends at once."""


_last_duties: list[Callable[[], object]] = []


def before_abrupt_end(duty: Callable[[], object]) -> None:
    """Have this done even when a second signal ends the process at once: removing a temporary directory, say."""
    _last_duties.append(duty)


def announce(addresses: list[str], pid: int) -> None:
    """Print one line on stdout for each address: `listening http://127.0.0.1:4000 pid=123`."""
    for address in addresses:
        print(f"listening {address} pid={pid}", flush=True)


async def serve(producer: Producer, on_listening: Callable[[list[str]], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP, then drain. A second signal ends the process at once.

    Raises PortUnavailable.
    """
    with stop_requested() as stop:
        addresses = await producer.start()
        try:
            on_listening(addresses)
            await stop()
        finally:
            await producer.stop()


@contextmanager
def stop_requested() -> Iterator[Callable[[], Awaitable[object]]]:
    """Handle stop signals inside the block. Yields a function that waits for the first one."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def on_signal() -> None:
        if stopping.is_set():
            for duty in _last_duties:
                duty()
            sys.stderr.flush()
            os._exit(1)
        stopping.set()

    with handled_in_loop(on_signal):
        if os.environ.get(STOP_WITH_STDIN):
            loop.add_reader(sys.stdin.fileno(), lambda: _at_end(loop, on_signal))
        try:
            yield stopping.wait
        finally:
            if os.environ.get(STOP_WITH_STDIN):
                loop.remove_reader(sys.stdin.fileno())


def _at_end(loop: asyncio.AbstractEventLoop, on_end: Callable[[], None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        on_end()
