"""Clients that are slow, hold connections or disconnect: each connection ends within its stated limit."""

import asyncio
import socket
import ssl
from contextlib import ExitStack, suppress
from functools import partial

import pytest

from tests.hostile.attack import AMPLE_S, until
from tests.hostile.http1.conftest import LIMITS, Victim, close, ports_of

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n"
POST = b"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
LARGE_PAGE = b"GET /recipes?page_size=63 HTTP/1.1\r\nHost: lab\r\n\r\n"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01"
IDLE_TLS_BYTES = 64 << 10
"""The most memory that an idle connection over TLS may take."""

both = ports_of("http", "graphql")


@both
async def test_an_incomplete_head_is_408(victim: Victim) -> None:
    """Concurrently: nothing, half a line, and half a head."""
    statuses = await asyncio.gather(*(victim.status(sent) for sent in (b"", b"GET /reci", GET[:-2])))
    victim.answers += statuses
    assert statuses == [408] * 3


async def status_of_what_drips(victim: Victim, head: bytes, dripped: bytes) -> int:
    """The status for a client that sends one byte at a time; 0 when its connection is closed without a response."""
    reader, writer = await victim.connect()

    async def drip() -> None:
        with suppress(ConnectionError):
            for number in range(len(dripped)):
                writer.write(dripped[number : number + 1])
                await writer.drain()
                await asyncio.sleep(0.02)

    writer.write(victim.aimed(head))
    dripping = asyncio.create_task(drip())
    said = b""
    async with asyncio.timeout(AMPLE_S):
        with suppress(ConnectionError):
            said = await reader.readuntil(b"\r\n\r\n")
            await reader.read()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    await close(writer)
    return int(said.split()[1]) if said else 0


@both
async def test_a_slow_head_or_body_is_408(victim: Victim) -> None:
    """A head and a body, concurrently."""
    statuses = await asyncio.gather(
        status_of_what_drips(victim, b"", GET[:30] + b"X: y\r\n" * 1000),
        status_of_what_drips(victim, POST, b"{" * 1000),
    )
    victim.answers += statuses
    assert set(statuses) == {408}


@both
async def test_an_idle_connection_is_closed(victim: Victim) -> None:
    said = await victim.all_of(GET)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1") == 1
    victim.answers.append("200, and closed")


@both
async def test_unread_responses(victim: Victim) -> None:
    """Half a megabyte each. No response is produced before the previous one is read; the client is disconnected."""
    loop = asyncio.get_running_loop()
    sock: socket.socket = socket.create_connection(victim.place)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    if victim.tls is not None:
        wrap = partial(victim.tls.wrap_socket, sock, server_hostname="localhost")
        sock = await loop.run_in_executor(None, wrap)
    with sock:
        sock.setblocking(False)
        with suppress(BlockingIOError, ssl.SSLWantWriteError):
            sock.send(victim.aimed(LARGE_PAGE) * 1000)

        def cut_off() -> bool:
            # Nothing is read, so only the kernel knows that the other side has closed.
            return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01"

        assert not cut_off(), "not disconnected at once"
        await until(cut_off)
    victim.answers.append("reset")


@both
@pytest.mark.parametrize("head", [POST, LARGE_PAGE], ids=["within a body", "within an answer"])
async def test_clients_that_disconnect_midway(victim: Victim, head: bytes) -> None:
    """No error is logged, which is checked when the producer stops."""

    async def vanish() -> bool:
        _, writer = await victim.connect()
        writer.write(victim.aimed(head))
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.transport.abort()
        await close(writer)
        return writer.transport.is_closing()

    gone = await asyncio.gather(*(vanish() for _ in range(25)))
    assert gone == [True] * 25
    victim.answers.append("25 vanished")


@both
async def test_a_thousand_idle_connections(victim: Victim) -> None:
    victim.memory_bound_bytes = 1000 * IDLE_TLS_BYTES
    loop = asyncio.get_running_loop()
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(1000)]
        held = 0
        for number, sock in enumerate(sockets):
            sock.setblocking(False)
            await loop.sock_connect(sock, victim.place)
            if number % 100 == 99:
                # When this takes longer than the limit, the first are closed before the last are open.
                held = max(held, victim.process.num_fds())
        async with asyncio.timeout(AMPLE_S):
            # The system accepts connections before the producer does.
            while held <= 150:
                await asyncio.sleep(0)
                held = max(held, victim.process.num_fds())
            last = await loop.sock_recv(sockets[-1], 100)
    victim.answers.append(f"{held} descriptors open")
    # Without a finished handshake no response can be sent.
    assert last.startswith(b"HTTP/1.1 408 ") if victim.tls is None else not last


@both
async def test_an_incomplete_handshake_is_closed(victim: Victim) -> None:
    """Nothing, and half a TLS hello, concurrently. On the plain port they are an incomplete and an invalid request."""

    async def all_said(sent: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*victim.place)
        writer.write(sent)
        said = b""
        with suppress(ConnectionError):
            said = await reader.read()
        await close(writer)
        return said

    async with asyncio.timeout(AMPLE_S):
        silent, half = await asyncio.gather(all_said(b""), all_said(HALF_A_HELLO))
    if victim.tls is None:
        assert silent.startswith(b"HTTP/1.1 408 ")
        assert half.split()[1] == b"400"
    else:
        # An alert at most (RFC 8446, section 6): no handshake and no data.
        assert {silent[:1], half[:1]} <= {b"", b"\x15"}
    victim.answers.append("closed")


@both
async def test_the_wrong_protocol_on_a_port(victim: Victim) -> None:
    """HTTP on the TLS port is closed; TLS on the plain port is an invalid request."""
    async with asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection(*victim.place)
        writer.write(GET if victim.tls else b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n")
        said = b""
        with suppress(ConnectionError):
            said = await reader.read()
        await close(writer)
    if victim.tls is None:
        assert said.split()[1] == b"400"
    else:
        assert said[:1] in {b"", b"\x15"}
    assert b"Traceback" not in said
    victim.answers.append(said[9:12].decode() if victim.tls is None else "closed")


def test_deadlines_are_far_below_the_timeout_of_the_tests() -> None:
    limits = (LIMITS.header_timeout_s, LIMITS.body_timeout_s, LIMITS.write_timeout_s, LIMITS.keep_alive_s)
    assert max(*limits, LIMITS.tls_handshake_timeout_s) < AMPLE_S / 4
