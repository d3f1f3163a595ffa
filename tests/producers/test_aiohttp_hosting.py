"""What the producers on aiohttp share: ports, plain and TLS side by side, limits, and the shutdown."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from producers.aiohttp_hosting import AiohttpProducer
from producers.certificates import CertificateFiles
from producers.graphql_http import GraphqlHttpProducer
from producers.json_http import JsonHttpProducer
from producers.producer import PortUnavailable
from producers.settings import Limits, ProducerSettings, TlsFiles
from producers.tls import TlsFilesUnusable
from recipes.book import InMemoryRecipeBook
from tests.support.books import CHICKEN, PatientBook, ordinary, small_book
from tests.support.raw_http import AMPLE_S, exchange, request
from tests.support.serving import serving

PRODUCERS: list[type[AiohttpProducer]] = [JsonHttpProducer, GraphqlHttpProducer]
GET = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n"


def tls_files(files: CertificateFiles) -> TlsFiles:
    return TlsFiles(certificate=files.server, key=files.server_key)


def port_of(address: str) -> int:
    return int(address.removesuffix("/graphql").rpartition(":")[2])


@pytest.mark.parametrize("make", PRODUCERS)
async def test_plain_and_tls_are_served_at_once(
    make: Callable[..., AiohttpProducer], own_certificates: CertificateFiles
) -> None:
    producer = make(small_book(), ProducerSettings(port=0, tls_port=0, tls=tls_files(own_certificates)))
    plain, encrypted = await producer.start()
    try:
        path = producer.path
        assert plain == f"http://127.0.0.1:{port_of(plain)}{path}"
        assert encrypted == f"https://127.0.0.1:{port_of(encrypted)}{path}"
        assert (await request(plain, "OPTIONS", path or "/recipes")).status == 204
        context = ssl.create_default_context(cafile=own_certificates.ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(encrypted), ssl=context)
        tls = writer.get_extra_info("ssl_object")
        assert (tls.version(), tls.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
        writer.write(GET)
        assert (await reader.readline()).startswith(b"HTTP/1.1")
        writer.close()
        await writer.wait_closed()
    finally:
        await producer.stop()


async def test_a_busy_port_is_refused_in_one_line() -> None:
    first = JsonHttpProducer(small_book(), ProducerSettings(port=0))
    (address,) = await first.start()
    try:
        second = JsonHttpProducer(small_book(), ProducerSettings(port=port_of(address)))
        with pytest.raises(PortUnavailable) as caught:
            await second.start()
        expected = f"cannot listen on 127.0.0.1:{port_of(address)}: Address already in use; choose another port, or 0"
        assert str(caught.value) == expected
        assert (await exchange(address, GET)).status == 200
    finally:
        await first.stop()


async def test_when_one_port_is_busy_the_other_is_released(own_certificates: CertificateFiles) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as free:
        plain, busy = free.getsockname()[1], held.getsockname()[1]
        free.close()
        settings = ProducerSettings(port=plain, tls_port=busy, tls=tls_files(own_certificates))
        with pytest.raises(PortUnavailable, match=str(busy)):
            await JsonHttpProducer(small_book(), settings).start()
        socket.create_server(("127.0.0.1", plain)).close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
async def test_a_host_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(PortUnavailable, match=f"cannot listen on {host}:0: "):
        await JsonHttpProducer(small_book(), ProducerSettings(host=host, port=0)).start()


async def test_bad_certificates_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("nothing")
    files = TlsFiles(certificate=tmp_path / "a.pem", key=tmp_path / "a.pem")
    with pytest.raises(TlsFilesUnusable, match=r"a\.pem"):
        await JsonHttpProducer(small_book(), ProducerSettings(port=None, tls_port=0, tls=files)).start()


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
async def test_ipv6_addresses_are_written_in_brackets() -> None:
    try:
        probe = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has IPv6 switched off")
    probe.close()
    producer = JsonHttpProducer(small_book(), ProducerSettings(host="::1", port=0))
    (address,) = await producer.start()
    try:
        assert address.startswith("http://[::1]:")
        assert (await exchange(address, GET)).status == 200
    finally:
        await producer.stop()


async def test_a_stop_waits_for_the_request_in_flight_and_closes_its_connection() -> None:
    book = PatientBook()
    producer = JsonHttpProducer(book, ProducerSettings(port=0))
    (address,) = await producer.start()
    asking = asyncio.create_task(exchange(address, GET))
    await book.asked.wait()
    stopping = asyncio.create_task(producer.stop())
    async with asyncio.timeout(AMPLE_S):
        while True:
            # The stop has begun once connections are refused.
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
            except OSError:
                break
            writer.close()
    assert not stopping.done()
    book.released.set()
    answer = await asking
    assert answer.json["recipe"]["name"] == CHICKEN.name
    await stopping


async def test_a_connection_that_was_accepted_as_a_stop_began_is_closed_by_its_response() -> None:
    """Between accepting and the beginning of the protocol, the stop begins."""
    producer = JsonHttpProducer(small_book(), ProducerSettings(port=0))
    await producer.start()
    guard = producer._guard
    assert guard is not None
    accepted = guard()
    guard.drain()
    near, far = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(lambda: accepted, near)
    reader, writer = await asyncio.open_connection(sock=far)
    async with asyncio.timeout(AMPLE_S):
        writer.write(GET)
        assert b"\r\nconnection: close\r\n" in (await reader.readuntil(b"\r\n\r\n")).lower()
    writer.close()
    await producer.stop()


async def test_a_connection_of_some_age_is_closed_by_its_next_response() -> None:
    producer = JsonHttpProducer(small_book(), ProducerSettings(port=0, limits=Limits(connection_age_s=0.2)))
    (address,) = await producer.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
    heads: list[bytes] = []
    try:
        async with asyncio.timeout(AMPLE_S):
            while not heads or b"connection: close" not in heads[-1]:
                writer.write(GET)
                heads.append((await reader.readuntil(b"\r\n\r\n")).lower())
                await reader.readexactly(int(heads[-1].split(b"content-length: ")[1].split(b"\r\n")[0]))
            assert await reader.read() == b""
        assert len(heads) > 1
        assert all(head.startswith(b"http/1.1 200 ") for head in heads)
    finally:
        writer.close()
        await producer.stop()


async def test_an_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    producer = JsonHttpProducer(small_book(), ProducerSettings(port=0, limits=Limits(keep_alive_s=0.05)))
    (address,) = await producer.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
    try:
        async with asyncio.timeout(AMPLE_S):
            writer.write(GET)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"connection: close" not in head.lower(), "it could be used again"
            await reader.read()
            assert reader.at_eof()
    finally:
        writer.close()
        await producer.stop()


async def test_a_producer_can_be_stopped_before_it_is_started() -> None:
    producer = JsonHttpProducer(small_book(), ProducerSettings(port=0))
    await producer.stop()
    (address,) = await producer.start()
    assert (await exchange(address, GET)).status == 200
    await producer.stop()


@pytest.mark.parametrize("make", PRODUCERS)
async def test_a_stop_reports_not_ready_during_the_notice_time(make: Callable[..., AiohttpProducer]) -> None:
    producer = make(small_book(), ProducerSettings(port=0, stop_notice_s=0.3))
    (address,) = await producer.start()
    health = b"GET /health HTTP/1.1\r\nHost: lab\r\n\r\n"
    ready = await exchange(address, health)
    assert (ready.status, "connection" in ready.headers) == (200, False)
    stopping = asyncio.create_task(producer.stop())
    await asyncio.sleep(0)
    async with asyncio.timeout(AMPLE_S):
        noticed = await exchange(address, health)
        assert (noticed.status, noticed.json["error"], noticed.headers["connection"]) == (503, "stopping", "close")
        options = await request(address, "OPTIONS", producer.path or "/recipes")
        assert (options.status, options.headers["connection"]) == (204, "close"), "new callers are served still"
        await stopping
    with pytest.raises(ConnectionError):
        await exchange(address, health)


async def test_a_request_sent_as_a_stop_begins_is_answered() -> None:
    producer = JsonHttpProducer(small_book(), ProducerSettings(port=0))
    (address,) = await producer.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(address))
    async with asyncio.timeout(AMPLE_S):
        writer.write(GET)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"close" not in head
        stopping = asyncio.create_task(producer.stop())
        await asyncio.sleep(0)
        writer.write(GET)
        rest = await reader.read()
        assert b"HTTP/1.1 200 OK" in rest
        assert b"Connection: close" in rest
        await stopping
    writer.close()


SHORT = Limits(header_timeout_s=0.2, write_timeout_s=0.4, keep_alive_s=0.5, head_bytes=20_000, connections=20)


@asynccontextmanager
async def limited(limits: Limits = SHORT) -> AsyncIterator[tuple[str, int]]:
    book = InMemoryRecipeBook([ordinary(number) for number in range(1, 1001)])
    async with serving("http", book, limits=limits) as served:
        yield served.address, port_of(served.address)


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /pid HTTP/1.1\r\nHost: lab\r\n"])
async def test_an_incomplete_head_is_408(sent: bytes) -> None:
    async with limited() as (_, port), asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b'"error":"request_timeout"' in answer
        assert b"\r\nDate: " in answer
        writer.close()


async def test_an_endless_head_is_431() -> None:
    async with limited(Limits(head_bytes=SHORT.head_bytes)) as (_, port), asyncio.timeout(AMPLE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = 0
        while sent <= 2 * SHORT.head_bytes:
            part = b"X: %s\r\n" % (b"y" * 500) if sent else b"GET /pid HTTP/1.1\r\nHost: lab\r\n"
            writer.write(part)
            sent += len(part)
            await asyncio.sleep(0.001)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 431 ")
        writer.close()


async def test_a_client_that_reads_nothing_is_disconnected() -> None:
    async with limited() as (address, port), asyncio.timeout(AMPLE_S):
        with socket.socket() as unread:
            unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            unread.connect(("127.0.0.1", port))
            unread.sendall(b"GET /recipes?page_size=1000 HTTP/1.1\r\nHost: lab\r\n\r\n" * 30)
            unread.setblocking(False)
            while True:
                assert (await exchange(address, GET)).status == 200, "others are answered meanwhile"
                try:
                    unread.send(b"\r\n")
                except OSError:
                    break
                await asyncio.sleep(0.02)


async def test_a_connection_over_the_limit_is_503() -> None:
    async with limited(Limits(connections=3)) as (address, port), asyncio.timeout(AMPLE_S):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for _, writer in held:
            writer.write(b"G")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        refusal = await reader.read()
        assert refusal.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"Retry-After: 1\r\n" in refusal
        for _, open_one in (*held, (reader, writer)):
            open_one.close()
            await open_one.wait_closed()
        for _ in range(100):
            # The producer may notice the closed ones a little later.
            again = await exchange(address, GET)
            if again.status != 503:
                break
            await asyncio.sleep(0.01)
        assert again.status == 200


async def test_a_silent_connection_is_408_even_with_a_shorter_keep_alive_time() -> None:
    limits = Limits(header_timeout_s=0.3, keep_alive_s=0.05)
    async with serving("http", small_book(), limits=limits) as served:
        assert (await exchange(served.address, b"")).status == 408
