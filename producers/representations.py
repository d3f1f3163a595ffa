"""What the messages of recipes can be written in, by media type: one module each, with the same functions.

A row is resolved when such an answer is first asked for, so that a producer holds in memory only what its callers use:
the runtime of protobuf takes several MB.
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
"""The first for whoever does not say. One more is one more line."""
MEDIA_TYPES = tuple(REPRESENTATIONS)


class Representation(Protocol):
    """Messages as bytes, made anew each time."""

    def recipe_answer(self, recipe: Recipe, fields: Sequence[str] | None = None) -> bytes:
        """One recipe, whole, or with these of its fields."""

    def page_answer(self, page: RecipePage) -> bytes:
        """A page of whole recipes."""

    def draft_in(self, body: bytes) -> RecipeDraft:
        """The recipe to create. Raises BadBody."""


@cache
def representation(media_type: str) -> Representation:
    """How a media type, a key of REPRESENTATIONS, is written. Raises KeyError for any other."""
    return cast(Representation, import_module(REPRESENTATIONS[media_type]))
