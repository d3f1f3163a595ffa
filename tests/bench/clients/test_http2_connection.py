"""The raw client's HTTP/2, with gRPC and without: what it sends, and correct responses in any framing."""

import asyncio
from collections.abc import Callable

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.clients.connections import RawRequest
from bench.clients.http2 import Http2Connections
from bench.clients.http2_messages import FieldList, Http2Answer, Http2Content
from consumers.client import ClientSettings
from consumers.target import Target
from protos import recipe_pb2
from tests.support.http2_peer import (
    GRPC_HEAD,
    GRPC_OK,
    Asked,
    Peer,
    Script,
    prefixed,
    speaking_http2,
)
from tests.support.http2_scripts import MESSAGE, answering_first, raw, serialized, whole
from tests.support.single_requests import failure_of, raw_client, request_for


def in_tiny_frames(peer: Peer, stream_id: int) -> bytes:
    body = prefixed(MESSAGE)
    data = [DataFrame(stream_id, body[i : i + 1]) for i in range(len(body))]
    return serialized(
        peer.headers(stream_id, GRPC_HEAD), *data, DataFrame(stream_id), peer.headers(stream_id, GRPC_OK, "END_STREAM")
    )


def continued(peer: Peer, stream_id: int) -> bytes:
    block = peer.encoder.encode(list(GRPC_HEAD))
    pieces = [block[i : i + 1] for i in range(1, len(block))]
    frames: list[Frame] = [HeadersFrame(stream_id, block[:1]), *(ContinuationFrame(stream_id, p) for p in pieces)]
    frames.append(ContinuationFrame(stream_id, b"", flags=["END_HEADERS"]))
    end = peer.encoder.encode(list(GRPC_OK))
    frames += [
        DataFrame(stream_id, prefixed(MESSAGE)),
        HeadersFrame(stream_id, end[:1], flags=["END_STREAM"]),
        ContinuationFrame(stream_id, end[1:], flags=["END_HEADERS"]),
    ]
    return serialized(*frames)


def beside_others(peer: Peer, stream_id: int) -> bytes:
    return (
        raw(0xAA, 0xFF, 0, b"grease")
        + serialized(
            PriorityFrame(stream_id, depends_on=0, stream_weight=1),
            SettingsFrame(0, settings={0x0A0A: 1, SettingsFrame.MAX_CONCURRENT_STREAMS: 5}),
            WindowUpdateFrame(0, window_increment=5),
            WindowUpdateFrame(stream_id, window_increment=5),
            PingFrame(0, b"12345678"),
        )
        + whole(peer, stream_id)
    )


def table_changed(peer: Peer, stream_id: int) -> bytes:
    """A response that empties the HPACK table of the connection first."""
    peer.encoder.header_table_size = 0
    peer.encoder.header_table_size = 4096
    return whole(peer, stream_id)


ODD = (whole, in_tiny_frames, continued, beside_others, table_changed)


@pytest.mark.parametrize("answer", ODD)
async def test_a_response_is_accepted_in_any_framing(answer: Callable[[Peer, int], bytes]) -> None:
    """Twice each, so that header blocks that change the HPACK table are followed by blocks that use it."""
    script = answering_first(whole, answer, answer, whole)
    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        for _ in range(6):
            assert await failure_of(client, request) is None
            client.recheck()
        assert len(request.verified) == 1
        assert (len(server.peers), client.connections_opened) == (1, 1)


@pytest.mark.parametrize("piece", [1, 5, 11])
async def test_a_response_is_accepted_in_any_chunking(piece: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked = await peer.request()
            content = peer.whole_answer(asked.stream_id, MESSAGE)
            for start in range(0, len(content), piece):
                peer.send(content[start : start + piece])
                await peer.writer.drain()
                await asyncio.sleep(0)

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        for _ in range(3):
            assert await failure_of(client, request) is None


async def test_requests_are_those_of_a_grpc_client() -> None:
    asked: list[Asked] = []

    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked.append(await peer.request())
            peer.send(whole(peer, asked[-1].stream_id))

    async with speaking_http2(script) as server, raw_client("grpc", server.port, gzip=True) as client:
        request = request_for(client)
        for _ in range(4):
            assert await failure_of(client, request) is None
        port = server.port
        announced = next(f for f in server.peers[0].seen if isinstance(f, SettingsFrame))
        opened = next(f for f in server.peers[0].seen if isinstance(f, WindowUpdateFrame))
    assert [each.stream_id for each in asked] == [1, 3, 5, 7]
    for each in asked:
        assert each.headers == {
            ":method": "POST",
            ":scheme": "http",
            ":path": "/recipe.RecipeService/GetRecipe",
            ":authority": f"127.0.0.1:{port}",
            "te": "trailers",
            "content-type": "application/grpc",
            "user-agent": "recipe-lab",
            "grpc-accept-encoding": "identity, gzip",
            "grpc-timeout": "5000m",
        }
        assert each.body == prefixed(recipe_pb2.RecipeRequest(id=1).SerializeToString())
    # The client's windows are as large as they can be, so that no producer waits for them.
    assert announced.settings[SettingsFrame.INITIAL_WINDOW_SIZE] == 2**31 - 1
    assert announced.settings[SettingsFrame.ENABLE_PUSH] == 0
    assert 65_535 + opened.window_increment == 2**31 - 1


@pytest.mark.parametrize("table_bytes", [0, 60, 200, 4096, 65_536])
async def test_headers_are_readable_with_any_table_size_of_the_producer(table_bytes: int) -> None:
    async def script(peer: Peer) -> None:
        peer.decoder.max_allowed_table_size = table_bytes
        peer.decoder.header_table_size = min(table_bytes, 4096)
        await peer.start({SettingsFrame.HEADER_TABLE_SIZE: table_bytes})
        while True:
            asked = await peer.request()
            assert asked.headers["grpc-accept-encoding"] == "identity"
            peer.send(whole(peer, asked.stream_id))

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        for _ in range(5):
            assert await failure_of(client, request) is None


async def test_pings_and_settings_are_acknowledged() -> None:
    async def script(peer: Peer) -> None:
        await peer.start()
        peer.send(
            PingFrame(0, b"\x00bcdefg\xff"),
            PingFrame(0, b"11111111", flags=["ACK"]),
            SettingsFrame(0, settings={SettingsFrame.MAX_FRAME_SIZE: 20_000}),
        )
        asked = await peer.request()
        while sum(isinstance(frame, SettingsFrame) and "ACK" in frame.flags for frame in peer.seen) < 2:
            await peer.frame()
        pongs = [frame for frame in peer.seen if isinstance(frame, PingFrame)]
        assert [(pong.opaque_data, "ACK" in pong.flags) for pong in pongs] == [(b"\x00bcdefg\xff", True)]
        peer.send(whole(peer, asked.stream_id))
        await peer.reader.read()

    async with speaking_http2(script) as server, raw_client("grpc", server.port) as client:
        assert await failure_of(client, request_for(client)) is None


PLAIN_FIELDS = FieldList(
    [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"kitchen"), (b":path", b"/soups")]
)


def answering_plainly(status: str, body: bytes) -> Script:
    """HTTP/2 without a protocol on top: no prefix before the body, no trailers."""

    async def script(peer: Peer) -> None:
        await peer.start()
        while True:
            asked = await peer.request()
            assert asked.headers[":path"] == "/soups"
            assert asked.body == b"onions"
            peer.send(
                peer.headers(asked.stream_id, ((":status", status), ("content-type", "application/json"))),
                DataFrame(asked.stream_id, body, flags=["END_STREAM"]),
            )

    return script


async def test_http2_carries_requests_of_any_protocol() -> None:
    async with speaking_http2(answering_plainly("200", b'{"id":1}')) as server:
        connections = Http2Connections(ClientSettings(target=Target("127.0.0.1", server.port)), None)
        answer = await connections.exchange(Http2Content(PLAIN_FIELDS, b"onions"))
        await connections.close()
    assert (answer.headers.status, answer.body, answer.trailers) == (200, b'{"id":1}', None)
    assert answer.headers.get(b"content-type") == b"application/json"


async def padded_after_interim(peer: Peer) -> None:
    """What gRPC's core cannot read, and other clients of HTTP/2 can."""
    await peer.start()
    asked = await peer.request()
    early = peer.headers(asked.stream_id, ((":status", "103"), ("link", "</a>")))
    head = peer.headers(asked.stream_id, ((":status", "200"),), "PADDED", "PRIORITY")
    head.pad_length, head.depends_on, head.stream_weight = 9, 0, 7
    data = DataFrame(asked.stream_id, b"soup", flags=["PADDED", "END_STREAM"], pad_length=200)
    peer.send(early, head, data)
    await peer.reader.read()


async def test_padding_and_interim_responses_are_read_where_the_protocol_on_top_has_no_say() -> None:
    async with speaking_http2(padded_after_interim) as server:
        connections = Http2Connections(ClientSettings(target=Target("127.0.0.1", server.port)), None)
        answer = await connections.exchange(Http2Content(PLAIN_FIELDS, b"onions"))
        await connections.close()
    assert (answer.headers.status, answer.body) == (200, b"soup")


async def test_a_plain_response_is_checked_by_status_and_length() -> None:
    verified: list[bytes] = []

    def verify(request: RawRequest[Http2Content, Http2Answer], answer: Http2Answer) -> None:
        verified.append(answer.body)
        request.verified.add((answer.headers.status, None, len(answer.body)))

    request = RawRequest(Http2Content(PLAIN_FIELDS, b"onions"), verify)
    async with speaking_http2(answering_plainly("200", b'{"id":1}')) as server:
        connections = Http2Connections(ClientSettings(target=Target("127.0.0.1", server.port)), None)
        for _ in range(3):
            ended: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
            connections.begin(request, lambda _sent, _done, failure, ended=ended: ended.set_result(failure))  # type: ignore[misc]
            assert await ended is None
        sample = connections.sample()
        await connections.close()
    assert verified == [b'{"id":1}'], "only the first response has to be decoded"
    assert sample is not None
    assert sample[1].body == b'{"id":1}'
