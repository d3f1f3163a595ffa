"""Where recipes come from: one word that every program of the lab understands alike.

generated               DEFAULT_COUNT recipes made up from a seed
generated:N             N of them
generated:N:SEED        N of them, from another seed
wikibooks               real ones, once `make data` has fetched them
anything else           the path of a file; ./generated is a file of that name
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
    """The recipes of a source, in its order. `source` is its full name, which leads to the same recipes again."""

    recipes: tuple[Recipe, ...]
    source: str

    @property
    def count(self) -> int:
        """How many recipes there are."""
        return len(self.recipes)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hexadecimal, the same for the same recipes whatever source they came from, in whatever order.

        It is taken over one line of compact JSON for each recipe, in ascending order of id:
        `[id,name,steps,[[id,name,quantity],…]]` in UTF-8, with nothing escaped that need not be.
        """
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        digest = hashlib.sha256()
        for recipe in sorted(self.recipes, key=lambda recipe: recipe.id):
            ingredients = [(each.id, each.name, each.quantity) for each in recipe.ingredients]
            digest.update(encode((recipe.id, recipe.name, recipe.steps, ingredients)).encode())
            digest.update(b"\n")
        return digest.hexdigest()


def load(source: str = DEFAULT_SOURCE) -> LoadedRecipes:
    """All recipes of `source`. Raises SourceError, whose one line says what would do instead."""
    with _no_collections():
        word, *parts = source.split(":")
        if word == "generated":
            count, seed = _count_and_seed(source, parts)
            return LoadedRecipes(tuple(generated.generate(count, seed)), f"generated:{count}:{seed}")
        if word == "wikibooks":
            if parts:
                raise SourceError(f"recipes source {source}: wikibooks takes nothing behind it")
            return LoadedRecipes(wikibooks.read(), source)
        return LoadedRecipes(_of_file(source), source)


def book(source: str = DEFAULT_SOURCE, read_only_because: str = "") -> InMemoryRecipeBook:
    """A book with the recipes of `source`; with `read_only_because`, it takes no new ones. Raises SourceError."""
    return InMemoryRecipeBook(load(source).recipes, read_only_because=read_only_because)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector from walking, over and over, through recipes of which none is garbage."""
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
        hint = "name a file of JSON or JSON Lines, or generated, generated:N, generated:N:SEED or wikibooks"
        raise SourceError(f"recipes source {error}: {hint}") from None


def _count_and_seed(source: str, parts: list[str]) -> tuple[int, int]:
    if len(parts) > 2:
        raise SourceError(f"recipes source {source}: expected generated:N or generated:N:SEED")
    count = _number(source, "count", parts[0], 1, generated.MAXIMUM_COUNT) if parts else generated.DEFAULT_COUNT
    seed = _number(source, "seed", parts[1], 0, generated.MAXIMUM_SEED) if parts[1:] else generated.DEFAULT_SEED
    return count, seed


def _number(source: str, what: str, text: str, low: int, high: int) -> int:
    # Digits only: int() takes more than it should, such as 1_000 and the digits of other scripts.
    if text.isascii() and text.isdigit() and low <= int(text[:20]) <= high:
        return int(text)
    raise SourceError(f"recipes source {source}: the {what} must be a whole number from {low:,} to {high:,}")
