"""The raw client's HTTP/1.1 against servers whose responses are unusual, late, wrong or missing."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from bench.clients.http1 import Http1Connections
from bench.load.recorder import kind_of
from consumers.errors import ProducerTimeout, ProducerUnreachable, UnexpectedResponse
from recipes.errors import RecipeNotFound
from tests.support.raw_http import response
from tests.support.single_requests import failure_of, raw_client, request_for, until

BODY = b'{"producer_pid":1,"recipe":{"id":1,"name":"Soup","steps":"","ingredients":[]}}'
RIGHT = response(BODY)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Server:
    """The port of the server, and the number of connections it has accepted."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0


Answer = Callable[[int, asyncio.StreamWriter], Awaitable[None]]
"""Answers the request of that number, counted from 1 over all connections."""


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    server = Server()
    asked = 0
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    asked += 1
                    await answer(asked, writer)
                    await writer.drain()
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        conversations.add(asyncio.ensure_future(converse(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)


def answering(*contents: bytes) -> Answer:
    """Respond to each request with the next content, and then always with the last one."""

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(contents[min(number, len(contents)) - 1])

    return answer


def answering_and_closing(*contents: bytes) -> Answer:
    """Like `answering`, but close the connection after each response."""

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(contents[min(number, len(contents)) - 1])
        writer.close()
        await writer.wait_closed()
        raise ConnectionAbortedError

    return answer


def chunked(*chunks: bytes, extension: bytes = b"", trailers: bytes = b"") -> bytes:
    sizes = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + sizes + b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize(
    "content",
    [
        RIGHT,
        chunked(BODY),
        chunked(*(BODY[i : i + 1] for i in range(len(BODY)))),
        chunked(BODY[:9], BODY[9:], extension=b';a="b"', trailers=b"Expires: 0\r\nA: b\r\n"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + RIGHT,
        RIGHT.replace(b"Content-Type", b"content-type").replace(b"Content-Length:", b"CONTENT-LENGTH: "),
        RIGHT.replace(b"200 Status", b"200 "),
        RIGHT.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\n"),
    ],
    ids=["length", "chunk", "chunks", "trailers", "interim", "case", "no reason", "repeated fields"],
)
@pytest.mark.parametrize("piece", [0, 1, 7], ids=["at once", "byte by byte", "in sevens"])
async def test_a_response_is_accepted_in_any_framing_and_chunking(content: bytes, piece: int) -> None:
    async def answer(_: int, writer: asyncio.StreamWriter) -> None:
        for start in range(0, len(content), piece or len(content)):
            writer.write(content[start : start + (piece or len(content))])
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(answer) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        assert await failure_of(client, request) is None
        assert request.verified == {(200, len(BODY))}
        assert await failure_of(client, request) is None
        client.recheck()
        assert (server.connections, client.connections_opened) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"\r\n" + BODY,
        HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
        chunked(BODY).replace(b"Transfer", b"Connection: close\r\nTransfer"),
    ],
    ids=["until close", "close", "HTTP/1.0", "chunked and close"],
)
async def test_a_response_that_closes_its_connection_is_followed_by_a_new_connection(content: bytes) -> None:
    async with serving(answering_and_closing(content)) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        for _ in range(3):
            assert await failure_of(client, request) is None
        assert server.connections == 3


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "unreachable"),
        (RIGHT[:30], "unreachable"),
        (RIGHT[:-1], "unreachable"),
        (chunked(BODY)[:-3], "unreachable"),
        (HEAD + b"\r\n" + BODY[:-1], "unexpected_answer"),
    ],
    ids=["at once", "in the head", "in the body", "in a chunk", "in a body until close"],
)
async def test_a_connection_that_ends_early_is_counted_and_replaced(content: bytes, kind: str) -> None:
    async with serving(answering_and_closing(content, RIGHT)) as server, raw_client("http", server.port) as client:
        failure = await failure_of(client, request_for(client))
        assert failure is not None
        assert kind_of(failure) == kind
        assert f"127.0.0.1:{server.port}" in str(failure)
        assert await failure_of(client, request_for(client)) is None
        assert server.connections == 2


@pytest.mark.parametrize(
    "content",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"HTTP/2 200 OK\r\n\r\n",
        HEAD + b"no field\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 70_000,
        HEAD + b"A: " + b"a" * 70_000,
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        RIGHT + b"{}",
        chunked(BODY) + b"{}",
        RIGHT.replace(b"application/json", b"text/plain"),
        RIGHT.replace(b"Content-Type", b"Content-Encoding: gzip\r\nContent-Type"),
        response(b"{}"),
        response(b"not JSON"),
        response(b"", status=204),
        response(b"{}", status=500),
        response(b"{}", status=301),
    ],
)
async def test_a_wrong_response_is_not_accepted(content: bytes) -> None:
    async with serving(answering(content, RIGHT)) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        failure = await failure_of(client, request)
        assert isinstance(failure, UnexpectedResponse), failure
        assert not request.verified
        assert await failure_of(client, request) is None


async def test_a_domain_error_is_raised() -> None:
    refusal = response(b'{"error":"not_found","detail":"no"}', status=404, media_type="application/problem+json")
    async with serving(answering(RIGHT, refusal)) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        assert await failure_of(client, request) is None
        failure = await failure_of(client, request)
        assert isinstance(failure, RecipeNotFound)
        assert kind_of(failure) == "error_answer"


async def test_another_recipe_of_the_same_length_is_a_wrong_response() -> None:
    """With the length of the correct response it is detected at the end of the slice, not while it is timed."""
    other = RIGHT.replace(b'"id":1', b'"id":2')
    longer = response(BODY.replace(b'"id":1', b'"id":22'))
    async with serving(answering(longer, RIGHT, other)) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        failure = await failure_of(client, request)
        assert failure is not None
        assert kind_of(failure) == "wrong_answer"
        for _ in range(2):
            assert await failure_of(client, request) is None
        with pytest.raises(Exception, match="the response has the id 2") as caught:
            client.recheck()
        assert kind_of(caught.value) == "wrong_answer"
        client.recheck()


@pytest.mark.parametrize(
    ("body", "asked_for_gzip", "right"),
    [(gzip.compress(BODY), True, True), (gzip.compress(BODY), False, False), (BODY, True, False)],
    ids=["as asked", "not asked for", "not what it claims"],
)
async def test_gzip(body: bytes, asked_for_gzip: bool, right: bool) -> None:
    compressed = response(body, headers={"Content-Encoding": "gzip"})
    async with (
        serving(answering(compressed)) as server,
        raw_client("http", server.port, gzip=asked_for_gzip) as client,
    ):
        failure = await failure_of(client, request_for(client))
        assert (failure is None) is right
        assert right or isinstance(failure, UnexpectedResponse)


async def test_no_response_is_a_timeout_and_the_next_request_uses_a_new_connection() -> None:
    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        if number != 2:
            writer.write(RIGHT)

    async with serving(answer) as server, raw_client("http", server.port, timeout_s=1.0) as client:
        request = request_for(client)
        assert await failure_of(client, request) is None
        failure = await failure_of(client, request)
        assert isinstance(failure, ProducerTimeout)
        assert str(failure) == f"127.0.0.1:{server.port}: no response within 1 s"
        assert await failure_of(client, request) is None
        assert server.connections == 2


async def test_a_response_that_is_too_slow_is_a_timeout() -> None:
    async def answer(_: int, writer: asyncio.StreamWriter) -> None:
        for byte in RIGHT:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    async with serving(answer) as server, raw_client("http", server.port, timeout_s=1.0) as client:
        assert isinstance(await failure_of(client, request_for(client)), ProducerTimeout)


async def test_unrequested_bytes_close_an_idle_connection() -> None:
    said = asyncio.Event()

    async def answer(number: int, writer: asyncio.StreamWriter) -> None:
        writer.write(RIGHT)
        if number == 1:
            await writer.drain()
            await said.wait()
            writer.write(response(b"{}", status=408))

    async with serving(answer) as server, raw_client("http", server.port) as client:
        request = request_for(client)
        assert await failure_of(client, request) is None
        pool = client._connections
        said.set()
        assert isinstance(pool, Http1Connections)
        await until(lambda: not pool.idle)
        assert await failure_of(client, request) is None
        assert server.connections == 2


async def test_a_refused_connection() -> None:
    async with serving(answering(RIGHT)) as server:
        port = server.port
    async with raw_client("http", port) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, ProducerUnreachable)
        assert "efused" in str(failure)


async def test_a_host_name_that_does_not_exist() -> None:
    async with raw_client("http", 1, host="host.invalid") as client:
        assert isinstance(await failure_of(client, request_for(client)), ProducerUnreachable)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("host", ["a" * 70, "kitchen..example"])
async def test_a_host_name_that_cannot_exist(protocol: str, host: str) -> None:
    async with raw_client(protocol, 1, host=host) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, ProducerUnreachable)
        assert str(failure) == f"{host}:1: {host!r} is not a host name"


async def test_closing_ends_requests_in_flight() -> None:
    async def answer(_: int, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    ended: list[Exception | None] = []
    async with serving(answer) as server:
        async with raw_client("http", server.port) as client:
            for _ in range(3):
                client.begin(request_for(client), lambda _sent, _done, failure: ended.append(failure))
        assert len(ended) == 3
        assert all(isinstance(failure, ProducerUnreachable) for failure in ended)
        await client.close()
