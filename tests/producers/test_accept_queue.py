"""Closing a listener: who is connected is accepted, who is not is refused, and nobody is reset."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import pytest

from producers.accept_queue import listeners_of_this_process, take_in_queued
from producers.sockets import bound_sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it uses what Linux shows of a listener")
CALLERS = 40


@pytest.fixture
async def listener() -> AsyncIterator[socket.socket]:
    (bound,) = bound_sockets("127.0.0.1", 0, share_port=False)
    with bound:
        yield bound


async def test_all_that_were_connected_are_accepted_before_the_listener_closes(listener: socket.socket) -> None:
    """Callers connect all the time, and nobody accepts until the end begins. None of them is reset."""
    loop = asyncio.get_running_loop()
    address = listener.getsockname()
    accepted: list[socket.socket] = []
    connected = [socket.create_connection(address) for _ in range(CALLERS)]

    async def accept() -> None:
        while True:
            one, _ = await loop.sock_accept(listener)
            accepted.append(one)

    async def connect() -> None:
        """Connect until refused."""
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
            except ConnectionRefusedError:
                return
            connected.append(writer.get_extra_info("socket"))
            writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(connect()) for _ in range(3)]
        accepting = tasks.create_task(accept())
        await take_in_queued([listener])
        accepting.cancel()
        await asyncio.wait({accepting})
        listener.close()
        await asyncio.wait(callers)
    assert len(accepted) == len(connected) >= CALLERS
    for writer in writers:
        writer.close()
    for one in (*accepted, *connected[:CALLERS]):
        one.close()


def test_the_listeners_of_a_process_are_found_by_their_ports(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)), socket.create_server(("127.0.0.1", 0)):
        found = listeners_of_this_process([port])
    assert [one.getsockname() for one in found] == [listener.getsockname()]
    assert found[0].fileno() != listener.fileno()
    for one in found:
        one.close()
