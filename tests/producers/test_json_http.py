"""The JSON producer over HTTP: what the contract states."""

import logging
import os
import re
from typing import Any

import jsonschema
import msgspec
import pytest

from producers.http_semantics import gzipped
from recipes.book import MAXIMUM_ID
from recipes.model import FIELDS
from tests.support.books import CHICKEN, BrokenBook, small_book
from tests.support.json_contract import GOOD, GZIP, JSON, OPENAPI, assert_problem, fits
from tests.support.raw_http import request
from tests.support.serving import serving


async def test_a_recipe_is_returned_with_the_pid(address: str) -> None:
    answer = await request(address, "GET", "/recipes/42")
    assert answer.status == 200
    assert answer.content == msgspec.json.encode({"producer_pid": os.getpid(), "recipe": CHICKEN})
    fits("RecipeAnswer", answer.json)


@pytest.mark.parametrize("names", [["name"], ["ingredients", "id"], [*FIELDS], ["steps", "steps"]])
async def test_only_selected_fields_are_returned(address: str, names: list[str]) -> None:
    answer = await request(address, "GET", f"/recipes/42?fields={','.join(names)}")
    whole = msgspec.json.decode(msgspec.json.encode(CHICKEN))
    assert answer.json["recipe"] == {name: whole[name] for name in FIELDS if name in names}
    fits("RecipeAnswer" if len(names) == len(FIELDS) else "SelectionAnswer", answer.json)


async def test_a_page_has_exactly_two_keys(address: str) -> None:
    page = (await request(address, "GET", "/recipes?page_size=60")).json
    fits("RecipePage", page)
    assert list(page) == ["recipes", "next_page_token"]
    rest = (await request(address, "GET", f"/recipes?page_size=60&page_token={page['next_page_token']}")).json
    assert (len(rest["recipes"]), rest["next_page_token"]) == (3, "")


async def test_a_batch_is_a_page_of_the_requested_recipes(address: str) -> None:
    page = (await request(address, "GET", "/recipes?ids=62,42,62")).json
    fits("RecipePage", page)
    assert ([recipe["id"] for recipe in page["recipes"]], page["next_page_token"]) == ([62, 42, 62], "")
    unknown = await request(address, "GET", "/recipes?ids=42,43000,43001")
    assert unknown.json["recipe_id"] == "43000"


async def test_the_location_of_a_created_recipe_leads_to_it(address: str) -> None:
    body = b'{"name": "Soup", "ingredients": [{"name": "Water"}]}'
    answer = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, body)
    assert answer.status == 201
    fits("RecipeAnswer", answer.json)
    assert (await request(address, "GET", answer.headers["location"])).json == answer.json
    again = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, gzipped(body, 6))
    assert_problem(again, 400, "invalid")
    compressed = {**JSON, "Idempotency-Key": "k", "Content-Encoding": "gzip"}
    assert (await request(address, "POST", "/recipes", compressed, gzipped(body, 6))).json == answer.json
    other = await request(address, "POST", "/recipes", {**JSON, "Idempotency-Key": "k"}, b'{"name": "Other"}')
    assert_problem(other, 422, "idempotency_conflict")


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
async def test_an_invalid_url_gets_its_status_and_problem(
    gzip_address: str, path: str, status: int, error: str, field: str | None
) -> None:
    for headers in ({}, GZIP):
        assert_problem(await request(gzip_address, "GET", path, headers), status, error, field)


async def test_creating_in_a_read_only_book_is_501() -> None:
    async with serving("http", small_book(read_only_because="shared")) as served:
        answer = await request(served.address, "POST", "/recipes", JSON, GOOD)
    assert_problem(answer, 501, "read_only")
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
async def test_options_and_405_list_the_allowed_methods(gzip_address: str, path: str, allow: str) -> None:
    options = await request(gzip_address, "OPTIONS", path)
    assert (options.status, options.headers["allow"], options.content) == (204, allow, b"")
    wrong = await request(gzip_address, "PATCH", path, JSON, b"{}")
    assert_problem(wrong, 405, "method_not_allowed")
    assert wrong.headers["allow"] == allow


async def test_next_links_lead_through_all_pages(gzip_address: str) -> None:
    path: str | None = "/recipes?page_size=25"
    ids = []
    while path is not None:
        answer = await request(gzip_address, "GET", path)
        ids += [recipe["id"] for recipe in answer.json["recipes"]]
        link = re.fullmatch(r'<(/recipes\?[^>]+)>; rel="next"', answer.headers.get("link", ""))
        path = link[1] if link else None
    assert ids == list(range(1, 64))


async def test_health_is_ready(gzip_address: str) -> None:
    assert (await request(gzip_address, "GET", "/health")).json == {"status": "ready"}


@pytest.mark.parametrize("path", ["/recipes/42", "/nothing", "/recipes/abc"])
async def test_no_response_names_versions(gzip_address: str, path: str) -> None:
    answer = await request(gzip_address, "GET", path)
    assert (answer.headers["server"], answer.headers["x-content-type-options"]) == ("recipe-lab", "nosniff")


async def test_an_internal_error_is_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving("http", BrokenBook([CHICKEN])) as served:
        answer = await request(served.address, "GET", "/recipes/42")
    assert_problem(answer, 500, "internal")
    assert BrokenBook.SECRET not in answer.content.decode()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert BrokenBook.SECRET in caplog.text
    assert answer.json["incident"] in caplog.text


def test_every_reference_in_the_openapi_document_resolves() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [ref for inner in value.values() for ref in references(inner)]
        return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []

    for reference in references(OPENAPI):
        place = OPENAPI
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


async def test_the_openapi_document_describes_every_route(gzip_address: str) -> None:
    for path, operations in OPENAPI["paths"].items():
        allow = (await request(gzip_address, "OPTIONS", path.replace("{id}", "42"))).headers["allow"]
        assert {*operations} == {method.lower() for method in allow.split(", ")} - {"head", "options"}
