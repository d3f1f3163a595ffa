"""Malformed and expensive requests: each gets a correct error response, or none, and the connection ends."""

import re

import pytest

from producers.http_semantics import gzipped
from tests.hostile.http1.conftest import Victim, ports_of

GET = b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n"
POST = b"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n"
END = b"Connection: close\r\n\r\n"
SMUGGLED = b"GET /pid HTTP/1.1\r\nHost: lab\r\n\r\n"

MALFORMED = {
    "content-length and transfer-encoding": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two content-lengths": POST + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "a signed content-length": POST + b"Content-Length: +2\r\n\r\n{}",
    "an unknown transfer-encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "lines that end in a line feed": b"GET /recipes/42 HTTP/1.1\nHost: lab\n\n",
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a space before the colon": GET + b"X : a\r\n\r\n",
    "a NUL in a header": GET + b"X: a\x00b\r\n\r\n",
    "a NUL in the target": b"GET /recipes/\x00 HTTP/1.1\r\nHost: lab\r\n\r\n",
    "no host": b"GET /recipes/42 HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: other\r\n\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(80),
    "no HTTP at all": b"\x00\xff" * 200 + b"\r\n\r\n",
}


@ports_of("http", "graphql")
@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_is_400_and_ends_the_connection(victim: Victim, sent: bytes) -> None:
    status = await victim.status(sent + SMUGGLED)
    victim.answers.append(status)
    assert status == 400


HEADS = {
    "a target of 9,000 bytes": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: lab\r\n\r\n", 414),
    "a header of 9,000 bytes": (GET + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "200 headers": (GET + b"".join(b"X%d: a\r\n" % number for number in range(200)) + b"\r\n", 431),
    "HTTP/2.0 in words": (b"GET /recipes/42 HTTP/2.0\r\nHost: lab\r\n\r\n", 505),
}


@ports_of("http", "graphql")
@pytest.mark.parametrize(("sent", "expected"), HEADS.values(), ids=HEADS)
async def test_a_head_over_a_limit(victim: Victim, sent: bytes, expected: int) -> None:
    status = await victim.status(sent)
    victim.answers.append(status)
    assert status == expected


IDS = {
    "dots": (b"%2e%2e", 400),
    "NUL": (b"%00", 400),
    "no escape": (b"%zz", 400),
    "a slash": (b"/42", 404),
    "unicode": ("é中🍮".encode(), 400),
    "7,000 digits": (b"9" * 7000, 404),
}


@ports_of("http")
@pytest.mark.parametrize(("recipe_id", "expected"), IDS.values(), ids=IDS)
async def test_an_invalid_id(victim: Victim, recipe_id: bytes, expected: int) -> None:
    status = await victim.status(GET.replace(b"42", recipe_id) + END)
    victim.answers.append(status)
    assert status == expected


def body(content: bytes, headers: bytes = b"") -> bytes:
    return POST + headers + b"Content-Length: %d\r\n" % len(content) + END + content


BODIES = {
    "announced too large": (POST + b"Content-Length: 4294967296\r\n" + END, 413),
    "announced too large, and asked for": (POST + b"Content-Length: 9999999\r\nExpect: 100-continue\r\n" + END, 413),
    "a gzip bomb": (body(gzipped(bytes(100 << 20), 9), b"Content-Encoding: gzip\r\n"), 413),
    "a gzip bomb in a hundred members": (
        body(gzipped(bytes(1 << 20), 9) * 100, b"Content-Encoding: gzip\r\n"),
        413,
    ),
    "gzip cut short": (body(gzipped(bytes(1000), 9)[:-5], b"Content-Encoding: gzip\r\n"), 400),
    "no gzip": (body(b"{}", b"Content-Encoding: gzip\r\n"), 400),
    "an unknown coding": (body(b"{}", b"Content-Encoding: br\r\n"), 415),
    "open brackets": (body(b"[" * 100_000), 400),
    "open objects": (body(b'{"a":' * 100_000), 400),
    "a number of 5,000 digits": (body(b'{"name": ' + b"1" * 5000 + b"}"), 400),
    "an exponent": (body(b'{"name": 1e999999999}'), 400),
    "bad UTF-8": (body(b'{"name": "\xff"}'), 400),
    "half a surrogate pair": (body(b'{"name": "\\ud800"}'), 400),
    "not a number": (body(b'{"name": NaN}'), 400),
    "a key twice": (body(b'{"name": "a", "name": "b"}'), 400),
    "nothing": (body(b""), 400),
}


@ports_of("http", "graphql")
@pytest.mark.parametrize(("sent", "expected"), BODIES.values(), ids=BODIES)
async def test_an_oversized_or_invalid_body(victim: Victim, sent: bytes, expected: int) -> None:
    status = await victim.status(sent)
    victim.answers.append(status)
    assert status == expected


@ports_of("http", "graphql")
async def test_an_oversized_chunked_body(victim: Victim) -> None:
    chunks = [b"10000\r\n" + bytes(0x10000) + b"\r\n"] * 17
    status = await victim.status(POST + b"Transfer-Encoding: chunked\r\n" + END, *chunks, b"0\r\n\r\n")
    victim.answers.append(status)
    # 0 when the connection was reset, with more bytes in transit, before the refusal was read.
    assert status in (413, 0)


@ports_of("http")
async def test_pipelined_requests_are_answered_in_order(victim: Victim) -> None:
    sent = b"".join(GET.replace(b"42", b"%d?fields=id" % number) + b"\r\n" for number in range(1, 60))
    said = await victim.all_of(sent, GET + END)
    ids = [int(number) for number in re.findall(rb'"recipe":{"id":(\d+)', said)]
    victim.answers.append(f"{len(ids)} answers")
    assert ids == [*range(1, 60), 42]
