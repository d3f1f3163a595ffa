"""The media types of recipe messages. Each has one module with the functions of `Representation`.

A module is imported when it is first needed, because the protobuf runtime takes several MB of memory.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Protocol, cast

from producers.http_semantics import JSON, PROTOBUF
from recipes.model import Recipe, RecipeDraft, RecipePage

REPRESENTATIONS: dict[str, str] = {
    JSON: "producers.json_messages",
    PROTOBUF: "producers.protobuf_messages",
}
"""The first is the default. A further representation is one more row."""
MEDIA_TYPES = tuple(REPRESENTATIONS)


class Representation(Protocol):
    """Encodes and decodes messages."""

    def recipe_response(self, recipe: Recipe, fields: Sequence[str] | None = None) -> bytes:
        """One recipe, with all fields or only `fields`."""

    def page_response(self, page: RecipePage) -> bytes:
        """A page of whole recipes."""

    def draft_in(self, body: bytes) -> RecipeDraft:
        """The recipe to create. Raises BadBody."""


@cache
def representation(media_type: str) -> Representation:
    """The representation for a key of REPRESENTATIONS. Raises KeyError for any other media type."""
    return cast(Representation, import_module(REPRESENTATIONS[media_type]))
