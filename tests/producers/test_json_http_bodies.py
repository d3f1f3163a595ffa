"""Request bodies of the JSON producer: each invalid one is refused with its status, and nothing is created."""

import asyncio
from collections.abc import Mapping

import pytest

from producers.http_semantics import gzipped
from producers.settings import Limits
from tests.producers.test_json_messages import BAD_JSON
from tests.support.books import small_book
from tests.support.json_contract import GOOD, JSON, SMALL, assert_problem
from tests.support.raw_http import exchange, request
from tests.support.serving import serving


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
async def test_bad_json_is_400(body: bytes) -> None:
    async with serving("http", small_book(), limits=Limits(body_bytes=1 << 20)) as served:
        assert_problem(await request(served.address, "POST", "/recipes", JSON, body), 400, "invalid")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", None),
        (b'{"name": null}', None),
        (b'{"name": 1}', None),
        (b'{"name": "x", "steps": null}', None),
        (b'{"name": "x", "calories": 1}', None),
        (b'{"name": "x", "id": 1}', None),
        (b'{"name": "x", "ingredients": {}}', None),
        (b'{"name": "x", "ingredients": ["salt"]}', None),
        (b'{"name": "x", "ingredients": [{"name": "salt", "grams": 1}]}', None),
        (b'{"name": " "}', "name"),
        (b'{"name": "x", "ingredients": [{"name": ""}]}', "ingredients[0].name"),
    ],
)
async def test_an_invalid_recipe_is_400(gzip_address: str, body: bytes, field: str | None) -> None:
    assert_problem(await request(gzip_address, "POST", "/recipes", JSON, body), 400, "invalid", field)


@pytest.mark.parametrize(
    ("headers", "body", "status", "error"),
    [
        ({}, GOOD, 415, "unsupported_media_type"),
        ({"Content-Type": "text/plain"}, GOOD, 415, "unsupported_media_type"),
        ({"Content-Type": "application/json; charset=nope"}, GOOD, 415, "unsupported_media_type"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, GOOD, 415, "unsupported_media_type"),
        ({**JSON, "Content-Encoding": "br"}, GOOD, 415, "unsupported_media_type"),
        ({**JSON, "Content-Encoding": "gzip"}, GOOD, 400, "invalid"),
        ({**JSON, "Content-Encoding": "gzip"}, gzipped(GOOD, 6)[:-4], 400, "invalid"),
        ({**JSON, "Content-Encoding": "gzip"}, gzipped(bytes(1_000_000), 6), 413, "too_large"),
        (JSON, b'{"name": "' + b"x" * 10_000 + b'"}', 413, "too_large"),
        ({**JSON, "Content-Length": "99999999"}, b"", 413, "too_large"),
        ({**JSON, "Content-Length": "99999999", "Expect": "100-continue"}, b"", 413, "too_large"),
        ({**JSON, "Expect": "magic"}, GOOD, 417, "expectation_failed"),
        ({**JSON, "Content-Length": "100"}, GOOD, 408, "request_timeout"),
        ({**JSON, "Transfer-Encoding": "chunked"}, b"3\r\nabc\r\nnope\r\n\r\n", 400, "invalid"),
        ({**JSON, "Accept": "image/png"}, GOOD, 406, "not_acceptable"),
        ({**JSON, "Accept-Encoding": "identity;q=0, br"}, GOOD, 406, "not_acceptable"),
        ({**JSON, "Idempotency-Key": "k" * 256}, GOOD, 400, "invalid"),
    ],
)
async def test_an_unacceptable_body_is_refused_and_nothing_is_created(
    headers: Mapping[str, str], body: bytes, status: int, error: str
) -> None:
    book = small_book()
    async with serving("http", book, limits=SMALL) as served:
        sent = dict(headers)
        if "Transfer-Encoding" in sent:
            head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            answer = await exchange(
                served.address, f"POST /recipes HTTP/1.1\r\nHost: lab\r\n{head}\r\n".encode() + body
            )
        else:
            answer = await request(served.address, "POST", "/recipes", sent, body)
        field = "idempotency_key" if "Idempotency-Key" in sent else None
        assert_problem(answer, status, error, field)
        assert len(book) == 63, "something was created"


@pytest.mark.parametrize(
    ("headers", "header", "accepted"),
    [
        ({"Content-Type": "text/plain"}, "accept-post", "application/json"),
        ({**JSON, "Content-Encoding": "br"}, "accept-encoding", "gzip"),
    ],
)
async def test_an_unsupported_body_is_answered_with_what_is_accepted(
    gzip_address: str, headers: Mapping[str, str], header: str, accepted: str
) -> None:
    answer = await request(gzip_address, "POST", "/recipes", headers, GOOD)
    assert accepted in answer.headers[header].split(", ")


async def test_a_chunked_body_over_the_limit_is_413(gzip_address: str) -> None:
    chunks = b"".join(b"1000\r\n" + bytes(0x1000) + b"\r\n" for _ in range(4)) + b"0\r\n\r\n"
    head = (
        b"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert_problem(await exchange(gzip_address, head + chunks), 413, "too_large")


async def test_a_body_that_arrives_in_parts_is_read(gzip_address: str) -> None:
    """The first part arrives with the head, the rest after `100 Continue`."""
    head = f"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: {len(GOOD)}\r\n"
    host, _, port = gzip_address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(10):
        writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode() + GOOD[:5])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(GOOD[5:])
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 Created")
        writer.close()
        await writer.wait_closed()
