"""Requests that are open on the wire are counted in any chunking, and responses are held back in whole parts."""

from collections.abc import Iterator
from itertools import pairwise

import hpack
import pytest
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, RstStreamFrame, SettingsFrame
from hypothesis import given
from hypothesis import strategies as st

from bench.wire.gate import Gate, GatedConnection
from bench.wire.grpc import GrpcCodec
from bench.wire.http1 import Http1Codec
from bench.wire.http2 import PREFACE_BYTES

GET = b"GET /recipes/1 HTTP/1.1\r\nHost: a\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
SETTINGS, PING = SettingsFrame(0, {3: 4}).serialize(), PingFrame(0, b"12345678").serialize()


def request(stream_id: int) -> bytes:
    return HeadersFrame(stream_id, hpack.Encoder().encode([(":path", "/a")]), flags=["END_HEADERS"]).serialize()


def response(stream_id: int) -> bytes:
    end: list[Frame] = [
        HeadersFrame(stream_id, hpack.Encoder().encode([(":status", "200")]), flags=["END_HEADERS"]),
        DataFrame(stream_id, b"\0\0\0\0\x01x", flags=["END_STREAM"]),
    ]
    return b"".join(frame.serialize() for frame in end)


def in_pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    ends = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(ends):
        yield data[start:end]


def received(connection: GatedConnection, data: bytes, cuts: list[int]) -> bytes:
    return b"".join(connection.received(piece) for piece in in_pieces(data, cuts))


@given(st.lists(st.integers(0, 500)), st.lists(st.integers(0, 500)))
def test_http_responses_are_held_back_whatever_the_chunks(sent_cuts: list[int], cuts: list[int]) -> None:
    gate = Gate(Http1Codec().exchanges)
    connection = gate.connected()
    for piece in in_pieces(GET * 3, sent_cuts):
        connection.sent(piece)
    assert gate.open_requests == 3
    assert received(connection, RESPONSE, cuts) == RESPONSE
    assert gate.open_requests == 2
    gate.hold_after(0)
    assert received(connection, CHUNKED, cuts) == b""
    assert (gate.open_requests, connection.held_bytes) == (2, len(CHUNKED))
    gate.open()
    assert connection.release() == CHUNKED
    assert received(connection, RESPONSE, cuts) == RESPONSE
    assert (gate.open_requests, gate.streams_at_most) == (0, None)


@given(st.lists(st.integers(0, 500)), st.lists(st.integers(0, 500)))
def test_frames_of_the_connection_pass_while_those_of_streams_are_held_back(
    sent_cuts: list[int], cuts: list[int]
) -> None:
    gate = Gate(GrpcCodec().exchanges)
    connection = gate.connected()
    for piece in in_pieces(PREFACE_BYTES + request(1) + request(3) + PING + request(5), sent_cuts):
        connection.sent(piece)
    assert gate.open_requests == 3
    assert received(connection, SETTINGS + response(1), cuts) == SETTINGS + response(1)
    assert (gate.open_requests, gate.streams_at_most) == (2, 4)
    gate.hold_after(0)
    assert received(connection, response(3) + PING + response(5), cuts) == PING
    assert gate.open_requests == 2
    assert connection.release() == response(3) + response(5)


def test_a_stream_that_either_side_gives_up_is_no_longer_open() -> None:
    gate = Gate(GrpcCodec().exchanges)
    connection = gate.connected()
    connection.sent(PREFACE_BYTES + request(1) + request(3) + RstStreamFrame(1, 8).serialize())
    connection.received(SETTINGS)
    assert gate.open_requests == 1
    connection.received(RstStreamFrame(3, 7).serialize() + RstStreamFrame(99, 7).serialize())
    assert gate.open_requests == 0


@pytest.mark.parametrize("before", [1, 2])
def test_holding_begins_once_so_many_are_answered(before: int) -> None:
    gate = Gate(Http1Codec().exchanges)
    gate.hold_after(before)
    connection = gate.connected()
    connection.sent(GET * 3)
    for _ in range(before):
        assert connection.received(RESPONSE) == RESPONSE
    assert connection.received(RESPONSE) == b""
    assert gate.open_requests == 3 - before


def test_requests_of_a_connection_that_is_gone_are_not_open() -> None:
    gate = Gate(Http1Codec().exchanges)
    connections = [gate.connected() for _ in range(2)]
    for connection in connections:
        connection.sent(GET)
    assert gate.open_requests == 2
    gate.closed(connections[0])
    assert gate.open_requests == 1
