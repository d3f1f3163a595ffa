"""Every protocol × gzip × TLS × workload over real sockets: sizes, every byte by name; and what cannot be measured."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_in_struct

from bench.protocols import protocol as row
from bench.wire import measure as measuring
from bench.wire.anatomy import anatomy_of, check_phases
from bench.wire.gzip_cost import gzip_found
from bench.wire.measure import KEY_LOG_VARIABLE, Ask, Behind, Connect, Measured, Recorded, key_log, measure
from bench.wire.parts import UNKNOWN, bytes_by_category
from bench.wire.reading import DIVIDED_SHARE, NOTHING_KNOWN, WARM_UP_REQUESTS
from bench.wire.recording import Direction
from bench.wire.results import Anatomy, Bytes, SetupSizes, Sizes
from bench.wire.tls import read_key_log
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
DIFFERENT_ASKS = 10


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
    """Requests for the same recipe: medians add up only when requests differ in connection frames alone."""
    return [lambda asker: asker.get(1)] * ASKS_AT_ONCE


def lists() -> list[Ask]:
    return [lambda asker: asker.list(PAGE_SIZE)] * ASKS_AT_ONCE


def different_gets() -> list[Ask]:
    return [
        lambda asker, number=number: asker.get(number)  # type: ignore[misc]
        for number in range(10, DIFFERENT_ASKS + 10)
    ]


WORKLOADS: dict[str, Callable[[], list[Ask]]] = {"get": gets, "list": lists, "different": different_gets}
Cell = tuple[str, bool, bool]


def anatomy(measured: Measured, *, gzip: bool = False) -> Anatomy:
    assert measured.reading is not None, measured.warnings
    responses = [response for _, response in measured.reading.contents[WARM_UP_REQUESTS:]]
    found = anatomy_of(measured.reading, gzip_found(responses, time_it=False) if gzip else None)
    assert found is not None
    return found


@pytest.mark.parametrize("protocol", list(CONSUMERS))
async def test_every_cell(protocol: str, files: CertificateFiles) -> None:
    found: dict[Cell, Measured] = {}
    async with producing(protocol, files) as (plain, tls):
        for workload, gzip, inside in product(WORKLOADS, (False, True), (False, True)):
            found[workload, gzip, inside] = await measure(
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
        if workload != "different":
            # Medians add up only where requests are alike.
            check_sum_of_layers(sizes, inside=inside)
        check_anatomy(measured, found[workload, gzip, False], gzip=gzip, inside=inside, asks=len(WORKLOADS[workload]()))
        if inside:
            check_inside_tls(measured, found[workload, gzip, False].bytes)
        else:
            assert measured.reading is not None
            assert measured.reading.tls_session is None
    of_gets = anatomy(found["different", False, False])
    first, last = of_gets.first_headers.request, of_gets.last_headers.request
    assert [name for name, _ in last.fields] == [name for name, _ in first.fields] != []
    if first.fields[0][0].startswith(":"):
        assert last.wire_bytes < first.wire_bytes, "HPACK leaves out what was sent before"
    else:
        assert last.wire_bytes == first.wire_bytes, "HTTP/1.1 repeats everything"


def check_anatomy(measured: Measured, plain: Measured, *, gzip: bool, inside: bool, asks: int) -> None:
    """Every byte has a name and a phase, and where it was decrypted TLS makes no other difference."""
    found, outside = anatomy(measured, gzip=gzip), anatomy(plain)
    check_phases(found)
    assert found.requests == asks + WARM_UP_REQUESTS
    assert found.inside_tls in (("decrypted", "plain_twin") if inside else (None,))
    for direction in Direction:
        here, there = (bytes_by_category(getattr(one.steady, direction.value)) for one in (found, outside))
        assert (here["tls"] > 0) == inside
        if found.inside_tls == "plain_twin":
            # Pings and window updates fall differently each time, so some requests cannot be divided; no byte is lost.
            assert here["content"] + here[UNKNOWN] >= there["content"]
            assert here["content"] >= there["content"] * DIVIDED_SHARE
        else:
            assert here[UNKNOWN] == 0
            # Decrypted, it is the same to the byte: the same was requested without TLS, over another connection.
            assert {name: size for name, size in here.items() if name != "tls"} == {
                name: size for name, size in there.items() if name != "tls"
            }
    assert (found.gzip is not None) == gzip
    if found.gzip is not None:
        assert found.gzip.compressed == found.gzip.answers == asks
        assert found.gzip.level == 6


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


def check_inside_tls(measured: Measured, plain: Bytes) -> None:
    for side, plain_side in ((measured.bytes.request, plain.request), (measured.bytes.response, plain.response)):
        assert of_messages(side) == of_messages(plain_side)
        assert side.connection_bytes is not None
        assert side.wire_bytes is not None
        assert plain_side.wire_bytes is not None
        assert side.wire_bytes >= plain_side.wire_bytes + 22
    assert measured.reading is not None
    session = measured.reading.tls_session
    assert session is not None
    assert session.version == "TLSv1.3"
    assert None not in (session.cipher, session.group, session.alpn)
    setup = measured.bytes.setup
    assert setup.sent_wire_bytes is not None
    assert setup.received_wire_bytes is not None
    assert 200 < setup.sent_wire_bytes < 3000
    assert 900 < setup.received_wire_bytes < 4000


def of_messages(side: Sizes) -> Sizes:
    """The sizes that TLS does not change, without connection frames, which may be sent at any time."""
    return replace_in_struct(side, wire_bytes=None, connection_bytes=None)


async def test_one_request_is_enough(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        measured = await measure(
            connect=connecting("http"), plain=plain, tls=None, codec=row("http").codec(), asks=gets()[:1]
        )
    assert measured.bytes.response.framed_bytes is not None
    assert measured.reading is not None
    assert len(measured.reading.contents) == 3


async def test_a_target_that_serves_tls_only(files: CertificateFiles) -> None:
    async with producing("http", files) as (_, tls):
        measured = await measure(
            connect=connecting("http", ca=files.ca), plain=None, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert measured.warnings == ()
    assert None not in (measured.bytes.response.framed_bytes, measured.bytes.setup.received_wire_bytes)
    assert anatomy(measured).inside_tls == "decrypted"


def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without key logs of the clients."""
    monkeypatch.setattr(measuring, "read_key_log", lambda _: {})


async def test_a_client_without_a_key_log_is_read_by_its_lengths(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with producing("http", files) as (plain, tls):
        connect = connecting("http", ca=files.ca)
        codec = row("http").codec()
        decrypted = await measure(connect=connect, plain=plain, tls=tls, codec=codec, asks=different_gets())
        without_keys(monkeypatch)
        by_length = await measure(connect=connect, plain=plain, tls=tls, codec=codec, asks=different_gets())
        alone = await measure(connect=connect, plain=None, tls=tls, codec=codec, asks=different_gets())
    one, other = anatomy(by_length), anatomy(decrypted)
    assert (one.inside_tls, other.inside_tls) == ("plain_twin", "decrypted")
    assert one.steady == other.steady
    assert one.setup.sent == other.setup.sent
    assert by_length.bytes.response == decrypted.bytes.response
    assert alone.warnings == (
        "the client does not write a key log, and the producer has no port without TLS to compare with",
    )
    assert alone.bytes.response == Sizes(wire_bytes=decrypted.bytes.response.wire_bytes)
    assert alone.reading is not None
    assert alone.reading.tls_session is not None
    assert anatomy_of(alone.reading) is None


async def test_wrong_keys_leave_only_the_lengths(files: CertificateFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "read_key_log", lambda text: read_key_log(text[:-8] + "00000000\n"))
    async with producing("http", files) as (plain, tls):
        measured = await measure(
            connect=connecting("http", ca=files.ca), plain=plain, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert anatomy(measured).inside_tls == "plain_twin"


async def test_a_twin_that_fails_leaves_the_bytes_on_the_wire(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_keys(monkeypatch)
    async with producing("http", files) as (_, tls):
        # Without TLS, a port with TLS has no answer.
        measured = await measure(
            connect=connecting("http", ca=files.ca),
            plain=replace(tls, tls=False),
            tls=tls,
            codec=row("http").codec(),
            asks=gets(),
        )
    (warning,) = measured.warnings
    assert warning.startswith("the client does not write a key log, and without TLS: ")
    assert measured.bytes.response.framed_bytes is None
    assert measured.bytes.response.wire_bytes is not None


async def test_a_certificate_that_is_not_trusted(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, tls):
        measured = await measure(
            connect=connecting("http"), plain=plain, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert measured.bytes == Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
    assert measured.reading is None
    (warning,) = measured.warnings
    assert "certificate is not trusted" in warning


async def test_a_request_that_fails(files: CertificateFiles) -> None:
    async def ask(asker: RecipeClient) -> object:
        return await asker.get(4711)

    async with producing("http", files) as (plain, tls):
        connect = connecting("http", ca=files.ca)
        codec = row("http").codec()
        for inside in (None, tls):
            measured = await measure(connect=connect, plain=plain, tls=inside, codec=codec, asks=[ask])
            assert measured.bytes == NOTHING_KNOWN
            assert len(measured.warnings) == 1


async def test_a_producer_that_is_gone(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        pass
    measured = await measure(connect=connecting("http"), plain=plain, tls=None, codec=row("http").codec(), asks=gets())
    assert measured.reading is None
    assert len(measured.warnings) == 1


async def test_a_connection_that_does_not_match_its_twin_is_tried_again(
    files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = 0

    async def other_answers_inside(
        connect: Connect, target: Target, sequence: list[Ask], behind: Behind | None = None
    ) -> Recorded:
        nonlocal recorded
        recorded += 1
        assert behind is None
        return await record(connect, target, sequence if not target.tls else lists()[:1] * len(sequence))

    record = measuring.record
    without_keys(monkeypatch)
    monkeypatch.setattr(measuring, "record", other_answers_inside)
    async with producing("http", files) as (plain, tls):
        measured = await measure(
            connect=connecting("http", ca=files.ca), plain=plain, tls=tls, codec=row("http").codec(), asks=gets()
        )
    assert recorded == 1 + measuring.ATTEMPTS
    assert any("inside TLS do not match" in warning for warning in measured.warnings)
    assert measured.bytes.response.framed_bytes is None
    assert measured.bytes.response.wire_bytes is not None


async def test_the_host_name_localhost_is_used_unchanged(files: CertificateFiles) -> None:
    async with producing("http", files) as (plain, _):
        seen: list[Target] = []

        def connect(target: Target) -> RecipeClient:
            seen.append(target)
            return connecting("http")(target)

        for host in ("localhost", "127.0.0.1"):
            await measure(
                connect=connect, plain=replace(plain, host=host), tls=None, codec=row("http").codec(), asks=gets()[:1]
            )
    assert [target.host for target in seen] == ["localhost", "127.0.0.1"]
    assert all(target.port != plain.port for target in seen)


async def test_no_request_is_an_error() -> None:
    with pytest.raises(ValueError, match="a request to send"):
        await measure(
            connect=connecting("http"), plain=Target("127.0.0.1", 1), tls=None, codec=row("http").codec(), asks=[]
        )
    with pytest.raises(ValueError, match="and a producer"):
        await measure(connect=connecting("http"), plain=None, tls=None, codec=row("http").codec(), asks=gets())


def test_the_key_log_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "/somewhere"):
        monkeypatch.delenv(KEY_LOG_VARIABLE, raising=False)
        if before is not None:
            monkeypatch.setenv(KEY_LOG_VARIABLE, before)
        with key_log() as path:
            assert os.environ[KEY_LOG_VARIABLE] == str(path)
            assert path.stat().st_mode & 0o077 == 0
        assert os.environ.get(KEY_LOG_VARIABLE) == before
        assert not path.exists()
