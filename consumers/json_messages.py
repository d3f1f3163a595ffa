"""Recipes in JSON as the lab's producers write them, whatever carries it."""

from collections.abc import Collection

import msgspec
from msgspec import UNSET, UnsetType

from recipes.model import FIELDS, Ingredient, Recipe, RecipePage


class Selection(msgspec.Struct):
    """A recipe of which fields may be absent. That is not the same as empty."""

    id: int | UnsetType = UNSET
    name: str | UnsetType = UNSET
    steps: str | UnsetType = UNSET
    ingredients: tuple[Ingredient, ...] | UnsetType = UNSET

    def compared_with(self, fields: Collection[str]) -> tuple[list[str], list[str]]:
        """Which of `fields` are absent, and which fields are here without being among them."""
        present = {name for name in FIELDS if getattr(self, name) is not UNSET}
        return [name for name in fields if name not in present], [name for name in present if name not in fields]

    def recipe(self) -> Recipe:
        """The recipe; what is absent is empty in it, and an absent id is 0."""
        return Recipe(self.id or 0, self.name or "", self.steps or "", self.ingredients or ())


class RecipeAnswer(msgspec.Struct):
    """The answer about one recipe. A producer's other keys mean nothing here."""

    recipe: Recipe


class SelectionAnswer(msgspec.Struct):
    """The answer about some fields of one recipe."""

    recipe: Selection


class PidAnswer(msgspec.Struct):
    """Who answered."""

    producer_pid: int


recipe_decoder = msgspec.json.Decoder(RecipeAnswer)
selection_decoder = msgspec.json.Decoder(SelectionAnswer)
page_decoder = msgspec.json.Decoder(RecipePage)
pid_decoder = msgspec.json.Decoder(PidAnswer)
