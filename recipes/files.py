"""Recipes from a file of the user: JSON or JSON Lines.

A record is `{"id"?, "name", "steps"?, "ingredients"?: [{"id"?, "name", "quantity"?} or "text"]}`. Steps are a text, or
a list of texts that become lines. An ingredient that is a text is a name without a quantity. Null means missing, and
other fields are ignored. Recipes without an id get the lowest unused ids in the order of the file; ingredients without
an id get theirs in the same way within their recipe.

Records are in an array, in an object under "recipes", or one on each line. Problems are reported with file, line and
field. The line is that on which the record begins; if it is not the first record on that line, its number is added.
"""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from recipes.book import MAXIMUM_ID
from recipes.errors import SourceError
from recipes.json_records import NotJson, records, records_on_lines
from recipes.model import Ingredient, Recipe, is_text

MAXIMUM_PROBLEMS = 10
"""The most problems to keep; further ones are only counted."""

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")


class RecipesUnreadable(SourceError):
    """The recipes in a file are invalid. `problems` has the first problems, one line each; `total` counts all."""

    def __init__(self, problems: Sequence[str], total: int) -> None:
        more = f" (and {total - 1} more)" if total > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)
        self.total = total


class NoSuchFile(RecipesUnreadable):
    """There is no file of that name."""


class _Bad(Exception):
    """A record is invalid: the field as a dotted path (empty: the whole record), and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)


class _Problems:
    """The problems of one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: list[str] = []
        self._total = 0

    def add(self, line: int, text: str) -> None:
        """Keep or count a problem."""
        self._total += 1
        if len(self._kept) < MAXIMUM_PROBLEMS:
            self._kept.append(f"{self._file}:{line}: {text}")

    def raise_if_any(self) -> None:
        """Raise RecipesUnreadable if there was a problem."""
        if self._kept:
            raise RecipesUnreadable(self._kept, self._total)


def read(file: Path) -> tuple[Recipe, ...]:
    """The recipes in `file`, in its order. Raises RecipesUnreadable."""
    text = _text(file)
    problems = _Problems(file)
    layout = records_on_lines if file.suffix.lower() in JSON_LINES_SUFFIXES else records
    drafts: list[_Draft] = []
    previous = 0
    for number, (line, value) in enumerate(layout(text, problems.add), start=1):
        # Many exporters write all records on one line, so the line alone would not help.
        note = f" (record {number} of the file)" if line == previous else ""
        previous = line
        try:
            drafts.append(_draft(line, note, value))
        except _Bad as bad:
            problems.add(line, f"{bad}{note}")
    recipes = _with_ids(drafts, problems)
    problems.raise_if_any()
    if not recipes:
        raise RecipesUnreadable([f"{file}: the file has no recipes"], 1)
    return recipes


def _text(file: Path) -> str:
    """The file's text, without a byte order mark. Raises RecipesUnreadable."""
    try:
        content = file.read_bytes()
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise NoSuchFile([f"{file}: no such file"], 1) from None
    except IsADirectoryError:
        reason = "is a directory"
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise RecipesUnreadable(
            [f"{file}:{line}: expected UTF-8, got the byte 0x{content[error.start]:02x}"], 1
        ) from None
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    except ValueError as error:
        reason = f"is not a valid file name ({error})"
    raise RecipesUnreadable([f"{file}: {reason}"], 1)


class _Draft(NamedTuple):
    """A valid record. If it has no id, it gets one when all records are known."""

    line: int
    note: str
    """The number of the record, if it is not the first on its line; else empty."""
    id: int | None
    name: str
    steps: str
    ingredients: tuple[Ingredient, ...]


def _draft(line: int, note: str, record: object) -> _Draft:
    """The draft of a record. Raises _Bad."""
    if not isinstance(record, dict):
        raise _Bad("", f"expected an object, got {_kind(record)}")
    if "name" not in record and "recipes" in record:
        raise _Bad("recipes", f"expected an array, got {_kind(record['recipes'])}")
    return _Draft(
        line,
        note,
        _id(record.get("id"), "id"),
        _required(record, "name", "name"),
        _steps(record.get("steps")),
        _ingredients(record.get("ingredients")),
    )


def _steps(value: object) -> str:
    if not isinstance(value, list):
        return _optional(value, "steps")
    return "\n".join([_checked(step, f"steps[{index}]") for index, step in enumerate(value)])


def _ingredients(value: object) -> tuple[Ingredient, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _Bad("ingredients", f"expected an array, got {_kind(value)}")
    ids: list[int | None] = []
    texts: list[tuple[str, str]] = []
    for index, ingredient in enumerate(value):
        field = f"ingredients[{index}]"
        if isinstance(ingredient, dict):
            ids.append(_id(ingredient.get("id"), f"{field}.id"))
            name = _required(ingredient, "name", f"{field}.name")
            texts.append((name, _optional(ingredient.get("quantity"), f"{field}.quantity")))
        elif isinstance(ingredient, str):
            ids.append(None)
            texts.append((_filled(ingredient, field), ""))
        else:
            raise _Bad(field, f"expected text or an object, got {_kind(ingredient)}")
    given = [number for number in ids if number is not None]
    if len(set(given)) != len(given):
        twice = next(index for index, number in enumerate(ids) if number is not None and number in ids[:index])
        raise _Bad(f"ingredients[{twice}].id", f"another ingredient has the id {ids[twice]}")
    return tuple([Ingredient(number, *text) for number, text in zip(_filled_up(ids), texts, strict=True)])


def _filled_up(ids: Sequence[int | None]) -> list[int]:
    """`ids` with each None replaced by the lowest unused number from 1, in order."""
    taken = {number for number in ids if number is not None}
    free = (number for number in count(1) if number not in taken)
    return [next(free) if number is None else number for number in ids]


def _with_ids(drafts: Sequence[_Draft], problems: _Problems) -> tuple[Recipe, ...]:
    """The recipes of the drafts. Duplicate ids are added to `problems`."""
    lines: dict[int, int] = {}
    for draft in drafts:
        if draft.id is None:
            continue
        if draft.id in lines:
            problems.add(draft.line, f"id: the recipe on line {lines[draft.id]} has the id {draft.id}{draft.note}")
        lines.setdefault(draft.id, draft.line)
    ids = _filled_up([draft.id for draft in drafts])
    return tuple(
        [Recipe(number, draft.name, draft.steps, draft.ingredients) for number, draft in zip(ids, drafts, strict=True)]
    )


def _id(value: object, field: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Bad(field, f"expected a whole number, got {_kind(value)}")
    if not 1 <= value <= MAXIMUM_ID:
        raise _Bad(field, f"expected 1 to {MAXIMUM_ID}, got {value}")
    return value


def _required(record: dict[str, object], key: str, field: str) -> str:
    if key not in record:
        raise _Bad(field, "missing")
    return _filled(record[key], field)


def _filled(value: object, field: str) -> str:
    text = _checked(value, field)
    if not text.strip():
        raise _Bad(field, "expected text, got an empty one")
    return text


def _optional(value: object, field: str) -> str:
    return "" if value is None else _checked(value, field)


def _checked(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise _Bad(field, f"expected text, got {_kind(value)}")
    if not is_text(value):
        raise _Bad(field, "expected text, got a lone surrogate in it")
    return value


def _kind(value: object) -> str:
    """The kind of a JSON value, for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "text"
        case list():
            return "an array"
        case dict():
            return "an object"
        case NotJson():
            return value.name
        case _:
            return "a number"
