"""Sizes of every protocol in the registries × gzip × TLS × workload over real sockets; and what cannot be measured."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_in_struct

from bench.protocols import protocol as row
from bench.results import Bytes, SetupSizes, Sizes
from bench.wire import sizes as measuring
from bench.wire.recording import Recording
from bench.wire.sizes import Ask, Connect, MeasuredSizes, measure_sizes
from consumers.client import ClientSettings, RecipeClient
from consumers.registry import CONSUMERS, client
from consumers.target import Target, parse_target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.registry import producer_class
from producers.settings import ProducerSettings, TlsFiles
from recipes.book import InMemoryRecipeBook
from tests.support.books import ordinary

PAGE_SIZE = 20
ASKS_AT_ONCE = 7


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return certificates.write(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def producing(protocol: str, files: CertificateFiles) -> AsyncIterator[tuple[Target, Target]]:
    """A producer's plain and TLS target."""
    settings = ProducerSettings(
        port=0, tls_port=0, tls=TlsFiles(certificate=files.server, key=files.server_key), gzip=True
    )
    producer = producer_class(protocol)(InMemoryRecipeBook(ordinary(number) for number in range(1, 64)), settings)
    plain, tls = await producer.start()
    try:
        yield parse_target(plain), parse_target(tls)
    finally:
        await producer.stop()


def connecting(protocol: str, *, gzip: bool = False, ca: Path | None = None) -> Connect:
    return lambda target: client(protocol, ClientSettings(target=target, gzip=gzip, ca=ca, timeout_s=10.0))


def gets() -> list[Ask]:
    """For one recipe again and again: medians add up only where requests differ in connection frames alone."""
    return [lambda asker: asker.get(1)] * ASKS_AT_ONCE


def lists() -> list[Ask]:
    return [lambda asker: asker.list(PAGE_SIZE)] * ASKS_AT_ONCE


WORKLOADS: dict[str, Callable[[], list[Ask]]] = {"get": gets, "list": lists}
Cell = tuple[str, bool, bool]


@pytest.mark.parametrize("protocol", list(CONSUMERS))
async def test_every_cell(protocol: str, files: CertificateFiles) -> None:
    found: dict[Cell, MeasuredSizes] = {}
    async with producing(protocol, files) as (plain, tls):
        for workload, gzip, inside in product(WORKLOADS, (False, True), (False, True)):
            found[workload, gzip, inside] = await measure_sizes(
                connect=connecting(protocol, gzip=gzip, ca=files.ca),
                plain=plain,
                tls=tls if inside else None,
                codec=row(protocol).codec(),
                asks=WORKLOADS[workload](),
            )
    for (workload, gzip, inside), measured in found.items():
        assert measured.warnings == ()
        sizes = measured.bytes
        assert sizes.coding == ("gzip" if gzip else "identity")
        for side in (sizes.request, sizes.response):
            check_order(side)
        check_gzip(sizes.response, gzip=gzip)
        check_sum_of_layers(sizes, inside=inside)
        if inside:
            check_inside_tls(measured, found[workload, gzip, False].bytes)
        else:
            assert measured.tls_session is None
            assert measured.plain is not None
            assert measured.plain.conversation.unparsed_bytes == 0


def check_order(side: Sizes) -> None:
    assert side.compressed_bytes is not None
    assert side.framed_bytes is not None
    assert side.wire_bytes is not None
    assert side.compressed_bytes < side.framed_bytes <= side.wire_bytes


def check_sum_of_layers(sizes: Bytes, *, inside: bool) -> None:
    """Framing and the connection's own frames are everything without TLS, and less than everything with it."""
    for side in (sizes.request, sizes.response):
        assert side.framed_bytes is not None
        assert side.connection_bytes is not None
        assert side.wire_bytes is not None
        named_bytes = side.framed_bytes + side.connection_bytes
        assert (side.wire_bytes >= named_bytes + 22) if inside else (side.wire_bytes == named_bytes)


def check_gzip(response: Sizes, *, gzip: bool) -> None:
    assert response.message_bytes is not None
    assert response.compressed_bytes is not None
    assert response.message_bytes > 500
    assert (response.compressed_bytes < response.message_bytes) == gzip


def check_inside_tls(measured: MeasuredSizes, plain: Bytes) -> None:
    for side, plain_side in ((measured.bytes.request, plain.request), (measured.bytes.response, plain.response)):
        assert without_wire(side) == without_wire(plain_side)
        assert side.wire_bytes is not None
        assert plain_side.wire_bytes is not None
        assert side.wire_bytes >= plain_side.wire_bytes + 22
    session = measured.tls_session
    assert session is not None
    assert session.version == "TLSv1.3"
    assert None not in (session.cipher, session.group, session.alpn)
    setup = measured.bytes.setup
    assert setup.sent_wire_bytes is not None
    assert setup.received_wire_bytes is not None
    assert 200 < setup.sent_wire_bytes < 3000
    assert 900 < setup.received_wire_bytes < 4000


def without_wire(side: Sizes) -> Sizes:
    return replace_in_struct(side, wire_bytes=None)


async def test_a_few_asks_are_enough(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        measured = await measure_sizes(
            connect=connecting("http"), plain=plain, tls=None, codec=row("http").codec(), asks=gets()[:1]
        )
    assert measured.bytes.response.framed_bytes is not None
    assert measured.plain is not None
    assert len(measured.plain.conversation.exchanges) == 3


async def test_a_target_that_serves_tls_only(files: CertificateFiles) -> None:
    async with producing("http", files) as (_, tls):
        measured = await measure_sizes(
            connect=connecting("http", ca=files.ca), plain=None, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert measured.bytes.response.framed_bytes is None
    assert measured.bytes.response.wire_bytes is not None
    assert measured.tls_session is not None
    assert measured.warnings == ("there is no answer without TLS to compare with",)


async def test_a_certificate_that_is_not_trusted(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, tls):
        measured = await measure_sizes(
            connect=connecting("http"), plain=plain, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert measured.bytes == Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
    assert measured.tls_session is None
    (warning,) = measured.warnings
    assert warning.startswith("with TLS: ")
    assert "certificate is not trusted" in warning


async def test_an_ask_that_fails(files: CertificateFiles) -> None:
    async def ask(asker: RecipeClient) -> object:
        return await asker.get(4711)

    async with producing("http", files) as (plain, tls):
        connect = connecting("http", ca=files.ca)
        measured = await measure_sizes(connect=connect, plain=plain, tls=None, codec=row("http").codec(), asks=[ask])
        inside = await measure_sizes(connect=connect, plain=plain, tls=tls, codec=row("http").codec(), asks=[ask])
    assert measured.bytes == measuring.NOTHING_KNOWN
    assert len(measured.warnings) == 1
    assert [warning.partition(":")[0] for warning in inside.warnings] == ["without TLS", "with TLS"]


async def test_what_cannot_be_proved_is_tried_again(files: CertificateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = 0

    async def other_answers_inside(connect: Connect, target: Target, sequence: list[Ask]) -> list[Recording]:
        nonlocal recorded
        recorded += 1
        return await record(connect, target, sequence if not target.tls else lists()[:1] * len(sequence))

    record = measuring.record
    monkeypatch.setattr(measuring, "record", other_answers_inside)
    async with producing("http", files) as (plain, tls):
        measured = await measure_sizes(
            connect=connecting("http", ca=files.ca), plain=plain, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert recorded == 1 + measuring.ATTEMPTS
    assert any("inside TLS differ" in warning for warning in measured.warnings)
    assert measured.bytes.response.framed_bytes is None
    assert measured.bytes.response.wire_bytes is not None


async def test_a_name_for_this_machine_is_kept(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        seen: list[Target] = []

        def connect(target: Target) -> RecipeClient:
            seen.append(target)
            return connecting("http")(target)

        for host in ("localhost", "127.0.0.1"):
            await measure_sizes(
                connect=connect, plain=replace(plain, host=host), tls=None, codec=row("http").codec(), asks=gets()[:1]
            )
    assert [target.host for target in seen] == ["localhost", "127.0.0.1"]
    assert all(target.port != plain.port for target in seen)


async def test_nothing_to_ask_is_an_error() -> None:
    with pytest.raises(ValueError, match="a question to ask"):
        await measure_sizes(
            connect=connecting("http"), plain=Target("127.0.0.1", 1), tls=None, codec=row("http").codec(), asks=[]
        )
    with pytest.raises(ValueError, match="a producer to ask"):
        await measure_sizes(connect=connecting("http"), plain=None, tls=None, codec=row("http").codec(), asks=gets())
