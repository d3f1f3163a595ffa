"""Real recipes from the Wikibooks Cookbook, as `make data` puts them on disk.

Their text is licensed CC BY-SA 4.0. It is kept out of the repository; `commands.fetch_wikibooks` writes a note of the
licence beside it.
"""

import json
from pathlib import Path

from recipes.errors import SourceError
from recipes.installation import data_directory, prepared_by
from recipes.model import Ingredient, Recipe, is_text

DATA_FILE = data_directory() / "wikibooks" / "recipes_en-us.json"


def read(file: Path | None = None) -> tuple[Recipe, ...]:
    """The recipes of the Cookbook, numbered from 1 in the order of the file; steps are its lines.

    `file` replaces DATA_FILE. Raises SourceError, also when the file is missing.
    """
    file = file or DATA_FILE
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"the wikibooks recipes are not downloaded yet: run `{prepared_by('data')}`") from None
    except OSError as error:
        raise SourceError(f"{file} cannot be read ({error.strerror})") from None
    recipes = parse(content)
    if recipes is None:
        raise SourceError(f"{file} does not hold the wikibooks recipes: run `{prepared_by('data')}` again")
    return recipes


def parse(content: bytes) -> tuple[Recipe, ...] | None:
    """The recipes in the content of the data file, or None when the content is something else."""
    try:
        pages = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if isinstance(pages, dict):
        pages = list(pages.values())
    if not isinstance(pages, list) or not pages:
        return None
    recipes = [_recipe(number, page) for number, page in enumerate(pages, start=1)]
    return tuple([recipe for recipe in recipes if recipe]) if all(recipes) else None


def _recipe(recipe_id: int, page: object) -> Recipe | None:
    if not isinstance(page, dict):
        return None
    title, lines, steps = page.get("title"), page.get("ingredients"), page.get("steps")
    if not isinstance(title, str) or not isinstance(lines, list) or not isinstance(steps, list):
        return None
    if not title.strip() or not all(isinstance(text, str) and is_text(text) for text in (title, *lines, *steps)):
        return None
    # A few lines of the original are blank.
    named = [line for line in lines if line.strip()]
    ingredients = tuple([Ingredient(number, line) for number, line in enumerate(named, start=1)])
    return Recipe(recipe_id, title, "\n".join(steps), ingredients)
