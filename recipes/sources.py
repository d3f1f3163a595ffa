"""Sources of recipes, the same for every program of the lab.

generated               DEFAULT_COUNT recipes generated from a seed
generated:N             N of them
generated:N:SEED        N of them, from another seed
wikibooks               real recipes, after `make data`
anything else           the path of a file; ./generated is a file with that name

Only a file can be renumbered: the recipes of the others have the ids 1, 2, … already.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from recipes import content, files, generated, wikibooks
from recipes.book import InMemoryRecipeBook
from recipes.errors import SourceError
from recipes.garbage import no_collections
from recipes.model import Recipe

__all__ = ["DEFAULT_SOURCE", "LoadedRecipes", "SourceError", "book", "can_be_read_again", "load"]

DEFAULT_SOURCE = "generated"
COPIED_AT_MOST = 100_000
"""Of more generated recipes no copy is made: it would take more of a disk than other processes save."""


@dataclass(frozen=True)
class LoadedRecipes:
    """The recipes of a source, in order. `source` is its full name, which gives the same recipes again."""

    recipes: tuple[Recipe, ...]
    source: str
    of_file: bool = False
    generated: bool = False
    own_ids: Mapping[int, str] = field(default_factory=dict)
    """The id of each recipe in its file, by the id that it got instead. Empty unless they were renumbered."""

    def source_of_copy(self, directory: Path) -> str:
        """The source for other processes: a copy in `directory`, with the ids that recipes have here.

        Of a file, as a pipe can be read once only, and older versions of the lab neither renumber nor expand gzip. Of
        generated recipes, as reading takes half as long as generating. Raises OSError.
        """
        if not self.of_file and not (self.generated and self.count <= COPIED_AT_MOST):
            return self.source
        copy = directory / "recipes.jsonl"
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        with copy.open("w", encoding="utf-8") as lines:
            for recipe in self.recipes:
                ingredients = [
                    {"id": each.id, "name": each.name, "quantity": each.quantity} for each in recipe.ingredients
                ]
                record = {"id": recipe.id, "name": recipe.name, "steps": recipe.steps, "ingredients": ingredients}
                lines.write(encode(record) + "\n")
        return str(copy)

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


def load(source: str = DEFAULT_SOURCE, *, renumber: bool = False) -> LoadedRecipes:
    """All recipes of `source`. `renumber`: give those of a file the ids 1, 2, …. Raises SourceError."""
    with no_collections():
        word, *parts = source.split(":")
        if renumber and word in ("generated", "wikibooks"):
            raise SourceError(f"--renumber: {word} recipes have the ids 1, 2, … already; leave it out")
        if word == "generated":
            count, seed = _count_and_seed(source, parts)
            made = tuple(generated.generate(count, seed))
            return LoadedRecipes(made, f"generated:{count}:{seed}", generated=True)
        if word == "wikibooks":
            if parts:
                raise SourceError(f"recipes source {source}: wikibooks takes no parameters")
            return LoadedRecipes(wikibooks.read(), source)
        recipes, own_ids = _of_file(source, renumber=renumber)
        return LoadedRecipes(recipes, source, of_file=True, own_ids=own_ids)


def book(source: str = DEFAULT_SOURCE, *, renumber: bool = False, read_only_because: str = "") -> InMemoryRecipeBook:
    """A book with the recipes of `source`; with `read_only_because`, it is read-only. Raises SourceError."""
    return InMemoryRecipeBook(load(source, renumber=renumber).recipes, read_only_because=read_only_because)


def can_be_read_again(source: str) -> bool:
    """Whether another process can read the source, too."""
    return content.can_be_read_again(Path(source))


def _of_file(source: str, *, renumber: bool) -> files.FileRecipes:
    if not source.strip():
        raise SourceError("recipes source: expected generated, generated:N, generated:N:SEED, wikibooks or a file")
    try:
        return files.read(Path(source), renumber=renumber)
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
