"""Batched lookups: the recipes that one operation looks up are read from the book in one access."""

from collections.abc import Sequence

from strawberry.dataloader import DataLoader

from recipes.book import DEFAULT_PAGE_SIZE, MAXIMUM_BATCH_SIZE, RecipeBook
from recipes.errors import RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage


class LoadingBook(RecipeBook):
    """A book for one operation. Concurrent lookups of its fields become one access, and each recipe is read once.

    An unknown id costs another access for the remaining ids, because `get_many` returns all recipes or none.
    """

    def __init__(self, book: RecipeBook) -> None:
        self._book = book
        self._loader: DataLoader[int, Recipe] = DataLoader(load_fn=self._load, max_batch_size=MAXIMUM_BATCH_SIZE)

    async def get(self, recipe_id: int) -> Recipe:
        return await self._loader.load(recipe_id)

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        return await self._book.get_many(recipe_ids)

    async def page(self, size: int = DEFAULT_PAGE_SIZE, after: str = "") -> RecipePage:
        return await self._book.page(size, after)

    async def add(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        return await self._book.add(draft, idempotency_key)

    async def _load(self, recipe_ids: list[int]) -> list[Recipe | RecipeNotFound]:
        found: dict[int, Recipe | RecipeNotFound] = {}
        while left := [recipe_id for recipe_id in recipe_ids if recipe_id not in found]:
            try:
                found.update(zip(left, await self._book.get_many(left), strict=True))
            except RecipeNotFound as error:
                found[next(recipe_id for recipe_id in left if recipe_id == error.recipe_id)] = error
        return [found[recipe_id] for recipe_id in recipe_ids]
