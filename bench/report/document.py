"""What a report consists of, before it takes any form: sections of sentences, tables and charts.

A document is built once (bench.report.run_document, comparison, advice) and rendered by html, terminal and markdown.
A renderer decides how something looks. What is in the document, in which order, and what counts as a detail is decided
where the document is built.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from bench.report.plots import Plot
from bench.results import Grade, Verdict
from bench.stats.wording import counted

if TYPE_CHECKING:
    from bench.report.first_screen import FirstScreen

GRADES: tuple[Grade, ...] = ("warning", "note")
"""In the order in which headings count them."""
MISSING = "–"
"""Stands where there is no value."""
VERDICT_MARKS: dict[Verdict, str] = {"faster": "▼", "slower": "▲", "same": "=", "inconclusive": "?"}
"""Shown before a verdict on a page, so that it needs no colour of its own."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A topic, and the sentences about it."""

    topic: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """All sentences in a row."""
        return " ".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Sentences:
    """Statements, each beside its topic."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of remarks, such as definitions."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Properties:
    """Pairs of a name and its value."""

    title: str
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and the unit of all that stands below it."""

    title: str
    unit: str = ""
    numeric: bool = True
    prose: bool = False
    """Whether its entries are sentences, which may be broken into lines."""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of a table; the verdict, if any, follows the text."""

    text: str
    verdict: Verdict | None = None
    word: str = ""
    """What stands for the verdict, where that is not the verdict itself: why it is inconclusive."""

    @property
    def verdict_word(self) -> str:
        """The verdict as shown; empty without one."""
        return self.word or self.verdict or ""

    @property
    def mark(self) -> str:
        """The verdict as a sign; empty without one."""
        return VERDICT_MARKS[self.verdict] if self.verdict else ""

    @property
    def whole(self) -> str:
        """Text and verdict."""
        return f"{self.text} {self.verdict_word}".rstrip()


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its headings, then one entry for each further column."""

    headings: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows. Rows that share their first heading belong together."""

    title: str
    columns: tuple[Column, ...]
    """Those of the headings first."""
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """What the columns mean, and what is missing and why."""
    common: tuple[str, ...] = ()
    """Definitions that many tables share. A document states them once."""

    @property
    def heading_count(self) -> int:
        """How many of the columns are headings of their rows."""
        return len(self.rows[0].headings) if self.rows else 0


@dataclass(slots=True)
class TableBuilder:
    """Collects a table row by row."""

    title: str
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    common: list[str] = field(default_factory=list)

    def add(self, headings: tuple[str, ...], entries: list[Entry | str]) -> None:
        """Add a row. An entry without text is shown as MISSING."""
        made = (Entry(each) if isinstance(each, str) else each for each in entries)
        self.rows.append(Row(headings, tuple(each if each.text else Entry(MISSING) for each in made)))

    def table(self) -> Table:
        """What was collected, without columns in which no row has anything."""
        headings = len(self.rows[0].headings) if self.rows else 0
        kept = [
            number
            for number in range(len(self.columns) - headings)
            if not self.rows or any(row.entries[number].text != MISSING for row in self.rows)
        ]
        columns = (*self.columns[:headings], *(self.columns[headings + number] for number in kept))
        rows = (Row(row.headings, tuple(row.entries[number] for number in kept)) for row in self.rows)
        return Table(self.title, columns, tuple(rows), tuple(self.notes), tuple(self.common))


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot, its caption, and the same content in words."""

    plot: Plot
    caption: str
    alternative: str
    """For readers who cannot see the plot, and for renderers that cannot draw it."""
    in_table: bool = True
    """Whether a table of the document has the same values, so that text need not repeat them."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What a colour stands for."""

    kind: Literal["series", "part"]
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts that share the meaning of their colours."""

    charts: tuple[Chart, ...]
    key: tuple[KeyEntry, ...]
    wide: bool = False
    """Whether the charts need more room than others, as maps do."""
    small: bool = False
    """Whether the charts need less room than others, because they are read together."""


Block = Sentences | Bullets | Properties | Table | Charts | str
"""A part of a section; a plain text is a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what belongs under it."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    sections: tuple["Section", ...] = ()
    detail: bool = False
    """Left out where space is short: on the terminal."""
    drawn: bool = False
    """For pages only: charts whose values stand in tables of other sections."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that limits the results. `code` is stable, for tools; it may be empty."""

    grade: Grade
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known about the quality of the data: a heading, such as `Data quality: 2 warnings, 1 note`."""

    heading: str
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, subject: str, findings: tuple[Finding, ...]) -> "Quality":
        """The findings under a heading that counts them by grade."""
        grades = [each.grade for each in findings]
        counts = [counted(grades.count(grade), grade) for grade in GRADES if grade in grades]
        return cls(f"{subject}: {', '.join(counts) or 'no warnings'}", findings)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The result in one sentence. `alarming`: it is a regression."""

    text: str
    alarming: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report."""

    title: str = ""
    subtitle: str = ""
    """What was compared, for the title of a window."""
    lead: str = ""
    """What was measured, and what the results hold for."""
    quality: Quality | None = None
    first_screen: "FirstScreen | None" = None
    """For pages. Other renderers have their own ways to be short."""
    in_short: Sentences = Sentences(())
    """The main results, repeated from the sections for readers who have a few seconds."""
    sections: tuple[Section, ...] = ()
    conclusion: Conclusion | None = None
    footer: tuple[str, ...] = ()

    def blocks(self) -> Iterator[Block]:
        """Every block of every section, in order."""
        for section in self.sections:
            yield from _blocks(section)


def with_details(document: Document) -> Document:
    """The document in which no section counts as a detail."""

    def whole(section: Section) -> Section:
        return replace(section, detail=False, sections=tuple(map(whole, section.sections)))

    return replace(document, sections=tuple(map(whole, document.sections)))


def _blocks(section: Section) -> Iterator[Block]:
    yield from section.blocks
    for inner in section.sections:
        yield from _blocks(inner)
