"""Recipes in the JSON of the lab's producers, for every transport."""

from collections.abc import Collection

import msgspec
from msgspec import UNSET, UnsetType

from recipes.model import FIELDS, Ingredient, Recipe, RecipePage


class Selection(msgspec.Struct):
    """Some fields of a recipe. A missing field differs from an empty one."""

    id: int | UnsetType = UNSET
    name: str | UnsetType = UNSET
    steps: str | UnsetType = UNSET
    ingredients: tuple[Ingredient, ...] | UnsetType = UNSET

    def compared_with(self, fields: Collection[str]) -> tuple[list[str], list[str]]:
        """The fields missing of `fields`, and the fields present that are not in `fields`."""
        present = {name for name in FIELDS if getattr(self, name) is not UNSET}
        return [name for name in fields if name not in present], [name for name in present if name not in fields]

    def recipe(self) -> Recipe:
        """The recipe with missing fields empty, and a missing id 0."""
        return Recipe(self.id or 0, self.name or "", self.steps or "", self.ingredients or ())


class RecipeAnswer(msgspec.Struct):
    """The response for one recipe. Other keys are ignored."""

    recipe: Recipe


class SelectionAnswer(msgspec.Struct):
    """The response for some fields of one recipe."""

    recipe: Selection


class PidAnswer(msgspec.Struct):
    """The response with the id of the process."""

    producer_pid: int


recipe_decoder = msgspec.json.Decoder(RecipeAnswer)
selection_decoder = msgspec.json.Decoder(SelectionAnswer)
page_decoder = msgspec.json.Decoder(RecipePage)
pid_decoder = msgspec.json.Decoder(PidAnswer)
