"""The bare servers answer as the producers do, so that their instructions are those of the same requests."""

import pytest

from benchmarks.bare_producers import BARE, RECIPE_ID, constant_data
from consumers.client import ClientSettings
from consumers.registry import client
from consumers.target import parse_target
from tests.support.programs import listening


@pytest.mark.parametrize("name", BARE)
async def test_a_bare_server_answers_like_the_producer(name: str) -> None:
    recipe, page = await constant_data()
    with listening("benchmarks.bare_producers", "--serve", name) as server:
        settings = ClientSettings(target=parse_target(server.addresses[0]))
        async with client(BARE[name].protocol, settings) as caller:
            assert await caller.get(RECIPE_ID) == recipe
            assert (await caller.list(20)).recipes == page.recipes
