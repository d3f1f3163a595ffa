"""Recipes as the messages of recipe.proto, whatever carries them. Of gRPC nothing is needed here."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from producers.request_values import BadBody
from protos import recipe_pb2 as messages
from recipes.model import IngredientDraft, Recipe, RecipeDraft, RecipePage


def recipe_answer(recipe: Recipe, fields: Sequence[str] | None = None) -> bytes:
    """A Recipe."""
    return recipe_message(recipe, fields).SerializeToString()


def page_answer(page: RecipePage) -> bytes:
    """A ListRecipesResponse."""
    return page_message(page).SerializeToString()


def draft_in(body: bytes) -> RecipeDraft:
    """The recipe to create, a Recipe. Raises BadBody."""
    try:
        return draft_of(messages.Recipe.FromString(body))
    except DecodeError:
        raise BadBody("the body is not a Recipe of recipe.proto") from None


def recipe_message(recipe: Recipe, fields: Sequence[str] | None = None) -> messages.Recipe:
    """One recipe, whole, or with these of its fields."""
    message = messages.Recipe()
    fill(message, recipe.keeping(fields) if fields else recipe)
    return message


def page_message(page: RecipePage) -> messages.ListRecipesResponse:
    """A page of whole recipes."""
    answer = messages.ListRecipesResponse(next_page_token=page.next_page_token)
    add = answer.recipes.add
    for recipe in page.recipes:
        fill(add(), recipe)
    return answer


def fill(message: messages.Recipe, recipe: Recipe) -> None:
    """Put a recipe into an empty message.

    Built in place and field by field, because that is the cheapest way to build a message in Python: keyword arguments
    cost twice as much, and a list of finished ingredients is copied again.
    """
    message.id = recipe.id
    message.name = recipe.name
    message.steps = recipe.steps
    add = message.ingredients.add
    for ingredient in recipe.ingredients:
        line = add()
        line.id = ingredient.id
        line.name = ingredient.name
        line.quantity = ingredient.quantity


def draft_of(message: messages.Recipe) -> RecipeDraft:
    """The draft that a message to create a recipe holds; the ids in it do not count."""
    lines = tuple([IngredientDraft(line.name, line.quantity) for line in message.ingredients])
    return RecipeDraft(message.name, message.steps, lines)
