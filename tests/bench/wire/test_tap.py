"""The tap with real sockets: the recorded bytes are those relayed, and every socket is closed."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bench.wire.gate import Gate
from bench.wire.http1 import Http1Codec
from bench.wire.recording import Direction
from bench.wire.tap import open_tap
from tests.support.single_requests import open_descriptors

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def upstream(handler: Handler = echo) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await handler(reader, writer)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_bytes_pass_unchanged_and_are_recorded_by_direction_and_interval() -> None:
    async with upstream() as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        for text in (b"one", b"three", b"eleven"):
            writer.write(text)
            assert await reader.readexactly(len(text)) == text
            tap.mark()
        writer.close()
        await asyncio.wait_for(tap.all_closed(), 10)
        (recording,) = tap.take()
        assert tap.take() == []
    assert [(c.direction, c.interval, c.data) for c in recording.chunks if c.direction is Direction.SENT] == [
        (Direction.SENT, 0, b"one"),
        (Direction.SENT, 1, b"three"),
        (Direction.SENT, 2, b"eleven"),
    ]
    assert recording.content(Direction.RECEIVED) == b"onethreeeleven"
    interval_at = recording.interval_at(Direction.RECEIVED)
    assert [interval_at(offset) for offset in (0, 2, 3, 7, 8, 13)] == [0, 0, 1, 1, 2, 2]
    assert recording.from_start
    assert not recording.truncated


async def test_large_data_reaches_a_slow_reader_completely() -> None:
    content = os.urandom(1 << 22)
    async with upstream() as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)

        async def send() -> None:
            writer.write(content)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        received = bytearray()
        while data := await reader.read(1 << 14):
            received += data
        await sending
        writer.close()
        (recording,) = tap.take()
    assert received == content
    assert recording.content(Direction.SENT) == content
    assert recording.content(Direction.RECEIVED) == content


async def test_half_close_is_relayed() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = await reader.read()
        writer.write(f"{len(content)} bytes".encode())
        writer.close()

    async with upstream(count) as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"x" * 100_000)
        writer.write_eof()
        assert await reader.read() == b"100000 bytes"
        writer.close()
        await asyncio.wait_for(tap.all_closed(), 10)
        assert tap.open_connections == 0


async def test_an_end_without_bytes_is_relayed() -> None:
    async def wait_for_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b""
        writer.write(b"bye")
        writer.close()

    async with upstream(wait_for_end) as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write_eof()
        assert await reader.read() == b"bye"
        writer.close()


async def test_a_producer_that_closes_closes_the_consumer_side() -> None:
    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"answer to " + await reader.read(100))
        writer.close()

    async with upstream(answer_once) as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"this")
        assert await reader.read() == b"answer to this"
        writer.close()
        await asyncio.wait_for(tap.all_closed(), 10)


async def test_a_producer_that_resets_closes_the_consumer_side() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        linger_no_time = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)
        writer.transport.abort()

    async with upstream(reset) as port, open_tap("127.0.0.1", port) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"this")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await asyncio.wait_for(tap.all_closed(), 10)


@pytest.mark.parametrize("host", ["127.0.0.1", "kitchen..example"])
async def test_a_failed_onward_connection_closes_the_consumer_side(host: str) -> None:
    with socket.socket() as taken:
        # Bound but not listening: no other process gets the port, and connecting to it is refused.
        taken.bind(("127.0.0.1", 0))
        async with open_tap(host, taken.getsockname()[1]) as tap:
            reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
            with suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            await asyncio.wait_for(tap.all_closed(), 10)
            (recording,) = tap.take()
    assert recording.chunks == []


async def test_open_connections_are_closed_at_the_end() -> None:
    async with upstream() as port:
        async with open_tap("127.0.0.1", port) as tap:
            reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
            writer.write(b"x")
            await reader.readexactly(1)
            # This connection may be closed while the onward connection is being opened.
            late_reader, late_writer = await asyncio.open_connection("127.0.0.1", tap.port)
        for peer_reader, peer_writer in ((reader, writer), (late_reader, late_writer)):
            with suppress(ConnectionError):
                assert await peer_reader.read() == b""
            peer_writer.close()
        assert tap.open_connections == 0


async def test_recording_ends_at_its_limit_and_relaying_continues() -> None:
    async with upstream() as port, open_tap("127.0.0.1", port, limit_bytes=10) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        for _ in range(3):
            writer.write(b"12345")
            assert await reader.readexactly(5) == b"12345"
        (full,) = tap.take()
        writer.write(b"67")
        await reader.readexactly(2)
        (continued,) = tap.take()
        writer.close()
    assert full.truncated
    assert sum(len(chunk.data) for chunk in full.chunks) == 10
    assert not continued.from_start
    assert not continued.truncated
    assert continued.content(Direction.RECEIVED) == b"67"


@pytest.mark.no_cover
async def test_no_descriptor_is_left_after_many_connections() -> None:
    async def once(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x")
        await reader.readexactly(1)
        writer.close()
        await writer.wait_closed()

    async with upstream() as port, open_tap("127.0.0.1", port) as tap:
        await once(tap.port)
        await asyncio.wait_for(tap.all_closed(), 10)
        before = open_descriptors()
        for _ in range(10):
            await asyncio.gather(*(once(tap.port) for _ in range(100)))
            await asyncio.wait_for(tap.all_closed(), 10)
        assert len(tap.take()) == 1001
        assert tap.open_connections == 0
    # The peers' own sockets of the last connections may end a moment later; a leak would be of a thousand.
    assert open_descriptors() < before + 100


@pytest.mark.parametrize("turns", range(8))
async def test_a_connection_that_is_cut_while_it_is_opened_ends(turns: int) -> None:
    """Whichever of its two sides is connected when that happens."""
    async with asyncio.timeout(30), upstream() as port:
        async with open_tap("127.0.0.1", port) as tap:
            writers = [(await asyncio.open_connection("127.0.0.1", tap.port))[1] for _ in range(20)]
            for _ in range(turns):
                await asyncio.sleep(0)
        assert tap.open_connections == 0
        for writer in writers:
            writer.close()


async def test_what_a_gate_holds_back_is_passed_on_before_the_end() -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

    async def answer_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    gate = Gate(Http1Codec().exchanges)
    gate.hold_after(0)
    async with upstream(answer_and_close) as port, open_tap("127.0.0.1", port, gate=gate) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == response
        writer.close()
        await asyncio.wait_for(tap.all_closed(), 10)
    assert gate.open_requests == 0


async def test_a_gate_holds_back_more_than_its_limit_by_reading_no_further() -> None:
    body = os.urandom(1 << 22)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        await reader.read()
        writer.close()

    gate = Gate(Http1Codec().exchanges)
    gate.hold_after(0)
    async with upstream(answer) as port, open_tap("127.0.0.1", port, gate=gate) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        tap.open_gate()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(body)) == body
        writer.close()
