"""Recipes in JSON as the lab's producers write them, whatever carries it."""

import msgspec

from consumers.selections import Selection
from recipes.model import Recipe, RecipePage


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
