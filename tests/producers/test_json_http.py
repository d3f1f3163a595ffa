"""The JSON producer on the wire: what the contract promises, and what each bad request gets."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Mapping
from importlib import resources
from itertools import product
from typing import Any

import jsonschema
import msgspec
import pytest
import pytest_asyncio

from producers.content_coding import gzipped
from producers.settings import Limits
from recipes.book import MAXIMUM_ID
from recipes.model import FIELDS
from tests.producers.test_json_bodies import BAD_JSON
from tests.support.books import CHICKEN, BrokenBook, small_book
from tests.support.raw_http import RawAnswer, exchange, exchange_all, request
from tests.support.serving import serving

OPENAPI = msgspec.json.decode(resources.files("protos").joinpath("recipe.openapi.json").read_bytes())
JSON = {"Content-Type": "application/json"}
SMALL = Limits(body_bytes=10_000, body_timeout_s=0.2)
GZIP = {"Accept-Encoding": "gzip"}


@pytest_asyncio.fixture(params=[False, True], ids=["identity", "gzip"])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A producer without and with gzip."""
    async with serving("http", small_book(), gzip=request.param, limits=SMALL) as served:
        yield served.address


@pytest_asyncio.fixture
async def gzip_address() -> AsyncIterator[str]:
    async with serving("http", small_book(), gzip=True, limits=SMALL) as served:
        yield served.address


def fits(schema: str, value: object) -> None:
    """Whether a value is what the OpenAPI document calls by this name."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": OPENAPI["components"]}
    jsonschema.Draft202012Validator(root).validate(value)


def is_problem(answer: RawAnswer, status: int, error: str, field: str | None = None) -> None:
    """Whether the answer is a refusal as the contract has it."""
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    problem = answer.json
    fits("Problem", problem)
    assert (problem["status"], problem["error"], problem.get("field")) == (status, error, field)
    assert "Traceback" not in problem["detail"]


async def test_a_recipe_is_answered_with_the_pid(address: str) -> None:
    answer = await request(address, "GET", "/recipes/42")
    assert answer.status == 200
    assert answer.content == msgspec.json.encode({"producer_pid": os.getpid(), "recipe": CHICKEN})
    fits("RecipeAnswer", answer.json)


@pytest.mark.parametrize("names", [["name"], ["ingredients", "id"], [*FIELDS], ["steps", "steps"]])
async def test_only_selected_keys_appear(address: str, names: list[str]) -> None:
    answer = await request(address, "GET", f"/recipes/42?fields={','.join(names)}")
    whole = msgspec.json.decode(msgspec.json.encode(CHICKEN))
    assert answer.json["recipe"] == {name: whole[name] for name in FIELDS if name in names}
    fits("RecipeAnswer" if len(names) == len(FIELDS) else "SelectionAnswer", answer.json)


async def test_a_page_has_exactly_its_two_keys(address: str) -> None:
    page = (await request(address, "GET", "/recipes?page_size=60")).json
    fits("RecipePage", page)
    assert list(page) == ["recipes", "next_page_token"]
    rest = (await request(address, "GET", f"/recipes?page_size=60&page_token={page['next_page_token']}")).json
    assert (len(rest["recipes"]), rest["next_page_token"]) == (3, "")


async def test_the_recipes_named_are_a_page_of_their_own(address: str) -> None:
    page = (await request(address, "GET", "/recipes?ids=62,42,62")).json
    fits("RecipePage", page)
    assert ([recipe["id"] for recipe in page["recipes"]], page["next_page_token"]) == ([62, 42, 62], "")
    unknown = await request(address, "GET", "/recipes?ids=42,43000,43001")
    assert unknown.json["recipe_id"] == "43000"


async def test_a_created_recipe_is_where_location_says(address: str) -> None:
    body = b'{"name": "Soup", "ingredients": [{"name": "Water"}]}'
    answer = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, body)
    assert answer.status == 201
    fits("RecipeAnswer", answer.json)
    assert (await request(address, "GET", answer.headers["location"])).json == answer.json
    again = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, gzipped(body, 6))
    is_problem(again, 400, "invalid")
    coded = {**JSON, "Idempotency-Key": "k", "Content-Encoding": "gzip"}
    assert (await request(address, "POST", "/recipes", coded, gzipped(body, 6))).json == answer.json
    other = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, b'{"name": "Other"}')
    is_problem(other, 422, "idempotency_conflict")


async def test_pid_and_openapi(address: str) -> None:
    answer = await request(address, "GET", "/pid")
    assert answer.content == msgspec.json.encode({"producer_pid": os.getpid()})
    fits("PidAnswer", answer.json)
    assert (await request(address, "GET", "/openapi.json")).json == OPENAPI


@pytest.mark.parametrize(
    ("path", "status", "error", "field"),
    [
        ("/recipes/43000", 404, "not_found", None),
        ("/recipes/-1", 404, "not_found", None),
        (f"/recipes/{MAXIMUM_ID + 1}", 404, "not_found", None),
        ("/recipes/" + "9" * 6000, 404, "not_found", None),
        ("/recipes/abc", 400, "invalid", "id"),
        ("/recipes/4.2", 400, "invalid", "id"),
        ("/recipes/+42", 400, "invalid", "id"),
        ("/recipes/4_2", 400, "invalid", "id"),
        ("/recipes/%2042", 400, "invalid", "id"),
        ("/recipes/%D9%A4%D9%A2", 400, "invalid", "id"),
        ("/recipes/%00", 400, "invalid", "id"),
        ("/recipes/%zz", 400, "invalid", "id"),
        ("/recipes/42%2F1", 400, "invalid", "id"),
        ("/recipes/", 404, "not_found", None),
        ("//recipes/42", 404, "not_found", None),
        ("/recipes/%2e%2e/42", 404, "not_found", None),
        ("/", 404, "not_found", None),
        ("/nothing", 404, "not_found", None),
        ("/recipes/42?fields=", 400, "invalid", "fields"),
        ("/recipes/42?fields=nam", 400, "invalid", "fields"),
        ("/recipes/42?fields=name,,id", 400, "invalid", "fields"),
        ("/recipes/42?fields=name&fields=id", 400, "invalid", "fields"),
        ("/recipes/42?field=name", 400, "invalid", "field"),
        ("/recipes/43000?fields=nam", 400, "invalid", "fields"),
        ("/recipes?page_size=0", 400, "invalid", "page_size"),
        ("/recipes?page_size=-1", 400, "invalid", "page_size"),
        ("/recipes?page_size=1001", 400, "invalid", "page_size"),
        ("/recipes?page_size=", 400, "invalid", "page_size"),
        ("/recipes?page_size=ten", 400, "invalid", "page_size"),
        ("/recipes?page_size=" + "9" * 6000, 400, "invalid", "page_size"),
        ("/recipes?page_token=nope", 400, "invalid", "page_token"),
        ("/recipes?page_token=%ff", 400, "invalid", "page_token"),
        ("/recipes?offset=1", 400, "invalid", "offset"),
        ("/recipes?ids=42,43000,43001", 404, "not_found", None),
        ("/recipes?ids=", 400, "invalid", "ids"),
        ("/recipes?ids=42,", 400, "invalid", "ids"),
        ("/recipes?ids=42&ids=1", 400, "invalid", "ids"),
        ("/recipes?ids=42&page_size=1", 400, "invalid", "ids"),
        ("/recipes?ids=" + ",".join("1" * 101), 400, "invalid", "ids"),
        ("/pid?x=1", 400, "invalid", "x"),
        ("/openapi.json?x=1", 400, "invalid", "x"),
    ],
)
async def test_a_bad_address_gets_its_problem(
    gzip_address: str, path: str, status: int, error: str, field: str | None
) -> None:
    for headers in ({}, GZIP):
        is_problem(await request(gzip_address, "GET", path, headers), status, error, field)


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
async def test_bad_json_is_400(body: bytes) -> None:
    async with serving("http", small_book(), limits=Limits(body_bytes=1 << 20)) as served:
        is_problem(await request(served.address, "POST", "/recipes", JSON, body), 400, "invalid")


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
async def test_what_is_no_recipe_is_400(gzip_address: str, body: bytes, field: str | None) -> None:
    is_problem(await request(gzip_address, "POST", "/recipes", JSON, body), 400, "invalid", field)


GOOD = b'{"name": "x"}'


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
async def test_a_body_that_cannot_be_taken_is_refused(
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
        is_problem(answer, status, error, field)
        assert len(book) == 63, "something was created"


async def test_a_chunked_body_beyond_the_limit_is_413(gzip_address: str) -> None:
    chunks = b"".join(b"1000\r\n" + bytes(0x1000) + b"\r\n" for _ in range(4)) + b"0\r\n\r\n"
    head = (
        b"POST /recipes HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    is_problem(await exchange(gzip_address, head + chunks), 413, "too_large")


async def test_a_body_that_trickles_in_is_read(gzip_address: str) -> None:
    """Its first part comes with the head, and the rest once the server has asked for it."""
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


async def test_a_book_that_is_read_only_is_501() -> None:
    async with serving("http", small_book(read_only_because="shared")) as served:
        answer = await request(served.address, "POST", "/recipes", JSON, GOOD)
    is_problem(answer, 501, "read_only")
    assert answer.json["detail"] == "shared"


@pytest.mark.parametrize("path", ["/recipes/42", "/recipes?page_size=2", "/recipes/43000", "/pid", "/openapi.json"])
async def test_head_is_get_without_the_body(gzip_address: str, path: str) -> None:
    for headers in ({}, GZIP):
        get = await request(gzip_address, "GET", path, headers)
        head = await request(gzip_address, "HEAD", path, headers)
        assert (head.status, head.content) == (get.status, b"")
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/recipes/42", "GET, HEAD, OPTIONS"), ("/recipes", "GET, HEAD, OPTIONS, POST"), ("/pid", "GET, HEAD, OPTIONS")],
)
async def test_options_and_the_wrong_method_tell_what_is_allowed(gzip_address: str, path: str, allow: str) -> None:
    options = await request(gzip_address, "OPTIONS", path)
    assert (options.status, options.headers["allow"], options.content) == (204, allow, b"")
    wrong = await request(gzip_address, "PATCH", path, JSON, b"{}")
    is_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == allow


@pytest.mark.parametrize("accept", ["image/png", "application/json;q=0", "text/*", "application/problem+json"])
async def test_who_takes_no_json_gets_406(gzip_address: str, accept: str) -> None:
    for path in ("/recipes/42", "/recipes", "/pid", "/openapi.json"):
        is_problem(await request(gzip_address, "GET", path, {"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.1", "text/html, application/json;q=0.5"])
async def test_who_takes_json_gets_it(gzip_address: str, accept: str) -> None:
    assert (await request(gzip_address, "GET", "/recipes/42", {"Accept": accept})).status == 200


@pytest.mark.parametrize(
    ("accept_encoding", "gzipped_answer"),
    [("gzip", True), ("GZIP", True), ("gzip;q=0", False), ("xgzip", False), ("*", True), ("", False)],
)
async def test_gzip_is_negotiated_and_varies(gzip_address: str, accept_encoding: str, gzipped_answer: bool) -> None:
    for path in ("/recipes/42", "/nothing"):
        answer = await request(gzip_address, "GET", path, {"Accept-Encoding": accept_encoding})
        assert (answer.headers.get("content-encoding") == "gzip") is gzipped_answer
        assert answer.headers["vary"] == "Accept, Accept-Encoding"
        assert answer.json


async def test_several_lines_of_a_header_are_one_list(gzip_address: str) -> None:
    sent = b"GET /pid HTTP/1.1\r\nHost: lab\r\nAccept-Encoding: br\r\nAccept-Encoding: gzip\r\n\r\n"
    assert (await exchange(gzip_address, sent)).headers["content-encoding"] == "gzip"


async def test_without_gzip_the_coding_never_varies() -> None:
    async with serving("http", small_book()) as served:
        answer = await request(served.address, "GET", "/recipes/42", GZIP)
    assert (answer.headers["vary"], answer.headers.get("content-encoding")) == ("Accept", None)


async def test_who_refuses_every_coding_is_told_in_plain(gzip_address: str) -> None:
    answer = await request(gzip_address, "GET", "/recipes/42", {"Accept-Encoding": "*;q=0"})
    is_problem(answer, 406, "not_acceptable")
    assert "content-encoding" not in answer.headers


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
async def test_what_is_no_http_is_400_and_tells_nothing_of_the_library(gzip_address: str, sent: bytes) -> None:
    answer = await exchange(gzip_address, sent)
    is_problem(answer, 400, "invalid")
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
async def test_a_head_beyond_its_limits_is_refused_and_the_connection_closed(
    gzip_address: str, sent: bytes, status: int, error: str
) -> None:
    is_problem(await exchange(gzip_address, sent), status, error)
    with pytest.raises(asyncio.IncompleteReadError):
        await exchange_all(gzip_address, sent + b"GET /pid HTTP/1.1\r\nHost: lab\r\n\r\n", 2)


CONDITIONAL = ["/recipes/42", "/recipes/42?fields=name", "/recipes?page_size=2", "/pid", "/health", "/openapi.json"]


@pytest.mark.parametrize("path", CONDITIONAL)
async def test_who_has_the_answer_gets_304(gzip_address: str, path: str) -> None:
    tags = {}
    for headers in ({}, GZIP):
        answer = await request(gzip_address, "GET", path, headers)
        tags[len(headers)] = tag = answer.headers["etag"]
        known = [tag, f"W/{tag}", f'"other", {tag}', f'"a,b",W/"c" , W/{tag}', "*"]
        for method, if_none_match in product(("GET", "HEAD"), known):
            got = await request(gzip_address, method, path, {**headers, "If-None-Match": if_none_match})
            assert (got.status, got.content, got.headers["etag"]) == (304, b"", tag), if_none_match
            assert got.headers["vary"] == "Accept, Accept-Encoding"
            assert "content-length" not in got.headers
        for unknown in ('"other"', tag.strip('"'), "", tag[:-1]):
            got = await request(gzip_address, "GET", path, {**headers, "If-None-Match": unknown})
            assert (got.status, got.content) == (200, answer.content), unknown
    assert tags[0] != tags[1], "each coding has its own"


async def test_a_tag_changes_with_the_answer_and_only_then(gzip_address: str) -> None:
    tags = [(await request(gzip_address, "GET", path)).headers["etag"] for path in ("/recipes/1", "/recipes/1")]
    assert tags[0] == tags[1] != (await request(gzip_address, "GET", "/recipes/2")).headers["etag"]
    assert tags[0].startswith('"'), "strong"


async def test_if_match_is_honoured(gzip_address: str) -> None:
    tag = (await request(gzip_address, "GET", "/recipes/1")).headers["etag"]
    for if_match in (tag, "*", f'"x", {tag}'):
        assert (await request(gzip_address, "GET", "/recipes/1", {"If-Match": if_match})).status == 200
    for if_match in ('"x"', f"W/{tag}", ""):
        is_problem(await request(gzip_address, "GET", "/recipes/1", {"If-Match": if_match}), 412, "precondition_failed")


async def test_a_date_to_compare_with_is_passed_over(gzip_address: str) -> None:
    for since in ("nonsense", "Wed, 25 Nov 2099 00:00:00 GMT"):
        assert (await request(gzip_address, "GET", "/recipes/1", {"If-Modified-Since": since})).status == 200


async def test_errors_and_what_is_created_have_no_tag(gzip_address: str) -> None:
    created = await request(gzip_address, "POST", "/recipes", {**JSON, "If-None-Match": '"x"'}, GOOD)
    assert (created.status, "etag" in created.headers) == (201, False)
    unknown = await request(gzip_address, "GET", "/recipes/43000", {"If-None-Match": "*"})
    assert (unknown.status, "etag" in unknown.headers) == (404, False)


async def test_links_lead_through_all_pages(gzip_address: str) -> None:
    path: str | None = "/recipes?page_size=25"
    ids = []
    while path is not None:
        answer = await request(gzip_address, "GET", path)
        ids += [recipe["id"] for recipe in answer.json["recipes"]]
        link = re.fullmatch(r'<(/recipes\?[^>]+)>; rel="next"', answer.headers.get("link", ""))
        path = link[1] if link else None
    assert ids == list(range(1, 64))


async def test_health_says_that_the_producer_is_ready(gzip_address: str) -> None:
    assert (await request(gzip_address, "GET", "/health")).json == {"status": "ready"}


@pytest.mark.parametrize("path", ["/recipes/42", "/nothing", "/recipes/abc"])
async def test_no_answer_names_versions(gzip_address: str, path: str) -> None:
    answer = await request(gzip_address, "GET", path)
    assert (answer.headers["server"], answer.headers["x-content-type-options"]) == ("recipe-lab", "nosniff")


async def test_three_requests_in_one_go_get_three_answers(gzip_address: str) -> None:
    sent = b"".join(b"GET /recipes/%d?fields=id HTTP/1.1\r\nHost: lab\r\n\r\n" % number for number in (1, 2, 3))
    answers = await exchange_all(gzip_address, sent, 3)
    assert [answer.json["recipe"]["id"] for answer in answers] == [1, 2, 3]


async def test_a_fault_of_the_producer_is_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving("http", BrokenBook([CHICKEN])) as served:
        answer = await request(served.address, "GET", "/recipes/42")
    is_problem(answer, 500, "internal")
    assert BrokenBook.SECRET not in answer.content.decode()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert BrokenBook.SECRET in caplog.text
    assert answer.json["incident"] in caplog.text


def test_every_reference_of_the_openapi_document_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [ref for inner in value.values() for ref in references(inner)]
        return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []

    for reference in references(OPENAPI):
        place = OPENAPI
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_the_openapi_document_describes_every_route(gzip_address: str) -> None:
    for path, operations in OPENAPI["paths"].items():
        allow = (await request(gzip_address, "OPTIONS", path.replace("{id}", "42"))).headers["allow"]
        assert {*operations} == {method.lower() for method in allow.split(", ")} - {"head", "options"}
