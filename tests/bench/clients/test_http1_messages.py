"""Heads and chunked bodies of HTTP/1.1, in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.clients import http1_messages
from bench.clients.http1_messages import CHUNKED, UNTIL_CLOSE, BadResponse, ChunkedBody, read_head


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(1, 9), max_size=40), st.binary())
def test_a_chunked_body_is_decoded_from_any_pieces(chunks: list[bytes], cuts: list[int], surplus: bytes) -> None:
    content = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nA: b\r\n\r\n"
    body = ChunkedBody()
    for size in cuts:
        if body.ended or not content:
            break
        body.feed(content[:size])
        content = content[size:]
    if not body.ended:
        body.feed(content + surplus)
        assert body.surplus == surplus
    assert body.ended
    assert body.content == b"".join(chunks)


@pytest.mark.parametrize("content", [b"x\r\n", b"-1\r\n", b"\r\n", b"2\r\nabcd", b"2\r\nab\r\r", b"2\r\nab\nc\r\n"])
@pytest.mark.parametrize("at_once", [True, False])
def test_bytes_that_are_not_a_chunk(content: bytes, at_once: bool) -> None:
    body = ChunkedBody()
    with pytest.raises(BadResponse):  # noqa: PT012 - which piece it is does not matter
        for piece in [content] if at_once else [content[i : i + 1] for i in range(len(content))]:
            body.feed(piece)


@pytest.mark.parametrize(
    ("start", "fields", "status", "body_bytes", "stays_open"),
    [
        (b"HTTP/1.1 200 OK", b"Content-Length: 5", 200, 5, True),
        (b"HTTP/1.1 200 OK", b"Content-Length: 5\r\nConnection: Upgrade, Close", 200, 5, False),
        (b"HTTP/1.0 200 OK", b"Content-Length: 5", 200, 5, False),
        (b"HTTP/1.0 200 OK", b"Content-Length: 5\r\nConnection: keep-alive", 200, 5, True),
        (b"HTTP/1.1 200 OK", b"A: b", 200, UNTIL_CLOSE, False),
        (b"HTTP/1.1 200 OK", b"Transfer-Encoding: Chunked", 200, CHUNKED, True),
        (b"HTTP/1.1 204 No Content", b"A: b", 204, 0, True),
        (b"HTTP/1.1 304 Not Modified", b"Content-Length: 5", 304, 0, True),
        (b"HTTP/1.1 103 Early Hints", b"Content-Length: 5", 103, 0, True),
    ],
)
def test_heads(start: bytes, fields: bytes, status: int, body_bytes: int, stays_open: bool) -> None:
    data = start + b"\r\n" + fields + b"\r\nContent-Type: Application/JSON; charset=utf-8\r\n\r\n"
    head = read_head(data)
    assert read_head(bytes(bytearray(data))) is head
    assert (head.size, head.status, head.body_bytes, head.stays_open) == (len(data), status, body_bytes, stays_open)
    assert (head.media_type, head.codings, head.interim) == ("application/json", "", status < 200)


def test_the_head_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1_messages, "KEPT_AT_MOST", 5)
    first = read_head(head_of(0))
    assert read_head(head_of(0)) is first
    for number in range(1, 20):
        read_head(head_of(number))
    again = read_head(head_of(0))
    assert again == first
    assert again is not first, "it was still cached after 19 others"


def head_of(number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nDate: %d\r\n\r\n" % number


@pytest.mark.parametrize("data", [b"HTTP/1.1 20 OK\r\n\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n folded\r\n\r\n"])
def test_bytes_that_are_not_a_head(data: bytes) -> None:
    with pytest.raises(BadResponse):
        read_head(data)
