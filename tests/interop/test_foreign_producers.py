"""The lab's clients with third-party servers: Node.js's http and https, npm's graphql-http."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import Target
from producers.certificates import CertificateFiles
from recipes.errors import RecipeNotFound
from recipes.model import Ingredient, IngredientDraft, Recipe, RecipeDraft
from tests.interop.conftest import HERE

SCHEMA = HERE.parent.parent / "protos" / "recipe.graphql"
RECIPES = tuple(
    [Recipe(number, f"Recipe {number} 🍮", "", (Ingredient(1, "Salt", "½ tsp"),)) for number in (42, 43, 44)]
)
DRAFT = RecipeDraft("Soup", "Boil.", (IngredientDraft("Water", "1 l"), IngredientDraft("Salt")))


@dataclass(frozen=True)
class NodeProducer:
    """A server of both contracts on each port."""

    pid: int
    plain: Target
    encrypted: Target


@pytest.fixture(scope="module")
def node_producer(node: str, own_certificates: CertificateFiles) -> Iterator[NodeProducer]:
    """A running Node.js server; it exits when its stdin is closed."""
    files = [str(SCHEMA), str(own_certificates.server_key), str(own_certificates.server)]
    command = [node, str(Path(HERE, "node_producer.mjs")), *files]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            plain, encrypted = (int(port) for port in process.stdout.readline().split())
            yield NodeProducer(process.pid, Target("127.0.0.1", plain), Target("127.0.0.1", encrypted, tls=True))
        finally:
            process.kill()


@pytest.mark.parametrize("gzip", [False, True], ids=["identity", "gzip"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("protocol", ["http", "graphql"])
async def test_a_consumer_works_with_a_node_producer(
    protocol: str, tls: bool, gzip: bool, node_producer: NodeProducer, own_certificates: CertificateFiles
) -> None:
    target = node_producer.encrypted if tls else node_producer.plain
    settings = ClientSettings(target=target, gzip=gzip, ca=own_certificates.ca if tls else None)
    async with client(protocol, settings) as consumer:
        assert await consumer.pid() == node_producer.pid
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
