"""The GraphQL schema, from which protos/recipe.graphql is generated.

Resolvers return the domain's values, and graphql-core reads their attributes. Recipe, Ingredient and RecipeEdge only
declare fields and are never instantiated. An edge is the recipe itself, so that no page is copied. Such resolvers are
typed as Any, because they return no class of this module.
"""

import os
from typing import Annotated, Any, cast

import strawberry
from graphql import GraphQLError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.execution import ExecutionContext

from producers.graphql_documents import DocumentCache, document_extension
from producers.graphql_errors import note_errors
from producers.request_values import parse_id, parse_ids
from producers.settings import ProducerSettings
from recipes import model
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook, page_token
from recipes.errors import InvalidRecipe

Info = strawberry.Info[RecipeBook, None]


@strawberry.type(description="An ingredient of a recipe. Its id is unique within the recipe and starts at 1.")
class Ingredient:
    """Declares recipes.model.Ingredient."""

    id: strawberry.ID
    name: str
    quantity: str | None


@strawberry.type(description="A recipe. Missing text is empty, never null.")
class Recipe:
    """Declares recipes.model.Recipe."""

    id: strawberry.ID
    name: str
    steps: str | None
    ingredients: list[Ingredient | None]


def _cursor(recipe: strawberry.Parent[model.Recipe]) -> str:
    return page_token(recipe.id)


def _node(recipe: strawberry.Parent[model.Recipe]) -> Any:
    return recipe


@strawberry.type(description="A recipe in a connection.")
class RecipeEdge:
    """Declares recipes.model.Recipe."""

    cursor: str = strawberry.field(resolver=_cursor, description="As `after`, requests the recipes behind this one.")
    node: Recipe = strawberry.field(resolver=_node)


@strawberry.type(description="The position of a page among all recipes.")
class PageInfo:
    """Built for each page."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A page of recipes in ascending order of id.")
class RecipeConnection:
    """Built for each page."""

    edges: list[RecipeEdge]
    page_info: PageInfo


async def _recipe(
    info: Info, recipe_id: Annotated[strawberry.ID | None, strawberry.argument(name="id")] = strawberry.UNSET
) -> Any:
    if not recipe_id:
        raise InvalidRecipe("the argument id is missing", "id")
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
    """Read operations."""

    recipe: Recipe | None = strawberry.field(
        resolver=_recipe, description="One recipe, or null with the error NOT_FOUND if the id is unknown."
    )
    recipes: RecipeConnection = strawberry.field(
        resolver=_recipes, description="A page of 1 to 1000 recipes in ascending order of id."
    )
    recipes_by_ids: list[Recipe] | None = strawberry.field(
        resolver=_recipes_by_ids,
        description="1 to 100 recipes in the order of the ids, or null with the error NOT_FOUND if one is unknown.",
    )
    pid: int | None = strawberry.field(resolver=_pid, description="The id of the process that responds.")


@strawberry.input(description="A new ingredient. The service assigns its id.")
class IngredientInput:
    """Becomes recipes.model.IngredientDraft."""

    name: str
    quantity: str | None = ""


@strawberry.input(description="A new recipe. The service assigns its id.")
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
    """Write operations."""

    create_recipe: Recipe = strawberry.field(
        resolver=_create_recipe,
        description="Creates a recipe. Repeating the idempotency key with the same recipe returns the first one.",
    )


class RecipeSchema(strawberry.Schema):
    """The schema with its document cache and, if given, an executor of its own. The context is a RecipeBook."""

    def __init__(
        self,
        settings: ProducerSettings | None = None,
        documents: DocumentCache | None = None,
        executor: type[StrawberryGraphQLCoreExecutionContext] | None = None,
    ) -> None:
        settings = settings or ProducerSettings()
        self.documents = DocumentCache(settings) if documents is None else documents
        self._suggestions = settings.suggestions
        super().__init__(
            Query,
            Mutation,
            extensions=[document_extension(self.documents)],
            execution_context_class=executor,
        )

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Note the errors, which Strawberry would log, those of callers as well."""
        note_errors(errors, suggestions=self._suggestions)


def printed_schema() -> str:
    """The schema in GraphQL's schema definition language."""
    return RecipeSchema().as_str()
