"""Every client names the cause of a failure in the same words, over real connections."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.clients import registry
from consumers import causes
from consumers.client import ClientSettings
from consumers.errors import CLOSED_EARLY, ConsumerError
from consumers.target import Target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.registry import PRODUCERS
from tests.support.books import small_book
from tests.support.odd_certificates import expired, self_signed
from tests.support.serving import serving

CLIENTS = (registry.LIBRARY, registry.RAW)
EVERY = [(protocol, client) for protocol in PRODUCERS for client in CLIENTS]


async def cause(protocol: str, client: str, settings: ClientSettings) -> str:
    """Why a client gets no recipe."""
    made = registry.load_client(client, protocol, settings)
    await made.open()
    try:
        with pytest.raises(ConsumerError) as caught:
            await made.consumer.get(42)
    finally:
        await made.close()
    return caught.value.cause


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(("protocol", "client"), EVERY)
async def test_nobody_listens(protocol: str, client: str) -> None:
    settings = ClientSettings(target=Target("127.0.0.1", free_port()), connections=1, timeout_s=20.0)
    assert await cause(protocol, client, settings) == causes.REFUSED


@pytest.mark.parametrize(("protocol", "client"), EVERY)
async def test_the_host_is_unknown(protocol: str, client: str) -> None:
    settings = ClientSettings(target=Target("no-such-host.invalid", 4000), connections=1, timeout_s=20.0)
    # Without any name service there is another cause, which all name alike, too.
    assert await cause(protocol, client, settings) in (causes.UNKNOWN_HOST, causes.NO_NAME_SERVICE)


@asynccontextmanager
async def distrusted(
    protocol: str, served: CertificateFiles, trusted: CertificateFiles
) -> AsyncIterator[ClientSettings]:
    """A producer with one certificate, and the settings of a client that trusts another's authority."""
    async with serving(protocol, small_book(), certificates=served) as producer:
        settings = producer.client_settings
        at_name = Target("localhost", settings.target.port, tls=True)
        yield replace(settings, target=at_name, ca=trusted.ca, connections=1)


@pytest.mark.parametrize(("protocol", "client"), EVERY)
async def test_certificates_are_refused_with_the_reason(protocol: str, client: str, tmp_path: Path) -> None:
    good = certificates.write(tmp_path / "good")
    late, own = expired(tmp_path / "late"), self_signed(tmp_path / "own")
    other = self_signed(tmp_path / "other", host="other.example")
    found = []
    for served, trusted in ((late, late), (own, good), (other, other), (good, own)):
        async with distrusted(protocol, served, trusted) as settings:
            found.append(await cause(protocol, client, settings))
    assert found == [
        f"{causes.NOT_TRUSTED}: certificate has expired",
        f"{causes.NOT_TRUSTED}: self-signed certificate",
        f"{causes.NOT_TRUSTED}: it is for another host",
        f"{causes.NOT_TRUSTED}: unable to get local issuer certificate",
    ]


@pytest.mark.parametrize(("protocol", "client"), EVERY)
async def test_a_connection_is_closed_without_a_response(protocol: str, client: str) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        target = Target("127.0.0.1", server.sockets[0].getsockname()[1])
        found = await cause(protocol, client, ClientSettings(target=target, connections=1, timeout_s=20.0))
    assert found == CLOSED_EARLY


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("protocol", ["http", "graphql"])
async def test_a_status_is_named(protocol: str, client: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Slow Down\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nwait")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        target = Target("127.0.0.1", server.sockets[0].getsockname()[1])
        settings = ClientSettings(target=target, connections=1, timeout_s=20.0)
        assert await cause(protocol, client, settings) == "429 Too Many Requests"
