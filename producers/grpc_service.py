"""RecipeService of recipe.proto over a RecipeBook. Raises domain errors, which `grpc_errors` translates."""
# ruff: noqa: N802 - methods are named as in recipe.proto

import os
from collections.abc import Sequence

from producers.protobuf_messages import draft_of, fill, page_message, recipe_message
from producers.request_values import check_fields
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceServicer
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook

NAME = messages.DESCRIPTOR.services_by_name["RecipeService"].full_name


class RecipeService(RecipeServiceServicer):
    """Serves `book`. Every response is built from scratch; nothing is cached."""

    def __init__(self, book: RecipeBook) -> None:
        self._book = book

    async def GetRecipe(self, request: messages.RecipeRequest, context: object) -> messages.Recipe:
        """One recipe, with the fields in read_mask or all."""
        paths = checked_paths(request)
        return recipe_message(await self._book.get(request.id), paths)

    async def GetMetaData(self, request: messages.Empty, context: object) -> messages.Meta:
        """The id of the process."""
        return messages.Meta(pid=os.getpid())

    async def ListRecipes(self, request: messages.ListRecipesRequest, context: object) -> messages.ListRecipesResponse:
        """A page of recipes."""
        return page_message(await self._book.page(request.page_size or DEFAULT_PAGE_SIZE, request.page_token))

    async def CreateRecipe(self, request: messages.CreateRecipeRequest, context: object) -> messages.Recipe:
        """Create a recipe."""
        return recipe_message(await self._book.add(draft_of(request.recipe), request.idempotency_key))

    async def BatchGetRecipes(
        self, request: messages.BatchGetRecipesRequest, context: object
    ) -> messages.BatchGetRecipesResponse:
        """The recipes with these ids, with the fields in read_mask or all."""
        paths = checked_paths(request)
        answer = messages.BatchGetRecipesResponse()
        add = answer.recipes.add
        for recipe in await self._book.get_many(request.ids):
            fill(add(), recipe.keeping(paths) if paths else recipe)
        return answer


def checked_paths(request: messages.RecipeRequest | messages.BatchGetRecipesRequest) -> Sequence[str]:
    """The fields in a request's read_mask; empty means all. Raises InvalidRecipe for an unknown field."""
    if not request.HasField("read_mask"):
        return ()
    paths = request.read_mask.paths
    check_fields(paths, "read_mask")
    return paths
