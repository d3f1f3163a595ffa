"""Codecs: exchanges of whole connections, their sizes and what is left to the connection; sums are exact."""

import gzip
import zlib

import hpack
import pytest
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame
from hypothesis import given
from hypothesis import strategies as st

from bench.protocols import PROTOCOLS
from bench.protocols import protocol as row
from bench.wire.codec import Codec, Content, Conversation, Parsed
from bench.wire.http2 import PREFACE_BYTES
from bench.wire.inflation import content_coding, inflated_bytes
from bench.wire.parts import BytesUnaccounted, Part, total_bytes
from bench.wire.recording import Direction
from consumers.registry import CONSUMERS

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: a\r\n\r\n"
JSON = b'{"recipe": {"id": 42}}' * 20


def answer(body: bytes, *fields: bytes) -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body)


def accounted(conversation: Conversation, sent: bytes, received: bytes) -> bool:
    sides = {
        Direction.SENT: (sent, [exchange.request for exchange in conversation.exchanges]),
        Direction.RECEIVED: (received, [exchange.response for exchange in conversation.exchanges]),
    }
    return all(
        len(content)
        == sum(total_bytes(message.parts) for message in messages)
        + total_bytes(conversation.setup[direction])
        + total_bytes(conversation.rest[direction])
        for direction, (content, messages) in sides.items()
    )


def test_every_protocol_has_a_codec() -> None:
    assert set(PROTOCOLS) == set(CONSUMERS)
    for protocol in PROTOCOLS:
        assert isinstance(row(protocol).codec(), Codec)
    with pytest.raises(KeyError):
        row("smoke signals").codec()


def test_http_exchanges_with_and_without_gzip() -> None:
    compressed = gzip.compress(JSON)
    sent = GET * 3
    responses = [
        answer(JSON),
        answer(compressed, b"Content-Encoding: x-gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (len(compressed), compressed),
    ]
    found = row("http").codec().conversation(sent, b"".join(responses))
    assert [exchange.complete for exchange in found.exchanges] == [True] * 3
    assert [exchange.coding for exchange in found.exchanges] == ["identity", "gzip", "gzip"]
    assert [e.request.framed_bytes for e in found.exchanges] == [len(GET)] * 3
    assert [e.request.message_bytes for e in found.exchanges] == [0] * 3
    assert [e.response.message_bytes for e in found.exchanges] == [len(JSON)] * 3
    assert [e.response.compressed_bytes for e in found.exchanges] == [len(JSON), len(compressed), len(compressed)]
    assert [e.response.framed_bytes for e in found.exchanges] == [len(response) for response in responses]
    assert found.unparsed_bytes == 0
    assert accounted(found, sent, b"".join(responses))


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ((b"Content-Encoding: br",), b"abc"),
        ((b"Content-Encoding: gzip",), b"abc"),
        ((b"Transfer-Encoding: gzip",), b"abc"),
    ],
)
def test_a_body_that_cannot_be_decoded_has_no_message_size(fields: tuple[bytes, ...], body: bytes) -> None:
    (exchange,) = row("http").codec().conversation(GET, answer(body, *fields)).exchanges
    assert exchange.response.message_bytes is None
    assert exchange.response.compressed_bytes == 3


def test_http_requests_without_answers_and_junk() -> None:
    received = answer(JSON) + b"junk\n"
    found = row("http").codec().conversation(GET + GET, received)
    assert [exchange.complete for exchange in found.exchanges] == [True, False]
    assert found.exchanges[1].response.framed_bytes == 0
    assert found.unparsed_bytes == 5
    assert found.rest[Direction.RECEIVED] == {"unparsed": 5}


def frames(*several: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in several)


def message(content: bytes, *, compressed: bool = False) -> bytes:
    return bytes([compressed]) + len(content).to_bytes(4) + content


def grpc_connection(encoding: str = "gzip") -> tuple[bytes, bytes]:
    client, server = hpack.Encoder(), hpack.Encoder()
    small = gzip.compress(JSON)
    sent = PREFACE_BYTES + frames(
        SettingsFrame(0), WindowUpdateFrame(0, window_increment=9), SettingsFrame(0, flags=["ACK"])
    )
    received = frames(SettingsFrame(0, {3: 100}))
    for stream_id, body, compressed in ((1, JSON, False), (3, small, True)):
        sent += frames(
            HeadersFrame(stream_id, client.encode([(":path", "/a/b")]), flags=["END_HEADERS"]),
            DataFrame(stream_id, message(b"\x08\x2a"), flags=["END_STREAM"]),
            PingFrame(0, b"12345678"),
        )
        received += frames(
            HeadersFrame(stream_id, server.encode([("grpc-encoding", encoding)]), flags=["END_HEADERS"]),
            DataFrame(stream_id, message(body, compressed=compressed)),
            HeadersFrame(stream_id, server.encode([("grpc-status", "0")]), flags=["END_HEADERS", "END_STREAM"]),
        )
    return sent, received


def test_grpc_exchanges_with_and_without_gzip() -> None:
    sent, received = grpc_connection()
    found = row("grpc").codec().conversation(sent, received)
    assert accounted(found, sent, received)
    assert [exchange.complete for exchange in found.exchanges] == [True, True]
    # The encoding is declared for both, and applied to one.
    assert [exchange.coding for exchange in found.exchanges] == ["identity", "gzip"]
    assert [e.response.message_bytes for e in found.exchanges] == [len(JSON)] * 2
    assert [e.response.compressed_bytes for e in found.exchanges] == [len(JSON), len(gzip.compress(JSON))]
    assert [(e.request.message_bytes, e.request.compressed_bytes) for e in found.exchanges] == [(2, 2)] * 2
    first, second = (exchange.request for exchange in found.exchanges)
    assert first.framed_bytes == 9 + first.parts["headers.hpack_block"] + 9 + 5 + 2
    # The second time, the header fields are in HPACK's table.
    assert second.parts["headers.hpack_block"] == 1 < first.parts["headers.hpack_block"]
    assert total_bytes(found.setup[Direction.SENT]) == 24 + 9 + 13 + 9
    assert total_bytes(found.setup[Direction.RECEIVED]) == 9 + 6
    assert found.rest[Direction.SENT] == {"ping.frame_header": 18, "ping.payload": 16}
    assert found.rest[Direction.RECEIVED] == {}


def test_grpc_with_an_unknown_encoding_and_without_an_answer() -> None:
    sent, received = grpc_connection("snappy")
    assert [e.response.message_bytes for e in row("grpc").codec().conversation(sent, received).exchanges] == [
        len(JSON),
        None,
    ]
    found = row("grpc").codec().conversation(sent, b"")
    assert [exchange.complete for exchange in found.exchanges] == [False, False]
    assert [exchange.response.framed_bytes for exchange in found.exchanges] == [0, 0]


@given(sent=st.binary(max_size=100), received=st.binary(max_size=100), protocol=st.sampled_from(sorted(PROTOCOLS)))
def test_whatever_the_bytes_are_they_are_accounted_for(sent: bytes, received: bytes, protocol: str) -> None:
    assert accounted(row(protocol).codec().conversation(sent, received), sent, received)
    ahead_sent, ahead_received = grpc_connection() if protocol == "grpc" else (GET, answer(JSON))
    sent, received = ahead_sent + sent, ahead_received + received
    assert accounted(row(protocol).codec().conversation(sent, received), sent, received)


def test_a_parser_that_loses_bytes_is_caught() -> None:
    class Losing(Codec):
        def parse(self, sent: bytes, received: bytes) -> Parsed:
            content = Content(0, 0, "identity", complete=True)
            parts = {Direction.SENT: [Part("all", sent, 0)], Direction.RECEIVED: [Part("some", received[1:], 0)]}
            return Parsed(parts, {0: (content, content)})

    with pytest.raises(BytesUnaccounted, match="received: 3 bytes were recorded, 2 were given a name"):
        Losing().conversation(b"abc", b"abc")


@given(st.binary(max_size=1000), st.binary(max_size=1000))
def test_inflation_counts_what_zlib_inflates(one: bytes, other: bytes) -> None:
    assert inflated_bytes(one, "identity") == len(one)
    assert inflated_bytes(gzip.compress(one) + gzip.compress(other), "gzip") == len(one) + len(other)
    assert inflated_bytes(zlib.compress(one), "deflate") == len(one)
    assert inflated_bytes(gzip.compress(one)[:-1], "gzip") is None
    assert inflated_bytes(one, "br") is None


def test_inflation_of_much_from_little() -> None:
    assert inflated_bytes(gzip.compress(bytes(1 << 24)), "gzip") == 1 << 24


def test_declared_codings() -> None:
    assert content_coding([]) == content_coding([b"identity"]) == "identity"
    assert content_coding([b"x-gzip"]) == "gzip"
    assert content_coding([b"gzip", b"br"]) == "gzip, br"
