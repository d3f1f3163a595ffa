"""Ids of recipes as callers write them in text: in a path, or as GraphQL's ID."""

from recipes.book import MAXIMUM_ID
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
