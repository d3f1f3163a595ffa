"""The GraphQL producer over HTTP: the schema and the GraphQL-over-HTTP specification."""

import logging
import os
from collections.abc import AsyncIterator, Mapping
from importlib import resources
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio

from producers import graphql_documents
from producers.graphql_http import GRAPHQL_JSON
from producers.graphql_schema import RecipeSchema, printed_schema
from producers.http_semantics import gzipped
from producers.settings import Limits, ProducerSettings
from recipes.book import page_token
from tests.producers.test_json_messages import BAD_JSON
from tests.support.books import CHICKEN, BrokenBook, small_book
from tests.support.implementations import implementations
from tests.support.raw_http import RawAnswer, request
from tests.support.serving import serving

JSON = {"Content-Type": "application/json"}
MODERN = {**JSON, "Accept": GRAPHQL_JSON}
PATH = "/graphql"


@pytest.fixture(params=implementations("graphql"))
def implementation(request: pytest.FixtureRequest) -> str:
    """The name of an implementation of GraphQL."""
    return str(request.param)


@pytest_asyncio.fixture
async def address(implementation: str) -> AsyncIterator[str]:
    limits = Limits(body_bytes=20_000)
    async with serving("graphql", small_book(), gzip=True, limits=limits, implementation=implementation) as served:
        yield served.address


async def ask(
    address: str,
    query: str | None,
    variables: Mapping[str, object] | None = None,
    *,
    headers: Mapping[str, str] = MODERN,
    **others: object,
) -> RawAnswer:
    """POST one operation."""
    sent = {"query": query, "variables": variables, **others}
    return await request(address, "POST", PATH, headers, msgspec.json.encode(sent))


def code(answer: RawAnswer) -> str:
    """The code of the only error in a response."""
    (error,) = answer.json["errors"]
    found: str = error["extensions"]["code"]
    return found


async def test_a_recipe_with_all_its_fields(address: str) -> None:
    answer = await ask(address, "{ recipe(id: 42) { id name steps ingredients { id name quantity } } pid }")
    recipe = msgspec.json.decode(msgspec.json.encode(CHICKEN))
    for part in (recipe, *recipe["ingredients"]):
        part["id"] = str(part["id"])
    assert (answer.status, answer.headers["content-type"]) == (200, GRAPHQL_JSON)
    assert answer.json == {"data": {"recipe": recipe, "pid": os.getpid()}}


async def test_a_page_continues_after_any_cursor(address: str) -> None:
    query = """query($first: Int, $after: String) { recipes(first: $first, after: $after) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    first = (await ask(address, query, {"first": 3})).json["data"]["recipes"]
    assert [edge["node"]["id"] for edge in first["edges"]] == ["1", "2", "3"]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": page_token(1),
        "endCursor": page_token(3),
    }
    behind_two = (await ask(address, query, {"first": 2, "after": first["edges"][1]["cursor"]})).json["data"]["recipes"]
    assert [edge["node"]["id"] for edge in behind_two["edges"]] == ["3", "4"]
    assert behind_two["pageInfo"]["hasPreviousPage"]
    last = (await ask(address, query, {"first": None, "after": page_token(62)})).json["data"]["recipes"]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["endCursor"]) == (False, page_token(63))
    beyond = (await ask(address, query, {"after": page_token(63)})).json["data"]["recipes"]
    assert beyond == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None},
    }


async def test_a_created_recipe_can_be_fetched(address: str) -> None:
    create = """mutation($input: RecipeInput!, $key: String) { createRecipe(input: $input, idempotencyKey: $key)
        { id name steps ingredients { id name quantity } } }"""
    soup = {"name": "Soup", "steps": None, "ingredients": [{"name": "Water", "quantity": None}, {"name": "Salt"}]}
    created = (await ask(address, create, {"input": soup, "key": "k"})).json["data"]["createRecipe"]
    assert (created["steps"], [line["quantity"] for line in created["ingredients"]]) == ("", ["", ""])
    assert (await ask(address, create, {"input": soup, "key": "k"})).json["data"]["createRecipe"] == created
    conflict = await ask(address, create, {"input": {"name": "Other", "ingredients": None}, "key": "k"})
    assert (conflict.status, code(conflict), conflict.json["data"]) == (200, "IDEMPOTENCY_CONFLICT", None)


@pytest.mark.parametrize(
    ("query", "expected", "data"),
    [
        ("{ recipe(id: 43000) { id } pid }", "NOT_FOUND", {"recipe": None, "pid": os.getpid()}),
        ("{ recipe(id: -1) { id } }", "NOT_FOUND", {"recipe": None}),
        ('{ recipe(id: "99999999999999999999") { id } }', "NOT_FOUND", {"recipe": None}),
        ('{ recipe(id: "abc") { id } }', "BAD_USER_INPUT", {"recipe": None}),
        ('{ recipe(id: "") { id } }', "BAD_USER_INPUT", {"recipe": None}),
        ("{ recipe { id } }", "BAD_USER_INPUT", {"recipe": None}),
        ("{ recipe(id: null) { id } }", "BAD_USER_INPUT", {"recipe": None}),
        ("{ recipes(first: 0) { edges { cursor } } }", "BAD_USER_INPUT", None),
        ("{ recipes(first: 1001) { edges { cursor } } }", "BAD_USER_INPUT", None),
        ('{ recipes(after: "nope") { edges { cursor } } }', "BAD_USER_INPUT", None),
        ('mutation { createRecipe(input: {name: " "}) { id } }', "BAD_USER_INPUT", None),
    ],
)
async def test_a_resolver_error_is_returned_together_with_data(
    address: str, query: str, expected: str, data: object
) -> None:
    for headers in (JSON, MODERN):
        answer = await ask(address, query, headers=headers)
        assert (answer.status, code(answer), answer.json["data"]) == (200, expected, data)
        assert answer.json["errors"][0]["path"]


async def test_the_invalid_field_is_named(address: str) -> None:
    query = 'mutation { createRecipe(input: {name: "x", ingredients: [{name: ""}]}) { id } }'
    (error,) = (await ask(address, query)).json["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "ingredients[0].name"}


FIRST = "query($n: Int) { recipes(first: $n) { edges { cursor } } }"

BAD_DOCUMENTS = {
    "cut short": ("{", None, "GRAPHQL_PARSE_FAILED"),
    "no GraphQL": ("SELECT *", None, "GRAPHQL_PARSE_FAILED"),
    "lone surrogate": ('{ recipe(id: "\\uD800") { id } }', None, "GRAPHQL_PARSE_FAILED"),
    "too many tokens": ("{" + " pid" * 15_000, None, "GRAPHQL_PARSE_FAILED"),
    "too deep": ("{ recipe(id: " + "[" * 9000 + ") { id } }", None, "GRAPHQL_PARSE_FAILED"),
    "nested": ("{ recipe(id: " + "[" * 300 + "]" * 300 + ") { id } }", None, "GRAPHQL_PARSE_FAILED"),
    "a chain of fragments": (
        "{ ...f0 }" + "".join(f" fragment f{n} on Query {{ ...f{n + 1} }}" for n in range(300)),
        None,
        "TOO_COMPLEX",
    ),
    "unknown field": ("{ calories }", None, "GRAPHQL_VALIDATION_FAILED"),
    "unknown argument": ("{ recipe(name: 1) { id } }", None, "GRAPHQL_VALIDATION_FAILED"),
    "no selection": ("{ recipe(id: 1) }", None, "GRAPHQL_VALIDATION_FAILED"),
    "circular fragments": ("{ ...a } fragment a on Query { ...a }", None, "GRAPHQL_VALIDATION_FAILED"),
    "subscription": ("subscription { pid }", None, "GRAPHQL_VALIDATION_FAILED"),
    "missing variable": ("query($id: ID!) { recipe(id: $id) { id } }", None, "BAD_USER_INPUT"),
    "null variable": ("query($id: ID!) { recipe(id: $id) { id } }", {"id": None}, "BAD_USER_INPUT"),
    "variable of a wrong type": (FIRST, {"n": "1"}, "BAD_USER_INPUT"),
    "variable too large": (FIRST, {"n": 2**31}, "BAD_USER_INPUT"),
    "unknown input field": (
        "mutation($i: RecipeInput!) { createRecipe(input: $i) { id } }",
        {"i": {"name": "x", "calories": 1}},
        "BAD_USER_INPUT",
    ),
}


@pytest.mark.parametrize(("query", "variables", "expected"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
async def test_an_invalid_document_is_an_error_without_data(
    implementation: str, query: str, variables: Mapping[str, object] | None, expected: str
) -> None:
    for headers, status in ((MODERN, 400), (JSON, 200)):
        async with serving("graphql", small_book(), implementation=implementation) as served:
            answer = await ask(served.address, query, variables, headers=headers)
        assert (answer.status, list(answer.json)) == (status, ["errors"])
        assert answer.json["errors"][0]["extensions"]["code"] == expected
        assert "recursion" not in answer.content.decode()


@pytest.mark.parametrize("body", BAD_JSON.values(), ids=BAD_JSON)
async def test_bad_json_is_400(body: bytes) -> None:
    async with serving("graphql", small_book()) as served:
        for headers in (JSON, MODERN):
            answer = await request(served.address, "POST", PATH, headers, body)
            assert (answer.status, code(answer)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"query": ""},
        {"query": None},
        {"query": 1},
        {"query": ["{ pid }"]},
        {"query": "{ pid }", "variables": []},
        {"query": "{ pid }", "variables": "{}"},
        {"query": "{ pid }", "operationName": 1},
        {"query": "{ pid }", "extensions": "x"},
        [{"query": "{ pid }"}, {"query": "{ pid }"}],
    ],
)
async def test_an_invalid_graphql_request_is_400(address: str, sent: object) -> None:
    answer = await request(address, "POST", PATH, JSON, msgspec.json.encode(sent))
    assert (answer.status, answer.headers["content-type"], code(answer)) == (400, "application/json", "BAD_REQUEST")


QUERY = b'{"query": "{ pid }"}'


@pytest.mark.parametrize(
    ("headers", "body", "status", "expected"),
    [
        ({}, QUERY, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"Content-Type": "text/plain"}, QUERY, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"Content-Type": "application/graphql"}, b"{ pid }", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"query={pid}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, QUERY, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({**JSON, "Content-Encoding": "br"}, QUERY, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({**JSON, "Content-Encoding": "gzip"}, QUERY, 400, "BAD_REQUEST"),
        ({**JSON, "Content-Encoding": "gzip"}, gzipped(bytes(1_000_000), 6), 413, "TOO_LARGE"),
        (JSON, b'{"query": "' + b" " * 20_000 + b'{ pid }"}', 413, "TOO_LARGE"),
        ({**JSON, "Accept": "image/png"}, QUERY, 406, "NOT_ACCEPTABLE"),
        ({**JSON, "Accept-Encoding": "*;q=0"}, QUERY, 406, "NOT_ACCEPTABLE"),
    ],
)
async def test_an_unacceptable_request_gets_its_status_and_a_graphql_error(
    address: str, headers: Mapping[str, str], body: bytes, status: int, expected: str
) -> None:
    answer = await request(address, "POST", PATH, headers, body)
    assert (answer.status, answer.headers["content-type"], code(answer)) == (status, "application/json", expected)


async def test_a_gzip_body_is_accepted(address: str) -> None:
    answer = await request(address, "POST", PATH, {**JSON, "Content-Encoding": "gzip"}, gzipped(QUERY, 6))
    assert answer.json == {"data": {"pid": os.getpid()}}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, application/json", "application/json"),
    ],
)
async def test_the_media_type_is_negotiated(address: str, accept: str | None, media_type: str) -> None:
    answer = await request(address, "POST", PATH, {**JSON, **({"Accept": accept} if accept else {})}, QUERY)
    assert (answer.headers["content-type"], answer.headers["vary"]) == (media_type, "Accept, Accept-Encoding")


async def test_responses_and_errors_are_gzipped_on_request(address: str) -> None:
    for query in ("{ pid }", "{ nothing }"):
        answer = await ask(address, query, headers={**JSON, "Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.json


def get_path(**parameters: str) -> str:
    return f"{PATH}?{urlencode(parameters)}"


async def test_queries_can_be_sent_by_get(address: str) -> None:
    path = get_path(
        query="query A($id: ID) { recipe(id: $id) { name } } query B { pid }", operationName="A", variables='{"id": 42}'
    )
    assert (await request(address, "GET", path)).json == {"data": {"recipe": {"name": CHICKEN.name}}}
    head = await request(address, "HEAD", path)
    assert (head.status, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("parameters", "status", "expected"),
    [
        ({"query": 'mutation { createRecipe(input: {name: "x"}) { id } }'}, 405, "METHOD_NOT_ALLOWED"),
        ({}, 400, "BAD_REQUEST"),
        ({"query": ""}, 400, "BAD_REQUEST"),
        ({"query": "{ pid }", "variables": "{"}, 400, "BAD_REQUEST"),
        ({"query": "{ pid }", "variables": "[]"}, 400, "BAD_REQUEST"),
        ({"query": "{ pid }", "extensions": '"x"'}, 400, "BAD_REQUEST"),
        ({"query": "{ pid }", "operationName": "Other"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { pid } query B { pid }"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment f on Query { pid }"}, 400, "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_invalid_requests_and_mutations_by_get_are_refused(
    address: str, parameters: dict[str, str], status: int, expected: str
) -> None:
    answer = await request(address, "GET", get_path(**parameters))
    assert (answer.status, code(answer)) == (status, expected)
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


async def test_other_methods_and_paths_get_http_errors(address: str) -> None:
    wrong = await request(address, "PUT", PATH, JSON, QUERY)
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert (await request(address, "OPTIONS", PATH)).status == 204
    nothing = await request(address, "GET", "/")
    assert (nothing.status, nothing.headers["content-type"]) == (404, "application/problem+json")


async def test_an_internal_error_is_masked_and_logged(implementation: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving("graphql", BrokenBook([CHICKEN]), implementation=implementation) as served:
        answer = await ask(served.address, "{ recipe(id: 42) { id } pid }")
        await ask(served.address, "{ nothing }")
    assert (answer.status, code(answer)) == (200, "INTERNAL")
    assert answer.json["data"] == {"recipe": None, "pid": os.getpid()}
    assert BrokenBook.SECRET not in answer.content.decode()
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert BrokenBook.SECRET in caplog.text
    assert answer.json["errors"][0]["extensions"]["incident"] in caplog.text


async def test_creating_in_a_read_only_book_is_an_error_with_the_reason(implementation: str) -> None:
    async with serving("graphql", small_book(read_only_because="shared"), implementation=implementation) as served:
        answer = await ask(served.address, 'mutation { createRecipe(input: {name: "x"}) { id } }')
    assert (code(answer), answer.json["errors"][0]["message"]) == ("READ_ONLY", "shared")


async def test_suggestions_and_introspection_can_be_disabled(implementation: str) -> None:
    misspelt = "{ recipe(id: 42) { nam } }"
    in_a_variable = "mutation($i: RecipeInput!) { createRecipe(input: $i) { id } }"
    introspection = "{ __schema { queryType { name } } }"
    for shown in (True, False):
        settings = ProducerSettings(suggestions=shown, introspection=shown)
        async with serving("graphql", small_book(), settings=settings, implementation=implementation) as served:
            answers = [
                await ask(served.address, misspelt),
                await ask(served.address, in_a_variable, {"i": {"nam": "x"}}),
            ]
            assert [answer.status for answer in answers] == [400, 400]
            assert [("Did you mean" in answer.content.decode()) for answer in answers] == [shown, shown]
            answer = await ask(served.address, introspection)
            assert ("data" in answer.json) is shown
            assert (await ask(served.address, "{ __typename }")).json == {"data": {"__typename": "Query"}}


async def parsed_after(schema: RecipeSchema, *queries: str) -> int:
    """How many documents `schema` parses for these queries."""
    before = schema.documents.parsed
    for query in queries:
        await schema.execute(query, context_value=small_book())
    return schema.documents.parsed - before


async def test_each_valid_document_is_parsed_once() -> None:
    schema = RecipeSchema()
    assert await parsed_after(schema, "{ pid }", "{ pid }", "{ pid } ", "{ pid }") == 2
    assert await parsed_after(schema, "{ nothing }", "{ nothing }", "{", "{") == 4
    assert len(schema.documents) == 2


async def test_the_document_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_documents, "MAXIMUM_DOCUMENTS", 2)
    schema = RecipeSchema()
    one, two, three = "{ pid }", "{ a: pid }", "{ b: pid }"
    assert await parsed_after(schema, one, two, one, three) == 3
    assert await parsed_after(schema, one, three) == 0, "the least recently used one goes"
    assert await parsed_after(schema, two) == 1
    large = "{ pid }" + " " * graphql_documents.MAXIMUM_KEPT_CHARACTERS
    assert await parsed_after(schema, large, large) == 2
    assert len(schema.documents) == 2


def test_the_checked_in_schema_is_up_to_date() -> None:
    text = resources.files("protos").joinpath("recipe.graphql").read_text(encoding="utf-8")
    assert text == printed_schema().rstrip("\n") + "\n"
