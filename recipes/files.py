"""Recipes from a file of the user: JSON or JSON Lines.

A record is `{"id"?, "name", "steps"?, "ingredients"?: [{"id"?, "name", "quantity"?} or "text"]}`. Steps are a text, or
a list of texts that become lines. An ingredient that is a text is a name without a quantity. Null means missing, and
other fields are ignored. Recipes without an id get the lowest unused ids in the order of the file; ingredients without
an id get theirs in the same way within their recipe.

Ids are those of the contracts, 1 to MAXIMUM_ID. Files with other ids, larger numbers or texts, can be renumbered: all
recipes get the ids 1, 2, … in the order of the file, and the ingredients of each as well.

Records are in an array, in an object under "recipes", or one on each line. Problems are reported with file, line and
field. The line is that on which the record begins; if it is not the first record on that line, its number is added.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from recipes import content
from recipes.book import MAXIMUM_ID
from recipes.errors import SourceError
from recipes.json_records import Complain, NotJson, Record, records, records_on_lines
from recipes.model import Ingredient, Recipe, is_text

MAXIMUM_PROBLEMS = 10
"""The most problems to keep; further ones are only counted."""
MAXIMUM_RECORDS = 1_000_000
"""Of a file, valid ones and others."""
MAXIMUM_INGREDIENTS = 10_000_000
"""Of all recipes of a file together."""
MAXIMUM_OWN_ID = 255
"""The most characters of an id in a file that is renumbered."""
RENUMBER = "--renumber numbers all recipes from 1"
"""Ends the problem of an id that is none of the contracts."""

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
GZIP_SUFFIX = ".gz"


class FileRecipes(NamedTuple):
    """The recipes of a file, in its order."""

    recipes: tuple[Recipe, ...]
    own_ids: Mapping[int, str]
    """The id of each recipe in the file, by the id that it got instead. Empty unless they were renumbered."""


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
        if self._total >= MAXIMUM_RECORDS:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise RecipesUnreadable if there was a problem."""
        if self._kept:
            raise RecipesUnreadable(self._kept, self._total)


def read(file: Path, *, renumber: bool = False) -> FileRecipes:
    """The recipes in `file`. `renumber`: give them the ids 1, 2, …, whatever theirs are. Raises RecipesUnreadable."""
    text = _text(file)
    problems = _Problems(file)
    drafts: list[_Draft] = []
    previous = ingredients = 0
    for number, (line, value) in enumerate(_layout(file)(text, problems.add), start=1):
        # Many exporters write all records on one line, so the line alone would not help.
        note = f" (record {number} of the file)" if line == previous else ""
        previous = line
        try:
            drafts.append(draft := _draft(line, note, value, renumber=renumber))
        except _Bad as bad:
            problems.add(line, f"{bad}{note}")
            continue
        ingredients += len(draft.ingredients)
        if number > MAXIMUM_RECORDS or ingredients > MAXIMUM_INGREDIENTS:
            most = f"{MAXIMUM_RECORDS:,} records and {MAXIMUM_INGREDIENTS:,} ingredients"
            raise RecipesUnreadable([f"{file}:{line}: a file can have {most}; use a part of it"], 1)
    recipes = _with_ids(drafts, problems, renumber=renumber)
    problems.raise_if_any()
    if not recipes:
        raise RecipesUnreadable([f"{file}: the file has no recipes"], 1)
    own = {number: str(draft.id) for number, draft in enumerate(drafts, start=1) if draft.id is not None}
    return FileRecipes(recipes, own if renumber else {})


def _layout(file: Path) -> Callable[[str, Complain], Iterator[Record]]:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    named = suffixes[:-1] if suffixes[-1:] == [GZIP_SUFFIX] else suffixes
    return records_on_lines if named and named[-1] in JSON_LINES_SUFFIXES else records


def _text(file: Path) -> str:
    """The file's text, without a byte order mark. Raises RecipesUnreadable."""
    try:
        found = content.read(file)
        return found.decode("utf-8-sig")
    except FileNotFoundError:
        raise NoSuchFile([f"{file}: no such file"], 1) from None
    except content.ContentUnusable as error:
        raise RecipesUnreadable([f"{file}: {error}"], 1) from None
    except UnicodeDecodeError as error:
        line = 1 + found.count(b"\n", 0, error.start)
        reason = f"expected UTF-8, got the byte 0x{found[error.start]:02x}"
        raise RecipesUnreadable([f"{file}:{line}: {reason}"], 1) from None


class _Draft(NamedTuple):
    """A valid record. If it has no id, it gets one when all records are known."""

    line: int
    note: str
    """The number of the record, if it is not the first on its line; else empty."""
    id: int | str | None
    """As in the file."""
    name: str
    steps: str
    ingredients: tuple[Ingredient, ...]


def _draft(line: int, note: str, record: object, *, renumber: bool) -> _Draft:
    """The draft of a record. Raises _Bad."""
    if not isinstance(record, dict):
        raise _Bad("", f"expected an object, got {_kind(record)}")
    if "name" not in record and "recipes" in record:
        raise _Bad("recipes", f"expected an array, got {_kind(record['recipes'])}")
    return _Draft(
        line,
        note,
        (_own_id if renumber else _id)(record.get("id"), "id"),
        _required(record, "name", "name"),
        _steps(record.get("steps")),
        _ingredients(record.get("ingredients"), renumber=renumber),
    )


def _steps(value: object) -> str:
    if not isinstance(value, list):
        return _optional(value, "steps")
    return "\n".join([_checked(step, f"steps[{index}]") for index, step in enumerate(value)])


def _ingredients(value: object, *, renumber: bool) -> tuple[Ingredient, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _Bad("ingredients", f"expected an array, got {_kind(value)}")
    ids: list[int | None] = []
    texts: list[tuple[str, str]] = []
    for index, ingredient in enumerate(value):
        field = f"ingredients[{index}]"
        if isinstance(ingredient, dict):
            ids.append(None if renumber else _id(ingredient.get("id"), f"{field}.id"))
            name = _required(ingredient, "name", f"{field}.name")
            texts.append((name, _optional(ingredient.get("quantity"), f"{field}.quantity")))
        elif isinstance(ingredient, str):
            ids.append(None)
            texts.append((_filled(ingredient, field), ""))
        else:
            raise _Bad(field, f"expected text or an object, got {_kind(ingredient)}")
    seen: set[int] = set()
    for index, number in enumerate(ids):
        if number in seen:
            raise _Bad(f"ingredients[{index}].id", f"another ingredient has the id {number}")
        if number is not None:
            seen.add(number)
    return tuple([Ingredient(number, *text) for number, text in zip(_filled_up(ids), texts, strict=True)])


def _filled_up(ids: Sequence[int | None]) -> list[int]:
    """`ids` with each None replaced by the lowest unused number from 1, in order."""
    taken = {number for number in ids if number is not None}
    free = (number for number in count(1) if number not in taken)
    return [next(free) if number is None else number for number in ids]


def _with_ids(drafts: Sequence[_Draft], problems: _Problems, *, renumber: bool) -> tuple[Recipe, ...]:
    """The recipes of the drafts. Duplicate ids are added to `problems`."""
    lines: dict[str, int] = {}
    for draft in drafts:
        if draft.id is None:
            continue
        if (own := str(draft.id)) in lines:
            problems.add(draft.line, f"id: the recipe on line {lines[own]} has the id {own}{draft.note}")
        lines.setdefault(own, draft.line)
    ids = _filled_up([draft.id if isinstance(draft.id, int) and not renumber else None for draft in drafts])
    return tuple(
        [Recipe(number, draft.name, draft.steps, draft.ingredients) for number, draft in zip(ids, drafts, strict=True)]
    )


def _id(value: object, field: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        offered = f"; {RENUMBER}" if isinstance(value, str) else ""
        raise _Bad(field, f"expected a whole number, got {_kind(value)}{offered}")
    if not 1 <= value <= MAXIMUM_ID:
        raise _Bad(field, f"expected 1 to {MAXIMUM_ID}, got {_shortened(str(value))}; {RENUMBER}")
    return value


def _own_id(value: object, field: str) -> int | str | None:
    """An id that is kept beside the one that the recipe gets."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise _Bad(field, f"expected a whole number or text, got {_kind(value)}")
    own = _filled(value, field) if isinstance(value, str) else str(value)
    if len(own) > MAXIMUM_OWN_ID:
        raise _Bad(field, f"expected at most {MAXIMUM_OWN_ID} characters, got {len(own):,}")
    return value


def _shortened(digits: str) -> str:
    return digits if len(digits) <= 30 else f"{digits[:30]}…"


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
