"""How the protobuf consumer reads responses of the lab's producers and of other servers."""

from collections.abc import Awaitable, Callable

import pytest

from consumers.client import ClientSettings, RecipeClient
from consumers.errors import OperationUnsupported, UnexpectedResponse
from consumers.protobuf_http import ProtobufHttpClient
from consumers.target import Target
from protos import recipe_pb2 as messages
from recipes.errors import InvalidRecipe
from recipes.model import Recipe, RecipeDraft, RecipePage
from tests.support.raw_http import answering, response

PROTOBUF = "application/x-protobuf"
SOUP = messages.Recipe(id=7, name="Soup").SerializeToString()
ONE = [messages.Recipe(id=7, name="Soup")]
PAGE = messages.ListRecipesResponse(recipes=ONE, next_page_token="t").SerializeToString()
Call = Callable[[RecipeClient], Awaitable[object]]


async def outcome(content: bytes, call: Call) -> object:
    """The result of a call to which the server responds with `content`."""
    settings = ClientSettings(target=Target("127.0.0.1", 1))
    async with answering(content) as port:
        settings = ClientSettings(target=Target("127.0.0.1", port))
        async with ProtobufHttpClient(settings) as consumer:
            return await call(consumer)


@pytest.mark.parametrize(
    ("content", "call", "expected"),
    [
        (response(SOUP, media_type=PROTOBUF), lambda c: c.get(7), Recipe(7, "Soup")),
        (response(SOUP, media_type=PROTOBUF), lambda c: c.get(7, ["id", "name"]), Recipe(7, "Soup")),
        (response(PAGE, media_type=PROTOBUF), lambda c: c.list(1), RecipePage((Recipe(7, "Soup"),), "t")),
        (response(PAGE, media_type=PROTOBUF), lambda c: c.get_many([7]), (Recipe(7, "Soup"),)),
        (response(SOUP, 201, media_type=PROTOBUF), lambda c: c.create(RecipeDraft("Soup")), Recipe(7, "Soup")),
        (response(b'{"producer_pid": 7}'), lambda c: c.pid(), 7),
    ],
)
async def test_responses_are_decoded(content: bytes, call: Call, expected: object) -> None:
    assert await outcome(content, call) == expected


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (response(b"\xff", media_type=PROTOBUF), UnexpectedResponse, "not a Recipe"),
        (response(SOUP, media_type="text/plain"), UnexpectedResponse, "text/plain, not application/x-protobuf"),
        (response(b'{"recipe":{}}'), OperationUnsupported, "application/json, not application/x-protobuf"),
        (response(b"", 406), OperationUnsupported, "406 Not Acceptable"),
        (response(b"", 415), OperationUnsupported, "415 Unsupported Media Type"),
    ],
)
async def test_a_response_that_is_not_the_expected_message_is_an_error(
    content: bytes, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await outcome(content, lambda consumer: consumer.get(7))


async def test_unselected_fields_in_a_response_mean_selection_is_unsupported() -> None:
    with pytest.raises(OperationUnsupported, match="not selected"):
        await outcome(response(SOUP, media_type=PROTOBUF), lambda consumer: consumer.get(7, ["steps"]))


async def test_lone_surrogates_are_not_sent() -> None:
    with pytest.raises(InvalidRecipe, match="surrogate"):
        await outcome(b"", lambda consumer: consumer.create(RecipeDraft("\ud800")))
