"""Recipes in messages of recipe.proto, for every transport. Does not need gRPC."""

from protos import recipe_pb2 as messages
from recipes.errors import InvalidRecipe
from recipes.model import Ingredient, Recipe, RecipeDraft, RecipePage


def recipe_in(message: messages.Recipe) -> Recipe:
    """The recipe in a message."""
    lines = tuple([Ingredient(line.id, line.name, line.quantity) for line in message.ingredients])
    return Recipe(message.id, message.name, message.steps, lines)


def page_in(message: messages.ListRecipesResponse) -> RecipePage:
    """The page in a message."""
    return RecipePage(tuple([recipe_in(recipe) for recipe in message.recipes]), message.next_page_token)


def draft_message(draft: RecipeDraft) -> messages.Recipe:
    """The message of a recipe to create. Raises InvalidRecipe for text that cannot be encoded in UTF-8."""
    try:
        return messages.Recipe(
            name=draft.name,
            steps=draft.steps,
            ingredients=[messages.Ingredient(name=line.name, quantity=line.quantity) for line in draft.ingredients],
        )
    except UnicodeEncodeError:
        raise InvalidRecipe("text must be Unicode, without lone surrogates") from None
