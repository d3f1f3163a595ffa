"""Callers that take their time, hold connections or vanish: each is ended within the limit stated for it."""

import asyncio
import socket
import ssl
from contextlib import suppress
from functools import partial

import pytest

from tests.hostile.http1.conftest import AMPLE_S, LIMITS, Victim, close, until

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n"
POST = b"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
LARGE_PAGE = b"GET /recipes?page_size=63 HTTP/1.1\r\nHost: lab\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET /reci", GET[:-2]], ids=["silent", "half a line", "half a head"])
async def test_a_head_that_does_not_come(http_victim: Victim, sent: bytes) -> None:
    status = await http_victim.status(sent)
    http_victim.answers.append(status)
    assert status == 408


@pytest.mark.parametrize(
    ("head", "dripped"), [(b"", GET[:30] + b"X: y\r\n" * 1000), (POST, b"{" * 1000)], ids=["head", "body"]
)
async def test_what_drips_has_an_end(http_victim: Victim, head: bytes, dripped: bytes) -> None:
    reader, writer = await http_victim.connect()

    async def drip() -> None:
        with suppress(ConnectionError):
            for number in range(len(dripped)):
                writer.write(dripped[number : number + 1])
                await writer.drain()
                await asyncio.sleep(0.02)

    writer.write(head)
    dripping = asyncio.create_task(drip())
    said = b""
    async with asyncio.timeout(AMPLE_S):
        with suppress(ConnectionError):
            said = await reader.readuntil(b"\r\n\r\n")
            await reader.read()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    await close(writer)
    http_victim.answers.append(said[:12].decode())
    assert said.startswith(b"HTTP/1.1 408 ") or not said


async def test_an_idle_connection_is_closed(http_victim: Victim) -> None:
    said = await http_victim.all_of(GET)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.count(b"HTTP/1.1") == 1


async def test_answers_that_nobody_reads(http_victim: Victim) -> None:
    """Half a megabyte each: the second is not made before the first is read, and who reads none is cut off."""
    loop = asyncio.get_running_loop()
    sock: socket.socket = socket.create_connection(http_victim.place)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    if http_victim.tls is not None:
        wrap = partial(http_victim.tls.wrap_socket, sock, server_hostname="localhost")
        sock = await loop.run_in_executor(None, wrap)
    with sock:
        sock.setblocking(False)
        with suppress(BlockingIOError, ssl.SSLWantWriteError):
            sock.send(LARGE_PAGE * 1000)

        def cut_off() -> bool:
            # Nothing is read, so only the system knows that the other side has gone.
            return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != b"\x01"

        await until(cut_off)


@pytest.mark.parametrize("head", [POST, LARGE_PAGE], ids=["within a body", "within an answer"])
async def test_callers_that_vanish(http_victim: Victim, head: bytes) -> None:
    async def vanish() -> None:
        _, writer = await http_victim.connect()
        writer.write(head)
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.transport.abort()
        await close(writer)

    await asyncio.gather(*(vanish() for _ in range(25)))


async def test_a_thousand_idle_connections(http_victim: Victim) -> None:
    """Without TLS, whose handshakes would take the time."""
    loop = asyncio.get_running_loop()
    sockets = []
    held = 0
    for number in range(1000):
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, http_victim.place)
        sockets.append(sock)
        if number % 100 == 99:
            # Where this takes longer than the limit, the first are closed before the last are open.
            held = max(held, http_victim.process.num_fds())
    http_victim.answers.append(f"{held} descriptors open")
    assert held > 150
    async with asyncio.timeout(AMPLE_S):
        last = await loop.sock_recv(sockets[-1], 100)
    for sock in sockets:
        sock.close()
    assert last.startswith(b"HTTP/1.1 408 ") or (http_victim.tls is not None and not last)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "half a hello"])
async def test_half_a_handshake_is_cut_off(http_victim: Victim, sent: bytes) -> None:
    async with asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection(*http_victim.place)
        writer.write(sent)
        with suppress(ConnectionError):
            await reader.read()
        await close(writer)
    assert LIMITS.tls_handshake_timeout_s < AMPLE_S


async def test_the_wrong_protocol_on_a_port(http_victim: Victim) -> None:
    """HTTP where TLS is spoken is closed; the other way round it is no HTTP."""
    async with asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection(*http_victim.place)
        writer.write(GET if http_victim.tls else b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n")
        said = b""
        with suppress(ConnectionError):
            said = await reader.read()
        await close(writer)
    assert b"HTTP/1.1 200" not in said
    assert b"Traceback" not in said
