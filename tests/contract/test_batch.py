"""Many recipes in one request: the same rules in every protocol that supports it."""

import pytest

from consumers.client import RecipeClient
from consumers.registry import client_class
from producers.registry import PRODUCERS
from recipes.book import MAXIMUM_BATCH_SIZE, InMemoryRecipeBook
from recipes.errors import InvalidRecipe, RecipeNotFound
from tests.contract.conftest import cases
from tests.support.books import CHICKEN, EMPTY, LARGE, UNICODE

BATCHING = [name for name in PRODUCERS if client_class(name).get_many is not RecipeClient.get_many]

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("case", cases(protocols=BATCHING), ids=str, indirect=True, scope="session"),
]


async def test_recipes_are_returned_in_the_order_of_the_ids(client: RecipeClient) -> None:
    assert await client.get_many([UNICODE.id, CHICKEN.id, EMPTY.id]) == (UNICODE, CHICKEN, EMPTY)


async def test_a_repeated_id_is_returned_repeatedly(client: RecipeClient) -> None:
    assert await client.get_many([LARGE.id, CHICKEN.id, LARGE.id]) == (LARGE, CHICKEN, LARGE)


async def test_batches_of_the_smallest_and_largest_size_work(client: RecipeClient, book: InMemoryRecipeBook) -> None:
    assert await client.get_many([CHICKEN.id]) == (CHICKEN,)
    ids = [1 + number % 60 for number in range(MAXIMUM_BATCH_SIZE)]
    assert await client.get_many(ids) == await book.get_many(ids)


@pytest.mark.parametrize("ids", [[999_999], [CHICKEN.id, 999_999, EMPTY.id, 888_888], [999_999, -1]])
async def test_the_first_unknown_id_is_reported(client: RecipeClient, ids: list[int]) -> None:
    with pytest.raises(RecipeNotFound) as caught:
        await client.get_many(ids)
    assert caught.value.recipe_id == 999_999


@pytest.mark.parametrize("count", [0, MAXIMUM_BATCH_SIZE + 1])
async def test_batches_that_are_too_small_or_too_large_are_refused(client: RecipeClient, count: int) -> None:
    with pytest.raises(InvalidRecipe) as caught:
        await client.get_many([CHICKEN.id] * count)
    assert caught.value.field == "ids"
