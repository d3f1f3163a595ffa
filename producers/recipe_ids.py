"""Ids of recipes as callers write them in text: in a path, or as GraphQL's ID."""

from collections.abc import Collection

from recipes.book import MAXIMUM_BATCH_SIZE, MAXIMUM_ID
from recipes.errors import InvalidRecipe, RecipeNotFound

_MAXIMUM_DIGITS = len(str(MAXIMUM_ID))
_SHOWN_CHARACTERS = 40


def parse_id(text: str) -> int:
    """The id that a text writes. Raises InvalidRecipe for what is no number, RecipeNotFound for one too large."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise InvalidRecipe("an id is a whole number", "id")
    if len(digits) > _MAXIMUM_DIGITS:
        raise RecipeNotFound(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
    return int(text)


def parse_ids(texts: Collection[str]) -> list[int]:
    """The ids of a batch. Raises InvalidRecipe for what is no number, and for more than a batch can hold."""
    if len(texts) > MAXIMUM_BATCH_SIZE:
        raise InvalidRecipe(f"a batch names 1 to {MAXIMUM_BATCH_SIZE} recipes, not {len(texts)}", "ids")
    try:
        return [parse_id(text) for text in texts]
    except InvalidRecipe:
        raise InvalidRecipe("ids are whole numbers", "ids") from None
