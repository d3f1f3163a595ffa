"""The gRPC consumer with JSON messages: the methods of recipe.proto in a service of their own."""

from collections.abc import Collection, Sequence
from typing import TypeAlias, TypeVar

import grpc
import msgspec

from consumers.grpc_http2 import GrpcHttp2Client
from consumers.json_messages import page_decoder, pid_decoder, recipe_decoder, selection_decoder
from recipes.book import DEFAULT_PAGE_SIZE, MAXIMUM_ID
from recipes.errors import InvalidRecipe, RecipeNotFound
from recipes.model import Recipe, RecipeDraft, RecipePage

SERVICE = "/recipe.RecipeServiceJson/"

Method: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
Value = TypeVar("Value")

_encode = msgspec.json.Encoder().encode


class GrpcJsonClient(GrpcHttp2Client):
    """Consumes recipe.RecipeServiceJson."""

    def connect(self, channel: grpc.aio.Channel) -> None:
        """Create the methods. Without serializers, requests and responses are bytes."""
        self._get: Method = channel.unary_unary(f"{SERVICE}GetRecipe")
        self._get_many: Method = channel.unary_unary(f"{SERVICE}BatchGetRecipes")
        self._list: Method = channel.unary_unary(f"{SERVICE}ListRecipes")
        self._create: Method = channel.unary_unary(f"{SERVICE}CreateRecipe")
        self._pid: Method = channel.unary_unary(f"{SERVICE}GetMetaData")

    async def get(self, recipe_id: int, fields: Collection[str] | None = None) -> Recipe:
        """One recipe, with all fields or those in the read mask."""
        if not -MAXIMUM_ID - 1 <= recipe_id <= MAXIMUM_ID:
            raise RecipeNotFound(recipe_id)
        if fields is None:
            answer = await self._call(self._get, _encode({"id": recipe_id}), recipe_id)
            return self._decoded(answer, recipe_decoder).recipe
        if not fields:
            raise InvalidRecipe("no field is selected; select at least one", "fields")
        asked = {"id": recipe_id, "read_mask": ",".join(fields)}
        answer = await self._call(self._get, _encode(asked), recipe_id)
        selection = self._decoded(answer, selection_decoder).recipe
        missing, unasked = selection.compared_with(fields)
        if missing:
            raise self.unexpected(f"the response lacks {', '.join(missing)}")
        if unasked:
            raise self.unsupported("the producer sends fields that were not selected")
        return selection.recipe()

    async def get_many(self, recipe_ids: Sequence[int]) -> tuple[Recipe, ...]:
        """Several recipes in one call."""
        answer = await self._call(self._get_many, _encode({"ids": recipe_ids}))
        return self._decoded(answer, page_decoder).recipes

    async def list(self, page_size: int = DEFAULT_PAGE_SIZE, page_token: str = "") -> RecipePage:
        """A page of whole recipes."""
        if not 0 < page_size <= MAXIMUM_ID:
            # 0 means the default.
            raise InvalidRecipe(f"a page cannot hold {page_size} recipes", "page_size")
        asked: dict[str, object] = {"page_size": page_size}
        if page_token:
            asked["page_token"] = page_token
        return self._decoded(await self._call(self._list, _encode(asked)), page_decoder)

    async def create(self, draft: RecipeDraft, idempotency_key: str = "") -> Recipe:
        """Create a recipe."""
        try:
            asked = _encode({"recipe": draft, "idempotency_key": idempotency_key})
        except UnicodeEncodeError:
            raise InvalidRecipe("text must be Unicode, without lone surrogates") from None
        return self._decoded(await self._call(self._create, asked), recipe_decoder).recipe

    async def pid(self) -> int:
        """The process id of the producer."""
        return self._decoded(await self._call(self._pid, b"{}"), pid_decoder).producer_pid

    def _decoded(self, answer: bytes, decoder: "msgspec.json.Decoder[Value]") -> Value:
        try:
            return decoder.decode(answer)
        except msgspec.ValidationError as error:
            reason = f"the response does not have the expected shape: {error}"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            reason = "the response is not JSON"
        raise self.unexpected(reason)
