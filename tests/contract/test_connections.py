"""The errors of every client when the producer is unreachable, does not respond, or stops; and when gzip is used."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.client import ClientSettings
from consumers.errors import ConsumerError, ProducerTimeout, ProducerUnreachable
from consumers.registry import client
from consumers.target import Target
from producers.certificates import CertificateFiles
from recipes.book import InMemoryRecipeBook
from tests.contract.conftest import Case, Serve, cases
from tests.support.books import CHICKEN, PatientBook, ordinary
from tests.support.relay import relay_to
from tests.support.serving import Served, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

over_tls = pytest.mark.parametrize(
    "case", [case for case in cases() if case.tls], ids=str, indirect=True, scope="session"
)
"""For what only TLS has."""
combined = pytest.mark.parametrize("case", cases(combined=True), ids=str, indirect=True, scope="session")
"""For what has to hold with gzip, with TLS, and with both."""

SHORT_S = 0.3
"""A timeout that is meant to run out."""
AMPLE_S = 10.0
"""A time within which a call has to have failed by itself."""


def said_in_one_line(error: ConsumerError, target: Target) -> bool:
    """Whether the error is one line that names the producer."""
    return target.authority in str(error) and len(str(error).splitlines()) == 1


async def test_a_refused_connection_is_unreachable(case: Case, own_certificates: CertificateFiles) -> None:
    # Bound but not listening, so that no other process gets the port.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        target = Target("127.0.0.1", held.getsockname()[1], tls=case.tls)
        settings = ClientSettings(target=target, gzip=case.gzip, ca=own_certificates.ca, timeout_s=AMPLE_S)
        async with asyncio.timeout(AMPLE_S / 2), client(case.protocol, settings) as consumer:
            with pytest.raises(ProducerUnreachable) as caught:
                await consumer.get(42)
    assert said_in_one_line(caught.value, target)


async def test_an_unknown_host_is_unreachable(case: Case, own_certificates: CertificateFiles) -> None:
    target = Target("no-such-host.invalid", 4000, tls=case.tls)
    settings = ClientSettings(target=target, gzip=case.gzip, ca=own_certificates.ca, timeout_s=AMPLE_S)
    async with client(case.protocol, settings) as consumer:
        with pytest.raises(ProducerUnreachable) as caught:
            await consumer.get(42)
    assert said_in_one_line(caught.value, target)


@over_tls
async def test_an_untrusted_certificate_is_unreachable(served: Served, other_ca: Path) -> None:
    async with served.client(ca=other_ca) as consumer:
        with pytest.raises(ProducerUnreachable) as caught:
            await consumer.get(42)
    assert said_in_one_line(caught.value, served.client_settings.target)


@over_tls
@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "garbage"])
async def test_an_unreadable_ca_file_is_named(served: Served, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProducerUnreachable, match=r"ca\.pem") as caught:
        async with served.client(ca=path) as consumer:
            await consumer.get(42)
    assert said_in_one_line(caught.value, served.client_settings.target)


async def test_tls_on_one_side_only_fails_before_the_timeout(
    served: Served, own_certificates: CertificateFiles
) -> None:
    target = replace(served.client_settings.target, tls=not served.client_settings.target.tls)
    async with (
        asyncio.timeout(AMPLE_S),
        served.client(target=target, ca=own_certificates.ca, timeout_s=5.0) as consumer,
    ):
        with pytest.raises(ConsumerError) as caught:
            await consumer.get(42)
    assert said_in_one_line(caught.value, target)


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A server that accepts connections and sends nothing."""
    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            connection.close()


async def test_a_server_that_never_answers_is_a_timeout(case: Case, own_certificates: CertificateFiles) -> None:
    async with silent_server() as port:
        target = Target("127.0.0.1", port, tls=case.tls)
        settings = ClientSettings(target=target, gzip=case.gzip, ca=own_certificates.ca, timeout_s=SHORT_S)
        async with asyncio.timeout(AMPLE_S), client(case.protocol, settings) as consumer:
            with pytest.raises(ProducerTimeout) as caught:
                await consumer.get(42)
    assert said_in_one_line(caught.value, target)


async def test_a_response_that_takes_too_long_is_a_timeout(serve: Serve) -> None:
    book = PatientBook()
    async with serve(book) as served, served.client(timeout_s=SHORT_S) as consumer:
        with pytest.raises(ProducerTimeout) as caught:
            await consumer.get(42)
        book.released.set()
        assert await consumer.get(42) == CHICKEN
    assert said_in_one_line(caught.value, served.client_settings.target)


async def test_a_producer_that_has_stopped_is_unreachable(serve: Serve) -> None:
    async with serve(InMemoryRecipeBook([CHICKEN])) as served, served.client() as consumer:
        assert await consumer.get(42) == CHICKEN
        await served.producer.stop()
        for _ in range(3):
            with pytest.raises(ProducerUnreachable) as caught:
                await consumer.get(42)
            assert said_in_one_line(caught.value, served.client_settings.target)
        async with served.client() as another:
            with pytest.raises(ProducerUnreachable):
                await another.get(42)


async def test_stopping_waits_for_calls_in_flight(serve: Serve) -> None:
    book = PatientBook()
    async with serve(book) as served, served.client() as consumer:
        call = asyncio.create_task(consumer.get(42))
        await book.asked.wait()
        stopping = asyncio.create_task(served.producer.stop())
        await asyncio.wait({stopping}, timeout=0.05)
        assert not stopping.done()
        book.released.set()
        assert await call == CHICKEN
        async with asyncio.timeout(AMPLE_S / 2):
            await stopping


async def test_stopping_does_not_wait_for_idle_connections(serve: Serve) -> None:
    async with serve(InMemoryRecipeBook([CHICKEN])) as served, served.client() as consumer:
        assert await consumer.get(42) == CHICKEN
        async with asyncio.timeout(AMPLE_S / 2):
            await served.producer.stop()
        with pytest.raises(ProducerUnreachable):
            await consumer.get(42)


async def test_stopping_aborts_calls_after_the_drain_time(case: Case, own_certificates: CertificateFiles) -> None:
    book = PatientBook()
    files = own_certificates if case.tls else None
    async with (
        serving(
            case.protocol,
            book,
            gzip=case.gzip,
            certificates=files,
            drain_s=0.05,
            implementation=case.implementation,
        ) as served,
        served.client() as consumer,
    ):
        call = asyncio.create_task(consumer.get(42))
        await book.asked.wait()
        async with asyncio.timeout(AMPLE_S / 2):
            await served.producer.stop()
            with pytest.raises(ConsumerError) as caught:
                await call
    assert said_in_one_line(caught.value, served.client_settings.target)


async def test_a_producer_can_be_stopped_twice(serve: Serve) -> None:
    async with serve(InMemoryRecipeBook([CHICKEN])) as served:
        for _ in range(2):
            await served.producer.stop()
            async with served.client() as consumer:
                with pytest.raises(ProducerUnreachable):
                    await consumer.get(42)


@combined
async def test_gzip_is_used_only_when_both_sides_want_it(case: Case, own_certificates: CertificateFiles) -> None:
    """Counted in bytes on the wire: a page in gzip takes less than half."""
    book = InMemoryRecipeBook([ordinary(number) for number in range(1, 101)])
    files = own_certificates if case.tls else None
    received_bytes: dict[bool, int] = {}
    async with serving(
        case.protocol, book, gzip=case.gzip, certificates=files, implementation=case.implementation
    ) as served:
        target = served.client_settings.target
        for asked in (False, True):
            async with (
                relay_to(target.host, target.port) as relay,
                served.client(target=replace(target, port=relay.port), gzip=asked) as consumer,
            ):
                assert await consumer.list(100) == await book.page(100)
            received_bytes[asked] = len(relay.received)
    if case.gzip:
        assert received_bytes[True] < received_bytes[False] / 2
    else:
        assert received_bytes[True] == pytest.approx(received_bytes[False], rel=0.01)
