"""Every client gets the same domain values and errors from its producer, whatever the protocol."""

import asyncio
import os
from itertools import combinations

import msgspec
import pytest

from consumers.client import RecipeClient
from consumers.registry import CONSUMERS
from producers.registry import PRODUCERS
from recipes.book import MAXIMUM_ID, MAXIMUM_KEY_LENGTH, InMemoryRecipeBook
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import FIELDS, IngredientDraft, Recipe, RecipeDraft
from tests.contract.conftest import Serve
from tests.support.books import CHICKEN, EMPTY, LARGE, SPECIAL, UNICODE, small_book
from tests.support.serving import Served

pytestmark = pytest.mark.asyncio(loop_scope="session")

SELECTIONS = [names for count in range(1, len(FIELDS) + 1) for names in combinations(FIELDS, count)]
DRAFT = RecipeDraft("Soupe à l'oignon 🧅", "Cry.\nStir.", (IngredientDraft("oignon", "1 kg"), IngredientDraft("sel")))


async def test_both_registries_name_the_same_protocols() -> None:
    assert set(PRODUCERS) == set(CONSUMERS)


@pytest.mark.parametrize("recipe", SPECIAL.values(), ids=lambda recipe: recipe.name.split()[0])
async def test_a_recipe_is_received_unchanged(client: RecipeClient, recipe: Recipe) -> None:
    assert await client.get(recipe.id) == recipe


@pytest.mark.parametrize("recipe_id", [0, 999_999, MAXIMUM_ID, MAXIMUM_ID + 1, -1, 10**30])
async def test_an_unknown_id_is_not_found(client: RecipeClient, recipe_id: int) -> None:
    with pytest.raises(RecipeNotFound) as caught:
        await client.get(recipe_id)
    assert str(caught.value) == f"no recipe has the id {recipe_id}"


async def test_a_selection_returns_only_its_fields(client: RecipeClient) -> None:
    for names in SELECTIONS:
        assert await client.get(CHICKEN.id, names) == CHICKEN.keeping(names), names


async def test_a_selection_may_name_a_field_twice_and_in_any_order(client: RecipeClient) -> None:
    assert await client.get(CHICKEN.id, ["steps", "name", "steps"]) == CHICKEN.keeping(["name", "steps"])


@pytest.mark.parametrize("names", [["nam"], ["name", "calories"], ["ingredients.name"], [""], []])
async def test_an_unknown_field_is_refused(client: RecipeClient, names: list[str]) -> None:
    with pytest.raises(InvalidRecipe):
        await client.get(CHICKEN.id, names)


@pytest.mark.parametrize("size", [1, 20, 63, 1000])
async def test_the_pages_together_hold_the_whole_book(
    client: RecipeClient, book: InMemoryRecipeBook, size: int
) -> None:
    token, pages = "", []
    while True:
        page = await client.list(size, token)
        assert page == await book.page(size, token)
        pages.append(page)
        token = page.next_page_token
        if not token:
            break
    assert sum(len(page.recipes) for page in pages) == len(book)


async def test_a_page_holds_20_recipes_by_default(client: RecipeClient, book: InMemoryRecipeBook) -> None:
    assert await client.list() == await book.page(20)


@pytest.mark.parametrize("size", [0, -1, 1001, MAXIMUM_ID, MAXIMUM_ID + 1])
async def test_an_impossible_page_size_is_refused(client: RecipeClient, size: int) -> None:
    with pytest.raises(InvalidRecipe):
        await client.list(size)


@pytest.mark.parametrize("token", ["no-token", "YWZ0ZXI6MQ==", "é", "%00", "&page_size=1"])
async def test_an_unknown_page_token_is_refused(client: RecipeClient, token: str) -> None:
    with pytest.raises(InvalidRecipe):
        await client.list(20, token)


async def test_an_empty_book_has_one_empty_page(serve: Serve) -> None:
    async with serve(InMemoryRecipeBook([])) as served, served.client() as client:
        page = await client.list()
    assert (page.recipes, page.next_page_token) == ((), "")


async def test_a_created_recipe_can_be_fetched(client: RecipeClient) -> None:
    created = await client.create(DRAFT)
    assert created == DRAFT.with_id(created.id)
    assert await client.get(created.id) == created


async def test_creating_without_a_key_creates_each_time(client: RecipeClient) -> None:
    assert (await client.create(DRAFT)).id != (await client.create(DRAFT)).id


async def test_the_same_key_and_recipe_create_once(client: RecipeClient) -> None:
    assert await client.create(DRAFT, "once") == await client.create(DRAFT, "once")


async def test_the_same_key_with_another_recipe_conflicts(client: RecipeClient) -> None:
    await client.create(DRAFT, "conflict")
    with pytest.raises(IdempotencyConflict):
        await client.create(RecipeDraft("Another"), "conflict")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (RecipeDraft(""), "name"),
        (RecipeDraft(" \t"), "name"),
        (RecipeDraft("Soup", "", (IngredientDraft("salt"), IngredientDraft("", "1 g"))), "ingredients[1].name"),
    ],
)
async def test_a_recipe_without_a_name_is_refused(client: RecipeClient, draft: RecipeDraft, field: str) -> None:
    with pytest.raises(InvalidRecipe) as caught:
        await client.create(draft)
    assert caught.value.field == field


async def test_a_key_that_is_too_long_is_refused(client: RecipeClient) -> None:
    with pytest.raises(InvalidRecipe):
        await client.create(DRAFT, "k" * (MAXIMUM_KEY_LENGTH + 1))


async def test_a_lone_surrogate_is_refused(client: RecipeClient) -> None:
    with pytest.raises(InvalidRecipe):
        await client.create(RecipeDraft("\ud83c"))


async def test_creating_in_a_read_only_book_reports_the_reason(serve: Serve) -> None:
    async with serve(small_book(read_only_because="shared by workers")) as served, served.client() as client:
        with pytest.raises(BookIsReadOnly, match="shared by workers"):
            await client.create(DRAFT)
        assert await client.get(CHICKEN.id) == CHICKEN


async def test_the_pid_is_that_of_the_producer_process(client: RecipeClient) -> None:
    assert await client.pid() == os.getpid()


async def test_producer_data_is_the_response_as_json(served: Served, client: RecipeClient) -> None:
    data = await client.producer_data(CHICKEN.id)
    assert msgspec.json.decode(msgspec.json.encode(data)) == data
    ingredients = [{"name": "Chicken", "quantity": "1 lb"}, {"name": "Sauce", "quantity": "2 cups"}]
    numbered = [{"id": number, **line} for number, line in enumerate(ingredients, start=1)]
    whole = {"id": 42, "name": CHICKEN.name, "steps": CHICKEN.steps, "ingredients": numbered}
    shapes: dict[str, object] = {
        "http": {"producer_pid": os.getpid(), "recipe": whole},
        "graphql": {
            "data": {"recipe": {"id": "42", "name": CHICKEN.name, "ingredients": ingredients}, "pid": os.getpid()}
        },
        "grpc": {"pid": os.getpid(), "recipe": whole},
    }
    # The shape depends on the protocol, but every one contains the recipe's name.
    assert data == shapes.get(served.protocol, data)
    assert CHICKEN.name in str(data)


async def test_producer_data_of_an_unknown_recipe_is_not_found(client: RecipeClient) -> None:
    with pytest.raises(RecipeNotFound):
        await client.producer_data(999_999)


async def test_fifty_concurrent_calls_each_get_their_own_response(
    client: RecipeClient, book: InMemoryRecipeBook
) -> None:
    ids = [1 + number % 60 for number in range(50)]
    answers = await asyncio.gather(*(client.get(recipe_id) for recipe_id in ids))
    assert list(answers) == [await book.get(recipe_id) for recipe_id in ids]


async def test_a_failed_call_does_not_affect_concurrent_calls(client: RecipeClient) -> None:
    answers = await asyncio.gather(
        client.get(EMPTY.id), client.get(999_999), client.get(LARGE.id), client.list(0), return_exceptions=True
    )
    assert (answers[0], answers[2]) == (EMPTY, LARGE)
    assert isinstance(answers[1], RecipeNotFound)
    assert isinstance(answers[3], InvalidRecipe)


async def test_two_clients_can_be_open_at_once(served: Served) -> None:
    async with served.client() as one, served.client() as two:
        assert list(await asyncio.gather(one.get(UNICODE.id), two.get(EMPTY.id))) == [UNICODE, EMPTY]
        await one.close()
        assert await two.get(CHICKEN.id) == CHICKEN


async def test_a_client_can_be_closed_twice(served: Served) -> None:
    client = served.client()
    await client.open()
    assert await client.get(CHICKEN.id) == CHICKEN
    await client.close()
    await client.close()
