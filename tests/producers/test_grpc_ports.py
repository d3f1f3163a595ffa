"""The ports of the gRPC producer: busy, shared, plain and TLS side by side, and unusable certificates."""

import asyncio
import socket
from pathlib import Path

import grpc
import pytest

from producers import certificates
from producers.grpc_http2 import GrpcHttp2Producer
from producers.producer import PortUnavailable
from producers.settings import ProducerSettings, TlsFiles
from producers.tls import TlsFilesUnusable
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.books import CHICKEN, small_book
from tests.support.serving import serving


async def test_a_busy_port_is_refused_with_its_reason() -> None:
    async with serving("grpc", small_book()) as served:
        port = served.client_settings.target.port
        with pytest.raises(PortUnavailable, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await GrpcHttp2Producer(small_book(), ProducerSettings(port=port)).start()


async def test_a_port_that_only_the_grpc_library_finds_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producers.grpc_ports.check_port", lambda host, port: None)
    async with serving("grpc", small_book()) as served:
        port = served.client_settings.target.port
        with pytest.raises(PortUnavailable, match=f"127.0.0.1:{port}; choose another"):
            await GrpcHttp2Producer(small_book(), ProducerSettings(port=port)).start()


async def test_a_busy_tls_port_leaves_nothing_listening(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    with socket.socket() as held, socket.socket() as free:
        held.bind(("127.0.0.1", 0))
        held.listen()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        settings = ProducerSettings(
            port=port,
            tls_port=held.getsockname()[1],
            tls=TlsFiles(certificate=files.server, key=files.server_key),
        )
        with pytest.raises(PortUnavailable):
            await GrpcHttp2Producer(small_book(), settings).start()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            assert probe.getsockname()[1] == port


async def test_a_second_producer_can_share_the_port() -> None:
    first = GrpcHttp2Producer(small_book(), ProducerSettings(port=0, share_port=True))
    (address,) = await first.start()
    second = GrpcHttp2Producer(small_book(), ProducerSettings(port=int(address.rpartition(":")[2]), share_port=True))
    assert await second.start() == [address]
    await asyncio.gather(first.stop(), second.stop())


async def test_plain_and_tls_ports_give_the_same_response(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    settings = ProducerSettings(
        port=0, tls_port=0, tls=TlsFiles(certificate=files.server, key=files.server_key), host="::1"
    )
    producer = GrpcHttp2Producer(small_book(), settings)
    plain, secure = await producer.start()
    assert plain.startswith("grpc://[::1]:")
    assert secure.startswith("grpcs://[::1]:")
    credentials = grpc.ssl_channel_credentials(files.ca.read_bytes())
    async with (
        grpc.aio.insecure_channel(plain.removeprefix("grpc://")) as one,
        grpc.aio.secure_channel(secure.removeprefix("grpcs://"), credentials) as other,
    ):
        request = messages.RecipeRequest(id=42)
        assert await RecipeServiceStub(one).GetRecipe(request) == await RecipeServiceStub(other).GetRecipe(request)
    await producer.stop()


async def test_unusable_certificates_are_named(tmp_path: Path) -> None:
    files = certificates.write(tmp_path)
    files.server_key.write_bytes(files.client_key.read_bytes())
    settings = ProducerSettings(port=None, tls_port=0, tls=TlsFiles(certificate=files.server, key=files.server_key))
    with pytest.raises(TlsFilesUnusable, match=r"server-key\.pem"):
        await GrpcHttp2Producer(small_book(), settings).start()


async def test_a_producer_can_be_stopped_before_it_is_started() -> None:
    producer = GrpcHttp2Producer(small_book(), ProducerSettings(port=0))
    await producer.stop()
    (address,) = await producer.start()
    async with grpc.aio.insecure_channel(address.removeprefix("grpc://")) as channel:
        assert (await RecipeServiceStub(channel).GetRecipe(messages.RecipeRequest(id=42))).name == CHICKEN.name
    await producer.stop()
