"""The lookups of one operation are one batch for the book."""

from collections.abc import Sequence

from producers.graphql_schema import RecipeSchema
from recipes.book import InMemoryRecipeBook
from recipes.model import Recipe


class CountingBook(InMemoryRecipeBook):
    """Records each access."""

    def __init__(self) -> None:
        super().__init__([Recipe(number, f"Recipe {number}") for number in range(1, 10)])
        self.accesses: list[object] = []

    async def get(self, recipe_id: int) -> Recipe:
        self.accesses.append(recipe_id)
        return await super().get(recipe_id)

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        self.accesses.append(list(recipe_ids))
        return await super().get_many(recipe_ids)


async def asked(query: str) -> tuple[object, list[str], list[object]]:
    """The data, the error messages, and the accesses to the book."""
    book = CountingBook()
    result = await RecipeSchema().execute(query, context_value=book)
    return result.data, [error.message for error in result.errors or ()], book.accesses


async def test_one_lookup_is_one_call_of_the_book() -> None:
    assert await asked("{ recipe(id: 3) { id } }") == ({"recipe": {"id": "3"}}, [], [3])


async def test_several_lookups_are_one_batch_without_duplicates() -> None:
    data, errors, accesses = await asked(
        "{ a: recipe(id: 3) { id } b: recipe(id: 1) { id } c: recipe(id: 3) { name } }"
    )
    assert data == {"a": {"id": "3"}, "b": {"id": "1"}, "c": {"name": "Recipe 3"}}
    assert (errors, accesses) == ([], [[3, 1]])


async def test_a_missing_recipe_does_not_affect_the_others() -> None:
    data, errors, accesses = await asked(
        "{ a: recipe(id: 70) { id } b: recipe(id: 1) { id } c: recipe(id: 80) { id } }"
    )
    assert data == {"a": None, "b": {"id": "1"}, "c": None}
    assert sorted(errors) == ["no recipe has the id 70", "no recipe has the id 80"]
    assert accesses == [[70, 1, 80], [1, 80], [1]]


async def test_lookups_can_be_combined_with_other_fields() -> None:
    data, errors, _ = await asked(
        "{ a: recipe(id: 1) { id } b: recipe(id: 2) { id } recipesByIds(ids: [3]) { id } "
        "recipes(first: 1) { edges { cursor } } }"
    )
    assert errors == []
    assert isinstance(data, dict)
    assert list(data) == ["a", "b", "recipesByIds", "recipes"]
