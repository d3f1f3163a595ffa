"""The filter between clients and gRPC's core: forwarding, connection limits, and cleaning up."""

import asyncio
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hyperframe.frame import DataFrame

from consumers.errors import ProducerUnreachable
from producers import certificates, grpc_call_filter
from producers.grpc_http2 import GrpcHttp2Producer
from producers.producer import PortUnavailable
from producers.settings import CallLimits, Limits, ProducerSettings, TlsFiles
from tests.support.books import CHICKEN, LARGE, ordinary, small_book
from tests.support.raw_http2 import message, raw_http2
from tests.support.serving import Served, serving

STRICT = ProducerSettings(strict_calls=True)
GET = "/recipe.RecipeService/GetRecipe"
META = "/recipe.RecipeService/GetMetaData"
OK = 0
AMPLE_S = 10.0


@pytest.fixture(autouse=True)
def kept_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which filters create the sockets of their cores."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def left_in(directory: Path) -> int:
    """The number of entries."""
    return len(list(directory.iterdir()))


async def nobody_connected(served: Served) -> None:
    """Wait until the filter has closed every connection."""
    call_filter = served.producer._filter  # type: ignore[attr-defined]
    async with asyncio.timeout(AMPLE_S):
        await call_filter._empty.wait()


async def test_large_and_concurrent_responses_pass(kept_files: Path) -> None:
    async with serving("grpc", small_book(), settings=STRICT) as served, served.client() as consumer:
        assert left_in(kept_files) == 1
        answers = await asyncio.gather(*(consumer.get(1 + n % 60) for n in range(300)), consumer.get(LARGE.id))
        assert answers[:-1] == [CHICKEN if 1 + n % 60 == 42 else ordinary(1 + n % 60) for n in range(300)]
        assert answers[-1] == LARGE
        assert len((await consumer.list(1000)).recipes) == 63
    assert left_in(kept_files) == 0


async def test_a_client_that_stops_reading_gets_the_rest_later() -> None:
    """A page larger than all buffers is left unread until neither side can send."""
    async with serving("grpc", small_book(), settings=STRICT) as served, raw_http2(served.address) as connection:
        await connection.greet(INITIAL_WINDOW_SIZE=2**31 - 1)
        await connection.send(b"\0\0\x04\x08\0\0\0\0\0\x7f\0\0\0")
        calls = [connection.call(GET) for _ in range(30)]
        request = message(b"\x08" + bytes([LARGE.id]))
        for call in calls:
            await connection.send(call, DataFrame(call.stream_id, request, flags=["END_STREAM"]))
        for call in calls:
            answer = await connection.answer(call.stream_id)
            assert (answer.status, len(answer.data) > 500_000) == (0, True)


async def test_a_connection_over_the_limit_is_closed() -> None:
    limits = Limits(calls=CallLimits(connections=2))
    async with serving("grpc", small_book(), limits=limits, settings=STRICT) as served:
        async with served.client() as one, served.client() as other, served.client() as third:
            assert await one.get(42) == await other.get(42) == CHICKEN
            with pytest.raises(ProducerUnreachable):
                await third.get(42)
        await nobody_connected(served)
        async with served.client() as again:
            assert await again.get(42) == CHICKEN


async def test_a_freed_connection_slot_can_be_used_at_once() -> None:
    """Even before the core has noticed that the old connection has ended."""
    limits = Limits(calls=CallLimits(connections=2))
    async with serving("grpc", small_book(), limits=limits, settings=STRICT) as served:
        for _ in range(40):
            async with AsyncExitStack() as stack:
                for _ in range(limits.calls.connections):
                    connection = await stack.enter_async_context(raw_http2(served.address))
                    await connection.greet()
                    assert (await connection.ask(META, message(b""))).status == OK
            await nobody_connected(served)


async def test_a_client_that_reads_nothing_is_disconnected() -> None:
    async with (
        serving("grpc", small_book(), limits=Limits(write_timeout_s=0.2), settings=STRICT) as served,
        raw_http2(served.address) as connection,
    ):
        await connection.greet(INITIAL_WINDOW_SIZE=2**31 - 1)
        await connection.send(b"\0\0\x04\x08\0\0\0\0\0\x7f\0\0\0")
        connection.stop_reading()
        for _ in range(40):
            call = connection.call(GET)
            request = message(b"\x08" + bytes([LARGE.id]))
            await connection.send(call, DataFrame(call.stream_id, request, flags=["END_STREAM"]))
        await nobody_connected(served)
        assert not connection.answers[1].ended.is_set()


async def test_a_stop_closes_open_connections() -> None:
    producer = GrpcHttp2Producer(small_book(), ProducerSettings(port=0, strict_calls=True, drain_s=0.1))
    (address,) = await producer.start()
    async with raw_http2(address) as connection:
        await connection.greet()
        await connection.ping()
        open_call = connection.call(GET)
        await connection.send(open_call)
        await producer.stop()
        await connection.until(connection.closed.is_set)
        assert connection.goaway is not None


async def test_a_busy_port_leaves_no_files_or_sockets(
    kept_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = certificates.write(tmp_path_factory.mktemp("certificates"))
    tls = TlsFiles(certificate=files.server, key=files.server_key)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        settings = ProducerSettings(port=port, tls_port=held.getsockname()[1], tls=tls, strict_calls=True)
        with pytest.raises(PortUnavailable):
            await GrpcHttp2Producer(small_book(), settings).start()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert left_in(kept_files) == 0


@pytest.mark.parametrize(
    ("directory", "said"), [("nowhere", "cannot create a directory for the socket"), ("x" * 120, "with a shorter path")]
)
async def test_an_unusable_temporary_directory_is_reported(
    directory: str, said: str, kept_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = kept_files / directory
    if directory != "nowhere":
        where.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(where))
    with pytest.raises(PortUnavailable, match=said):
        await GrpcHttp2Producer(small_book(), ProducerSettings(port=0, strict_calls=True)).start()
    assert directory == "nowhere" or left_in(where) == 0


async def test_a_connection_is_closed_when_the_core_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving("grpc", small_book(), settings=STRICT) as served:
        call_filter = served.producer._filter  # type: ignore[attr-defined]
        monkeypatch.setattr(call_filter, "path", call_filter.path.with_name("nothing"))
        target = served.client_settings.target
        reader, writer = await asyncio.open_connection(target.host, target.port)
        async with asyncio.timeout(AMPLE_S):
            assert await reader.read() == b""
        writer.close()


def test_metadata_slightly_over_the_limit_is_left_to_the_core() -> None:
    assert grpc_call_filter.BLOCKS_OF_METADATA * CallLimits().metadata_bytes > 2 * CallLimits().metadata_bytes
