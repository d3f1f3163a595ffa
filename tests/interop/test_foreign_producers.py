"""The lab's consumers, answered by a producer that others have written: Node.js's http, and npm's graphql-http."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import Target
from recipes.errors import RecipeNotFound
from recipes.model import Ingredient, IngredientDraft, Recipe, RecipeDraft
from tests.interop.conftest import HERE

SCHEMA = HERE.parent.parent / "protos" / "recipe.graphql"
RECIPES = tuple(
    [Recipe(number, f"Recipe {number} 🍮", "", (Ingredient(1, "Salt", "½ tsp"),)) for number in (42, 43, 44)]
)
DRAFT = RecipeDraft("Soup", "Boil.", (IngredientDraft("Water", "1 l"), IngredientDraft("Salt")))


@pytest.fixture(scope="module")
def node_producer(node: str) -> Iterator[tuple[int, int]]:
    """Its port and its process id. It ends with its stdin."""
    command = [node, str(Path(HERE, "node_producer.mjs")), str(SCHEMA)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


@pytest.mark.parametrize("protocol", ["http", "graphql"])
async def test_a_consumer_understands_another_producer(protocol: str, node_producer: tuple[int, int]) -> None:
    port, pid = node_producer
    async with client(protocol, ClientSettings(target=Target("127.0.0.1", port))) as consumer:
        assert await consumer.pid() == pid
        assert await consumer.get(42) == RECIPES[0]
        assert await consumer.get(42, ["name"]) == RECIPES[0].keeping(["name"])
        assert await consumer.get_many([44, 42]) == (RECIPES[2], RECIPES[0])
        page = await consumer.list(2)
        assert page.recipes == RECIPES[:2]
        assert page.next_page_token
        created = await consumer.create(DRAFT)
        assert created == DRAFT.with_id(created.id)
        assert await consumer.get(created.id) == created
        with pytest.raises(RecipeNotFound):
            await consumer.get(43_000)
        with pytest.raises(RecipeNotFound) as caught:
            await consumer.get_many([42, 43_001, 43_000])
        assert caught.value.recipe_id == 43_001
