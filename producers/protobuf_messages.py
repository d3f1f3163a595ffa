"""Recipes as messages of recipe.proto, for every transport. Does not need gRPC."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from producers.request_values import BadBody
from protos import recipe_pb2 as messages
from recipes.model import IngredientDraft, Recipe, RecipeDraft, RecipePage


def recipe_response(recipe: Recipe, fields: Sequence[str] | None = None) -> bytes:
    """A Recipe."""
    return recipe_message(recipe, fields).SerializeToString()


def page_response(page: RecipePage) -> bytes:
    """A ListRecipesResponse."""
    return page_message(page).SerializeToString()


def draft_in(body: bytes) -> RecipeDraft:
    """The recipe to create, a Recipe. Raises BadBody."""
    try:
        return draft_of(messages.Recipe.FromString(body))
    except DecodeError:
        raise BadBody("the body is not a Recipe of recipe.proto") from None


def recipe_message(recipe: Recipe, fields: Sequence[str] | None = None) -> messages.Recipe:
    """One recipe, with all fields or only `fields`."""
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
    """Copy a recipe into an empty message.

    Field by field and in place, which is the fastest way in Python: keyword arguments take twice as long, and a list of
    complete ingredients would be copied again.
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
    """The draft in a message; its ids are ignored."""
    lines = tuple([IngredientDraft(line.name, line.quantity) for line in message.ingredients])
    return RecipeDraft(message.name, message.steps, lines)
