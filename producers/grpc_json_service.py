"""The methods of RecipeService with JSON messages, under a service name of their own.

gRPC's core does not show the content-subtype to handlers, so the path determines the codec
(docs/decisions/0011-json-over-grpc.md has the alternatives). Requests are JSON with the field names of recipe.proto;
responses are identical to those of the HTTP producer.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import msgspec

from producers.grpc_service import NAME as PROTOBUF_NAME
from producers.json_messages import RecipeBody, decode, page_response, pid_response, recipe_response
from producers.request_values import check_fields
from recipes.book import DEFAULT_PAGE_SIZE, RecipeBook
from recipes.model import FIELDS, RecipePage

NAME = f"{PROTOBUF_NAME}Json"

Request = TypeVar("Request")


class GetRecipe(msgspec.Struct, forbid_unknown_fields=True):
    """Request for one recipe. `read_mask` is a mask in protobuf's JSON form, `name,ingredients`; None: all fields."""

    id: int = 0
    read_mask: str | None = None


class GetMetaData(msgspec.Struct, forbid_unknown_fields=True):
    """Request for the id of the process."""


class ListRecipes(msgspec.Struct, forbid_unknown_fields=True):
    """Request for a page."""

    page_size: int = 0
    page_token: str = ""


class CreateRecipe(msgspec.Struct, forbid_unknown_fields=True):
    """Request to create a recipe."""

    recipe: RecipeBody
    idempotency_key: str = ""


class BatchGetRecipes(msgspec.Struct, forbid_unknown_fields=True):
    """Request for several recipes."""

    ids: tuple[int, ...] = ()


class JsonRecipeService:
    """Serves `book`. Raises domain errors, and BadJson for an invalid request."""

    def __init__(self, book: RecipeBook) -> None:
        self._book = book

    async def get(self, request: GetRecipe) -> bytes:
        """`{"producer_pid": …, "recipe": {…}}`."""
        recipe = await self._book.get(request.id)
        if request.read_mask is None:
            return recipe_response(recipe)
        named = request.read_mask.split(",")
        check_fields(named, "read_mask")
        return recipe_response(recipe, [name for name in FIELDS if name in named])

    async def pid(self, request: GetMetaData) -> bytes:
        """`{"producer_pid": …}`."""
        return pid_response()

    async def list(self, request: ListRecipes) -> bytes:
        """`{"recipes": […], "next_page_token": "…"}`."""
        return page_response(await self._book.page(request.page_size or DEFAULT_PAGE_SIZE, request.page_token))

    async def create(self, request: CreateRecipe) -> bytes:
        """The same as `get`."""
        return recipe_response(await self._book.add(request.recipe.draft(), request.idempotency_key))

    async def get_many(self, request: BatchGetRecipes) -> bytes:
        """The same as `list`, in the order of the ids."""
        return page_response(RecipePage(await self._book.get_many(request.ids)))


def add_to_server(service: JsonRecipeService, server: Any) -> None:
    """Register the methods, as generated code does."""
    methods = {
        "GetRecipe": _method(GetRecipe, service.get),
        "GetMetaData": _method(GetMetaData, service.pid),
        "ListRecipes": _method(ListRecipes, service.list),
        "CreateRecipe": _method(CreateRecipe, service.create),
        "BatchGetRecipes": _method(BatchGetRecipes, service.get_many),
    }
    server.add_registered_method_handlers(NAME, methods)


def _method(kind: type[Request], behave: Callable[[Request], Awaitable[bytes]]) -> Any:
    decoder = msgspec.json.Decoder(kind)

    async def answer(request: Request, context: object) -> bytes:
        return await behave(request)

    # The response is bytes already, so there is no serializer.
    return grpc.unary_unary_rpc_method_handler(answer, lambda body: decode(body, decoder), None)
