"""Both loop clients against the lab's producers, without gzip and TLS and with both: every workload and dialect."""

from collections.abc import AsyncIterator, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any

import hpack
import pytest
import pytest_asyncio
from hyperframe.frame import Frame, HeadersFrame

from bench import protocols
from bench.clients.base import LoopClient
from bench.clients.raw import RawClient
from bench.clients.registry import load_client as client_named
from bench.load.closed_loop import run_closed
from bench.load.open_loop import run_open
from bench.load.recorder import SliceRecord, kind_of
from bench.workloads import WORKLOADS, GetQuestion, Question, Workload
from consumers.client import ClientSettings
from consumers.errors import ProducerUnreachable
from consumers.registry import dialects
from consumers.target import Target, parse_target
from producers import certificates
from producers.certificates import CertificateFiles
from producers.registry import PRODUCERS
from producers.settings import ProducerSettings
from tests.support.books import CHICKEN, SPECIAL, small_book
from tests.support.relay import relay_to
from tests.support.serving import Served, serving
from tests.support.single_requests import failure_of

CHOICES = (Workload(name="get"), Workload(name="list", page_size=20), Workload(name="fields"))
CLIENTS = ("library", "raw")
SPEAKS_ALL = ProducerSettings(persisted_queries=True)
AS_MEASURED = {"loop_factories": ["uvloop"]}
"""For what is tried in every combination: the loop that load processes run on."""


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=list(product(PRODUCERS, (False, True))),
    ids=lambda row: f"{row[0]}-{'gzip-tls' if row[1] else 'identity-plain'}",
)
async def served(request: pytest.FixtureRequest, own_certificates: CertificateFiles) -> AsyncIterator[Served]:
    protocol, encoded = request.param
    async with serving(protocol, small_book(), gzip=encoded, certificates=own_certificates if encoded else None) as it:
        yield it


async def opened(name: str, served: Served, **changes: Any) -> LoopClient:
    kept = ("target", "gzip", "ca", "timeout_s", "dialect")
    settings = ClientSettings(**{**{field: getattr(served.client_settings, field) for field in kept}, **changes})
    client = client_named(name, served.protocol, settings)
    assert isinstance(client, LoopClient)
    await client.open()
    return client


async def questions_of(client: LoopClient, choice: Workload) -> Sequence[Question[Any]]:
    """A few requests of the workload, including those for difficult recipes."""
    book = small_book()
    recipes = (await book.page(63)).recipes
    ids = [*SPECIAL, *range(1, 10)]
    return (await WORKLOADS[choice.name].questions(client.consumer, choice.page_size or 0, recipes, ids, known=True))[
        :12
    ]


@pytest.mark.no_cover
@pytest.mark.asyncio(loop_scope="module", **AS_MEASURED)
@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.label)
@pytest.mark.parametrize("name", CLIENTS)
async def test_every_response_is_correct(name: str, choice: Workload, served: Served) -> None:
    await assert_all_right(name, choice, served)


@pytest.mark.no_cover
@pytest.mark.asyncio(**AS_MEASURED)
@pytest.mark.parametrize(("protocol", "dialect"), [(name, each) for name in PRODUCERS for each in dialects(name)])
@pytest.mark.parametrize("name", CLIENTS)
async def test_created_recipes_are_correct(name: str, protocol: str, dialect: str) -> None:
    async with serving(protocol, small_book(), settings=SPEAKS_ALL, dialect=dialect) as served:
        await assert_all_right(name, Workload(name="create"), served)


@pytest.mark.no_cover
@pytest.mark.asyncio(**AS_MEASURED)
@pytest.mark.parametrize(("protocol", "dialect"), [(name, each) for name in PRODUCERS for each in dialects(name)[1:]])
@pytest.mark.parametrize("name", CLIENTS)
async def test_every_dialect_is_correct(name: str, protocol: str, dialect: str) -> None:
    """Each client has its own producer, so that no other client has registered queries with it."""
    async with serving(protocol, small_book(), gzip=True, settings=SPEAKS_ALL, dialect=dialect) as served:
        for choice in (*CHOICES, Workload(name="batch", page_size=5)):
            await assert_all_right(name, choice, served)


async def assert_all_right(name: str, choice: Workload, served: Served) -> None:
    client = await opened(name, served)
    try:
        requests = client.requests(await questions_of(client, choice))
        assert requests
        for request in requests:
            await client.verify(request)
        for concurrency in (1, 7):
            record = SliceRecord()
            duration_ns = await run_closed(
                client, cycle(requests), concurrency=concurrency, duration_ns=1, requests_at_least=12, record=record
            )
            assert set(record.outcomes) == {"ok"}, record.causes.found()
            assert len(record.latency_ns) == record.outcomes["ok"] >= 12
            assert all(0 < latency_ns <= duration_ns for latency_ns in record.latency_ns)
            client.recheck()
        record = SliceRecord()
        await run_open(
            client,
            cycle(requests),
            due_offsets_ns=iter(range(0, 12_000_000, 1_000_000)),
            duration_ns=12_000_000,
            answers_within_ns=10_000_000_000,
            record=record,
        )
        assert record.outcomes == {"ok": 12}, record.causes.found()
        triples = zip(record.latency_ns, record.service_ns, record.lag_ns, strict=True)
        assert all(latency == service + lag and lag >= 0 for latency, service, lag in triples)
    finally:
        await client.close()
        await client.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_an_unknown_recipe_is_a_domain_error(served: Served) -> None:
    client = await opened("raw", served)
    try:
        (request,) = client.requests([GetQuestion(2_000_000_000, None)])
        failure = await failure_of(client, request)
        assert failure is not None
        assert kind_of(failure) == "error_answer"
    finally:
        await client.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_several_requests_in_flight_use_the_connections_that_the_transport_needs(served: Served) -> None:
    client = await opened("raw", served)
    assert isinstance(client, RawClient)
    try:
        requests = client.requests([GetQuestion(CHICKEN.id, CHICKEN)])
        record = SliceRecord()
        await run_closed(client, cycle(requests), concurrency=5, duration_ns=1, requests_at_least=50, record=record)
        assert set(record.outcomes) == {"ok"}, record.causes.found()
        assert client.connections_opened == (1 if protocols.protocol(client.protocol).multiplexes else 5)
    finally:
        await client.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_tls_on_one_side_only_is_counted(served: Served, own_certificates: CertificateFiles) -> None:
    target = served.client_settings.target
    client = await opened("raw", served, target=Target(target.host, target.port, not target.tls), timeout_s=1.0)
    try:
        (request,) = client.requests([GetQuestion(CHICKEN.id, CHICKEN)])
        failure = await failure_of(client, request)
        assert failure is not None
        assert kind_of(failure) in {"unreachable", "unexpected_answer", "timeout"}
    finally:
        await client.close()


@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_a_producer_with_an_untrusted_certificate_is_rejected(
    protocol: str, own_certificates: CertificateFiles, tmp_path: Path
) -> None:
    async with serving(protocol, small_book(), certificates=own_certificates) as served:
        client = await opened("raw", served, ca=certificates.write(tmp_path).ca)
        try:
            (request,) = client.requests([GetQuestion(CHICKEN.id, CHICKEN)])
            failure = await failure_of(client, request)
            assert isinstance(failure, ProducerUnreachable)
            assert "its certificate is not trusted" in str(failure)
        finally:
            await client.close()


@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_a_ca_file_that_cannot_be_read_is_named(
    protocol: str, own_certificates: CertificateFiles, tmp_path: Path
) -> None:
    async with serving(protocol, small_book(), certificates=own_certificates) as served:
        with pytest.raises(ProducerUnreachable, match=r"cannot use .*nowhere\.pem"):
            await opened("raw", served, ca=tmp_path / "nowhere.pem")


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize(("protocol", "dialect"), [(name, each) for name in PRODUCERS for each in dialects(name)])
async def test_both_loop_clients_send_the_same_requests(protocol: str, dialect: str, gzip: bool) -> None:
    """The requests are equal, including the bytes of bodies; only the order of header fields may differ."""
    sent: list[Any] = []
    async with serving(protocol, small_book(), gzip=gzip, settings=SPEAKS_ALL, dialect=dialect) as served:
        async with served.client() as introducing:
            await introducing.get(CHICKEN.id)
        target = parse_target(served.address)
        for name in CLIENTS:
            async with relay_to(target.host, target.port) as relay:
                client = await opened(name, served, target=Target("127.0.0.1", relay.port))
                (request,) = client.requests([GetQuestion(CHICKEN.id, CHICKEN)])
                await client.verify(request)
                await client.close()
                content = bytes(relay.sent)
                in_words = in_http2 if content.startswith(b"PRI ") else in_http1
                sent.append(in_words(content, f"127.0.0.1:{relay.port}"))
    assert sent[0] == sent[1]


def in_http1(content: bytes, authority: str) -> Any:
    head, _, body = content.replace(authority.encode(), b"AUTHORITY").partition(b"\r\n\r\n")
    start, *fields = head.split(b"\r\n")
    return start, sorted(field.lower() for field in fields), body


def in_http2(content: bytes, authority: str) -> Any:
    fields: dict[str, str] = {}
    body = b""
    position = content.index(b"SM\r\n\r\n") + 6
    while position < len(content):
        frame, size = Frame.parse_frame_header(memoryview(content[position : position + 9]))
        payload = content[position + 9 : position + 9 + size]
        position += 9 + size
        frame.parse_body(memoryview(payload))
        if isinstance(frame, HeadersFrame):
            fields = {str(name): str(value) for name, value in hpack.Decoder().decode(frame.data)}
        elif frame.type == 0:
            body += payload
    # The user agent and the remaining deadline differ.
    assert fields.pop("user-agent")
    assert fields.pop("grpc-timeout")
    assert fields.pop(":authority") == authority
    return sorted(fields.items()), body
