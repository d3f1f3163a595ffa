"""The recipe and its parts, as frozen values.

Every protocol transfers exactly these fields, so that bytes and times can be compared. Missing text (`steps`,
`quantity`) is the empty string, never None, even where a contract allows null.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

FIELDS: tuple[str, ...] = ("id", "name", "steps", "ingredients")
"""The names of the fields that a caller can select, in the order of the contracts."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """An ingredient: `quantity` of `name`. Ids start at 1 within the recipe."""

    id: int
    name: str
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One recipe, as the book stores it and every consumer decodes it."""

    id: int
    name: str
    steps: str = ""
    ingredients: tuple[Ingredient, ...] = ()

    def keeping(self, fields: Collection[str]) -> "Recipe":
        """This recipe with only `fields` (of `FIELDS`). The others are empty, and the id is 0."""
        return replace(
            self,
            **{name: empty for name, empty in _EMPTY.items() if name not in fields},  # type: ignore[arg-type]
        )


_EMPTY: dict[str, object] = {"id": 0, "name": "", "steps": "", "ingredients": ()}


def is_text(text: str) -> bool:
    """Whether `text` can be encoded in UTF-8. A Python string can hold lone surrogates, which cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class IngredientDraft:
    """An ingredient without an id."""

    name: str
    quantity: str = ""


@dataclass(frozen=True, slots=True)
class RecipeDraft:
    """A recipe without an id, as `create` sends it."""

    name: str
    steps: str = ""
    ingredients: tuple[IngredientDraft, ...] = ()

    def with_id(self, recipe_id: int) -> Recipe:
        """The recipe with this id, and ingredients numbered from 1."""
        numbered = tuple(
            Ingredient(number, draft.name, draft.quantity) for number, draft in enumerate(self.ingredients, start=1)
        )
        return Recipe(recipe_id, self.name, self.steps, numbered)


@dataclass(frozen=True, slots=True)
class RecipePage:
    """Recipes in ascending order of id. `next_page_token` requests the next page; it is empty on the last one."""

    recipes: tuple[Recipe, ...]
    next_page_token: str = ""
