"""How the JSON consumer reads responses of the lab's producers and of other servers."""

from collections.abc import Awaitable, Callable, Collection

import msgspec
import pytest

from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError, OperationUnsupported, UnexpectedResponse
from consumers.json_http import JsonHttpClient
from consumers.target import Target
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeError, RecipeNotFound
from recipes.model import Ingredient, Recipe, RecipeDraft, RecipePage
from tests.support.books import CHICKEN
from tests.support.raw_http import answering, response

Call = Callable[[RecipeClient], Awaitable[object]]

WHOLE = msgspec.json.encode({"producer_pid": 7, "recipe": CHICKEN})


async def outcome(content: bytes, call: Call) -> object:
    """The result of a call to which the server responds with `content`."""
    async with answering(content) as port, JsonHttpClient(ClientSettings(target=Target("127.0.0.1", port))) as consumer:
        return await call(consumer)


def get(fields: Collection[str] | None = None) -> Call:
    return lambda consumer: consumer.get(42, fields)


def listed(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.list()


def created(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.create(RecipeDraft("Soup"))


def pid(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.pid()


def data(consumer: RecipeClient) -> Awaitable[object]:
    return consumer.producer_data(42)


@pytest.mark.parametrize(
    ("content", "call", "expected"),
    [
        (response(WHOLE), get(), CHICKEN),
        (response(WHOLE, media_type="application/json; charset=utf-8"), get(), CHICKEN),
        (response(WHOLE), data, {"producer_pid": 7, "recipe": msgspec.json.decode(msgspec.json.encode(CHICKEN))}),
        (response(WHOLE), pid, 7),
        (response(WHOLE, 201), created, CHICKEN),
        (response(b'{"recipe": {"name": "Soup", "x": 1}}'), get(["name"]), Recipe(0, "Soup")),
        (response(b'{"recipe": {"steps": null}}'), get(["steps"]), Recipe(0, "")),
        (
            response(
                b'{"recipe": {"id": 1, "name": "x", "steps": null, "ingredients": [{"id": 1, "name": "y", '
                b'"quantity": null, "unit": "g"}], "tags": [null]}}'
            ),
            get(),
            Recipe(1, "x", "", (Ingredient(1, "y"),)),
        ),
        (response(b'{"recipes": [], "next_page_token": "t", "total": 5}'), listed, RecipePage((), "t")),
    ],
)
async def test_a_response_becomes_a_domain_value(content: bytes, call: Call, expected: object) -> None:
    assert await outcome(content, call) == expected


def problem(status: int, error: str, **more: str) -> bytes:
    body = msgspec.json.encode({"status": status, "error": error, "detail": "so it\nis", **more})
    return response(body, status, "application/problem+json")


@pytest.mark.parametrize(
    ("content", "call", "kind", "text"),
    [
        (problem(404, "not_found"), get(), RecipeNotFound, "no recipe has the id 42"),
        (response(b'{"error": "not_found"}', 404), get(), RecipeNotFound, "no recipe has the id 42"),
        (problem(404, "not_found"), data, RecipeNotFound, "no recipe has the id 42"),
        (problem(404, "not_found"), listed, OperationUnsupported, "so it is"),
        (problem(404, "not_found"), created, OperationUnsupported, "so it is"),
        (problem(404, "not_found"), pid, OperationUnsupported, "so it is"),
        (response(b"nope", 404, "text/plain"), listed, OperationUnsupported, "404 Not Found"),
        (response(b"nope", 404, "text/plain"), get(), UnexpectedResponse, "404 Not Found"),
        (response(b"{", 404), get(), UnexpectedResponse, "404 Not Found"),
        (response(b'{"error": {"code": 404}}', 404), get(), UnexpectedResponse, "404 Not Found"),
        (problem(405, "method_not_allowed"), created, OperationUnsupported, "so it is"),
        (response(b"", 501, "text/plain"), created, OperationUnsupported, "501 Not Implemented"),
        (problem(501, "read_only"), created, BookIsReadOnly, "so it is"),
        (problem(422, "idempotency_conflict"), created, IdempotencyConflict, "this idempotency key"),
        (problem(400, "invalid", field="name"), created, InvalidRecipe, "so it is"),
        (problem(413, "too_large"), created, UnexpectedResponse, "413 Content Too Large: so it is"),
        (problem(500, "internal"), get(), UnexpectedResponse, "500 Internal Server Error: so it is"),
        (response(b"", 400, "text/plain"), get(), UnexpectedResponse, "400 Bad Request"),
        (response(WHOLE, 200), created, UnexpectedResponse, "200 OK"),
        (response(WHOLE), get(["name"]), OperationUnsupported, "fields that were not selected"),
        (response(b'{"recipe": {"name": "Soup"}}'), get(["name", "id"]), UnexpectedResponse, "lacks id"),
        (response(b'{"recipe": {"id": null}}'), get(["id"]), UnexpectedResponse, "Expected `int`"),
        (response(b'{"recipe": {"id": "1", "name": "x"}}'), get(), UnexpectedResponse, "Expected `int`"),
        (response(b'{"recipe": null}'), get(), UnexpectedResponse, "Expected `object`"),
        (response(b'{"producer_pid": null}'), pid, UnexpectedResponse, "Expected `int`"),
        (response(b'{"recipes": null}'), listed, UnexpectedResponse, "Expected `array`"),
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
