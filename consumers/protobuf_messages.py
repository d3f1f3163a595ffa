"""Recipes in the messages of recipe.proto, whatever carries them. Of gRPC nothing is needed here."""

from protos import recipe_pb2 as messages
from recipes.errors import InvalidRecipe
from recipes.model import Ingredient, Recipe, RecipeDraft, RecipePage


def recipe_in(message: messages.Recipe) -> Recipe:
    """The recipe that a message holds."""
    lines = tuple([Ingredient(line.id, line.name, line.quantity) for line in message.ingredients])
    return Recipe(message.id, message.name, message.steps, lines)


def page_in(message: messages.ListRecipesResponse) -> RecipePage:
    """The page that a message holds."""
    return RecipePage(tuple([recipe_in(recipe) for recipe in message.recipes]), message.next_page_token)


def draft_message(draft: RecipeDraft) -> messages.Recipe:
    """The message of a recipe to create. Raises InvalidRecipe for text that has no UTF-8."""
    try:
        return messages.Recipe(
            name=draft.name,
            steps=draft.steps,
            ingredients=[messages.Ingredient(name=line.name, quantity=line.quantity) for line in draft.ingredients],
        )
    except UnicodeEncodeError:
        raise InvalidRecipe("a recipe's text cannot hold half of a surrogate pair") from None
