"""A document on a terminal: data quality first, the conclusion last, details left out."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.report.document import (
    Block,
    Bullets,
    Charts,
    Document,
    Entry,
    Properties,
    Quality,
    Section,
    Sentences,
    Table,
)
from bench.report.text import one_line
from bench.results import Verdict

MINIMUM_WIDTH = 100
"""Columns that the tables need."""
WIDTH = 110
"""Columns where no terminal decides, as in a file."""
STYLES: dict[Verdict, str] = {"faster": "green", "slower": "red", "same": "cyan", "inconclusive": "dim"}


def render(document: Document, console: Console) -> None:
    """Print the document."""
    if document.quality is not None:
        _print_quality(document.quality, console)
    for section in document.sections:
        if not section.detail:
            _print_section(section, console)
    left_out = list(dict.fromkeys(_details(document.sections)))
    if left_out:
        _dim(f"Only in the HTML and Markdown reports: {', '.join(left_out)}.", console)
    if document.conclusion is not None:
        style = "bold red" if document.conclusion.alarming else "bold"
        console.print(Text(f"\n{one_line(document.conclusion.text)}", style=style))


def _details(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        if section.detail:
            yield section.title
        else:
            yield from _details(section.sections)


def _print_section(section: Section, console: Console, *, heading: bool = True) -> None:
    """Sections within sections have no heading of their own here: their tables are titled."""
    if heading and section.title:
        console.rule(Text(one_line(section.title), style="bold"), align="left", characters="─")
    for block in section.blocks:
        _print_block(block, console)
    for inner in section.sections:
        if not inner.detail:
            _print_section(inner, console, heading=False)


def _print_block(block: Block, console: Console) -> None:
    match block:
        case str():
            _dim(block, console)
            console.print()
        case Sentences():
            rows = [
                (Text(one_line(each.topic), style="bold"), Text("\n".join(map(one_line, each.sentences))))
                for each in block.statements
            ]
            _side_by_side(rows, console)
        case Bullets():
            for text in block.texts:
                _dim(text, console)
        case Properties():
            console.print(Text(one_line(block.title), style="bold"))
            _side_by_side([(Text(one_line(name)), Text(one_line(value))) for name, value in block.pairs], console)
        case Table():
            _print_table(block, console)
        case Charts():
            untabulated = [chart for chart in block.charts if not chart.in_table]
            for chart in untabulated:
                _dim(f"{chart.caption}: {chart.alternative}.", console)
            if untabulated:
                console.print()


def _print_quality(quality: Quality, console: Console) -> None:
    style = "bold yellow" if quality.findings else ""
    console.print(Text(one_line(quality.heading), style=style))
    _side_by_side(
        [
            (
                Text(f"{each.grade}:"),
                Text.assemble(one_line(each.text), (f" [{one_line(each.code)}]" if each.code else "", "dim")),
            )
            for each in quality.findings
        ],
        console,
    )


def _print_table(table: Table, console: Console) -> None:
    # A title of the table itself would be wrapped to the width of the table.
    console.print(Text(one_line(table.title), style="bold"))
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for number, column in enumerate(table.columns):
        heading = one_line(column.heading)
        shown.add_column(
            Text(heading),
            justify="right" if column.numeric else "left",
            vertical="bottom",
            min_width=max(map(len, heading.split()), default=0),
            no_wrap=number < table.heading_count,
        )
    before = ""
    for row in table.rows:
        if before and row.headings[0] != before and table.heading_count > 1:
            shown.add_section()
        first = "" if row.headings[0] == before else row.headings[0]
        before = row.headings[0]
        headings = [Text(one_line(text)) for text in (first, *row.headings[1:])]
        shown.add_row(*headings, *(_entry(entry) for entry in row.entries))
    console.print(shown)
    for note in table.notes:
        _dim(note, console)
    console.print()


def _dim(text: str, console: Console) -> None:
    console.print(Text(one_line(text), style="dim"))


def _side_by_side(rows: Sequence[tuple[Text, Text]], console: Console) -> None:
    """Two columns, so that no line of the second begins under the first."""
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for row in rows:
        grid.add_row(*row)
    console.print(grid)
    console.print()


def _entry(entry: Entry) -> Text:
    text = Text(one_line(entry.text))
    if entry.verdict is not None:
        text.append(f" {one_line(entry.verdict_word)}", style=STYLES.get(entry.verdict, ""))
    return text
