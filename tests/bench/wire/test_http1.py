"""HTTP/1.1 parsed: counts of hand-made messages, any chunking, garbage, and agreement with h11."""

import itertools

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.wire.http1 import MAXIMUM_FIELDS, MAXIMUM_LINE_BYTES, Http1Parser
from bench.wire.parts import Part
from tests.support.wire_parts import bytes_by_name

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 12\r\nX-More: 1\r\n\r\n"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n"
STREAMS = [
    GET,
    GET + POST + GET,
    b"\r\n" + GET,
    OK + CHUNKED + OK,
    CONTINUE + OK + CHUNKED,
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    GET[:-5],
    CHUNKED[:-20],
    OK + b"junk\r\nmore",
    POST + b"\x16\x03\x01",
]


def parse(pieces: list[bytes], *, methods: list[bytes] | None = None) -> tuple[list[Part], Http1Parser]:
    parser = Http1Parser(methods=methods)
    parts = [part for piece in pieces for part in parser.feed(piece)]
    return parts + parser.finish(), parser


def merged(parts: list[Part]) -> list[Part]:
    """Adjacent parts of the same name and owner, joined, so that the chunking does not matter."""
    found: list[Part] = []
    for part in parts:
        if found and (found[-1].name, found[-1].owner) == (part.name, part.owner):
            found[-1] = found[-1]._replace(data=found[-1].data + part.data)
        else:
            found.append(part)
    return found


def methods_for(stream: bytes) -> list[bytes] | None:
    return [b"GET"] * 3 if stream.startswith(b"HTTP") else None


def sizes(stream: bytes, methods: list[bytes] | None = None) -> dict[str, int]:
    return bytes_by_name(parse([stream], methods=methods)[0])


def test_a_request_without_a_body() -> None:
    parts, parser = parse([GET])
    assert bytes_by_name(parts) == {"request_line": 26, "header_fields": 9 + 13 + 2}
    (message,) = parser.messages
    assert message.complete
    assert message.start == b"GET"
    assert message.fields == [(b"host", b"a"), (b"accept", b"*/*")]


def test_a_request_with_a_body() -> None:
    assert sizes(POST) == {"request_line": 24, "header_fields": 9 + 20 + 2, "body": 11}


def test_pipelined_requests_in_order() -> None:
    parts, parser = parse([GET + POST + GET])
    assert [message.start for message in parser.messages] == [b"GET", b"POST", b"GET"]
    assert {part.owner for part in parts} == {0, 1, 2}
    assert sum(len(part.data) for part in parts if part.owner == 1) == len(POST)


def test_a_chunked_response_with_trailers() -> None:
    parts, parser = parse([CHUNKED], methods=[b"GET"])
    framing = len(b"5\r\n\r\n6;a=b\r\n\r\n0\r\n\r\n")
    assert bytes_by_name(parts) == {
        "status_line": 17,
        "header_fields": 28 + 2,
        "chunk_framing": framing,
        "body": 11,
        "trailers": 11 + 11,
    }
    assert parser.messages[0].body == b"hello world"
    assert parser.messages[0].complete
    assert parser.messages[0].values(b"transfer-encoding") == [b"chunked"]


@pytest.mark.parametrize(
    ("method", "head"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_responses_without_a_body_end_with_their_header(method: bytes, head: bytes) -> None:
    parts, parser = parse([head + OK], methods=[method, b"GET"])
    assert [message.complete for message in parser.messages] == [True, True]
    assert sum(len(part.data) for part in parts if part.owner == 0) == len(head)
    assert parser.messages[1].body == b"hello"


def test_an_interim_response_belongs_to_the_final_one() -> None:
    parts, parser = parse([CONTINUE + OK], methods=[b"POST"])
    assert len(parser.messages) == 1
    assert parser.messages[0].start == b"200"
    assert parser.messages[0].fields == [(b"content-length", b"5")]
    assert bytes_by_name(parts) == {"status_line": 23 + 17, "header_fields": 6 + 2 + 19 + 2, "body": 5}


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    stream = b"HTTP/1.0 200 OK\r\n\r\neverything"
    parser = Http1Parser(methods=[b"GET"])
    parser.feed(stream)
    (message,) = parser.messages
    before_the_end = message.complete
    assert parser.finish() == []
    assert (before_the_end, message.complete) == (False, True)
    assert message.body == b"everything"


def test_an_unknown_transfer_coding_of_a_response_ends_with_the_connection() -> None:
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 1\r\n\r\nabc"
    assert sizes(stream, [b"GET"])["body"] == 3


def test_bare_line_feeds_and_folded_lines_are_read() -> None:
    stream = b"POST / HTTP/1.1\nHost: a\n folded\nTransfer-Encoding: chunked\n\n1\na\n0\n\n"
    assert sizes(stream) == {
        "request_line": 16,
        "header_fields": 8 + 8 + 27 + 1,
        "chunk_framing": 2 + 1 + 2 + 1,
        "body": 1,
    }


@pytest.mark.parametrize("head", [b"HTTP/1.1 101 Switching\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_bytes_after_a_change_of_protocol_are_unparsed(head: bytes) -> None:
    assert sizes(head + b"\x00\x01\x02", [b"CONNECT"])["unparsed"] == 3


@pytest.mark.parametrize(
    ("stream", "parsed_bytes"),
    [
        (b"not http\r\n\r\n", 0),
        (b"GET / HTTP/2.0\r\n\r\n", 0),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 16),
        (b"GET / HTTP/1.1\r\n folded first\r\n\r\n", 16),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nabc", 17 + 20 + 2),
        (b"POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\nabc", 17 + 22 + 2),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc", 17 + 25 + 2),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 17 + 28 + 2),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", 17 + 28 + 2 + 3 + 1),
        (b"GET /" + b"a" * MAXIMUM_LINE_BYTES, 0),
        (b"GET / HTTP/1.1\r\n" + b"a" * MAXIMUM_LINE_BYTES, 16),
        (b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * (MAXIMUM_FIELDS + 1), 16 + 5 * MAXIMUM_FIELDS),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * MAXIMUM_LINE_BYTES, 17 + 28 + 2),
    ],
)
def test_bytes_that_are_not_http_are_unparsed(stream: bytes, parsed_bytes: int) -> None:
    parts, parser = parse([stream, b"and what follows"])
    assert bytes_by_name(parts)["unparsed"] == len(stream) - parsed_bytes + 16
    assert parts[-1].owner is None
    assert not any(message.complete for message in parser.messages)


@pytest.mark.parametrize("stream", STREAMS)
def test_byte_by_byte_gives_the_same_as_at_once(stream: bytes) -> None:
    whole, _ = parse([stream], methods=methods_for(stream))
    single, _ = parse([bytes([byte]) for byte in stream], methods=methods_for(stream))
    assert merged(single) == merged(whole)
    assert b"".join(part.data for part in whole) == stream


@given(stream=st.sampled_from(STREAMS), cuts=st.lists(st.integers(0, 200)), junk=st.binary(max_size=40))
def test_any_chunking_gives_the_same_anatomy(stream: bytes, cuts: list[int], junk: bytes) -> None:
    stream += junk
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    chunked, _ = parse(pieces, methods=methods_for(stream))
    whole, _ = parse([stream], methods=methods_for(stream))
    assert merged(chunked) == merged(whole)
    assert b"".join(part.data for part in chunked) == stream


@given(
    pieces=st.lists(st.binary(max_size=60) | st.sampled_from([*STREAMS, b"\r\n", b"0\r\n"])), responding=st.booleans()
)
def test_garbage_is_accounted_for(pieces: list[bytes], responding: bool) -> None:
    parts, _ = parse(pieces, methods=[b"HEAD"] if responding else None)
    assert b"".join(part.data for part in parts) == b"".join(pieces)


@given(
    body=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    chunked=st.booleans(),
    names=st.lists(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), max_size=4),
)
def test_agrees_with_h11(body: bytes, cuts: list[int], chunked: bool, names: list[str]) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(GET)
    while not isinstance(server.next_event(), h11.EndOfMessage):
        pass
    length = (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", str(len(body)).encode())
    headers = [(name.encode(), b"value") for name in names] + [length]
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    stream = server.send(h11.Response(status_code=200, reason=b"OK", headers=headers)) or b""
    for start, end in itertools.pairwise(edges):
        stream += server.send(h11.Data(data=body[start:end])) or b""
    trailers = [(b"x-trailer", b"1")] if chunked else []
    stream += server.send(h11.EndOfMessage(headers=trailers)) or b""

    parts, parser = parse([stream, OK], methods=[b"GET", b"GET"])

    assert [message.complete for message in parser.messages] == [True, True]
    assert parser.messages[0].body == body
    assert [name for name, _ in parser.messages[0].fields] == [name.lower() for name, _ in headers]
    assert sum(len(part.data) for part in parts if part.owner == 0) == len(stream)
    assert bytes_by_name(parts).get("trailers", 0) == (len(b"x-trailer: 1\r\n") if chunked else 0)
