"""The GraphQL schema: what recipe.graphql prints.

Resolvers return the domain's own values, and graphql-core reads their attributes: Recipe, Ingredient and RecipeEdge say
what a caller may ask for, and are never made. An edge is the recipe itself, so that no page is copied to be shown. For
this reason such resolvers are typed as Any: what they return is of no class of this module.
"""

import logging
import os
from typing import Annotated, Any, cast

import strawberry
from graphql import GraphQLError
from strawberry.types.execution import ExecutionContext

from producers.graphql_documents import DocumentCache, document_extension
from producers.graphql_errors import is_unexpected
from producers.producer import new_incident
from producers.request_values import parse_id, parse_ids
from producers.settings import ProducerSettings
from recipes import model
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook, page_token
from recipes.errors import InvalidRecipe

log = logging.getLogger(__name__)

Info = strawberry.Info[RecipeBook, None]


@strawberry.type(description="One line of a recipe's list. Its id counts from 1 within the recipe.")
class Ingredient:
    """Shows recipes.model.Ingredient."""

    id: strawberry.ID
    name: str
    quantity: str | None


@strawberry.type(description="A recipe. Text that is absent is empty, and never null.")
class Recipe:
    """Shows recipes.model.Recipe."""

    id: strawberry.ID
    name: str
    steps: str | None
    ingredients: list[Ingredient | None]


def _cursor(recipe: strawberry.Parent[model.Recipe]) -> str:
    return page_token(recipe.id)


def _node(recipe: strawberry.Parent[model.Recipe]) -> Any:
    return recipe


@strawberry.type(description="A recipe's place in a connection.")
class RecipeEdge:
    """Shows recipes.model.Recipe."""

    cursor: str = strawberry.field(resolver=_cursor, description="Given as `after`, continues behind this recipe.")
    node: Recipe = strawberry.field(resolver=_node)


@strawberry.type(description="Where a page stands among all recipes.")
class PageInfo:
    """Made for each page."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A page of recipes in ascending order of id.")
class RecipeConnection:
    """Made for each page."""

    edges: list[RecipeEdge]
    page_info: PageInfo


async def _recipe(
    info: Info, recipe_id: Annotated[strawberry.ID | None, strawberry.argument(name="id")] = strawberry.UNSET
) -> Any:
    if not recipe_id:
        raise InvalidRecipe("a recipe is asked for by its id", "id")
    return await info.context.get(parse_id(recipe_id))


async def _recipes_by_ids(info: Info, ids: list[strawberry.ID]) -> Any:
    return await info.context.get_many(parse_ids(ids))


async def _recipes(
    info: Info, first: int | None = DEFAULT_PAGE_SIZE, after: str | None = strawberry.UNSET
) -> RecipeConnection:
    page = await info.context.page(DEFAULT_PAGE_SIZE if first is None else first, after or "")
    recipes = page.recipes
    place = PageInfo(
        has_next_page=bool(page.next_page_token),
        has_previous_page=bool(after),
        start_cursor=page_token(recipes[0].id) if recipes else None,
        end_cursor=page.next_page_token or (page_token(recipes[-1].id) if recipes else None),
    )
    return RecipeConnection(edges=cast(Any, recipes), page_info=place)


def _pid() -> int | None:
    return os.getpid()


@strawberry.type
class Query:
    """What can be read."""

    recipe: Recipe | None = strawberry.field(
        resolver=_recipe, description="One recipe; null with the error NOT_FOUND when no recipe has the id."
    )
    recipes: RecipeConnection = strawberry.field(
        resolver=_recipes, description="Recipes in ascending order of id, 1 to 1000 of them."
    )
    recipes_by_ids: list[Recipe] | None = strawberry.field(
        resolver=_recipes_by_ids,
        description="1 to 100 recipes in the order of their ids; null with the error NOT_FOUND when one is not there.",
    )
    pid: int | None = strawberry.field(resolver=_pid, description="The process that answers.")


@strawberry.input(description="An ingredient to be; its id is given by the service.")
class IngredientInput:
    """Becomes recipes.model.IngredientDraft."""

    name: str
    quantity: str | None = ""


@strawberry.input(description="A recipe to be; its id is given by the service.")
class RecipeInput:
    """Becomes recipes.model.RecipeDraft."""

    name: str
    steps: str | None = ""
    ingredients: list[IngredientInput] | None = strawberry.field(default_factory=list)

    def draft(self) -> model.RecipeDraft:
        """The domain's draft of it."""
        lines = tuple([model.IngredientDraft(line.name, line.quantity or "") for line in self.ingredients or ()])
        return model.RecipeDraft(self.name, self.steps or "", lines)


async def _create_recipe(
    info: Info,
    recipe: Annotated[RecipeInput, strawberry.argument(name="input")],
    idempotency_key: str | None = strawberry.UNSET,
) -> Any:
    return await info.context.add(recipe.draft(), idempotency_key or "")


@strawberry.type
class Mutation:
    """What can be changed."""

    create_recipe: Recipe = strawberry.field(
        resolver=_create_recipe,
        description="Keeps a new recipe. The same idempotency key with the same recipe gives the one created first.",
    )


class RecipeSchema(strawberry.Schema):
    """The schema, with the documents that it was asked with. Its context is a RecipeBook."""

    def __init__(self, settings: ProducerSettings | None = None) -> None:
        settings = settings or ProducerSettings()
        self.documents = DocumentCache(settings)
        self._suggestions = settings.suggestions
        super().__init__(Query, Mutation, extensions=[document_extension(self.documents)])

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what is a fault of this producer, and nothing that is a caller's; hide suggestions where they are off."""
        for error in errors:
            if is_unexpected(error):
                incident = new_incident()
                (error.extensions or {})["incident"] = incident
                log.error("incident %s: a resolver failed", incident, exc_info=error.original_error)
            if not self._suggestions:
                error.message = error.message.partition(" Did you mean ")[0]


def printed_schema() -> str:
    """The schema in GraphQL's own language, as protos/recipe.graphql has it."""
    return RecipeSchema().as_str()
