"""How the GraphQL consumer reads responses of the lab's producers and of other servers."""

from collections.abc import Awaitable, Callable, Collection

import graphql
import msgspec
import pytest

from consumers import graphql_http
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError, OperationUnsupported, UnexpectedResponse
from consumers.graphql_http import GraphqlHttpClient, selecting
from consumers.target import Target
from producers.graphql_schema import printed_schema
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound
from recipes.model import FIELDS, Ingredient, Recipe, RecipeDraft, RecipePage
from tests.support.books import CHICKEN
from tests.support.raw_http import answering, response

Call = Callable[[RecipeClient], Awaitable[object]]

SOUP = {"id": "1", "name": "Soup", "steps": None, "ingredients": [{"id": "1", "name": "Water", "quantity": None}]}
SOUP_IN_THE_DOMAIN = Recipe(1, "Soup", "", (Ingredient(1, "Water"),))
NUMBERED = msgspec.json.decode(msgspec.json.encode(CHICKEN))


async def outcome(content: bytes, call: Call) -> object:
    """The result of a call to which the server responds with `content`."""
    async with answering(content) as port:
        settings = ClientSettings(target=Target("127.0.0.1", port))
        async with GraphqlHttpClient(settings) as consumer:
            return await call(consumer)


def get(fields: Collection[str] | None = None) -> Call:
    return lambda consumer: consumer.get(42, fields)


def listed(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.list()


def created(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.create(RecipeDraft("Soup"))


def pid(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.pid()


def shown(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.producer_data(42)


def data(value: object, **more: object) -> bytes:
    return response(msgspec.json.encode({"data": value, **more}), media_type="application/graphql-response+json")


def page(recipes: list[object], **info: object) -> object:
    return {"recipes": {"edges": [{"node": recipe} for recipe in recipes], "pageInfo": info}}


@pytest.mark.parametrize(
    ("content", "call", "expected"),
    [
        (data({"recipe": SOUP}), get(), SOUP_IN_THE_DOMAIN),
        (data({"recipe": NUMBERED}, extensions={"took": 1}, errors=None), get(), CHICKEN),
        (data({"recipe": SOUP}, errors=[]), get(), SOUP_IN_THE_DOMAIN),
        (data({"recipe": {"id": "7", "name": "x"}}), get(["name", "id"]), Recipe(7, "x")),
        (data({"recipe": {"steps": None}}), get(["steps"]), Recipe(0, "")),
        (data(page([SOUP], hasNextPage=True, endCursor="t")), listed, RecipePage((SOUP_IN_THE_DOMAIN,), "t")),
        (data(page([SOUP], hasNextPage=False, endCursor="t")), listed, RecipePage((SOUP_IN_THE_DOMAIN,), "")),
        (data(page([], hasNextPage=False, endCursor=None)), listed, RecipePage((), "")),
        (data({"createRecipe": SOUP}), created, SOUP_IN_THE_DOMAIN),
        (data({"pid": 7}), pid, 7),
        (data({"recipe": SOUP, "pid": None}), shown, {"data": {"recipe": SOUP, "pid": None}}),
    ],
)
async def test_a_response_becomes_a_domain_value(content: bytes, call: Call, expected: object) -> None:
    assert await outcome(content, call) == expected


def refused(code: str | None, message: str = "so it\nis", value: object = None, status: int = 200) -> bytes:
    extensions = {"extensions": {"code": code, "field": "name"}} if code is not None else {}
    body = {"data": value, "errors": [{"message": message, "path": ["x"], **extensions}]}
    return response(msgspec.json.encode(body), status)


@pytest.mark.parametrize(
    ("content", "call", "kind", "text"),
    [
        (refused("NOT_FOUND", value={"recipe": None}), get(), RecipeNotFound, "no recipe has the id 42"),
        (refused("NOT_FOUND", value={"recipe": None, "pid": 1}), shown, RecipeNotFound, "no recipe has the id 42"),
        (data({"recipe": None}), get(), RecipeNotFound, "no recipe has the id 42"),
        (data({"recipe": None}), get(["name"]), RecipeNotFound, "no recipe has the id 42"),
        (data({"recipe": None, "pid": 1}), shown, RecipeNotFound, "no recipe has the id 42"),
        (refused("NOT_FOUND"), listed, UnexpectedResponse, "NOT_FOUND: so it is"),
        (refused("BAD_USER_INPUT"), created, InvalidRecipe, "so it is"),
        (refused("IDEMPOTENCY_CONFLICT"), created, IdempotencyConflict, "this idempotency key"),
        (refused("READ_ONLY"), created, BookIsReadOnly, "so it is"),
        (refused("GRAPHQL_VALIDATION_FAILED", status=400), listed, OperationUnsupported, "so it is"),
        (refused(None, 'Cannot query field "recipes" on type "Query".', status=400), listed, OperationUnsupported, ""),
        (refused(None, 'Unknown type "RecipeInput".', status=400), created, OperationUnsupported, "RecipeInput"),
        (refused("INTERNAL", value={"recipe": None}), get(), UnexpectedResponse, "INTERNAL: so it is"),
        (refused(None), get(), UnexpectedResponse, "so it is"),
        (response(b'{"error": "no"}', 503), get(), UnexpectedResponse, "503 Service Unavailable"),
        (response(b'{"data": {"recipe": null}}', 500), get(), UnexpectedResponse, "500 Internal Server Error"),
        (data(None), get(), UnexpectedResponse, "neither errors nor data"),
        (data({}), get(), UnexpectedResponse, "missing required field `recipe`"),
        (data({"recipe": {**SOUP, "id": "x"}}), get(), UnexpectedResponse, "Expected `int`"),
        (data({"recipe": {"name": "x"}}), get(["name", "id"]), UnexpectedResponse, "lacks id"),
        (data(page([], hasNextPage=True, endCursor=None)), listed, UnexpectedResponse, "no endCursor"),
        (data(page([None], hasNextPage=False)), listed, UnexpectedResponse, "Expected `object`"),
        (data({"pid": None}), pid, UnexpectedResponse, "Expected `int`"),
    ],
)
async def test_an_error_response_becomes_a_domain_or_consumer_error(
    content: bytes, call: Call, kind: type[RecipeError] | type[ConsumerError], text: str
) -> None:
    with pytest.raises(kind) as caught:
        await outcome(content, call)
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    if isinstance(caught.value, InvalidRecipe):
        assert caught.value.field == "name"


@pytest.mark.parametrize("fields", [[], ["nam"], ["name", ""], ["ingredients.name"]])
async def test_an_empty_or_unknown_selection_is_not_sent(fields: list[str]) -> None:
    with pytest.raises(InvalidRecipe):
        await outcome(b"", get(fields))


@pytest.mark.parametrize("name", ["GET", "LIST", "CREATE", "PID", "SHOW"])
def test_every_document_is_valid_under_the_contract(name: str) -> None:
    schema = graphql.build_schema(printed_schema())
    for document in (getattr(graphql_http, name), selecting(frozenset(FIELDS))):
        assert graphql.validate(schema, graphql.parse(document)) == []


NODE_SAMPLE = """
type Query { recipe(id: ID): Recipe  pid: Int }
type Recipe { id: ID! name: String! steps: String ingredients: [Ingredient]! }
type Ingredient { id: ID! name: String! quantity: String }
"""


@pytest.mark.parametrize("name", ["GET", "PID", "SHOW"])
def test_queries_are_valid_under_the_schema_of_the_node_sample(name: str) -> None:
    schema = graphql.build_schema(NODE_SAMPLE)
    assert graphql.validate(schema, graphql.parse(getattr(graphql_http, name))) == []
