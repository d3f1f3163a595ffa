"""HTTP/2 parsed: frames made with hyperframe and hpack, with gRPC on top and without, any chunking, garbage."""

import gzip
import itertools

import hpack
import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from bench.wire import http2
from bench.wire.grpc import GrpcMessages
from bench.wire.http2 import PREFACE_BYTES, Http2Codec, Http2Parser
from bench.wire.parts import CATEGORY_OF, Part
from bench.wire.recording import Direction
from tests.support.wire_parts import bytes_by_name

REQUEST = [(":method", "POST"), (":path", "/recipe.RecipeService/GetRecipe"), ("grpc-encoding", "gzip")]


def grpc_message(content: bytes, *, compressed: int = 0) -> bytes:
    return bytes([compressed]) + len(content).to_bytes(4) + content


def frames(*several: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in several)


def headers_frame(stream_id: int, block: bytes, *flags: str, **more: int) -> HeadersFrame:
    return HeadersFrame(stream_id, block, flags=["END_HEADERS", *flags], **more)


def client_stream() -> bytes:
    encoder = hpack.Encoder()
    first, second = encoder.encode(REQUEST), encoder.encode(REQUEST)
    return PREFACE_BYTES + frames(
        SettingsFrame(0, {4: 65535}),
        WindowUpdateFrame(0, window_increment=100),
        headers_frame(1, first),
        DataFrame(1, grpc_message(b"a" * 10), flags=["END_STREAM"]),
        PingFrame(0, b"12345678"),
        HeadersFrame(3, second[:1]),
        ContinuationFrame(3, second[1:], flags=["END_HEADERS"]),
        DataFrame(3, grpc_message(b"b" * 300)[:7]),
        WindowUpdateFrame(3, window_increment=5),
        DataFrame(3, grpc_message(b"b" * 300)[7:], flags=["END_STREAM"]),
        PriorityFrame(5, depends_on=3, stream_weight=1),
        RstStreamFrame(3, error_code=8),
        GoAwayFrame(0, last_stream_id=0),
    )


def parse(pieces: list[bytes], *, from_client: bool = False) -> tuple[list[Part], Http2Parser[GrpcMessages]]:
    parser = Http2Parser(GrpcMessages, from_client=from_client)
    parts = [part for piece in pieces for part in parser.feed(piece)]
    return parts + parser.finish(), parser


def merged(parts: list[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and found[-1][::2] == part[::2]:
            found[-1] = found[-1]._replace(data=found[-1].data + part.data)
        else:
            found.append(part)
    return found


def test_frames_of_a_connection_and_of_its_streams() -> None:
    stream = client_stream()
    parts, parser = parse([stream], from_client=True)
    assert b"".join(part.data for part in parts) == stream
    of_connection = bytes_by_name(part for part in parts if part.owner is None)
    assert of_connection == {
        "preface": 24,
        "settings.frame_header": 9,
        "settings.payload": 6,
        "window_update.frame_header": 9,
        "window_update.payload": 4,
        "ping.frame_header": 9,
        "ping.payload": 8,
        "goaway.frame_header": 9,
        "goaway.payload": 8,
    }
    block_bytes = len(hpack.Encoder().encode(REQUEST))
    assert bytes_by_name(part for part in parts if part.owner == 1) == {
        "headers.frame_header": 9,
        "headers.hpack_block": block_bytes,
        "data.frame_header": 9,
        "data.grpc_prefix": 5,
        "data.message": 10,
    }
    assert bytes_by_name(part for part in parts if part.owner == 3) == {
        "headers.frame_header": 9,
        "headers.hpack_block": 1,
        "continuation.frame_header": 9,
        "continuation.hpack_block": 2,
        "data.frame_header": 18,
        "data.grpc_prefix": 5,
        "data.message": 300,
        "window_update.frame_header": 9,
        "window_update.payload": 4,
        "rst_stream.frame_header": 9,
        "rst_stream.payload": 4,
    }
    assert list(parser.streams) == [1, 3]
    for stream_id in (1, 3):
        assert parser.streams[stream_id].value(b":path") == b"/recipe.RecipeService/GetRecipe"
        assert parser.streams[stream_id].value(b"nothing") is None
        assert parser.streams[stream_id].ended
        assert parser.streams[stream_id].body.complete
    assert parser.streams[3].body.messages == [(False, bytearray(b"b" * 300))]


def test_padding_and_priority_have_names_of_their_own() -> None:
    block = hpack.Encoder().encode([(":status", "200")])
    parts, parser = parse(
        [
            frames(
                headers_frame(1, block, "PADDED", "PRIORITY", pad_length=3, depends_on=0, stream_weight=1),
                DataFrame(1, grpc_message(b"abc"), flags=["PADDED", "END_STREAM"], pad_length=7),
            )
        ]
    )
    assert bytes_by_name(parts) == {
        "headers.frame_header": 9,
        "headers.padding": 1 + 3,
        "headers.priority_fields": 5,
        "headers.hpack_block": 1,
        "data.frame_header": 9,
        "data.padding": 1 + 7,
        "data.grpc_prefix": 5,
        "data.message": 3,
    }
    assert parser.streams[1].blocks == [{b":status": b"200"}]


def test_trailers_are_a_second_header_section_and_may_be_empty() -> None:
    encoder = hpack.Encoder()
    parts, parser = parse(
        [
            frames(
                headers_frame(1, encoder.encode([(":status", "200")])),
                DataFrame(1, grpc_message(b"x", compressed=1) + grpc_message(b"")),
                headers_frame(1, encoder.encode([("grpc-status", "0")]), "END_STREAM"),
                PushPromiseFrame(1, 2, encoder.encode([(":path", "/")]), flags=["END_HEADERS"]),
            )
        ]
    )
    stream = parser.streams[1]
    assert stream.blocks[:2] == [{b":status": b"200"}, {b"grpc-status": b"0"}]
    assert stream.value(b"grpc-status") == b"0"
    assert stream.body.messages == [(True, bytearray(b"x")), (False, bytearray())]
    assert bytes_by_name(parts)["data.grpc_prefix"] == 10
    assert bytes_by_name(parts)["push_promise.payload"] == 4


def test_an_unknown_frame_is_named_unknown() -> None:
    assert bytes_by_name(parse([b"\x00\x00\x02\xbb\x00\x00\x00\x00\x00hi"])[0]) == {
        "unknown.frame_header": 9,
        "unknown.payload": 2,
    }


@pytest.mark.parametrize(
    ("frame", "unparsed_bytes"),
    [
        (b"\x00\x00\x03\x00\x08\x00\x00\x00\x01\x03ab", 3),  # more padding than payload
        (b"\x00\x00\x00\x00\x08\x00\x00\x00\x01", 0),  # padded, and not even the length of it
        (b"\x00\x00\x03\x00\x00\x00\x00\x00\x01abc", 3),  # DATA of a stream without headers
        (b"\x00\x00\x03\x01\x04\x00\x00\x00\x00abc", 3),  # HEADERS of the connection
        (b"\x00\x00\x03\x01\x24\x00\x00\x00\x01abc", 3),  # too short for its priority
        (b"\x00\x00\x03\x09\x04\x00\x00\x00\x01abc", 3),  # CONTINUATION of nothing
    ],
)
def test_an_invalid_frame_is_unparsed_and_the_next_one_is_parsed(frame: bytes, unparsed_bytes: int) -> None:
    parts, _ = parse([frame + frames(PingFrame(0, b"12345678"))])
    sizes = bytes_by_name(parts)
    assert sizes.get("unparsed", 0) == unparsed_bytes
    assert sizes["ping.payload"] == 8


def test_a_header_block_that_cannot_be_decoded_is_counted_and_has_no_fields() -> None:
    good = hpack.Encoder().encode([(":status", "200")])
    _, parser = parse([frames(headers_frame(1, b"\xff\xff\xff\xff\xff\xff"), headers_frame(3, good))])
    assert parser.streams[1].blocks == [None]
    assert parser.streams[3].blocks == [None]
    assert parser.streams[3].value(b":status") is None


def test_a_header_block_interrupted_by_another_frame_ends_the_parsing() -> None:
    parts, _ = parse([frames(HeadersFrame(1, b"\x88"), PingFrame(0, b"12345678"), PingFrame(0, b"12345678"))])
    assert bytes_by_name(parts) == {"headers.frame_header": 9, "headers.hpack_block": 1, "unparsed": 34}


def test_a_header_block_that_is_too_large_ends_the_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "MAXIMUM_BLOCK_BYTES", 10)
    parts, _ = parse([frames(HeadersFrame(1, b"\x88" * 11), ContinuationFrame(1, b"\x88"))])
    assert bytes_by_name(parts)["unparsed"] == 10


def test_an_invalid_grpc_prefix_leaves_the_rest_of_its_stream_unparsed() -> None:
    block = hpack.Encoder().encode([(":status", "200")])
    parts, parser = parse([frames(headers_frame(1, block), DataFrame(1, b"\x02no"), DataFrame(1, b"\x00more"))])
    assert bytes_by_name(parts)["unparsed"] == 3 + 5
    assert not parser.streams[1].body.complete


@pytest.mark.parametrize("start", [b"PRI * HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_client_without_the_preface_is_unparsed(start: bytes) -> None:
    parts, _ = parse([start[:5], start[5:]], from_client=True)
    assert bytes_by_name(parts) == {"unparsed": len(start)}


def test_an_incomplete_frame_is_unparsed() -> None:
    stream = client_stream()
    parts, _ = parse([stream[:-3]], from_client=True)
    assert parts[-1] == Part("unparsed", stream[-17:-3])
    assert parse([PREFACE_BYTES[:10]], from_client=True)[0] == [Part("unparsed", PREFACE_BYTES[:10])]


def test_byte_by_byte_gives_the_same_as_at_once() -> None:
    stream = client_stream()
    single, _ = parse([bytes([byte]) for byte in stream], from_client=True)
    assert merged(single) == merged(parse([stream], from_client=True)[0])


@given(cuts=st.lists(st.integers(0, 700)), junk=st.binary(max_size=40), broken_at=st.integers(24, 700) | st.none())
def test_any_chunking_gives_the_same_anatomy(cuts: list[int], junk: bytes, broken_at: int | None) -> None:
    stream = client_stream() + junk
    if broken_at is not None and broken_at < len(stream):
        stream = stream[:broken_at] + bytes([stream[broken_at] ^ 0x15]) + stream[broken_at + 1 :]
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    chunked, _ = parse(pieces, from_client=True)
    assert merged(chunked) == merged(parse([stream], from_client=True)[0])
    assert b"".join(part.data for part in chunked) == stream


@st.composite
def raw_frames(draw: st.DrawFn) -> bytes:
    payload = draw(st.binary(max_size=30))
    kind, flags, stream_id = draw(st.integers(0, 11)), draw(st.integers(0, 255)), draw(st.integers(0, 3))
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream_id.to_bytes(4) + payload


@given(pieces=st.lists(raw_frames() | st.binary(max_size=12), max_size=20), from_client=st.booleans())
def test_garbage_is_accounted_for(pieces: list[bytes], from_client: bool) -> None:
    if from_client:
        pieces = [PREFACE_BYTES, *pieces]
    parts, _ = parse(pieces, from_client=from_client)
    assert b"".join(part.data for part in parts) == b"".join(pieces)
    assert {part.name for part in parts} <= set(CATEGORY_OF)


def plain_connection(coding: str, body: bytes) -> tuple[bytes, bytes]:
    """A unary call as Connect makes it over HTTP/2: bodies without a prefix, and no trailers."""
    client, server = hpack.Encoder(), hpack.Encoder()
    head = [(":method", "POST"), (":path", "/recipe.RecipeService/GetRecipe"), ("content-type", "application/proto")]
    sent = PREFACE_BYTES + frames(
        SettingsFrame(0),
        headers_frame(1, client.encode(head)),
        DataFrame(1, b"\x08\x2a", flags=["END_STREAM"]),
    )
    received = frames(
        SettingsFrame(0),
        headers_frame(1, server.encode([(":status", "200"), ("content-encoding", coding)])),
        DataFrame(1, body[:5]),
        DataFrame(1, body[5:], flags=["END_STREAM"]),
    )
    return sent, received


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_requests_without_grpc_are_parsed(coding: str) -> None:
    message = b"onion soup " * 20
    body = gzip.compress(message) if coding == "gzip" else message
    sent, received = plain_connection(coding, body)
    found = Http2Codec().parse(sent, received)
    assert bytes_by_name(part for part in found.parts[Direction.SENT] if part.owner == 1)["data.body"] == 2
    assert bytes_by_name(part for part in found.parts[Direction.RECEIVED] if part.owner == 1) == {
        "headers.frame_header": 9,
        "headers.hpack_block": len(hpack.Encoder().encode([(":status", "200"), ("content-encoding", coding)])),
        "data.frame_header": 18,
        "data.body": len(body),
    }
    ((request, response),) = found.contents.values()
    assert (request.message_bytes, request.complete, request.headers[1][1]) == (
        2,
        True,
        b"/recipe.RecipeService/GetRecipe",
    )
    assert (response.message_bytes, response.compressed_bytes) == (len(message), len(body))
    assert (response.coding, response.complete) == (coding, True)
    assert response.compressed == ((body,) if coding == "gzip" else ())
    for direction, stream in ((Direction.SENT, sent), (Direction.RECEIVED, received)):
        assert b"".join(part.data for part in found.parts[direction]) == stream
        assert {part.name for part in found.parts[direction]} <= set(CATEGORY_OF)


def test_without_grpc_a_body_may_begin_with_any_byte() -> None:
    sent, received = plain_connection("identity", b"\x02 is no flag of gRPC")
    parts = Http2Codec().parse(sent, received).parts[Direction.RECEIVED]
    assert bytes_by_name(parts)["data.body"] == 20
    assert "unparsed" not in bytes_by_name(parts)
