"""The media type and content coding of HTTP responses."""

import pytest

from tests.support.books import small_book
from tests.support.json_contract import GZIP, assert_problem
from tests.support.raw_http import exchange, request
from tests.support.serving import serving


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/*", "application/problem+json"])
async def test_an_accept_header_without_json_is_406(gzip_address: str, accept: str) -> None:
    for path in ("/recipes/42", "/recipes", "/pid", "/openapi.json"):
        assert_problem(await request(gzip_address, "GET", path, {"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.1", "text/html, application/json;q=0.5"])
async def test_an_accept_header_that_allows_json_is_200(gzip_address: str, accept: str) -> None:
    assert (await request(gzip_address, "GET", "/recipes/42", {"Accept": accept})).status == 200


@pytest.mark.parametrize(
    ("accept_encoding", "gzipped_answer"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate", True),
        ("identity;q=0, gzip", True),
        ("*", True),
        ("gzip;q=0", False),
        ("xgzip", False),
        ("", False),
    ],
)
async def test_gzip_is_negotiated_and_named_in_vary(
    gzip_address: str, accept_encoding: str, gzipped_answer: bool
) -> None:
    for path in ("/recipes/42", "/nothing"):
        answer = await request(gzip_address, "GET", path, {"Accept-Encoding": accept_encoding})
        assert (answer.headers.get("content-encoding") == "gzip") is gzipped_answer
        assert "Accept-Encoding" in answer.headers["vary"].split(", ")
        assert answer.json


async def test_repeated_header_lines_are_one_list(gzip_address: str) -> None:
    sent = b"GET /pid HTTP/1.1\r\nHost: lab\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n"
    assert (await exchange(gzip_address, sent)).headers["content-encoding"] == "gzip"


async def test_without_gzip_vary_does_not_name_accept_encoding() -> None:
    async with serving("http", small_book()) as served:
        answer = await request(served.address, "GET", "/recipes/42", GZIP)
    assert "content-encoding" not in answer.headers
    assert "Accept-Encoding" not in answer.headers.get("vary", "").split(", ")


@pytest.mark.parametrize("accept_encoding", ["*;q=0", "identity;q=0", "identity;q=0, br"])
async def test_refusing_every_coding_is_an_uncompressed_406(gzip_address: str, accept_encoding: str) -> None:
    answer = await request(gzip_address, "GET", "/recipes/42", {"Accept-Encoding": accept_encoding})
    assert_problem(answer, 406, "not_acceptable")
    assert "content-encoding" not in answer.headers
