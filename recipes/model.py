"""What a recipe is.

Plain frozen values: every protocol carries exactly these fields, so that the bytes and the time that a protocol
takes can be compared. Absent text is the empty string, never None (`steps`, `quantity`), whatever a contract's
nullability says to its readers.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

FIELDS: tuple[str, ...] = ("id", "name", "steps", "ingredients")
"""The names by which a caller may select parts of a recipe, in the order of the contracts."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One line of a recipe's list: `quantity` of `name`; `id` counts from 1 within its recipe."""

    id: int
    name: str
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe, as the book holds it and as every consumer decodes it."""

    id: int
    name: str
    steps: str = ""
    ingredients: tuple[Ingredient, ...] = ()

    def keeping(self, fields: Collection[str]) -> "Recipe":
        """This recipe with only `fields` (of `FIELDS`) kept; the others are empty, and an id left out is 0."""
        return replace(
            self,
            **{name: empty for name, empty in _EMPTY.items() if name not in fields},  # type: ignore[arg-type]
        )


_EMPTY: dict[str, object] = {"id": 0, "name": "", "steps": "", "ingredients": ()}


def is_text(text: str) -> bool:
    """Whether every protocol can carry `text`: Python lets half of a surrogate pair stand alone, which has no UTF-8."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class IngredientDraft:
    """An ingredient that has not been given its id."""

    name: str
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class RecipeDraft:
    """A recipe that has not been given its id: what `create` sends."""

    name: str
    steps: str = ""
    ingredients: tuple[IngredientDraft, ...] = ()

    def with_id(self, recipe_id: int) -> Recipe:
        """The recipe that this draft becomes; its ingredients are numbered from 1."""
        numbered = tuple(
            Ingredient(number, draft.name, draft.quantity) for number, draft in enumerate(self.ingredients, start=1)
        )
        return Recipe(recipe_id, self.name, self.steps, numbered)


@dataclass(frozen=True, slots=True)
class RecipePage:
    """Some recipes in ascending order of id. `next_page_token` goes into the next call; empty at the end."""

    recipes: tuple[Recipe, ...]
    next_page_token: str = ""
