"""Functions for those fields of protos/recipe.graphql whose values are no attributes, as graphql-core calls them.

For libraries that take the schema from the contract. `info.context` is a RecipeBook.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from producers.request_values import parse_id, parse_ids
from recipes.book import DEFAULT_PAGE_SIZE, page_token
from recipes.errors import InvalidRecipe
from recipes.model import IngredientDraft, Recipe, RecipeDraft, RecipePage


async def _recipe(_: object, info: Any, id: str | None = None) -> Recipe:  # noqa: A002 - named as in the contract
    if not id:
        raise InvalidRecipe("the argument id is missing", "id")
    found: Recipe = await info.context.get(parse_id(id))
    return found


async def _recipes_by_ids(_: object, info: Any, ids: list[str]) -> tuple[Recipe, ...]:
    found: tuple[Recipe, ...] = await info.context.get_many(parse_ids(ids))
    return found


async def _recipes(
    _: object, info: Any, first: int | None = DEFAULT_PAGE_SIZE, after: str | None = None
) -> dict[str, object]:
    page: RecipePage = await info.context.page(DEFAULT_PAGE_SIZE if first is None else first, after or "")
    recipes = page.recipes
    place = {
        "has_next_page": bool(page.next_page_token),
        "has_previous_page": bool(after),
        "start_cursor": page_token(recipes[0].id) if recipes else None,
        "end_cursor": page.next_page_token or (page_token(recipes[-1].id) if recipes else None),
    }
    return {"edges": recipes, "page_info": place}


async def _create_recipe(
    _: object,
    info: Any,
    input: Mapping[str, Any],  # noqa: A002 - named as in the contract
    idempotency_key: str | None = None,
) -> Recipe:
    lines = tuple(
        [IngredientDraft(line["name"], line.get("quantity") or "") for line in input.get("ingredients") or ()]
    )
    draft = RecipeDraft(input["name"], input.get("steps") or "", lines)
    made: Recipe = await info.context.add(draft, idempotency_key or "")
    return made


RESOLVERS: dict[str, dict[str, Callable[..., Any]]] = {
    "Query": {
        "recipe": _recipe,
        "recipesByIds": _recipes_by_ids,
        "recipes": _recipes,
        "pid": lambda _, __: os.getpid(),
    },
    "Mutation": {"createRecipe": _create_recipe},
    # An edge is the recipe itself, so that no page is copied.
    "RecipeEdge": {"cursor": lambda recipe, _: page_token(recipe.id), "node": lambda recipe, _: recipe},
}
"""By type and field."""
