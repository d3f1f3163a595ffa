"""Invalid HTTP, heads over the limits, and pipelined requests: what aiohttp's parser and the lab's guard make of them.

Servers of other implementations have parsers of their own, whose limits and refusals cannot be set
(docs/implementations.md).
"""

import asyncio

import pytest

from producers.registry import DEFAULT
from tests.support.json_contract import assert_problem
from tests.support.raw_http import exchange, exchange_all, request


@pytest.fixture
def implementation() -> str:
    return DEFAULT


async def test_a_slash_that_is_encoded_belongs_to_the_id(gzip_address: str) -> None:
    assert_problem(await request(gzip_address, "GET", "/recipes/42%2F1"), 400, "invalid", "id")


@pytest.mark.parametrize(
    "sent",
    [
        b"BAD\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
        b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\nContent-Length: +5\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_bytes_that_are_not_http_are_400_without_naming_the_library(gzip_address: str, sent: bytes) -> None:
    answer = await exchange(gzip_address, sent)
    assert_problem(answer, 400, "invalid")
    assert answer.headers["server"] == "recipe-lab"
    with pytest.raises(asyncio.IncompleteReadError):
        await exchange_all(gzip_address, sent, 2)


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (b"GET /recipes/" + b"9" * 8001 + b" HTTP/1.1\r\nHost: lab\r\n\r\n", 414, "uri_too_long"),
        (b"GET /pid HTTP/1.1\r\nHost: lab\r\nX: " + b"y" * 8191 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET /pid HTTP/1.1\r\nHost: lab\r\n" + b"X" * 8191 + b": y\r\n\r\n", 431, "headers_too_large"),
        (
            b"GET /pid HTTP/1.1\r\nHost: lab\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(200)) + b"\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /pid HTTP/2.0\r\nHost: lab\r\n\r\n", 505, "version_not_supported"),
        (b"GET /pid HTTP/1.1\r\n\r\n", 400, "invalid"),
        (b"GET /pid HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "invalid"),
    ],
)
async def test_a_head_over_its_limits_is_refused_and_the_connection_closed(
    gzip_address: str, sent: bytes, status: int, error: str
) -> None:
    assert_problem(await exchange(gzip_address, sent), status, error)
    with pytest.raises(asyncio.IncompleteReadError):
        await exchange_all(gzip_address, sent + b"GET /pid HTTP/1.1\r\nHost: lab\r\n\r\n", 2)


async def test_three_pipelined_requests_get_three_responses(gzip_address: str) -> None:
    sent = b"".join(b"GET /recipes/%d?fields=id HTTP/1.1\r\nHost: lab\r\n\r\n" % number for number in (1, 2, 3))
    answers = await exchange_all(gzip_address, sent, 3)
    assert [answer.json["recipe"]["id"] for answer in answers] == [1, 2, 3]


async def test_an_unknown_expectation_is_a_problem_for_every_method(gzip_address: str) -> None:
    for method in ("GET", "POST"):
        sent = f"{method} /recipes HTTP/1.1\r\nHost: lab\r\nExpect: magic\r\nContent-Length: 0\r\n\r\n"
        answer = await exchange(gzip_address, sent.encode())
        assert_problem(answer, 417, "expectation_failed")
        assert answer.headers["server"] == "recipe-lab"
