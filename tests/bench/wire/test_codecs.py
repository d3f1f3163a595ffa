"""Codecs: the messages of whole connections, their sizes and the parts of the connection itself; sums are exact."""

import gzip
import zlib

import hpack
import pytest
from hyperframe.frame import DataFrame, Frame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame
from hypothesis import given
from hypothesis import strategies as st

from bench.protocols import PROTOCOLS
from bench.protocols import protocol as row
from bench.wire.codec import Codec, Content, Parsed, content_coding, inflated_bytes
from bench.wire.http1 import Http1Codec
from bench.wire.http2 import PREFACE_BYTES
from bench.wire.parts import BytesUnaccounted, Part, total_bytes
from bench.wire.reading import read_plain
from bench.wire.recording import Chunk, Direction, Recording
from consumers.registry import CONSUMERS
from tests.support.wire_parts import bytes_by_name

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: a\r\n\r\n"
JSON = b'{"recipe": {"id": 42}}' * 20


def answer(body: bytes, *fields: bytes) -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), head, body)


def parsed(protocol: str, sent: bytes, received: bytes) -> Parsed:
    return row(protocol).codec().parse(sent, received)


def accounted(found: Parsed, sent: bytes, received: bytes) -> bool:
    return all(
        b"".join(part.data for part in found.parts[direction]) == stream
        for direction, stream in ((Direction.SENT, sent), (Direction.RECEIVED, received))
    )


def of_message(found: Parsed, direction: Direction, owner: int | None) -> dict[str, int]:
    """The parts of one message, or those of no message."""
    return bytes_by_name(
        part
        for part in found.parts[direction]
        if (part.owner == owner if owner is not None else part.owner not in found.contents)
    )


def framed(found: Parsed, direction: Direction) -> list[int]:
    return [total_bytes(of_message(found, direction, owner)) for owner in found.contents]


def responses_of(found: Parsed) -> list[Content]:
    return [response for _, response in found.contents.values()]


def test_every_protocol_has_a_codec() -> None:
    assert set(PROTOCOLS) == set(CONSUMERS)
    for protocol in PROTOCOLS:
        assert isinstance(row(protocol).codec(), Codec)
    with pytest.raises(KeyError):
        row("smoke signals").codec()


def test_http_messages_with_and_without_gzip() -> None:
    compressed = gzip.compress(JSON)
    sent = GET * 3
    responses = [
        answer(JSON),
        answer(compressed, b"Content-Encoding: x-gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        % (len(compressed), compressed),
    ]
    found = parsed("http", sent, b"".join(responses))
    contents = responses_of(found)
    assert [(request.complete, response.complete) for request, response in found.contents.values()] == [
        (True, True)
    ] * 3
    assert [content.coding for content in contents] == ["identity", "gzip", "gzip"]
    assert framed(found, Direction.SENT) == [len(GET)] * 3
    assert [request.message_bytes for request, _ in found.contents.values()] == [0] * 3
    assert [content.message_bytes for content in contents] == [len(JSON)] * 3
    assert [content.compressed_bytes for content in contents] == [len(JSON), len(compressed), len(compressed)]
    assert framed(found, Direction.RECEIVED) == [len(response) for response in responses]
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
    (response,) = responses_of(parsed("http", GET, answer(body, *fields)))
    assert response.message_bytes is None
    assert response.compressed_bytes == 3


def test_http_requests_without_a_response_and_junk() -> None:
    received = answer(JSON) + b"junk\n"
    found = parsed("http", GET + GET, received)
    assert [response.complete for response in responses_of(found)] == [True, False]
    assert framed(found, Direction.RECEIVED)[1] == 0
    assert of_message(found, Direction.RECEIVED, None) == {"unparsed": 5}


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


def test_grpc_messages_with_and_without_gzip() -> None:
    sent, received = grpc_connection()
    found = parsed("grpc", sent, received)
    assert accounted(found, sent, received)
    contents = responses_of(found)
    assert [(request.complete, response.complete) for request, response in found.contents.values()] == [
        (True, True)
    ] * 2
    # The encoding is declared for both, and applied to one.
    assert [content.coding for content in contents] == ["identity", "gzip"]
    assert [content.message_bytes for content in contents] == [len(JSON)] * 2
    assert [content.compressed_bytes for content in contents] == [len(JSON), len(gzip.compress(JSON))]
    requests = [request for request, _ in found.contents.values()]
    assert [(request.message_bytes, request.compressed_bytes) for request in requests] == [(2, 2)] * 2
    first, second = (of_message(found, Direction.SENT, owner) for owner in found.contents)
    assert total_bytes(first) == 9 + first["headers.hpack_block"] + 9 + 5 + 2
    # The second time, the header fields are in HPACK's table.
    assert second["headers.hpack_block"] == 1 < first["headers.hpack_block"]
    own = of_message(found, Direction.SENT, None)
    assert total_bytes(own) == 24 + 9 + 13 + 9 + 2 * 17
    assert (own["ping.frame_header"], own["ping.payload"]) == (18, 16)
    assert of_message(found, Direction.RECEIVED, None) == {"settings.frame_header": 9, "settings.payload": 6}


def test_grpc_with_an_unknown_encoding_and_without_a_response() -> None:
    sent, received = grpc_connection("snappy")
    assert [content.message_bytes for content in responses_of(parsed("grpc", sent, received))] == [len(JSON), None]
    found = parsed("grpc", sent, b"")
    assert [response.complete for response in responses_of(found)] == [False, False]
    assert framed(found, Direction.RECEIVED) == [0, 0]


@given(sent=st.binary(max_size=100), received=st.binary(max_size=100), protocol=st.sampled_from(sorted(PROTOCOLS)))
def test_any_bytes_are_accounted_for(sent: bytes, received: bytes, protocol: str) -> None:
    assert accounted(parsed(protocol, sent, received), sent, received)
    ahead_sent, ahead_received = grpc_connection() if protocol == "grpc" else (GET, answer(JSON))
    sent, received = ahead_sent + sent, ahead_received + received
    assert accounted(parsed(protocol, sent, received), sent, received)


def test_a_parser_that_loses_bytes_is_caught() -> None:
    class Losing(Http1Codec):
        def parse(self, sent: bytes, received: bytes) -> Parsed:
            content = Content(0, 0, "identity", complete=True)
            parts = {Direction.SENT: [Part("all", sent, 0)], Direction.RECEIVED: [Part("some", received[1:], 0)]}
            return Parsed(parts, {0: (content, content)})

    recording = Recording([Chunk(direction, 0, b"abc") for direction in Direction])
    with pytest.raises(BytesUnaccounted, match="received: 3 bytes were recorded, but the parts have 2"):
        read_plain(recording, Losing(), 1)


@given(st.binary(max_size=1000), st.binary(max_size=1000))
def test_inflated_sizes_are_those_of_zlib(one: bytes, other: bytes) -> None:
    assert inflated_bytes(one, "identity") == len(one)
    assert inflated_bytes(gzip.compress(one) + gzip.compress(other), "gzip") == len(one) + len(other)
    assert inflated_bytes(zlib.compress(one), "deflate") == len(one)
    assert inflated_bytes(gzip.compress(one)[:-1], "gzip") is None
    assert inflated_bytes(one, "br") is None


def test_inflated_size_of_highly_compressed_content() -> None:
    assert inflated_bytes(gzip.compress(bytes(1 << 24)), "gzip") == 1 << 24


def test_content_codings_are_read_from_headers() -> None:
    assert content_coding([]) == content_coding([b"identity"]) == "identity"
    assert content_coding([b"x-gzip"]) == "gzip"
    assert content_coding([b"gzip", b"br"]) == "gzip, br"
