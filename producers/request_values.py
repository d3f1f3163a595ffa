"""Values in requests of every protocol: ids, page sizes and field names. Errors are those of the domain."""

from collections.abc import Collection, Iterable
from functools import lru_cache

from recipes.book import MAXIMUM_BATCH_SIZE, MAXIMUM_ID
from recipes.errors import InvalidRecipe, RecipeNotFound
from recipes.model import FIELDS

_MAXIMUM_DIGITS = len(str(MAXIMUM_ID))
_SHOWN_CHARACTERS = 40


class BadBody(Exception):
    """A body that is not the expected message. The text is written for the caller."""


def parse_id(text: str) -> int:
    """The id in a text. Raises InvalidRecipe if it is not a number, RecipeNotFound if it is too large."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise InvalidRecipe("an id must be a whole number", "id")
    if len(digits) > _MAXIMUM_DIGITS:
        raise RecipeNotFound(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
    return int(text)


def parse_ids(texts: Collection[str]) -> list[int]:
    """The ids of a batch. Raises InvalidRecipe if one is not a number or there are too many."""
    if len(texts) > MAXIMUM_BATCH_SIZE:
        raise InvalidRecipe(f"a batch must have 1 to {MAXIMUM_BATCH_SIZE} ids, not {len(texts)}", "ids")
    try:
        return [parse_id(text) for text in texts]
    except InvalidRecipe:
        raise InvalidRecipe("ids must be whole numbers", "ids") from None


def page_size(text: str) -> int:
    """The page size in a text. Raises InvalidRecipe if it is not a number; the book checks the range."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(2**31))):
        raise InvalidRecipe("a page size must be a whole number", "page_size")
    return int(text)


def check_fields(names: Iterable[str], parameter: str) -> None:
    """Raise InvalidRecipe, naming the parameter, for a name that is not a field of a recipe."""
    for name in names:
        if name not in FIELDS:
            raise InvalidRecipe(f"a recipe has no field {name!r}; its fields are {', '.join(FIELDS)}", parameter)


@lru_cache(maxsize=256)
def selected_fields(text: str) -> tuple[str, ...]:
    """The fields in a comma list such as `name,ingredients`, in the order of the contract. Raises InvalidRecipe."""
    names = text.split(",")
    check_fields(names, "fields")
    return tuple([name for name in FIELDS if name in names])
