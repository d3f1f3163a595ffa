"""Clients that are still sending when they are refused: each can read the refusal, and none can keep its connection."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hyperframe.frame import GoAwayFrame, HeadersFrame, PingFrame, SettingsFrame

from consumers.target import parse_target
from producers import sockets
from producers.aiohttp_connections import REFUSED_AT_ONCE
from producers.certificates import CertificateFiles
from producers.grpc_call_check import COMPRESSION_ERROR
from producers.settings import Limits, ProducerSettings
from tests.support.books import small_book
from tests.support.raw_http import AMPLE_S
from tests.support.serving import Served, serving
from tests.support.single_requests import open_descriptors, until

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n"
IMPATIENT = Limits(header_timeout_s=0.2)
HTTP_PORTS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@pytest.fixture
async def served(tls: bool, own_certificates: CertificateFiles) -> AsyncIterator[Served]:
    async with serving("http", small_book(), limits=IMPATIENT, certificates=own_certificates if tls else None) as one:
        yield one


async def connect(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    target = parse_target(served.address)
    ca = served.client_settings.ca
    context = ssl.create_default_context(cafile=ca) if target.tls else None
    return await asyncio.open_connection(target.host, target.port, ssl=context)


@asynccontextmanager
async def sending(writer: asyncio.StreamWriter, part: bytes) -> AsyncIterator[None]:
    """Send `part` repeatedly until the block or the connection ends."""

    async def send() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.005)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        writer.transport.abort()


async def said_at_last(reader: asyncio.StreamReader, *, to_the_end: bool) -> bytes:
    """Read one response. Raises ConnectionError, IncompleteReadError, or TimeoutError when it cannot be read.

    With `to_the_end`, the connection must then end without a reset.
    """
    async with asyncio.timeout(AMPLE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split()[0])
        answer = head + await reader.readexactly(length)
        if to_the_end:
            assert await reader.read() == b""
        return answer


async def begin_request(writer: asyncio.StreamWriter) -> None:
    """Send the beginning of a request only."""
    writer.write(b"G")
    await writer.drain()


@HTTP_PORTS
async def test_a_slow_head_on_a_used_connection_is_408(served: Served, tls: bool) -> None:
    reader, writer = await connect(served)
    writer.write(GET)
    assert (await said_at_last(reader, to_the_end=False)).startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET /pid HTTP/1.1\r\nX: ")
    async with sending(writer, b"y"):
        assert (await said_at_last(reader, to_the_end=not tls)).startswith(b"HTTP/1.1 408 ")


@HTTP_PORTS
@pytest.mark.parametrize(
    ("first", "part", "status"),
    [
        (b"no HTTP at all\r\n\r\n", b"x" * 1000, b"400"),
        (b"GET /", b"x" * 1000, b"414"),
        (b"GET / HTTP/1.1\r\n", b"x: " + b"y" * 9000 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n" * 200, b"431"),
    ],
)
async def test_a_client_that_keeps_sending_can_read_the_refusal(
    served: Served, tls: bool, first: bytes, part: bytes, status: bytes
) -> None:
    reader, writer = await connect(served)
    # More than is read at once: closing with unread bytes would be a reset.
    writer.write(first + 1000 * part)
    async with sending(writer, part):
        answer = await said_at_last(reader, to_the_end=not tls)
    assert answer.split()[1] == status
    assert b"\r\nConnection: close\r\n" in answer


async def test_a_connection_over_the_limit_can_read_503_despite_its_request() -> None:
    async with serving("http", small_book(), limits=Limits(connections=1)) as served:
        target = parse_target(served.address)
        _, held = await connect(served)
        await begin_request(held)
        for _ in range(20):
            # Sent before the producer, which runs in this thread, can accept the connection.
            at_once = socket.create_connection((target.host, target.port))
            at_once.sendall(GET)
            reader, writer = await asyncio.open_connection(sock=at_once)
            assert (await said_at_last(reader, to_the_end=True)).startswith(b"HTTP/1.1 503 ")
            writer.transport.abort()
        held.transport.abort()


async def test_the_number_of_lingering_refused_connections_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "LINGERING_S", 3600.0)
    async with serving("http", small_book(), limits=Limits(connections=1)) as served:
        _, held = await connect(served)
        await begin_request(held)
        before = open_descriptors()
        refused = [await connect(served) for _ in range(2 * REFUSED_AT_ONCE)]
        for reader, _ in refused:
            assert (await said_at_last(reader, to_the_end=True)).startswith(b"HTTP/1.1 503 ")

        # This process holds the client's end of each, and the producer's end while it lingers.
        await until(lambda: open_descriptors() - before - len(refused) == REFUSED_AT_ONCE)
        for _, writer in refused:
            writer.transport.abort()
        await until(lambda: open_descriptors() <= before)
        held.transport.abort()


@HTTP_PORTS
async def test_refused_connections_are_closed_after_the_lingering_time(
    served: Served, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "LINGERING_S", 0.1)
    monkeypatch.setattr(sockets, "TLS_LINGERING_S", 0.1)
    reader, writer = await connect(served)
    guard = served.producer._guard  # type: ignore[attr-defined]
    async with sending(writer, b"no HTTP at all\r\n\r\n"):
        assert (await said_at_last(reader, to_the_end=False)).startswith(b"HTTP/1.1 400 ")
        await until(lambda: not guard.guarded())


async def test_a_grpc_client_that_keeps_sending_can_read_the_goaway() -> None:
    async with serving("grpc", small_book(), settings=ProducerSettings(strict_calls=True)) as served:
        reader, writer = await connect(served)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize())
        async with asyncio.timeout(AMPLE_S):
            assert await reader.readexactly(9), "the producer has sent its SETTINGS"
        broken = HeadersFrame(1, b"\x80", flags=["END_HEADERS"])
        writer.write(broken.serialize() + 60_000 * PingFrame(0, b"lab ping").serialize())
        async with sending(writer, PingFrame(0, b"lab ping").serialize()), asyncio.timeout(AMPLE_S):
            said = await reader.read()
    goaway = GoAwayFrame(0, last_stream_id=0, error_code=COMPRESSION_ERROR)
    assert said.endswith(goaway.serialize())
