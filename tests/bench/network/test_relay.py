"""The relay with real sockets: no byte is early, none is lost, and every socket is closed."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from time import perf_counter_ns

import pytest

from bench.network.link import Link, downlink, uplink
from bench.network.profile import Profile, parse
from bench.network.relay import Relay
from tests.support.programs import assert_one_line_error, listening, run
from tests.support.single_requests import open_descriptors

PATIENCE_S = 20.0
MODULE = "bench.network.relay"
RESET = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Handler = Callable[[Reader, Writer], Awaitable[None]]


async def echo(reader: Reader, writer: Writer) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def upstream(handler: Handler = echo) -> AsyncIterator[int]:
    tasks: set[asyncio.Task[None]] = set()

    async def tracked(reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await handler(reader, writer)

    server = await asyncio.start_server(tracked, "127.0.0.1", 0, backlog=4096)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def all_ended(relay: Relay) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while relay.open_connections:  # noqa: ASYNC110 - the relay has no event for it
            await asyncio.sleep(0.001)


def last_ns(link: Link, size_bytes: int, arrived_ns: int) -> int:
    return list(link.send(size_bytes, arrived_ns))[-1].delivered_ns


NETWORKS = ["rtt=0ms", "rtt=7ms", "rtt=20ms,down=5mbit,up=1mbit", "rtt=30ms,down=20mbit,jitter=30ms"]


@pytest.mark.parametrize("network", NETWORKS)
async def test_no_response_arrives_earlier_than_the_model_allows(network: str) -> None:
    """Set-up, then requests of growing size; every byte is compared, and the model computes the earliest arrival."""
    profile = parse(network)
    up, down = uplink(profile, 5), downlink(profile, 5)
    async with upstream() as port, Relay(profile, seed=5) as relay:
        began_ns = perf_counter_ns()
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        may_send_ns = began_ns + 2 * profile.one_way_ns
        for size in (1, 1_000, 20_000):
            content = os.urandom(size)
            asked_ns = max(perf_counter_ns(), may_send_ns)
            writer.write(content)
            assert await reader.readexactly(size) == content
            # The producer echoes each piece as it arrives.
            echoed = [last_ns(down, *piece) for piece in up.send(size, asked_ns)]
            assert perf_counter_ns() >= echoed[-1]
        writer.close()
        await all_ended(relay)


async def test_connections_share_the_link() -> None:
    profile = parse("rtt=2ms,up=2mbit")
    up = uplink(profile, 1)
    size, count = 5_000, 8
    async with upstream() as port, Relay(profile) as relay:
        address = "127.0.0.1", await relay.listen("127.0.0.1", port)
        peers = [await asyncio.open_connection(*address) for _ in range(count)]
        began_ns = perf_counter_ns()
        for _, writer in peers:
            writer.write(b"x" * size)
        await asyncio.gather(*(reader.readexactly(size) for reader, _ in peers))
        assert perf_counter_ns() >= last_ns(up, size * count, began_ns)
        for _, writer in peers:
            writer.close()
        await all_ended(relay)


async def test_the_first_bytes_of_a_producer_take_half_a_round_trip() -> None:
    profile = parse("rtt=20ms")

    async def greet(reader: Reader, writer: Writer) -> None:
        writer.write(b"hello")
        await reader.read()
        writer.close()

    async with upstream(greet) as port, Relay(profile) as relay:
        began_ns = perf_counter_ns()
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        assert await reader.readexactly(5) == b"hello"
        assert perf_counter_ns() >= began_ns + 2 * profile.rtt_ns
        writer.close()
        await all_ended(relay)


@pytest.mark.no_cover
async def test_large_data_passes_in_both_directions() -> None:
    content = os.urandom(1 << 22)
    async with upstream() as port, Relay(parse("rtt=3ms,down=400mbit,up=400mbit,jitter=3ms")) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))

        async def send() -> None:
            writer.write(content)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        assert await reader.read(-1) == content
        await sending
        writer.close()
        await all_ended(relay)


async def test_a_sender_waits_while_the_queue_is_full() -> None:
    """More is sent than link, queue and socket buffers hold; the relay reads no more than its limit."""
    gone = asyncio.Event()

    async def read_nothing(reader: Reader, writer: Writer) -> None:
        await gone.wait()
        writer.transport.abort()

    async with upstream(read_nothing) as port, Relay(parse("rtt=2ms,up=100kbit")) as relay:
        address = "127.0.0.1", await relay.listen("127.0.0.1", port)
        with socket.create_connection(address) as peer:
            peer.setblocking(False)
            loop = asyncio.get_running_loop()
            sent = 0
            with suppress(TimeoutError):
                while sent < 1 << 26:
                    async with asyncio.timeout(0.2):
                        await loop.sock_sendall(peer, bytes(1 << 16))
                    sent += 1 << 16
            assert sent < 1 << 25
            assert relay.held_bytes < 1 << 22
        gone.set()


async def test_a_receiver_that_reads_slowly_holds_its_sender_back() -> None:
    content = os.urandom(1 << 23)

    async def pour(reader: Reader, writer: Writer) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    async with upstream(pour) as port, Relay(parse("rtt=1ms")) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port), limit=1024)
        received = bytearray()
        while data := await reader.read(1 << 15):
            received += data
            await asyncio.sleep(0)
        assert received == content
        writer.close()
        await all_ended(relay)


async def test_half_close_is_relayed() -> None:
    async def count(reader: Reader, writer: Writer) -> None:
        writer.write(f"{len(await reader.read())} bytes".encode())
        writer.close()

    async with upstream(count) as port, Relay(parse("rtt=2ms,up=50mbit")) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        writer.write(b"x" * 100_000)
        writer.write_eof()
        assert await reader.read() == b"100000 bytes"
        writer.close()
        await all_ended(relay)


async def test_an_end_of_stream_takes_as_long_as_bytes() -> None:
    profile = parse("rtt=20ms")

    async def close_when_asked(reader: Reader, writer: Writer) -> None:
        await reader.read()
        writer.close()

    async with upstream(close_when_asked) as port, Relay(profile) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        began_ns = perf_counter_ns()
        writer.write_eof()
        assert await reader.read() == b""
        assert perf_counter_ns() >= began_ns + profile.rtt_ns
        writer.close()
        await all_ended(relay)


def abort(writer: Writer) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def test_a_producer_that_dies_closes_the_consumer_side() -> None:
    async def die(reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        abort(writer)

    async with upstream(die) as port, Relay(parse("rtt=1ms")) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        writer.write(b"this")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        await all_ended(relay)


async def test_a_consumer_that_dies_closes_the_producer_side() -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    arrived = asyncio.Event()

    async def wait(reader: Reader, writer: Writer) -> None:
        try:
            while await reader.read(100):
                arrived.set()
        except ConnectionError:
            ended.set_result("reset")
        else:
            ended.set_result("closed")
        writer.close()

    async with upstream(wait) as port, Relay(parse("rtt=1ms")) as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        writer.write(b"this")
        # Before that there is nothing to close: the relay does not connect for a client that is gone.
        await asyncio.wait_for(arrived.wait(), PATIENCE_S)
        abort(writer)
        assert await asyncio.wait_for(ended, PATIENCE_S) == "reset"
        await all_ended(relay)


async def test_a_consumer_that_dies_during_a_large_response_closes_both_sides() -> None:
    hung_up: asyncio.Future[type[Exception]] = asyncio.get_running_loop().create_future()

    async def pour(reader: Reader, writer: Writer) -> None:
        try:
            while True:
                writer.write(bytes(1 << 16))
                await writer.drain()
        except ConnectionError as error:
            hung_up.set_result(type(error))
        writer.close()

    async with upstream(pour) as port, Relay(parse("rtt=1ms,down=1gbit")) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", await relay.listen("127.0.0.1", port))
        assert not any(await reader.readexactly(1 << 20))
        abort(writer)
        assert issubclass(await asyncio.wait_for(hung_up, PATIENCE_S), ConnectionError)
        await all_ended(relay)


async def test_a_refused_connection_is_reset_after_a_round_trip() -> None:
    profile = parse("rtt=10ms")
    with socket.socket() as taken:
        # Bound but not listening: no other process gets the port, and connecting to it is refused.
        taken.bind(("127.0.0.1", 0))
        async with Relay(profile) as relay:
            began_ns = perf_counter_ns()
            port = await relay.listen("127.0.0.1", taken.getsockname()[1])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert perf_counter_ns() >= began_ns + profile.rtt_ns
            writer.close()


async def test_open_connections_are_closed_at_the_end() -> None:
    async with upstream() as port:
        async with Relay(parse("rtt=1ms")) as relay:
            address = "127.0.0.1", await relay.listen("127.0.0.1", port)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"x")
            await reader.readexactly(1)
            # This connection is closed during its set-up.
            late_reader, late_writer = await asyncio.open_connection(*address)
            await asyncio.sleep(0)
        for peer_reader, peer_writer in ((reader, writer), (late_reader, late_writer)):
            with suppress(ConnectionError):
                assert await peer_reader.read() == b""
            peer_writer.close()
        assert relay.open_connections == 0


@pytest.mark.no_cover
async def test_an_internal_error_ends_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: Relay, consumer: socket.socket, *__: object) -> None:
        consumer.close()
        raise ZeroDivisionError

    monkeypatch.setattr(Relay, "_connect", broken)
    before = open_descriptors()
    with pytest.raises(ExceptionGroup) as caught:
        await connected_for_ever()
    assert caught.group_contains(ZeroDivisionError)
    assert open_descriptors() == before


async def connected_for_ever() -> None:
    async with asyncio.timeout(PATIENCE_S), Relay(Profile()) as relay:
        port = await relay.listen("127.0.0.1", 1)
        with socket.create_connection(("127.0.0.1", port)):
            await asyncio.Event().wait()


async def test_no_descriptor_is_left_after_many_connections() -> None:
    async def once(port: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as peer:
            peer.setblocking(False)
            await loop.sock_connect(peer, ("127.0.0.1", port))
            await loop.sock_sendall(peer, b"x")
            assert await loop.sock_recv(peer, 1) == b"x"

    async with upstream() as onward, Relay(Profile()) as relay:
        port = await relay.listen("127.0.0.1", onward)
        await once(port)
        await all_ended(relay)
        before = open_descriptors()
        for _ in range(20):
            await asyncio.gather(*(once(port) for _ in range(100)))
        await all_ended(relay)
        assert relay.held_bytes == 0
        # The producer's own sockets of the last connections may end a moment later; a leak would be of thousands.
        assert open_descriptors() < before + 150


@pytest.mark.usefixtures("traced")
def test_the_program_relays_to_every_producer_given_and_ends_at_a_signal() -> None:
    with listening("producers", "http", "--port", "0") as producer:
        port = producer.addresses[0].rpartition(":")[2]
        addresses = ("--to", f"http://127.0.0.1:{port}/graphql", "--to", f"127.0.0.1:{port}")
        with listening(MODULE, "--network", "rtt=1ms", *addresses, ports=2) as relay:
            announced, plain = relay.addresses
            assert announced.startswith("http://127.0.0.1:")
            assert announced.endswith("/graphql")
            found = run("consumers", "http", "get", "42", "--target", plain)
            assert "Chicken Tikka Masala" in found.stdout, found.stderr
            assert relay.end() == 0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--network", "5g", "--to", "127.0.0.1:1"), "--network: '5g'"),
        (("--network", "lan", "--to", "ftp://127.0.0.1:1"), "--to: 'ftp://127.0.0.1:1'"),
        (("--network", "lan", "--to", "no-such-host.invalid:1"), "--to: 'no-such-host.invalid:1'"),
        (("--network", "lan"), "--to"),
    ],
)
def test_errors_of_the_program_are_one_line(arguments: tuple[str, ...], named: str) -> None:
    assert_one_line_error(run(MODULE, *arguments), 2, named)
