"""Sources of recipes, the same for every program of the lab.

generated               DEFAULT_COUNT recipes generated from a seed
generated:N             N of them
generated:N:SEED        N of them, from another seed
wikibooks               real recipes, after `make data`
anything else           the path of a file; ./generated is a file with that name
"""

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recipes import files, generated, wikibooks
from recipes.book import InMemoryRecipeBook
from recipes.errors import SourceError
from recipes.model import Recipe

__all__ = ["DEFAULT_SOURCE", "LoadedRecipes", "SourceError", "book", "load"]

DEFAULT_SOURCE = "generated"


@dataclass(frozen=True)
class LoadedRecipes:
    """The recipes of a source, in order. `source` is its full name, which gives the same recipes again."""

    recipes: tuple[Recipe, ...]
    source: str

    @property
    def count(self) -> int:
        """The number of recipes."""
        return len(self.recipes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hexadecimal, independent of the source and the order of the recipes.

        The hash is over one line of compact JSON for each recipe, in ascending order of id:
        `[id,name,steps,[[id,name,quantity],…]]` in UTF-8, without unnecessary escapes.
        """
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        digest = hashlib.sha256()
        for recipe in sorted(self.recipes, key=lambda recipe: recipe.id):
            ingredients = [(each.id, each.name, each.quantity) for each in recipe.ingredients]
            digest.update(encode((recipe.id, recipe.name, recipe.steps, ingredients)).encode())
            digest.update(b"\n")
        return digest.hexdigest()


def load(source: str = DEFAULT_SOURCE) -> LoadedRecipes:
    """All recipes of `source`. Raises SourceError."""
    with _no_collections():
        word, *parts = source.split(":")
        if word == "generated":
            count, seed = _count_and_seed(source, parts)
            return LoadedRecipes(tuple(generated.generate(count, seed)), f"generated:{count}:{seed}")
        if word == "wikibooks":
            if parts:
                raise SourceError(f"recipes source {source}: wikibooks takes no parameters")
            return LoadedRecipes(wikibooks.read(), source)
        return LoadedRecipes(_of_file(source), source)


def book(source: str = DEFAULT_SOURCE, read_only_because: str = "") -> InMemoryRecipeBook:
    """A book with the recipes of `source`; with `read_only_because`, it is read-only. Raises SourceError."""
    return InMemoryRecipeBook(load(source).recipes, read_only_because=read_only_because)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Switch the garbage collector off, which would traverse all recipes repeatedly although none is garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _of_file(source: str) -> tuple[Recipe, ...]:
    if not source.strip():
        raise SourceError("recipes source: expected generated, generated:N, generated:N:SEED, wikibooks or a file")
    try:
        return files.read(Path(source))
    except files.NoSuchFile as error:
        hint = "use a JSON or JSON Lines file, generated, generated:N, generated:N:SEED or wikibooks"
        raise SourceError(f"recipes source {error}: {hint}") from None


def _count_and_seed(source: str, parts: list[str]) -> tuple[int, int]:
    if len(parts) > 2:
        raise SourceError(f"recipes source {source}: expected generated:N or generated:N:SEED")
    count = _number(source, "count", parts[0], 1, generated.MAXIMUM_COUNT) if parts else generated.DEFAULT_COUNT
    seed = _number(source, "seed", parts[1], 0, generated.MAXIMUM_SEED) if parts[1:] else generated.DEFAULT_SEED
    return count, seed


def _number(source: str, what: str, text: str, low: int, high: int) -> int:
    # Digits only: int() also accepts 1_000 and the digits of other scripts.
    if text.isascii() and text.isdigit() and low <= int(text[:20]) <= high:
        return int(text)
    raise SourceError(f"recipes source {source}: the {what} must be a whole number from {low:,} to {high:,}")
