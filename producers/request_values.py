"""Values in requests, whatever the protocol: ids, page sizes and field names as text. Raises the domain's errors."""

from collections.abc import Collection, Iterable

from recipes.book import MAXIMUM_BATCH_SIZE, MAXIMUM_ID
from recipes.errors import InvalidRecipe, RecipeNotFound
from recipes.model import FIELDS

_MAXIMUM_DIGITS = len(str(MAXIMUM_ID))
_SHOWN_CHARACTERS = 40


class BadBody(Exception):
    """A body that is not the message that is asked for. The text is written for the caller."""


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


def page_size(text: str) -> int:
    """The number that a text writes. Raises InvalidRecipe; whether a page can be that large is the book's to say."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(2**31))):
        raise InvalidRecipe("a page size is a whole number", "page_size")
    return int(text)


def check_fields(names: Iterable[str], parameter: str) -> None:
    """Raise InvalidRecipe, naming the parameter, for a name that is not a field of a recipe."""
    for name in names:
        if name not in FIELDS:
            raise InvalidRecipe(f"a recipe has no field {name!r}; its fields are {', '.join(FIELDS)}", parameter)
