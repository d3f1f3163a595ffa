"""Recipes as values: selecting fields, and drafts that become recipes."""

import dataclasses

import pytest

from recipes.model import FIELDS, Ingredient, IngredientDraft, Recipe, RecipeDraft, is_text

TEA = Recipe(7, "Tea", "Boil.", (Ingredient(1, "Leaves", "1 tsp"), Ingredient(2, "Water")))


def test_fields_are_those_of_a_recipe_in_order() -> None:
    assert tuple(field.name for field in dataclasses.fields(Recipe)) == FIELDS


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TEA.name = "Coffee"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (("name",), Recipe(0, "Tea")),
        (("id", "steps"), Recipe(7, "", "Boil.")),
        (("ingredients",), Recipe(0, "", "", TEA.ingredients)),
        ((), Recipe(0, "")),
        (FIELDS, TEA),
    ],
)
def test_keeping_empties_the_other_fields(fields: tuple[str, ...], kept: Recipe) -> None:
    assert TEA.keeping(fields) == kept


def test_a_draft_gets_ids_for_itself_and_its_ingredients() -> None:
    draft = RecipeDraft("Tea", "Boil.", (IngredientDraft("Leaves", "1 tsp"), IngredientDraft("Water")))
    assert draft.with_id(7) == TEA


@pytest.mark.parametrize(("text", "expected"), [("", True), ("tea", True), ("thé 🍵", True), ("\ud83c", False)])
def test_text_must_be_encodable_as_utf8(text: str, *, expected: bool) -> None:
    assert is_text(text) is expected
