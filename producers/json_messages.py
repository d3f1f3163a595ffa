"""Recipes as JSON, made straight from the domain's values: the same text over every transport."""

import os
from collections.abc import Sequence

import msgspec

from producers.json_bodies import decode
from recipes.model import IngredientDraft, Recipe, RecipeDraft, RecipePage

_encode = msgspec.json.Encoder().encode


class IngredientBody(msgspec.Struct, forbid_unknown_fields=True):
    """An ingredient as a caller sends it."""

    name: str
    quantity: str = ""


class RecipeBody(msgspec.Struct, forbid_unknown_fields=True):
    """A recipe as a caller sends it. A key that means nothing here is refused: it may be a misspelt one that does."""

    name: str
    steps: str = ""
    ingredients: tuple[IngredientBody, ...] = ()

    def draft(self) -> RecipeDraft:
        """The domain's draft of it."""
        lines = tuple([IngredientDraft(line.name, line.quantity) for line in self.ingredients])
        return RecipeDraft(self.name, self.steps, lines)


_draft_decoder = msgspec.json.Decoder(RecipeBody)


def recipe_answer(recipe: Recipe, fields: Sequence[str] | None = None) -> bytes:
    """`{"producer_pid": …, "recipe": {…}}`, the recipe with all fields, or with these alone."""
    shown = recipe if fields is None else {name: getattr(recipe, name) for name in fields}
    return _encode({"producer_pid": os.getpid(), "recipe": shown})


def page_answer(page: RecipePage) -> bytes:
    """`{"recipes": […], "next_page_token": "…"}`."""
    return _encode(page)


def pid_answer() -> bytes:
    """`{"producer_pid": …}`: the process that answers."""
    return _encode({"producer_pid": os.getpid()})


def draft_in(body: bytes) -> RecipeDraft:
    """The recipe to create. Raises BadJson."""
    return decode(body, _draft_decoder).draft()
