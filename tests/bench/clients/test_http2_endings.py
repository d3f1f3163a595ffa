"""The raw client's HTTP/2 against servers that send GOAWAY, violate the protocol, or send nothing."""

import asyncio
from collections.abc import Callable
from struct import pack

import pytest
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from bench.clients.http2 import Http2Connections
from bench.clients.http2_messages import FieldList, Http2Content
from bench.load.closed_loop import run_closed
from bench.load.recorder import SliceRecord
from consumers.client import ClientSettings
from consumers.errors import ProducerTimeout, ProducerUnreachable, UnexpectedResponse
from consumers.target import Target
from tests.support.http2_peer import (
    GRPC_HEAD,
    GRPC_OK,
    Peer,
    Script,
    speaking_http2,
)
from tests.support.http2_scripts import MESSAGE, raw, right, serialized, whole
from tests.support.single_requests import failure_of, raw_client, request_for, until


async def test_goaway_refuses_later_streams_and_the_connection_ends_after_the_others() -> None:
    async def goes_away(peer: Peer) -> None:
        await peer.start()
        first, second = await peer.request(), await peer.request()
        peer.send(GoAwayFrame(0, last_stream_id=first.stream_id, error_code=0))
        peer.send(whole(peer, first.stream_id))
        assert second.stream_id == 3
        # The client hangs up.
        await peer.reader.read()

    async with speaking_http2(goes_away, right) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        first, second = await asyncio.gather(failure_of(client, request), failure_of(client, request))
        assert first is None
        assert isinstance(second, ProducerUnreachable)
        assert "sent GOAWAY: NO_ERROR" in str(second)
        assert await failure_of(client, request) is None
        assert len(server.peers) == 2


async def test_a_graceful_goaway_loses_no_request() -> None:
    """A first GOAWAY with the highest id, a final one later: as servers do that limit the age of connections."""

    async def goes_away(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(GoAwayFrame(0, last_stream_id=2**31 - 1), PingFrame(0, b"goodbye!"))
        await peer.frame_of(PingFrame, "ACK")
        peer.send(GoAwayFrame(0, last_stream_id=asked.stream_id), whole(peer, asked.stream_id))
        await peer.frame()

    async with speaking_http2(goes_away, right) as server, raw_client("grpc", server.port) as client:
        for _ in range(3):
            assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 2


async def test_an_idle_connection_that_ends_is_replaced() -> None:
    ended = asyncio.Event()

    async def once(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(whole(peer, asked.stream_id))
        ended.set()

    async with speaking_http2(once, right) as server, raw_client("grpc", server.port) as client:
        assert await failure_of(client, request_for(client)) is None
        await ended.wait()
        connections = client._connections
        assert isinstance(connections, Http2Connections)
        await until(lambda: connections._current is None)
        assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 2


async def closes(peer: Peer) -> None:
    """Close without sending anything."""


async def closes_after_settings(peer: Peer) -> None:
    await peer.start()
    await peer.request()


async def closes_within_the_answer(peer: Peer) -> None:
    await peer.start()
    asked = await peer.request()
    peer.send(whole(peer, asked.stream_id)[:-3])


@pytest.mark.parametrize("script", [closes, closes_after_settings, closes_within_the_answer])
async def test_a_connection_that_ends_early_is_counted_and_replaced(script: Script) -> None:
    async with speaking_http2(script, right) as server, raw_client("grpc", server.port) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, ProducerUnreachable)
        assert f"127.0.0.1:{server.port}: the connection was " in str(failure)
        assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 2


def instead(content: bytes) -> Script:
    """Send this instead of SETTINGS."""

    async def script(peer: Peer) -> None:
        peer.send(content)
        await peer.reader.read()

    return script


def after_settings(frames: Callable[[Peer, int], bytes]) -> Script:
    async def script(peer: Peer) -> None:
        await peer.start()
        asked = await peer.request()
        peer.send(frames(peer, asked.stream_id))
        goaway = await peer.frame_of(GoAwayFrame)
        assert goaway.error_code != 0
        await peer.reader.read()

    return script


BROKEN = [
    instead(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    instead(b"\x00" * 100),
    instead(serialized(PingFrame(0, b"12345678"))),
    instead(raw(4, 0, 0, b"\x00" * 5)),
    instead(raw(4, 0, 0, pack(">HL", 4, 1 << 31))),
    instead(raw(4, 0, 0, pack(">HL", 5, 100))),
    after_settings(lambda peer, i: serialized(DataFrame(i, b"x"), DataFrame(i, b"x", flags=["END_STREAM"]))),
    after_settings(lambda peer, i: serialized(peer.headers(i, GRPC_HEAD), peer.headers(i, (("a", "b"),)))),
    after_settings(lambda peer, i: raw(0, 0, i, b"\x00" * 16_385)),
    after_settings(lambda peer, i: raw(0, 8, i, b"\x05abc")),
    after_settings(lambda peer, i: raw(1, 0x24, i, b"abc")),
    after_settings(lambda peer, i: raw(1, 4, i, b"\xff\xff\xff\xff\xff")),
    after_settings(lambda peer, i: raw(1, 4, i, b"\xfe")),
    after_settings(lambda peer, i: raw(3, 0, i, b"\x00")),
    after_settings(lambda peer, i: raw(6, 0, 0, b"1234567")),
    after_settings(lambda peer, i: raw(7, 0, 0, b"\x00" * 7)),
    after_settings(lambda peer, i: raw(9, 4, i, b"")),
    after_settings(lambda peer, i: raw(1, 0, i, b"\x88") + raw(0, 0, i, b"x")),
    after_settings(lambda peer, i: raw(1, 0, i, b"\x88") + raw(9, 0, i, b"\x00" * 16_384) * 65),
]


@pytest.mark.parametrize("script", BROKEN)
async def test_a_protocol_violation_ends_the_connection_and_fails_the_request(script: Script) -> None:
    async with speaking_http2(script, right) as server, raw_client("grpc", server.port) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, UnexpectedResponse), failure
        assert str(failure).startswith(f"127.0.0.1:{server.port}: ")
        assert await failure_of(client, request_for(client)) is None


OVERLOOKED = [
    after_settings(lambda peer, i: serialized(DataFrame(i + 2, b"x"))),
    after_settings(lambda peer, i: serialized(peer.headers(i + 1, GRPC_HEAD))),
    after_settings(lambda peer, i: serialized(RstStreamFrame(i + 2))),
    after_settings(lambda peer, i: serialized(peer.headers(i, (("a", "b"),)))),
    after_settings(lambda peer, i: serialized(PushPromiseFrame(i, promised_stream_id=2, flags=["END_HEADERS"]))),
    after_settings(lambda peer, i: serialized(*[WindowUpdateFrame(0, window_increment=2**31 - 1)] * 2)),
    after_settings(lambda peer, i: raw(0, 8, i, b"\x05abc")),
]
"""What gRPC's core overlooks, and other clients of HTTP/2 do not."""


@pytest.mark.parametrize("script", OVERLOOKED)
async def test_a_violation_that_grpc_overlooks_ends_the_connection_of_other_protocols(script: Script) -> None:
    content = Http2Content(FieldList([(b":method", b"POST"), (b":path", b"/soups")]), b"onions")
    async with speaking_http2(script) as server:
        connections = Http2Connections(ClientSettings(target=Target("127.0.0.1", server.port)), None)
        with pytest.raises(UnexpectedResponse, match="not valid HTTP/2"):
            await connections.exchange(content)
        await connections.close()


async def silent(peer: Peer) -> None:
    await peer.reader.read()


async def silent_after_settings(peer: Peer) -> None:
    await peer.start()
    await peer.reader.read()


async def no_streams(peer: Peer) -> None:
    await peer.start({SettingsFrame.MAX_CONCURRENT_STREAMS: 0})
    await peer.reader.read()


@pytest.mark.parametrize("script", [silent, silent_after_settings])
async def test_no_response_is_a_timeout_and_the_next_request_uses_a_new_connection(script: Script) -> None:
    async with speaking_http2(script, right) as server, raw_client("grpc", server.port, timeout_s=1.0) as client:
        failure = await failure_of(client, request_for(client))
        assert isinstance(failure, ProducerTimeout)
        assert str(failure) == f"127.0.0.1:{server.port}: no response within 1 s"
        assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 2


async def test_a_producer_that_allows_no_streams_is_a_timeout() -> None:
    async with speaking_http2(no_streams) as server, raw_client("grpc", server.port, timeout_s=0.1) as client:
        for _ in range(2):
            assert isinstance(await failure_of(client, request_for(client)), ProducerTimeout)


async def test_a_request_that_times_out_is_cancelled_and_the_others_continue() -> None:
    reset = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.start()
        unanswered = await peer.request()
        while True:
            frame = await peer.frame()
            if isinstance(frame, HeadersFrame):
                peer.decoder.decode(frame.data)
            if isinstance(frame, DataFrame):
                peer.send(whole(peer, frame.stream_id))
            if isinstance(frame, RstStreamFrame):
                assert (frame.stream_id, frame.error_code) == (unanswered.stream_id, 8)
                reset.set()
                # The response still arrives, too late; its headers change the HPACK table of both ends.
                late = peer.whole_answer(frame.stream_id, MESSAGE, end=(*GRPC_OK, ("late", "yes")))
                peer.send(late)

    async with speaking_http2(script) as server, raw_client("grpc", server.port, timeout_s=1.0) as client:
        ends: list[Exception | None] = []
        client.begin(request_for(client), lambda _sent, _done, failure: ends.append(failure))
        while not reset.is_set():
            assert await failure_of(client, request_for(client)) is None
            await asyncio.sleep(0.01)
        for _ in range(3):
            assert await failure_of(client, request_for(client)) is None
        assert [type(end) for end in ends] == [ProducerTimeout]
        assert len(server.peers) == 1


async def test_a_new_connection_is_opened_when_stream_ids_run_out() -> None:
    async with speaking_http2(right) as server, raw_client("grpc", server.port) as client:
        assert await failure_of(client, request_for(client)) is None
        connections = client._connections
        assert isinstance(connections, Http2Connections)
        assert connections._current is not None
        connections._current._next_id = 2**31 - 1
        for _ in range(2):
            assert await failure_of(client, request_for(client)) is None
        assert len(server.peers) == 2


async def test_a_closed_loop_counts_failures_of_a_producer_that_dies() -> None:
    async def dies(peer: Peer) -> None:
        await peer.start()
        for _ in range(5):
            asked = await peer.request()
            peer.send(whole(peer, asked.stream_id))
        await peer.request()

    async with speaking_http2(dies) as server, raw_client("grpc", server.port) as client:
        request = request_for(client)
        record = SliceRecord()
        async with asyncio.timeout(10):
            await run_closed(
                client, iter(lambda: request, None), concurrency=3, duration_ns=1, requests_at_least=50, record=record
            )
        assert set(record.outcomes) == {"ok", "unreachable"}
        assert record.outcomes["ok"] + record.outcomes["unreachable"] >= 50
        assert record.outcomes["ok"] >= 20
        assert all(cause.text.startswith("the connection was") for cause in record.causes.found())
