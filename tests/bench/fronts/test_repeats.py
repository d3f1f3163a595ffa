"""What client libraries report, and send again by themselves or with a policy: the libraries as they come."""

import asyncio
import json
from collections.abc import Callable

import aiohttp
import grpc
import pytest
from hyperframe.frame import GoAwayFrame, RstStreamFrame

from bench.fronts.seen import Seen
from bench.protocols import protocol
from bench.results import Cause
from consumers import causes, grpc_rules, http_rules
from consumers.errors import CLOSED_EARLY
from tests.support.http2_peer import Fields, Peer, speaking_http2

REFUSED_STREAM, CANCEL = 7, 8
METHOD = "/recipe.RecipeService/GetMetaData"
POLICY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.01s",
                "maxBackoff": "0.01s",
                "backoffMultiplier": 1,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
First = Callable[[Peer, int], None]
"""What a server does with the first call, which is on this stream."""


def seen(name: str, kind: str, text: str) -> Seen:
    return protocol(name).seen(Cause(kind=kind, text=text, count=1))


@pytest.mark.parametrize("lost", [1, 2], ids=["on a new connection", "on a kept connection"])
@pytest.mark.parametrize(("method", "name"), [("GET", "http"), ("POST", "graphql")])
async def test_aiohttp_sends_a_get_again_that_lost_its_connection(method: str, name: str, lost: int) -> None:
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while await reader.readuntil(b"\r\n\r\n"):
            requests += 1
            if requests == lost:
                break
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    expected = seen(name, "unreachable", CLOSED_EARLY)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    reported = []
    async with server, aiohttp.ClientSession() as session:
        for _ in range(lost):
            try:
                async with session.request(method, url):
                    pass
            except aiohttp.ClientError as error:
                reported.append(type(error).__name__)
    assert (requests == lost + 1) == expected.repeated_by_library
    assert reported == ([] if expected.repeated_by_library else [expected.reported])


async def call(first: First, *, policy: bool = False) -> tuple[str, int]:
    """Call a server that does this with the first call, and answers later ones: the status, and how many calls came."""
    calls = 0

    async def script(peer: Peer) -> None:
        nonlocal calls
        await peer.start()
        while True:
            asked = await peer.request()
            calls += 1
            if calls == 1:
                first(peer, asked.stream_id)
            else:
                peer.send(peer.whole_answer(asked.stream_id, b""))

    options = [("grpc.service_config", json.dumps(POLICY))] if policy else []
    async with (
        speaking_http2(script) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel,
    ):
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        try:
            await method(b"", timeout=20, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            return error.code().name, calls
        return "OK", calls


def reset(code: int) -> First:
    return lambda peer, stream: peer.send(RstStreamFrame(stream, error_code=code))


def goaway(peer: Peer, stream: int) -> None:
    """Say that no stream was taken up."""
    peer.send(GoAwayFrame(0, last_stream_id=0, error_code=0))


def answered(*fields: tuple[str, str]) -> First:
    return lambda peer, stream: peer.send(peer.headers(stream, fields, "END_STREAM"))


HTML: Fields = (("content-type", "text/html"),)
GRPC: Fields = ((":status", "200"), ("content-type", "application/grpc"))


@pytest.mark.parametrize(
    ("first", "kind", "text"),
    [
        (goaway, "unreachable", http_rules.of_goaway(0)),
        (reset(REFUSED_STREAM), "unreachable", grpc_rules.of_reset(REFUSED_STREAM)[1]),
        (reset(CANCEL), "unexpected_answer", grpc_rules.of_reset(CANCEL)[1]),
        (answered((":status", "429"), *HTML), "unreachable", causes.of_status(429)),
        (answered((":status", "503"), *HTML), "unreachable", causes.of_status(503)),
        (answered((":status", "504"), *HTML), "unreachable", causes.of_status(504)),
        (answered(*GRPC, ("grpc-status", "14")), "unreachable", "UNAVAILABLE"),
        (answered(*GRPC, ("grpc-status", "8")), "unexpected_answer", "RESOURCE_EXHAUSTED"),
    ],
    ids=["GOAWAY", "REFUSED_STREAM", "CANCEL", "429", "503", "504", "UNAVAILABLE", "RESOURCE_EXHAUSTED"],
)
async def test_grpc_reports_and_repeats_as_it_is_said_to(first: First, kind: str, text: str) -> None:
    expected = seen("grpc", kind, text)
    status, calls = await call(first)
    assert (calls == 2) == expected.repeated_by_library
    assert status == ("OK" if expected.repeated_by_library else expected.reported)
    _, calls = await call(first, policy=True)
    assert (calls == 2) == (expected.repeated_by_library or expected.repeated_by_policy)
