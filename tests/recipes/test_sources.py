"""The one word that says where recipes come from, and the digest that says whether they are the same."""

import gc
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from recipes import sources, wikibooks
from recipes.errors import BookIsReadOnly
from recipes.generated import DEFAULT_COUNT, DEFAULT_SEED, generate
from recipes.model import Ingredient, Recipe, RecipeDraft
from recipes.sources import LoadedRecipes, SourceError

TEA = Recipe(1, "Thé", "Boil.\nPour.", (Ingredient(1, "leaves", "1 tsp"), Ingredient(2, "water")))


@pytest.mark.parametrize(
    ("source", "count", "seed"),
    [("generated", DEFAULT_COUNT, DEFAULT_SEED), ("generated:50", 50, DEFAULT_SEED), ("generated:007:0", 7, 0)],
)
def test_generated_recipes(source: str, count: int, seed: int) -> None:
    loaded = sources.load(source)
    assert loaded.recipes == tuple(generate(count, seed))
    assert loaded.count == count
    assert loaded.source == f"generated:{count}:{seed}"
    assert sources.load(loaded.source) == loaded


def test_generated_is_the_default() -> None:
    assert sources.load().source == f"generated:{DEFAULT_COUNT}:{DEFAULT_SEED}"


COUNT = "the count must be a whole number from 1 to 10,000,000"
SEED = "the seed must be a whole number from 0 to 2,147,483,647"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("generated:0", COUNT),
        ("generated:10000001", COUNT),
        ("generated:", COUNT),
        ("generated:-1", COUNT),
        ("generated:1_000", COUNT),
        ("generated:٣", COUNT),
        ("generated:" + "9" * 5000, COUNT),
        ("generated:10:x", SEED),
        ("generated:10:", SEED),
        ("generated:10:2147483648", SEED),
        ("generated:10:1:1", "expected generated:N or generated:N:SEED"),
        ("wikibooks:5", "wikibooks takes no parameters"),
    ],
)
def test_an_invalid_source_is_reported_with_the_valid_ones(source: str, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources.load(source)
    assert str(caught.value) == f"recipes source {source}: {reason}"


@pytest.mark.parametrize("source", ["", " "])
def test_an_empty_source_is_an_error(source: str) -> None:
    with pytest.raises(SourceError, match=r"^recipes source: expected generated, .* or a file$"):
        sources.load(source)


def test_a_missing_file_is_reported_with_the_valid_sources(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        sources.load(f"{tmp_path}/mine.json")
    assert str(caught.value) == (
        f"recipes source {tmp_path}/mine.json: no such file: "
        "use a JSON or JSON Lines file, generated, generated:N, generated:N:SEED or wikibooks"
    )


@pytest.mark.parametrize("source", ["a\0b", "x" * 5000, "/", "~nobody/x"])
def test_an_impossible_path_is_an_error(source: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources.load(source)
    assert source in str(caught.value)


def test_a_file_may_have_the_name_of_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("generated").write_text('{"name": "Tea"}')
    assert sources.load("./generated") == LoadedRecipes((Recipe(1, "Tea"),), "./generated", of_file=True)


def test_an_invalid_file_is_reported_by_its_first_problem(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("[{}]")
    with pytest.raises(SourceError) as caught:
        sources.load(str(file))
    assert str(caught.value) == f"{file}:1: name: missing"


def test_wikibooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "recipes.json"
    file.write_text(json.dumps([{"title": "Tea", "ingredients": ["water"], "steps": ["Boil.", "Pour."]}]))
    monkeypatch.setattr(wikibooks, "DATA_FILE", file)
    tea = Recipe(1, "Tea", "Boil.\nPour.", (Ingredient(1, "water"),))
    assert sources.load("wikibooks") == LoadedRecipes((tea,), "wikibooks")


def test_the_digest_is_fixed() -> None:
    """SHA-256 of `[1,"Thé","Boil.\\nPour.",[[1,"leaves","1 tsp"],[2,"water",""]]]` and a line feed."""
    assert LoadedRecipes((TEA,), "x").digest == "4673da3de7606a7f44d7a4b2bef571db82cde6f3caaf5298f9e5f83d92d5b0cc"


def test_the_digest_depends_on_the_recipes_only(tmp_path: Path) -> None:
    generated = sources.load("generated:30")
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(json.dumps(asdict(recipe)) for recipe in reversed(generated.recipes)))
    assert sources.load(str(file)).digest == generated.digest


@pytest.mark.parametrize(
    "other",
    [
        Recipe(2, TEA.name, TEA.steps, TEA.ingredients),
        Recipe(1, "The", TEA.steps, TEA.ingredients),
        Recipe(1, TEA.name, "", TEA.ingredients),
        Recipe(1, TEA.name, TEA.steps, TEA.ingredients[:1]),
        Recipe(1, TEA.name, TEA.steps, (Ingredient(1, "1 tsp", "leaves"), TEA.ingredients[1])),
        Recipe(1, TEA.name, TEA.steps, (Ingredient(3, "leaves", "1 tsp"), TEA.ingredients[1])),
    ],
)
def test_the_digest_changes_with_every_field(other: Recipe) -> None:
    assert LoadedRecipes((other,), "x").digest != LoadedRecipes((TEA,), "x").digest


async def test_a_book_is_made_from_a_source() -> None:
    book = sources.book("generated:50")
    assert len(book) == 50
    assert (await book.get(42)).name == "Chicken Tikka Masala"
    assert (await book.add(RecipeDraft("Tea"))).id == 51


async def test_a_read_only_book_is_made_from_a_source() -> None:
    with pytest.raises(BookIsReadOnly, match=r"^several workers$"):
        await sources.book("generated:1", read_only_because="several workers").add(RecipeDraft("Tea"))


@pytest.mark.parametrize("enabled", [True, False])
def test_loading_leaves_the_garbage_collector_as_it_was(*, enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    try:
        sources.load("generated:1")
        assert gc.isenabled() is enabled
        with pytest.raises(SourceError):
            sources.load("generated:0")
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_the_copy_of_a_file_has_the_same_recipes_with_their_new_ids(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    ingredients = ["egg", {"name": "l\u2028ait", "quantity": "1 l"}]
    file.write_text(json.dumps([{"id": "b", "name": "Thé", "ingredients": ingredients}, {"id": "a", "name": "Soup"}]))
    loaded = sources.load(str(file), renumber=True)
    assert loaded.own_ids == {1: "b", 2: "a"}
    file.unlink()
    copy = sources.load(loaded.source_of_copy(tmp_path))
    assert copy.recipes == loaded.recipes
    assert copy.digest == loaded.digest


def test_generated_recipes_are_copied_unless_they_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = sources.load("generated:30:7")
    assert sources.load(loaded.source_of_copy(tmp_path)).recipes == loaded.recipes
    monkeypatch.setattr(sources, "COPIED_AT_MOST", 29)
    (tmp_path / "empty").mkdir()
    assert loaded.source_of_copy(tmp_path / "empty") == "generated:30:7"
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize("source", ["generated", "generated:10", "wikibooks"])
def test_only_a_file_can_be_renumbered(source: str) -> None:
    with pytest.raises(SourceError, match=r"^--renumber: (generated|wikibooks) recipes have the ids 1, 2, … already"):
        sources.load(source, renumber=True)
