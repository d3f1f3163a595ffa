"""The HTTP consumer with protobuf: the same paths as with JSON, but messages of recipe.proto."""

from collections.abc import Collection
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from consumers.json_http import JsonHttpClient
from consumers.protobuf_messages import draft_message, page_in, recipe_in
from protos import recipe_pb2 as messages
from recipes.model import Recipe, RecipeDraft, RecipePage

AnyMessage = TypeVar("AnyMessage", bound=Message)


class ProtobufHttpClient(JsonHttpClient):
    """Consumes recipe.openapi.json in `application/x-protobuf`. Errors are problem+json here, too."""

    media_type = "application/x-protobuf"

    def recipe_in(self, body: bytes) -> Recipe:
        """The recipe in a Recipe."""
        return recipe_in(self._message(body, messages.Recipe))

    def selection_in(self, body: bytes, fields: Collection[str]) -> Recipe:
        """The recipe in a Recipe in which only `fields` may be set."""
        message = self._message(body, messages.Recipe)
        if any(field.name not in fields for field, _ in message.ListFields()):
            raise self._http.unsupported("the producer sends fields that were not selected")
        return recipe_in(message)

    def page_in(self, body: bytes) -> RecipePage:
        """The page in a ListRecipesResponse."""
        return page_in(self._message(body, messages.ListRecipesResponse))

    def encoded(self, draft: RecipeDraft) -> bytes:
        """A Recipe."""
        return draft_message(draft).SerializeToString()

    def _message(self, body: bytes, kind: type[AnyMessage]) -> AnyMessage:
        try:
            return kind.FromString(body)
        except DecodeError:
            raise self._http.unexpected(f"the response is not a {kind.DESCRIPTOR.name}") from None
