"""Stops a server of gRPC's core so that calls are not lost that the core itself would drop.

The core sends its GOAWAY when its shutdown begins. From then on it cancels every call that reaches it, and every one
that has arrived and that nobody has taken yet: of 50 callers in a closed loop, 48 see CANCELLED. No function sends a
GOAWAY and goes on serving. So the callers are made to wait first: their connections are taken in, their calls are
taken and held. When no more come, the shutdown begins, and the GOAWAY reaches each caller before the response. What is
sent by a caller that does not wait for responses, in the time that a GOAWAY takes to reach it, is still lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from producers.accept_queue import listeners_of_this_process, take_in_queued

QUIET_S = 0.05
"""No more calls are expected when none has come for this long, and every connection has one."""
HOLD_AT_MOST_S = 0.5
"""How long calls are held while others come, or connections are open without one."""
GOAWAY_S = 0.02
"""How long the core may take to write its GOAWAY."""
POLL_S = 0.01


class HeldCalls(Protocol):
    """Calls that have arrived at a server and whose responses wait."""

    @property
    def arrived(self) -> int:
        """How many are held."""

    def release(self) -> None:
        """Let them go on, and hold no more."""


async def stop_core(
    ports: Collection[int],
    hold: Callable[[], HeldCalls],
    shut_down: Callable[[float], Awaitable[object]],
    drain_s: float,
) -> None:
    """Stop a server that listens on these ports. `hold` begins to hold calls; `shut_down` takes the seconds left."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    listeners = listeners_of_this_process(ports)
    try:
        await take_in_queued(listeners)
    finally:
        for listener in listeners:
            listener.close()
    held = hold()
    try:
        await _no_more(held, ports, min(HOLD_AT_MOST_S, drain_s))
        stopping = asyncio.ensure_future(shut_down(max(0.0, drain_s - (loop.time() - began))))
        await asyncio.wait({stopping}, timeout=GOAWAY_S)
    finally:
        held.release()
    await stopping


async def _no_more(held: HeldCalls, ports: Collection[int], within_s: float) -> None:
    """Wait until no more calls arrive."""
    # What a producer needs only when it stops takes no memory before.
    from producers.peer_connections import open_connections  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    now = loop.time()
    give_up, quiet_since, arrived = now + within_s, now, held.arrived
    while now < give_up:
        await asyncio.sleep(POLL_S)
        now = loop.time()
        if held.arrived != arrived:
            arrived, quiet_since = held.arrived, now
        elif now - quiet_since >= QUIET_S and held.arrived >= len(open_connections(ports)):
            return
