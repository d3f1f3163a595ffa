"""The user's own files: every layout that is taken, and every bad record named by file, line and field."""

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recipes import files
from recipes.book import MAXIMUM_ID
from recipes.files import MAXIMUM_OWN_ID, MAXIMUM_PROBLEMS, RENUMBER, RecipesUnreadable
from recipes.json_records import RECORD_CHARACTERS
from recipes.model import Ingredient, Recipe

Reader = Callable[..., tuple[Recipe, ...]]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Reads recipes from a file with the given content and name."""
    monkeypatch.chdir(tmp_path)

    def read(content: str | bytes, name: str = "mine.json") -> tuple[Recipe, ...]:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return files.read(Path(name)).recipes

    return read


def problems_of(read: Reader, content: str | bytes, name: str = "mine.json") -> tuple[str, ...]:
    with pytest.raises(RecipesUnreadable) as caught:
        read(content, name)
    assert caught.value.problems[0] in str(caught.value)
    return caught.value.problems


TEA = Recipe(1, "Tea", "Boil.", (Ingredient(1, "Leaves", "1 tsp"), Ingredient(2, "Water")))
SOUP = Recipe(2, "Soup")
TEA_JSON = json.dumps(asdict(TEA))


@pytest.mark.parametrize(
    "content",
    [
        f'[{TEA_JSON}, {{"name": "Soup"}}]',
        f'{{"recipes": [{TEA_JSON}, {{"name": "Soup"}}]}}',
        f'\n {{"a": [{{}}], "b": "x", "recipes" : [{TEA_JSON}, {{"name": "Soup"}} ] , "c": 1}}\n',
        f'{TEA_JSON}\n{{"name": "Soup"}}\n',
        f'{TEA_JSON}\r\n\r\n{{"name":\r\n"Soup"}}',
    ],
)
def test_the_layout_is_detected_from_the_content(read: Reader, content: str) -> None:
    assert read(content, "mine.txt") == (TEA, SOUP)
    assert read("\ufeff" + content, "mine.json") == (TEA, SOUP)


@pytest.mark.parametrize("name", ["mine.jsonl", "mine.NDJSON"])
def test_json_lines(read: Reader, name: str) -> None:
    assert read(f'{TEA_JSON}\n \n{{"name": "Soup"}}\r\n', name) == (TEA, SOUP)


def test_line_separators_of_unicode_do_not_end_a_line(read: Reader) -> None:
    assert read('{"name": "a\u2028b\u0085c"}', "mine.jsonl") == (Recipe(1, "a\u2028b\u0085c"),)


def test_a_single_recipe_is_read(read: Reader) -> None:
    assert read('{\n"name": "Soup"\n}') == (Recipe(1, "Soup"),)


@pytest.mark.parametrize(
    ("record", "recipe"),
    [
        ({"name": "a", "steps": None, "ingredients": None, "id": None}, Recipe(1, "a")),
        ({"name": "a", "steps": ["b", "", "c"]}, Recipe(1, "a", "b\n\nc")),
        ({"name": "a", "steps": []}, Recipe(1, "a")),
        ({"name": "a", "title": 5, "tags": [{}], "rating": float("nan")}, Recipe(1, "a")),
        (
            {"name": "a", "ingredients": ["1 egg", "salt"]},
            Recipe(1, "a", "", (Ingredient(1, "1 egg"), Ingredient(2, "salt"))),
        ),
        ({"name": "a", "ingredients": [{"name": "b", "quantity": None}]}, Recipe(1, "a", "", (Ingredient(1, "b"),))),
        (
            {"name": "a", "ingredients": [{"name": "b", "id": 2}, "c", {"name": "d", "id": 7}, {"name": "e"}]},
            Recipe(1, "a", "", (Ingredient(2, "b"), Ingredient(1, "c"), Ingredient(7, "d"), Ingredient(3, "e"))),
        ),
        ({"name": "a", "id": MAXIMUM_ID}, Recipe(MAXIMUM_ID, "a")),
        ({"name": "crème 🍮"}, Recipe(1, "crème 🍮")),
    ],
)
def test_optional_fields_may_be_left_out(read: Reader, record: dict[str, Any], recipe: Recipe) -> None:
    assert read(json.dumps([record])) == (recipe,)


def test_missing_ids_become_the_lowest_free_ones(read: Reader) -> None:
    records = [{"name": "a"}, {"name": "b", "id": 2}, {"name": "c"}, {"name": "d", "id": 1}, {"name": "e", "id": None}]
    assert [recipe.id for recipe in read(json.dumps(records))] == [3, 2, 4, 1, 5]


SURROGATE = "expected text, got a lone surrogate in it"


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("5", "expected an object, got a number"),
        ("[]", "expected an object, got an array"),
        ('"a"', "expected an object, got text"),
        ("null", "expected an object, got null"),
        ("true", "expected an object, got true"),
        ("NaN", "expected an object, got NaN"),
        ("{}", "name: missing"),
        ('{"name": null}', "name: expected text, got null"),
        ('{"name": "  "}', "name: expected text, got an empty one"),
        ('{"name": false}', "name: expected text, got false"),
        ('{"name": "a\\ud83c"}', f"name: {SURROGATE}"),
        ('{"name": "a", "id": "1"}', f"id: expected a whole number, got text; {RENUMBER}"),
        ('{"name": "a", "id": 1.0}', "id: expected a whole number, got a number"),
        ('{"name": "a", "id": true}', "id: expected a whole number, got true"),
        ('{"name": "a", "id": 0}', f"id: expected 1 to 2147483647, got 0; {RENUMBER}"),
        ('{"name": "a", "id": 2147483648}', f"id: expected 1 to 2147483647, got 2147483648; {RENUMBER}"),
        ('{"name": "a", "steps": {}}', "steps: expected text, got an object"),
        ('{"name": "a", "steps": -Infinity}', "steps: expected text, got -Infinity"),
        ('{"name": "a", "steps": ["b", 7]}', "steps[1]: expected text, got a number"),
        ('{"name": "a", "steps": "\\udfff"}', f"steps: {SURROGATE}"),
        ('{"name": "a", "ingredients": "b"}', "ingredients: expected an array, got text"),
        ('{"name": "a", "ingredients": ["b", null]}', "ingredients[1]: expected text or an object, got null"),
        ('{"name": "a", "ingredients": [" "]}', "ingredients[0]: expected text, got an empty one"),
        ('{"name": "a", "ingredients": [{}]}', "ingredients[0].name: missing"),
        ('{"name": "a", "ingredients": ["b", "c", {"name": 5}]}', "ingredients[2].name: expected text, got a number"),
        (
            '{"name": "a", "ingredients": [{"name": "b", "quantity": 2}]}',
            "ingredients[0].quantity: expected text, got a number",
        ),
        (
            '{"name": "a", "ingredients": [{"name": "b", "id": 0}]}',
            f"ingredients[0].id: expected 1 to 2147483647, got 0; {RENUMBER}",
        ),
        (
            '{"name": "a", "ingredients": ["b", {"name": "c", "id": 5}, {"name": "d", "id": 5}]}',
            "ingredients[2].id: another ingredient has the id 5",
        ),
    ],
)
def test_a_bad_record_is_named_by_line_and_field(read: Reader, record: str, problem: str) -> None:
    good = '{"name": "good"}'
    assert problems_of(read, f"{good}\n\n{record}\n", "mine.jsonl") == (f"mine.jsonl:3: {problem}",)
    assert problems_of(read, f"[\n{good},\n\n{record}, {good}]") == (f"mine.json:4: {problem}",)
    assert problems_of(read, f'{{"recipes":\n[\n{record}]}}') == (f"mine.json:3: {problem}",)


def test_a_record_on_many_lines_is_named_by_its_first_line(read: Reader) -> None:
    content = '[\n  {\n    "name": "a"\n  },\n  {\n    "name":\n 5\n  },\n {"name": "c", "id": []}]'
    assert problems_of(read, content) == (
        "mine.json:5: name: expected text, got a number",
        "mine.json:9: id: expected a whole number, got an array",
    )


def test_records_on_one_line_are_named_by_number(read: Reader) -> None:
    assert problems_of(read, '[{"name": "a"}, {"name": 5}, {}]') == (
        "mine.json:1: name: expected text, got a number (record 2 of the file)",
        "mine.json:1: name: missing (record 3 of the file)",
    )


def test_concatenated_records_are_named_by_their_first_line(read: Reader) -> None:
    assert problems_of(read, '\n{"name":\n"a"}\n\n{"name":\n5}') == ("mine.json:5: name: expected text, got a number",)


def test_duplicate_ids_are_reported(read: Reader) -> None:
    content = '[{"name": "a", "id": 7}, {"name": "b", "id": 7},\n{"name": "c", "id": 7}]'
    assert problems_of(read, content) == (
        "mine.json:1: id: the recipe on line 1 has the id 7 (record 2 of the file)",
        "mine.json:2: id: the recipe on line 1 has the id 7",
    )


def test_recipes_that_are_not_an_array_are_reported(read: Reader) -> None:
    assert problems_of(read, '{"recipes": {"a": 1}}') == ("mine.json:1: recipes: expected an array, got an object",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[{"name": "a"}', "mine.json:1: not JSON: expecting ',' delimiter at column 15"),
        ('[{"name": "a"}\n{"name": "b"}]', "mine.json:2: not JSON: expecting ',' delimiter at column 1"),
        ('[{"name": "a"},]', "mine.json:1: not JSON: expecting value at column 16"),
        ('[\n{"name": "a"}]\n]', "mine.json:3: not JSON: extra data at column 1"),
        ('[\n{"name": }]', "mine.json:2: not JSON: expecting value at column 10"),
        ('{"recipes": [{"name": "a"}]', "mine.json:1: not JSON: expecting ',' delimiter at column 28"),
        ('{"recipes": [{"name": "a"}], "b"}', "mine.json:1: not JSON: expecting ':' delimiter at column 33"),
        ('{"recipes": [{"name": "a"}]} 1', "mine.json:1: not JSON: extra data at column 30"),
        ('{"a" 1, "recipes": []}', "mine.json:1: not JSON: expecting ':' delimiter at column 6"),
        ('{"a": 1 "recipes": []}', "mine.json:1: not JSON: expecting ',' delimiter at column 9"),
        ("name,steps\nTea,Boil", "mine.json:1: not JSON: expecting value at column 1"),
        ("[\n" + "[" * 100_000, "mine.json:2: nested too deeply"),
        ("\n" + '{"a":' * 100_000, "mine.json:2: nested too deeply"),
        (
            '[\n{"name": "a", "id": ' + "9" * 5000 + "}]",
            "mine.json:2: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits",
        ),
        (b'[\n{"name": "caf\xe9"}]', "mine.json:2: expected UTF-8, got the byte 0xe9"),
        ('[{"name": "Tea"}]'.encode("utf-16"), "mine.json:1: expected UTF-8, got the byte 0xff"),
        ("", "mine.json: the file has no recipes"),
        (" \n", "mine.json: the file has no recipes"),
        ("[ ]", "mine.json: the file has no recipes"),
        ('{"recipes": []}', "mine.json: the file has no recipes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_invalid_file_is_reported_with_the_reason(read: Reader, content: str | bytes, problem: str) -> None:
    assert problems_of(read, content) == (problem,)


def test_a_bad_line_does_not_hide_the_others(read: Reader) -> None:
    content = '{"name": "a"\n{"name": "b"} x\n{"name": "c"}\n{"name": 5}\n' + "[" * 100_000
    assert problems_of(read, content, "mine.jsonl") == (
        "mine.jsonl:1: not JSON: expecting ',' delimiter at column 13",
        "mine.jsonl:2: not JSON: extra data at column 15",
        "mine.jsonl:4: name: expected text, got a number",
        "mine.jsonl:5: nested too deeply",
    )


def test_the_message_is_one_line_and_counts_the_rest(read: Reader) -> None:
    with pytest.raises(RecipesUnreadable) as caught:
        read("{}\n" * 25, "mine.jsonl")
    assert str(caught.value) == "mine.jsonl:1: name: missing (and 24 more)"
    assert len(caught.value.problems) == MAXIMUM_PROBLEMS
    assert caught.value.total == 25


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.json", "no such file"),
        (".", "is a directory"),
        ("a\0b", "is not a valid file name (embedded null byte)"),
        ("x" * 300, "cannot be read (File name too long)"),
    ],
)
def test_an_unreadable_file_is_reported_with_the_reason(
    name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipesUnreadable) as caught:
        files.read(Path(name))
    assert str(caught.value) == f"{name}: {reason}"


KEY_TWICE = "the key 'name' is given twice in the same object"


@pytest.mark.parametrize(
    ("content", "line", "key"),
    [
        ('[{"name": "a"},\n{"name": "b",\n "name": "c"}]', 3, "name"),
        ('[{"name": "a", "x": [{"y": {"z": 1}, "w": "z"}, {"y": 1,\n\n"y": 2}]}]', 3, "y"),
        ('{"name": "a",\n"n\\u0061me": "b"}', 2, "name"),
        ('{"recipes": [{"name": "a"}],\n"recipes": [{"name": "b"}]}', 2, "recipes"),
        ('{"a": 1,\n"a": 2, "recipes": [{"name": "a"}]}', 2, "a"),
        ('{"a": 1, "recipes": [{"name": "a"}],\n"a": 2}', 2, "a"),
        ('{"name": "a", "ingredients": [{"name": "b", "name": "c"}]}', 1, "name"),
    ],
)
def test_a_key_that_is_given_twice_is_named_with_its_line(read: Reader, content: str, line: int, key: str) -> None:
    assert problems_of(read, content) == (f"mine.json:{line}: the key {key!r} is given twice in the same object",)


def test_in_json_lines_a_key_that_is_given_twice_does_not_hide_other_problems(read: Reader) -> None:
    content = '{"name": "a", "name": "b"}\n\n{"name": 5}\n'
    assert problems_of(read, content, "mine.jsonl") == (
        f"mine.jsonl:1: {KEY_TWICE}",
        "mine.jsonl:3: name: expected text, got a number",
    )


def test_keys_of_different_objects_may_be_the_same(read: Reader) -> None:
    assert read('{"name": "a:b{", "x": {"name": "{\\"name\\": 1", "y": [{"name": 1}, {"name": 2}]}}') == (
        Recipe(1, "a:b{"),
    )


def test_a_long_key_is_shortened(read: Reader) -> None:
    key = "k" * 1000
    (problem,) = problems_of(read, f'{{"name": "a", "{key}": 1, "{key}": 2}}')
    assert len(problem) < 150


OWN = [2300634791, "5ed6604591c37cdc054bca79", -1, "b|c", None]


def test_any_ids_can_be_renumbered(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    lines = [{"id": "x", "name": "salt"}, {"id": "x", "name": "egg", "quantity": "2"}, "oil"]
    file.write_text(json.dumps([{"id": own, "name": str(own), "ingredients": lines} for own in OWN]))
    found = files.read(file, renumber=True)
    numbered = (Ingredient(1, "salt"), Ingredient(2, "egg", "2"), Ingredient(3, "oil"))
    assert found.recipes == tuple(Recipe(number, str(own), "", numbered) for number, own in enumerate(OWN, start=1))
    assert found.own_ids == {1: "2300634791", 2: "5ed6604591c37cdc054bca79", 3: "-1", 4: "b|c"}


def test_ids_of_the_contracts_are_renumbered_only_on_request(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('[{"id": 7, "name": "a"}, {"id": 1, "name": "b"}]')
    assert files.read(file) == ((Recipe(7, "a"), Recipe(1, "b")), {})
    assert files.read(file, renumber=True) == ((Recipe(1, "a"), Recipe(2, "b")), {1: "7", 2: "1"})


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("1.5", "id: expected a whole number or text, got a number"),
        ("true", "id: expected a whole number or text, got true"),
        ('{"$oid": "5ed6"}', "id: expected a whole number or text, got an object"),
        ('" "', "id: expected text, got an empty one"),
        ('"\\ud83c"', "id: expected text, got a lone surrogate in it"),
        (f'"{"9" * 256}"', f"id: expected at most {MAXIMUM_OWN_ID} characters, got 256"),
        ('"7"', "id: the recipe on line 1 has the id 7"),
    ],
)
def test_an_id_that_cannot_be_renumbered_is_named(tmp_path: Path, own: str, problem: str) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(f'{{"name": "a", "id": 7}}\n{{"name": "b", "id": {own}}}')
    with pytest.raises(RecipesUnreadable) as caught:
        files.read(file, renumber=True)
    assert caught.value.problems == (f"{file}:2: {problem}",)


@pytest.mark.parametrize("name", ["mine.json.gz", "mine.jsonl.gz", "mine.dat"])
def test_a_file_that_is_compressed_with_gzip_is_read(read: Reader, name: str) -> None:
    lines = [f"{TEA_JSON}\n".encode(), b'{"name": "Soup"}\n']
    assert read(gzip.compress(b"".join(lines)), name) == (TEA, SOUP)
    assert read(b"".join(map(gzip.compress, lines)), name) == (TEA, SOUP)


def test_a_damaged_line_of_a_compressed_file_of_json_lines_is_named(read: Reader) -> None:
    content = gzip.compress(b'{"name": "a"\n{"name": "b"}\n{"name": 5}')
    assert problems_of(read, content, "mine.jsonl.gz")[1] == "mine.jsonl.gz:3: name: expected text, got a number"


def test_a_record_that_is_too_long_is_refused_before_it_is_decoded(read: Reader) -> None:
    """Decoded, empty arrays take 20 times their text."""
    endless = '{"name": "a", "x": [' + "[]," * (RECORD_CHARACTERS // 3) + "1]}"
    refused = f"it does not end within {RECORD_CHARACTERS:,} characters, the most of a record"
    assert problems_of(read, f'{{"name": "b"}}\n{endless}', "mine.jsonl") == (f"mine.jsonl:2: {refused}",)
    assert problems_of(read, f'[{{"name": "b"}},\n{endless}]') == (f"mine.json:2: {refused}",)
    assert problems_of(read, f'{{"name": "b"}}\n{endless}') == (f"mine.json:2: {refused}",)


def test_a_long_file_of_short_records_is_read(read: Reader) -> None:
    record = '{"name": "a", "x": ["}", {"y": "\\"]"}], "steps": "' + "b" * 1000 + '"}'
    count = RECORD_CHARACTERS // len(record) + 2
    assert len(read(f"[{','.join([record] * count)}]")) == count
    assert len(read("\n".join([record] * count), "mine.jsonl")) == count


@pytest.mark.parametrize("content", ["1\n", "x\n"])
def test_reading_ends_after_too_many_problems(read: Reader, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAXIMUM_RECORDS", 20)
    with pytest.raises(RecipesUnreadable) as caught:
        read(content * 50, "mine.jsonl")
    assert caught.value.total == 20


@pytest.mark.parametrize("most", ["MAXIMUM_RECORDS", "MAXIMUM_INGREDIENTS"])
def test_a_file_with_too_many_records_or_ingredients_is_refused(
    read: Reader, most: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, most, 3)
    record = '{"name": "a", "ingredients": ["b"]}\n'
    assert len(read(record * 3, "mine.jsonl")) == 3
    (problem,) = problems_of(read, record * 4, "mine.jsonl")
    assert problem.startswith("mine.jsonl:4: a file can have ")
    assert " 3 " in problem


texts = st.text(st.characters(codec="utf-8"), max_size=20)
filled = texts.filter(str.strip)
ids = st.integers(1, MAXIMUM_ID)
ingredients = st.lists(st.builds(Ingredient, ids, filled, texts), max_size=4, unique_by=lambda each: each.id).map(tuple)
recipe_lists = st.lists(
    st.builds(Recipe, ids, filled, texts, ingredients), min_size=1, max_size=5, unique_by=lambda recipe: recipe.id
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recipe_lists, st.booleans(), st.sampled_from([None, 2]))
def test_any_recipes_survive_a_round_trip(
    read: Reader, recipes: list[Recipe], ascii_only: bool, indent: int | None
) -> None:
    records = [asdict(recipe) for recipe in recipes]
    array = json.dumps(records, ensure_ascii=ascii_only, indent=indent)
    lines = "\n".join(json.dumps(record, ensure_ascii=ascii_only) for record in records)
    values = "\n".join(json.dumps(record, ensure_ascii=ascii_only, indent=indent) for record in records)
    assert read(array) == tuple(recipes)
    assert read(f'{{"recipes": {array}}}') == tuple(recipes)
    assert read(lines, "mine.jsonl") == tuple(recipes)
    assert read(values) == tuple(recipes)


@given(st.binary(max_size=60) | st.text('[]{}",:\\u d83n1.e-recipesname\n', max_size=60).map(str.encode))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_is_read_or_raises_recipes_unreadable(read: Reader, content: bytes) -> None:
    for name in ("mine.json", "mine.jsonl"):
        with suppress(RecipesUnreadable):
            assert read(content, name)
