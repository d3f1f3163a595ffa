"""How both consumers on aiohttp handle producers that break HTTP, TLS, or the connection."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from psutil import Process

from consumers.client import ClientSettings, RecipeClient
from consumers.errors import (
    CLOSED_EARLY,
    ConsumerError,
    ProducerTimeout,
    ProducerUnreachable,
    UnexpectedResponse,
)
from consumers.http_rules import NOT_HTTP
from consumers.registry import client
from consumers.target import Target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.http_semantics import gzipped
from recipes.errors import InvalidRecipe
from recipes.model import RecipeDraft
from tests.support.books import small_book
from tests.support.raw_http import AMPLE_S, answering, response
from tests.support.serving import serving

pytestmark = pytest.mark.parametrize("protocol", ["http", "graphql"])

SHORT_S = 0.1
"""A timeout that is meant to run out."""
BODY = b'{"producer_pid": 1, "recipe": null, "data": {"recipe": null}}'


@asynccontextmanager
async def consumer_at(
    protocol: str, port: int, *, tls: bool = False, gzip: bool = False, timeout_s: float = AMPLE_S, **files: Path
) -> AsyncIterator[RecipeClient]:
    settings = ClientSettings(target=Target("127.0.0.1", port, tls), gzip=gzip, timeout_s=timeout_s, ca=files.get("ca"))
    async with asyncio.timeout(AMPLE_S), client(protocol, settings) as consumer:
        yield consumer


async def failure(consumer: RecipeClient, kind: type[ConsumerError]) -> str:
    """The error text of a call, after the producer's address; it must be one line."""
    with pytest.raises(kind) as caught:
        await consumer.get(42)
    assert type(caught.value) is kind
    text = str(caught.value)
    assert text.startswith(f"{consumer.settings.target.authority}: ")
    assert len(text.splitlines()) == 1
    return text.partition(": ")[2]


@pytest.mark.parametrize(
    ("sent", "kind", "reason"),
    [
        (None, ProducerUnreachable, CLOSED_EARLY),
        (b"garbage\r\n\r\n", UnexpectedResponse, NOT_HTTP),
        (b"SSH-2.0-OpenSSH_9.2\r\n", UnexpectedResponse, NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ProducerUnreachable, CLOSED_EARLY),
        (response(BODY)[:-5], ProducerUnreachable, CLOSED_EARLY),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            ProducerUnreachable,
            CLOSED_EARLY,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nab",
            UnexpectedResponse,
            NOT_HTTP,
        ),
    ],
    ids=["closed", "garbage", "ssh", "half a head", "half a body", "half a chunk", "bad chunk"],
)
async def test_a_malformed_or_incomplete_response_is_an_error_with_its_reason(
    protocol: str, sent: bytes | None, kind: type[ConsumerError], reason: str
) -> None:
    async with answering(sent) as port, consumer_at(protocol, port) as consumer:
        assert reason in await failure(consumer, kind)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"recipe": "\xff"}', b"[" * 100_000, b'{"recipe": {"id": 42}}'],
)
async def test_a_body_of_the_wrong_shape_is_unexpected(protocol: str, body: bytes) -> None:
    async with answering(response(body)) as port, consumer_at(protocol, port) as consumer:
        text = await failure(consumer, UnexpectedResponse)
    assert "utf" not in text.lower()


@pytest.mark.parametrize(
    ("status", "media_type"),
    [(200, "text/html"), (404, "text/html"), (500, "text/plain"), (503, "application/json"), (301, "text/html")],
)
async def test_a_wrong_status_or_media_type_is_unexpected(protocol: str, status: int, media_type: str) -> None:
    content = response(BODY, status, media_type, {"Location": "http://127.0.0.1:1/"})
    async with answering(content) as port, consumer_at(protocol, port) as consumer:
        assert await failure(consumer, UnexpectedResponse)


async def test_unrequested_gzip_is_unexpected(protocol: str) -> None:
    content = response(gzipped(BODY, 6), headers={"Content-Encoding": "gzip"})
    async with answering(content) as port, consumer_at(protocol, port) as consumer:
        assert (
            await failure(consumer, UnexpectedResponse)
            == "the response has the content coding gzip, but identity was requested"
        )


@pytest.mark.parametrize("content", [b"no gzip", gzipped(BODY, 6)[:-20]], ids=["garbage", "truncated"])
async def test_bad_gzip_is_unexpected(protocol: str, content: bytes) -> None:
    sent = response(content, headers={"Content-Encoding": "gzip"})
    async with answering(sent) as port, consumer_at(protocol, port, gzip=True) as consumer:
        assert await failure(consumer, UnexpectedResponse)


@pytest.mark.parametrize(
    "content", [b"", response(BODY)[:20], response(BODY)[:-5]], ids=["nothing", "half a head", "half a body"]
)
async def test_a_response_that_never_ends_is_a_timeout(protocol: str, content: bytes) -> None:
    async with (
        answering(content, hold=True) as port,
        consumer_at(protocol, port, timeout_s=SHORT_S) as consumer,
    ):
        assert await failure(consumer, ProducerTimeout) == "no response within 0.1 s"


@pytest.fixture(scope="module")
def other_certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("other"))


async def test_an_untrusted_certificate_is_reported(
    protocol: str, own_certificates: CertificateFiles, other_certificates: CertificateFiles
) -> None:
    async with serving(protocol, small_book(), certificates=own_certificates) as served:
        port = served.client_settings.target.port
        async with consumer_at(protocol, port, tls=True, ca=other_certificates.ca) as consumer:
            assert (await failure(consumer, ProducerUnreachable)).startswith("its certificate is not trusted: ")


async def test_tls_to_a_plain_server_reports_a_failed_handshake(
    protocol: str, own_certificates: CertificateFiles
) -> None:
    async with (
        answering(response(BODY)) as port,
        consumer_at(protocol, port, tls=True, ca=own_certificates.ca) as consumer,
    ):
        assert (await failure(consumer, ProducerUnreachable)).startswith("the TLS handshake failed: ")


async def test_tls_below_1_2_is_refused(protocol: str, own_certificates: CertificateFiles) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(own_certificates.server, own_certificates.server_key)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with consumer_at(protocol, port, tls=True, ca=own_certificates.ca) as consumer:
            assert await failure(consumer, ProducerUnreachable)


async def test_a_client_certificate_is_presented(protocol: str, own_certificates: CertificateFiles) -> None:
    files = own_certificates
    shown = {"client_certificate": files.client, "client_key": files.client_key}
    async with serving(protocol, small_book(), certificates=files) as served:
        async with served.client(**shown) as consumer:
            assert (await consumer.get(42)).id == 42
        missing = served.client(client_certificate=Path("missing.pem"))
        with pytest.raises(ProducerUnreachable, match=r"cannot use missing\.pem: No such file"):
            await missing.open()


async def test_calls_on_a_client_that_is_not_open_fail(protocol: str) -> None:
    settings = ClientSettings(target=Target("127.0.0.1", 1))
    consumer = client(protocol, settings)
    assert await failure(consumer, ProducerUnreachable) == "the client is not open"
    await consumer.close()
    await consumer.open()
    await consumer.close()
    assert await failure(consumer, ProducerUnreachable) == "the client is not open"


async def test_no_more_connections_are_opened_than_allowed(protocol: str) -> None:
    async with serving(protocol, small_book()) as served, served.client(connections=1) as consumer:
        recipes = await asyncio.gather(*(consumer.get(number) for number in range(1, 21)))
    assert [recipe.id for recipe in recipes] == list(range(1, 21))


@pytest.mark.parametrize(
    ("keep_alive_s", "idle_s", "connections"), [(None, 90, 1), (None, 110, 2), (30.0, 20, 1), (30.0, 40, 2)]
)
async def test_a_connection_is_used_again_after_less_than_100_s_or_as_set(
    protocol: str, keep_alive_s: float | None, idle_s: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(protocol, small_book()) as served, served.client(keep_alive_s=keep_alive_s) as consumer:
        port = consumer.settings.target.port
        ends: set[int] = set()
        for passed_s in (0, idle_s):
            monkeypatch.setattr("aiohttp.connector.monotonic", lambda passed_s=passed_s: monotonic() + passed_s)
            await consumer.get(1)
            # Both ends are in this process.
            ends |= {each.raddr.port for each in Process().net_connections() if each.raddr and each.laddr.port == port}
    assert len(ends) == connections


@pytest.mark.parametrize("key", ["two\nlines", "nul\0", "\ud800"])
async def test_a_key_that_no_header_can_hold_is_refused(protocol: str, key: str) -> None:
    async with serving(protocol, small_book()) as served, served.client() as consumer:
        try:
            await consumer.create(RecipeDraft("Soup"), key)
        except InvalidRecipe:
            return
    assert protocol == "graphql", "a header has one line"
