"""The tap and the codecs between bare aiohttp and grpc.aio servers and their clients, with contents of known sizes."""

import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import grpc
import pytest
from aiohttp import web

from bench.protocols import protocol as row
from bench.wire.reading import Reading, read_plain
from bench.wire.recording import Direction, Recording, only_connection
from bench.wire.tap import open_tap
from bench.wire.tls import parse_tls
from bench.wire.tls_twin import read_beside_twin
from producers import certificates
from producers.certificates import CertificateFiles

BODY = b"stir the onion until golden " * 1000
REQUESTS = 4
METHOD = "/kitchen.Kitchen/Stir"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def aiohttp_server(files: CertificateFiles | None) -> AsyncIterator[int]:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        if request.path == "/chunked":
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            for start in range(0, len(BODY), 10_000):
                await response.write(BODY[start : start + 10_000])
            await response.write_eof()
            return response
        answer = web.Response(body=BODY)
        answer.enable_compression()
        return answer

    context = None
    if files is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.server, files.server_key)
    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def ask_aiohttp(path: str, coding: str, files: CertificateFiles | None) -> Recording:
    """Ask some times through a tap."""
    context = ssl.create_default_context(cafile=str(files.ca)) if files else False
    async with aiohttp_server(files) as port, open_tap("127.0.0.1", port) as tap:
        url = f"{'https' if files else 'http'}://127.0.0.1:{tap.port}{path}"
        headers = {"Accept-Encoding": coding}
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            for _ in range(REQUESTS):
                async with session.post(url, data=b"x" * 50) as response:
                    assert await response.read() == BODY
                tap.mark()
        return only_connection(tap.take())


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("path", ["/sized", "/chunked"])
async def test_aiohttp(path: str, coding: str, files: CertificateFiles) -> None:
    reading = read_plain(await ask_aiohttp(path, coding, None), row("http").codec(), REQUESTS)
    request, response = reading.contents[-1]
    applied = "identity" if path == "/chunked" else coding
    assert response.coding == applied
    assert request.message_bytes == request.compressed_bytes == 50
    assert response.message_bytes == len(BODY)
    assert (response.compressed_bytes < len(BODY)) == (applied == "gzip")
    parts = reading.ways[Direction.RECEIVED].requests[-1].message
    assert parts["body"] == response.compressed_bytes
    assert ("chunk_framing" in parts) == (path == "/chunked")

    # The lengths inside TLS are those without it, so that every byte gets its name.
    inside = read_beside_twin(parse_tls(await ask_aiohttp(path, coding, files)), reading, ())
    for direction in Direction:
        assert [span.message for span in inside.ways[direction].requests[1:]] == [
            span.message for span in reading.ways[direction].requests[1:]
        ]


class Stir(grpc.GenericRpcHandler):
    """One method that takes and gives bytes as they are."""

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        async def stir(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
            return BODY

        return grpc.unary_unary_rpc_method_handler(stir)


async def ask_grpc(compression: grpc.Compression, files: CertificateFiles | None) -> Recording:
    server = grpc.aio.server(compression=compression)
    server.add_generic_rpc_handlers([Stir()])
    if files is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (files.server_key.read_bytes(), files.server.read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        async with open_tap("127.0.0.1", port) as tap:
            options = [("grpc.use_local_subchannel_pool", 1)]
            address = f"127.0.0.1:{tap.port}"
            if files is None:
                channel = grpc.aio.insecure_channel(address, options=options)
            else:
                trusted = grpc.ssl_channel_credentials(files.ca.read_bytes())
                channel = grpc.aio.secure_channel(address, trusted, options=options)
            async with channel:
                stir: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
                for _ in range(REQUESTS):
                    assert await stir(b"x" * 50) == BODY
                    tap.mark()
            return only_connection(tap.take())
    finally:
        await server.stop(None)


def check_grpc(reading: Reading, recording: Recording, compression: grpc.Compression) -> None:
    request, response = reading.contents[-1]
    assert request.message_bytes == request.compressed_bytes == 50
    assert response.message_bytes == len(BODY)
    if compression is grpc.Compression.Gzip:
        assert response.coding == "gzip"
        assert abs(response.compressed_bytes - len(gzip.compress(BODY, 6))) < 50
    else:
        assert response.coding == "identity"
        assert response.compressed_bytes == len(BODY)
    parts = reading.ways[Direction.RECEIVED].requests[-1].message
    assert parts["data.grpc_prefix"] == 5
    assert parts["data.message"] == response.compressed_bytes
    assert parts["headers.frame_header"] == 2 * 9
    assert sum(reading.ways[Direction.SENT].setup.values()) >= 24 + 9
    for direction in Direction:
        assert reading.ways[direction].total_bytes == len(recording.content(direction))


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_grpc(compression: grpc.Compression, files: CertificateFiles) -> None:
    codec = row("grpc").codec()
    plain = await ask_grpc(compression, None)
    reading = read_plain(plain, codec, REQUESTS)
    check_grpc(reading, plain, compression)
    recording = await ask_grpc(compression, files)
    inside = read_beside_twin(parse_tls(recording), reading, codec.floating_frame_bytes)
    assert inside.tls_session is not None
    assert (inside.tls_session.alpn, inside.tls_session.version) == ("h2", "TLSv1.3")
    for direction in Direction:
        assert inside.ways[direction].total_bytes == len(recording.content(direction))
