"""Two pages as the Wikibooks file has them, and the recipes that they are."""

from recipes.model import Ingredient, Recipe

PAGES = {
    "Cookbook:Tea": {
        "title": "Tea",
        "category": None,
        "ingredients": ["1 cup water", " ", "leaves"],
        "steps": ["Boil.", "Pour."],
    },
    "Cookbook:Crêpe": {"title": "Crêpe", "ingredients": [], "steps": []},
}
RECIPES = (
    Recipe(1, "Tea", "Boil.\nPour.", (Ingredient(1, "1 cup water"), Ingredient(2, "leaves"))),
    Recipe(2, "Crêpe"),
)
