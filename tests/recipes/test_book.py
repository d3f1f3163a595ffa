"""The book kept in memory: pages and their tokens, creation, idempotency, and its bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes import book as book_module
from recipes.book import (
    DEFAULT_PAGE_SIZE,
    MAXIMUM_BATCH_SIZE,
    MAXIMUM_ID,
    MAXIMUM_KEY_LENGTH,
    MAXIMUM_PAGE_SIZE,
    InMemoryRecipeBook,
    id_after,
    page_token,
)
from recipes.errors import BookIsReadOnly, IdempotencyConflict, InvalidRecipe, RecipeNotFound
from recipes.model import Ingredient, IngredientDraft, Recipe, RecipeDraft

DRAFT = RecipeDraft("Toast", "Toast it.", (IngredientDraft("Bread", "1 slice"),))


def book_of(*ids: int) -> InMemoryRecipeBook:
    return InMemoryRecipeBook([Recipe(number, f"Recipe {number}") for number in ids])


async def all_pages(book: InMemoryRecipeBook, size: int) -> list[list[int]]:
    pages = []
    token = ""
    while True:
        page = await book.page(size, token)
        pages.append([recipe.id for recipe in page.recipes])
        token = page.next_page_token
        if not token:
            return pages


async def test_a_recipe_is_fetched_by_its_id() -> None:
    assert await book_of(3, 5).get(5) == Recipe(5, "Recipe 5")


async def test_a_missing_recipe_is_named() -> None:
    with pytest.raises(RecipeNotFound, match=r"^no recipe has the id 4$") as caught:
        await book_of(3, 5).get(4)
    assert caught.value.recipe_id == 4


async def test_many_are_returned_in_the_order_and_number_requested() -> None:
    recipes = await book_of(3, 5, 9).get_many([9, 3, 9])
    assert [recipe.id for recipe in recipes] == [9, 3, 9]


async def test_of_many_the_first_missing_id_is_reported() -> None:
    with pytest.raises(RecipeNotFound) as caught:
        await book_of(3, 5).get_many([5, 7, 4, 3])
    assert caught.value.recipe_id == 7


@pytest.mark.parametrize("count", [0, MAXIMUM_BATCH_SIZE + 1])
async def test_batch_sizes_out_of_range_are_refused(count: int) -> None:
    with pytest.raises(InvalidRecipe, match=f"1 to {MAXIMUM_BATCH_SIZE} ids, not {count}") as caught:
        await book_of(3).get_many([3] * count)
    assert caught.value.field == "ids"


async def test_a_created_recipe_can_be_fetched_in_a_batch() -> None:
    book = book_of(3)
    created = await book.add(DRAFT)
    assert await book.get_many([created.id] * MAXIMUM_BATCH_SIZE) == (created,) * MAXIMUM_BATCH_SIZE


def test_two_recipes_with_the_same_id_are_refused() -> None:
    with pytest.raises(InvalidRecipe, match="two recipes have the id 3") as caught:
        book_of(3, 5, 3)
    assert caught.value.field == "id"


@pytest.mark.parametrize(
    ("size", "pages"),
    [
        (1, [[2], [3], [5], [9]]),
        (3, [[2, 3, 5], [9]]),
        (4, [[2, 3, 5, 9]]),
        (MAXIMUM_PAGE_SIZE, [[2, 3, 5, 9]]),
    ],
)
async def test_pages_list_every_recipe_once_in_order(size: int, pages: list[list[int]]) -> None:
    assert await all_pages(book_of(9, 3, 2, 5), size) == pages


async def test_an_empty_book_has_one_empty_page() -> None:
    assert await all_pages(book_of(), DEFAULT_PAGE_SIZE) == [[]]


async def test_a_page_has_twenty_recipes_by_default() -> None:
    page = await book_of(*range(1, 31)).page()
    assert [recipe.id for recipe in page.recipes] == list(range(1, 21))


async def test_paging_continues_after_an_id_that_does_not_exist() -> None:
    page = await book_of(2, 9).page(5, page_token(4))
    assert [recipe.id for recipe in page.recipes] == [9]


@pytest.mark.parametrize("size", [-1, 0, MAXIMUM_PAGE_SIZE + 1])
async def test_page_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(InvalidRecipe, match=f"a page size must be 1 to 1000, not {size}") as caught:
        await book_of(1).page(size)
    assert caught.value.field == "page_size"


@given(st.integers(0, MAXIMUM_ID))
def test_a_token_decodes_to_its_id(last_id: int) -> None:
    assert id_after(page_token(last_id)) == last_id


@given(st.text() | st.binary().map(lambda raw: page_token(1)[:3] + raw.hex()))
def test_an_invalid_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRecipe, match="the page token is invalid") as caught:
        id_after(token)
    assert caught.value.field == "page_token"


@pytest.mark.parametrize("token", ["YWZ0ZXI6MDE", "YWZ0ZXI6MTIzNDU2Nzg5MDE", "YmVmb3JlOjE", page_token(7) + "="])
def test_other_spellings_of_a_token_are_refused(token: str) -> None:
    with pytest.raises(InvalidRecipe, match="the page token is invalid"):
        id_after(token)


async def test_an_added_recipe_can_be_fetched_and_listed() -> None:
    book = book_of(3, 5)
    added = await book.add(DRAFT)
    assert added == Recipe(6, "Toast", "Toast it.", (Ingredient(1, "Bread", "1 slice"),))
    assert await book.get(6) == added
    assert await all_pages(book, 2) == [[3, 5], [6]]
    assert len(book) == 3


async def test_the_first_recipe_of_an_empty_book_is_number_one() -> None:
    assert (await book_of().add(DRAFT)).id == 1


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (RecipeDraft(" "), "name"),
        (RecipeDraft("a\ud800"), "name"),
        (RecipeDraft("a", "\ud800"), "steps"),
        (RecipeDraft("a", "", (IngredientDraft("b"), IngredientDraft(""))), "ingredients[1].name"),
        (RecipeDraft("a", "", (IngredientDraft("\udfff"),)), "ingredients[0].name"),
        (RecipeDraft("a", "", (IngredientDraft("b", "\udfff"),)), "ingredients[0].quantity"),
    ],
)
async def test_invalid_drafts_are_refused(draft: RecipeDraft, field: str) -> None:
    book = book_of(1)
    with pytest.raises(InvalidRecipe) as caught:
        await book.add(draft)
    assert caught.value.field == field
    assert len(book) == 1


async def test_the_same_key_and_draft_give_the_same_recipe() -> None:
    book = book_of(1)
    first = await book.add(DRAFT, "key")
    assert await book.add(DRAFT, "key") is first
    assert (await book.add(DRAFT, "other key")).id == 3
    assert (await book.add(DRAFT)).id == 4


async def test_the_same_key_with_another_draft_is_a_conflict() -> None:
    book = book_of(1)
    await book.add(DRAFT, "key")
    with pytest.raises(IdempotencyConflict, match="used before with another recipe"):
        await book.add(RecipeDraft("Soup"), "key")
    assert len(book) == 2


async def test_keys_have_a_maximum_length() -> None:
    book = book_of()
    await book.add(DRAFT, "k" * MAXIMUM_KEY_LENGTH)
    with pytest.raises(InvalidRecipe, match="at most 255 characters, not 256") as caught:
        await book.add(DRAFT, "k" * (MAXIMUM_KEY_LENGTH + 1))
    assert caught.value.field == "idempotency_key"


async def test_adding_to_a_read_only_book_reports_the_reason() -> None:
    book = InMemoryRecipeBook([Recipe(1, "Tea")], read_only_because="with two workers it cannot")
    with pytest.raises(BookIsReadOnly, match=r"^with two workers it cannot$"):
        await book.add(DRAFT)


async def test_no_id_is_assigned_beyond_the_largest() -> None:
    book = book_of(MAXIMUM_ID - 1)
    assert (await book.add(DRAFT)).id == MAXIMUM_ID
    with pytest.raises(BookIsReadOnly, match="all ids are in use"):
        await book.add(DRAFT)


async def test_the_oldest_created_recipes_and_keys_are_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MAXIMUM_CREATED", 3)
    book = book_of(1, 2)
    for number in range(5):
        await book.add(RecipeDraft(f"Created {number}"), f"key {number}")
    assert await all_pages(book, 2) == [[1, 2], [5, 6], [7]]
    with pytest.raises(RecipeNotFound):
        await book.get(4)
    assert (await book.add(RecipeDraft("Created 4"), "key 4")).id == 7
    assert (await book.add(RecipeDraft("Anything"), "key 0")).id == 8
