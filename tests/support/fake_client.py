"""A client without a network: responds after a scripted delay on the event loop's clock, or fails as scripted."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from consumers.client import ClientSettings, RecipeClient
from consumers.target import Target
from recipes.errors import RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage


class FakeClient(RecipeClient):
    """Has the recipes 1 to 100."""

    def __init__(self, before_answer: Callable[[int], float | Exception] = lambda _: 0.0) -> None:
        """`before_answer` takes the number of the call and gives the delay in seconds, or the error to raise."""
        super().__init__(ClientSettings(target=Target("nowhere", 1)))
        self.before_answer = before_answer
        self.asked: list[int] = []
        self.in_flight = 0
        self.in_flight_most = 0
        self.closed = False

    async def open(self) -> None:
        return

    async def close(self) -> None:
        self.closed = True

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        self.asked.append(recipe_id)
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self.in_flight)
        try:
            before = self.before_answer(len(self.asked))
            if isinstance(before, Exception):
                raise before
            await asyncio.sleep(before)
        finally:
            self.in_flight -= 1
        if not 1 <= recipe_id <= 100:
            raise RecipeNotFound(recipe_id)
        recipe = Recipe(recipe_id, f"recipe {recipe_id}")
        return recipe if fields is None else recipe.keeping(fields)

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        return tuple([await self.get(recipe_id) for recipe_id in recipe_ids])

    async def list(self, page_size: int = 20, page_token: str = "") -> RecipePage:
        start = int(page_token or 0)
        found = tuple(Recipe(i, f"recipe {i}") for i in range(start + 1, min(start + page_size, 100) + 1))
        return RecipePage(found, str(start + page_size) if start + page_size < 100 else "")

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        return draft.with_id(101)

    async def pid(self) -> int:
        return 1

    async def producer_data(self, recipe_id: int) -> dict[str, object]:
        return {}
