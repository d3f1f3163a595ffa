"""How the filter parses an HTTP/2 connection and refuses single calls on it."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from producers.grpc_call_check import (
    ABANDONED_AT_MOST,
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    INTERNAL_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    CallCheck,
    ConnectionBroken,
    is_grpc,
)

CALL = (
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/recipe.RecipeService/GetRecipe"),
    (":authority", "lab"),
    ("te", "trailers"),
)
SETTINGS = SettingsFrame(0).serialize()
ENDED = ("END_HEADERS", "END_STREAM")


def begun(block_bytes: int = 65_536) -> CallCheck:
    """A connection on which both sides have sent their SETTINGS."""
    check = CallCheck(block_bytes)
    assert check.from_client(PREFACE + SETTINGS) == (PREFACE + SETTINGS, b"")
    assert check.from_server(SETTINGS) == SETTINGS
    return check


def call(encoder: Encoder, stream: int, content_type: str, *extra: tuple[str, str]) -> HeadersFrame:
    """The HEADERS of a call, to be followed by a message."""
    block = encoder.encode([*CALL, ("content-type", content_type), *extra])
    return HeadersFrame(stream, block, flags=["END_HEADERS"])


def frames_in(data: bytes) -> list[Frame]:
    """The frames in `data`, which must be complete."""
    found = []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + length]))
        found.append(frame)
        data = data[9 + length :]
    return found


def summary(data: bytes, decoder: Decoder | None = None) -> list[tuple[int, dict[str, str] | str]]:
    """For each frame its stream id, and its headers or, without any, its type."""
    decoder = decoder or Decoder()
    return [
        (
            frame.stream_id,
            {str(name): str(value) for name, value in decoder.decode(frame.data)}
            if isinstance(frame, HeadersFrame)
            else type(frame).__name__,
        )
        for frame in frames_in(data)
    ]


@pytest.mark.parametrize(
    "content_type",
    ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC+json"],
)
def test_grpc_calls_are_forwarded_unchanged(content_type: str) -> None:
    check, encoder = begun(), Encoder()
    sent = call(encoder, 1, content_type, ("grpc-encoding", "gzip")).serialize() + DataFrame(1, b"message").serialize()
    assert check.from_client(sent) == (sent, b"")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json", "application/grpc-web", "application/grpcx", "grpc"]
)
def test_other_content_types_are_not_grpc(content_type: str) -> None:
    assert not is_grpc(content_type)


def test_a_wrong_content_type_is_415_and_cancelled_at_the_server() -> None:
    check, encoder = begun(), Encoder()
    sent = call(encoder, 1, "application/json").serialize()
    to_server, to_client = check.from_client(sent + DataFrame(1, b"body").serialize())
    assert to_server.startswith(sent), "HPACK's table on the other side has to learn what this one says"
    cancelled, data = frames_in(to_server[len(sent) :])
    assert isinstance(cancelled, RstStreamFrame)
    assert (cancelled.stream_id, cancelled.error_code) == (1, 8)
    assert isinstance(data, DataFrame)
    assert summary(to_client) == [(1, {":status": "415"}), (1, "RstStreamFrame")]
    assert "END_STREAM" in frames_in(to_client)[0].flags


def test_a_client_that_keeps_sending_after_a_refusal_gets_one_reset() -> None:
    """A client that sends nothing more gets no reset: some clients treat one as a failure even after a response."""
    check, encoder = begun(), Encoder()
    assert summary(check.from_client(call(encoder, 1, "application/json").serialize())[1]) == [(1, {":status": "415"})]
    data = DataFrame(1, b"a part").serialize()
    to_server, to_client = check.from_client(data)
    assert (to_server, summary(to_client)) == (data, [(1, "RstStreamFrame")])
    assert check.from_client(data) == (data, b"")
    check.from_client(call(encoder, 3, "application/json").serialize())
    last = DataFrame(3, b"all", flags=["END_STREAM"]).serialize()
    assert check.from_client(last) == (last, b"")


def test_a_missing_content_type_is_415() -> None:
    check = begun()
    frame = HeadersFrame(1, Encoder().encode(CALL), flags=ENDED)
    assert summary(check.from_client(frame.serialize())[1]) == [(1, {":status": "415"})]


def test_an_unknown_encoding_is_unimplemented_with_the_supported_ones() -> None:
    check = begun()
    frame = call(Encoder(), 1, "application/grpc", ("grpc-encoding", "br"))
    ((_, answer),) = summary(check.from_client(frame.serialize())[1])
    assert isinstance(answer, dict)
    assert (answer[":status"], answer["grpc-status"]) == ("200", "12")
    assert answer["content-type"] == "application/grpc"
    assert answer["grpc-accept-encoding"] == "identity,deflate,gzip"


def test_hpack_tables_stay_in_step_after_refusals() -> None:
    """The second call refers to headers of the refused first one by index, and so does the server's response."""
    check, encoder, server_decoder = begun(), Encoder(), Decoder()
    server_encoder, client_decoder = Encoder(), Decoder()
    for stream in range(1, 41, 2):
        wrong = stream % 4 == 1
        frame = call(encoder, stream, "text/plain" if wrong else "application/grpc", ("x", str(stream % 8)))
        to_server, to_client = check.from_client(frame.serialize())
        (_, headers), *rest = summary(to_server, server_decoder)
        assert isinstance(headers, dict)
        assert headers["x"] == str(stream % 8)
        assert [name for _, name in rest] == ["RstStreamFrame"] * wrong
        if wrong:
            assert summary(to_client, client_decoder)[0] == (stream, {":status": "415"})
        else:
            block = server_encoder.encode([(":status", "200"), ("grpc-status", "0"), ("y", str(stream % 8))])
            answer = check.from_server(HeadersFrame(stream, block, flags=ENDED).serialize())
            expected = {":status": "200", "grpc-status": "0", "y": str(stream % 8)}
            assert summary(answer, client_decoder) == [(stream, expected)]


def test_a_refusal_is_sent_after_the_servers_current_frame_and_header_block() -> None:
    check, encoder = begun(), Encoder()
    block = Encoder().encode([(":status", "200"), ("x", "y")])
    unfinished = HeadersFrame(1, block[:3]).serialize()
    rest = ContinuationFrame(1, block[3:], flags=["END_HEADERS"]).serialize()
    data = DataFrame(1, b"page").serialize()
    assert check.from_server(unfinished[:5]) == b""
    assert check.from_client(call(encoder, 3, "text/plain").serialize())[1] == b""
    assert check.from_server(unfinished[5:]) == unfinished, "in the middle of a block nothing may come between"
    assert check.from_server(rest[:9]) == rest[:9]
    sent = check.from_server(rest[9:] + data)
    assert sent.startswith(rest[9:])
    assert sent.endswith(data)
    assert summary(sent[len(rest) - 9 : -len(data)]) == [(3, {":status": "415"})]
    assert check.from_client(b"") == (b"", b"")


def test_nothing_is_sent_before_the_servers_settings() -> None:
    check = CallCheck(65_536)
    _, to_client = check.from_client(PREFACE + SETTINGS + call(Encoder(), 1, "text/plain").serialize())
    assert to_client == b""
    assert check.goaway(1) == b""
    sent = check.from_server(SETTINGS)
    assert sent.startswith(SETTINGS)
    assert summary(sent[len(SETTINGS) :])[0] == (1, {":status": "415"})


def test_trailers_are_not_checked_as_a_call() -> None:
    check, encoder = begun(), Encoder()
    sent = call(encoder, 1, "application/grpc").serialize()
    sent += HeadersFrame(1, encoder.encode([("x", "trailer")]), flags=ENDED).serialize()
    assert check.from_client(sent) == (sent, b"")


@pytest.mark.parametrize("flags", [["PADDED"], ["PRIORITY"], ["PADDED", "PRIORITY"]])
def test_padding_and_priority_are_not_read_as_headers(flags: list[str]) -> None:
    for content_type, refused in (("application/grpc", False), ("text/plain", True)):
        frame = call(Encoder(), 1, content_type)
        frame.flags |= set(flags)
        frame.pad_length = 7 if "PADDED" in flags else 0
        assert bool(begun().from_client(frame.serialize())[1]) == refused


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(ContinuationFrame(1, b"").serialize(), PROTOCOL_ERROR, id="continuation-of-nothing"),
        pytest.param(
            HeadersFrame(1, b"").serialize() + DataFrame(1, b"x").serialize(), PROTOCOL_ERROR, id="data-in-a-block"
        ),
        pytest.param(
            HeadersFrame(1, b"").serialize() + ContinuationFrame(3, b"").serialize(),
            PROTOCOL_ERROR,
            id="continuation-of-another",
        ),
        pytest.param(b"\0\0\0\x01\x0c\0\0\0\x01", PROTOCOL_ERROR, id="padded-and-empty"),
        pytest.param(b"\0\0\x02\x01\x0c\0\0\0\x01\x09\0", PROTOCOL_ERROR, id="more-padding-than-frame"),
        pytest.param(b"\0\0\x02\x01\x24\0\0\0\x01\0\0", PROTOCOL_ERROR, id="half-a-priority"),
        pytest.param(HeadersFrame(1, b"\xff" * 50, flags=ENDED).serialize(), COMPRESSION_ERROR, id="no-hpack"),
        pytest.param(b"\0\xff\xff\x01\x04\0\0\0\x01" + bytes(2000), ENHANCE_YOUR_CALM, id="a-long-frame"),
        pytest.param(
            HeadersFrame(1, b"").serialize() + ContinuationFrame(1, b"").serialize() * 200,
            ENHANCE_YOUR_CALM,
            id="continuations-without-end",
        ),
        pytest.param(
            HeadersFrame(1, Encoder().encode([("x", "y" * 300)]) + b"\xbe" * 10, flags=ENDED).serialize(),
            ENHANCE_YOUR_CALM,
            id="an-index-that-stands-for-much",
        ),
    ],
)
def test_frames_that_cannot_be_parsed_end_the_connection(sent: bytes, code: int) -> None:
    check = begun(block_bytes=1000)
    with pytest.raises(ConnectionBroken) as caught:
        check.from_client(sent)
    assert caught.value.code == code
    (goaway,) = frames_in(check.goaway(code))
    assert isinstance(goaway, GoAwayFrame)
    assert goaway.error_code == code


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n", PREFACE[:-1] + b"x", b"\0"])
def test_bytes_that_are_not_http_2_end_the_connection(sent: bytes) -> None:
    with pytest.raises(ConnectionBroken):
        CallCheck(1000).from_client(sent)


@pytest.mark.parametrize("frame", [HeadersFrame(1, b"\x88", flags=ENDED), DataFrame(1, b"x")])
def test_a_server_response_to_a_refused_call_ends_the_connection(frame: Frame) -> None:
    check = begun()
    check.from_client(call(Encoder(), 1, "text/plain").serialize())
    with pytest.raises(ConnectionBroken) as caught:
        check.from_server(frame.serialize())
    assert caught.value.code == INTERNAL_ERROR


def test_refused_streams_are_eventually_forgotten() -> None:
    check, encoder = begun(), Encoder()
    other = DataFrame(9999, b"", flags=["END_STREAM"]).serialize()
    for stream in range(1, 2201, 2):
        check.from_client(call(encoder, stream, "text/plain").serialize())
        check.from_server(other)
    answer = HeadersFrame(1, b"\x88", flags=ENDED).serialize()
    assert check.from_server(answer) == answer


@pytest.mark.parametrize("content_type", ["application/grpc", "text/plain"])
def test_too_many_abandoned_calls_end_the_connection(content_type: str) -> None:
    check, encoder = begun(), Encoder()

    def abandon(stream: int) -> None:
        sent = call(encoder, stream, content_type).serialize()
        if content_type == "application/grpc":
            sent += RstStreamFrame(stream, error_code=8).serialize()
        check.from_client(sent)

    for number in range(ABANDONED_AT_MOST):
        abandon(2 * number + 1)
    # One is answered, so one more may be abandoned.
    check.from_server(HeadersFrame(9999, b"\x88", flags=ENDED).serialize())
    abandon(2 * ABANDONED_AT_MOST + 1)
    with pytest.raises(ConnectionBroken) as caught:
        abandon(2 * ABANDONED_AT_MOST + 3)
    assert caught.value.code == ENHANCE_YOUR_CALM


def conversation() -> tuple[bytes, bytes]:
    """What a client sends, partly in pieces and partly invalid, and what a server sends."""
    encoder = Encoder()
    first = call(encoder, 1, "application/grpc")
    split = call(encoder, 3, "text/plain")
    halves = [HeadersFrame(3, split.data[:9]), ContinuationFrame(3, split.data[9:], flags=["END_HEADERS"])]
    frames: Iterable[Frame] = (
        SettingsFrame(0),
        first,
        DataFrame(1, b"\0\0\0\0\2\x08\x2a", flags=["END_STREAM"]),
        *halves,
        DataFrame(3, b"whatever", flags=["END_STREAM"]),
        call(encoder, 5, "application/grpc", ("grpc-encoding", "snappy")),
        call(encoder, 7, "application/grpc"),
    )
    return PREFACE + b"".join(frame.serialize() for frame in frames), SETTINGS + DataFrame(1, b"answer").serialize()


@given(st.lists(st.integers(0, 600), max_size=12))
def test_chunking_makes_no_difference(cuts: list[int]) -> None:
    said, answered = conversation()
    whole = begun_with(answered)
    expected = whole.from_client(said)
    pieces = begun_with(answered)
    to_server, to_client = bytearray(), bytearray()
    edges = sorted({0, len(said), *(cut for cut in cuts if cut < len(said))})
    for begin, end in pairwise(edges):
        one, other = pieces.from_client(said[begin:end])
        to_server += one
        to_client += other
    assert (bytes(to_server), bytes(to_client)) == expected
    assert len(summary(expected[1])) == 2


def begun_with(answered: bytes) -> CallCheck:
    """A connection on which the server has sent this, byte by byte."""
    check = CallCheck(65_536)
    passed = b"".join(check.from_server(answered[at : at + 1]) for at in range(len(answered)))
    assert passed == answered
    return check


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_garbage_at_worst_ends_the_connection(sent: bytes, answered: bytes) -> None:
    check = begun()
    try:
        to_server, to_client = check.from_client(sent)
        check.from_server(answered)
    except ConnectionBroken:
        return
    refused = sum(isinstance(frame, HeadersFrame) for frame in frames_in(to_client))
    assert len(to_server) <= len(sent) + 13 * refused
    if not refused:
        assert sent.startswith(to_server), "what is not whole yet is held, and nothing else"


def ping(payload: bytes) -> bytes:
    """The client's response to a PING."""
    return PingFrame(0, payload, flags=["ACK"]).serialize()


def test_a_client_that_is_asked_to_leave_may_finish_what_it_sent_before_it_read_that() -> None:
    check, encoder = begun(), Encoder()
    first = call(encoder, 1, "application/grpc").serialize()
    assert check.from_client(first) == (first, b"")
    asked = frames_in(check.leave())
    assert [type(frame) for frame in asked] == [GoAwayFrame, PingFrame]
    goaway, question = asked
    assert isinstance(goaway, GoAwayFrame)
    assert isinstance(question, PingFrame)
    assert (goaway.last_stream_id, goaway.error_code) == (2**31 - 1, 0)
    assert check.leave() == b"", "it is asked once"

    crossing = call(encoder, 3, "application/grpc").serialize()
    to_server, to_client = check.from_client(crossing + ping(question.opaque_data))
    assert to_server == crossing, "the server has sent no such PING"
    (last,) = frames_in(to_client)
    assert isinstance(last, GoAwayFrame)
    assert (last.last_stream_id, last.error_code) == (3, 0)
    assert not check.finished
    for stream in (1, 3):
        ended = HeadersFrame(stream, b"\x88", flags=ENDED).serialize()
        assert check.from_server(ended) == ended
        assert check.finished == (stream == 3)


@pytest.mark.parametrize("end", ["client", "server"])
def test_a_call_that_is_reset_has_ended(end: str) -> None:
    check, encoder = begun(), Encoder()
    check.from_client(call(encoder, 1, "application/grpc").serialize())
    (_, question) = frames_in(check.leave())
    assert isinstance(question, PingFrame)
    check.from_client(ping(question.opaque_data))
    assert not check.finished
    reset = RstStreamFrame(1, error_code=8).serialize()
    if end == "client":
        check.from_client(reset)
    else:
        check.from_server(reset)
    assert check.finished


def test_other_pings_pass_while_a_client_leaves() -> None:
    check = begun()
    check.leave()
    other = ping(b"the core")
    passed = b""
    for at in range(len(other)):
        passed += check.from_client(other[at : at + 1])[0]
    assert passed == other
    assert not check.finished


def test_a_client_is_asked_to_leave_between_two_frames_of_the_server() -> None:
    check = begun()
    frame = DataFrame(1, b"some data").serialize()
    assert check.from_server(frame[:12]) == frame[:12]
    assert check.leave() == b""
    assert check.from_server(frame[12:]).startswith(frame[12:] + b"\0\0\x08\x07")
