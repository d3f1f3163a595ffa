"""A table as every form of report understands it: columns, rows of text, and what explains them."""

from dataclasses import dataclass, field

from bench.report import names
from bench.results import Verdict


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and the unit of all that stands below it."""

    title: str
    unit: str = ""
    numeric: bool = True

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in one place of a table; the verdict, where there is one, follows the text."""

    text: str
    verdict: Verdict | None = None

    @property
    def whole(self) -> str:
        """Text and verdict."""
        return f"{self.text} {self.verdict}" if self.verdict else self.text


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its headings, then one entry for each further column."""

    headings: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that share their first heading belong together."""

    title: str
    columns: tuple[Column, ...]
    """Those of the headings first."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What the columns mean, and what is missing and why."""
    common: tuple[str, ...] = ()
    """What holds for many tables, and need be said once only."""

    @property
    def heading_count(self) -> int:
        """How many of the columns are headings of their rows."""
        return len(self.rows[0].headings) if self.rows else 0


@dataclass(slots=True)
class Builder:
    """Collects a table row by row."""

    title: str
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    common: list[str] = field(default_factory=list)

    def add(self, headings: tuple[str, ...], entries: list[Entry | str]) -> None:
        """One more row; an entry without text shows that there is nothing."""
        made = (Entry(each) if isinstance(each, str) else each for each in entries)
        self.rows.append(Row(headings, tuple(each if each.text else Entry(names.MISSING) for each in made)))

    def table(self) -> Table:
        """What was collected."""
        return Table(self.title, tuple(self.columns), tuple(self.rows), tuple(self.notes), tuple(self.common))
