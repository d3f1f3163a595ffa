"""A document on a terminal of any width: data quality first, the conclusion last, details left out.

A table that is wider than the terminal is shown a few columns at a time, with the headings of its rows repeated.
"""

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.cells import cell_len
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
from bench.report.spelling import in_encoding
from bench.report.text import one_line
from bench.results import Verdict

PROSE = 24
"""The least width of a column of sentences; they get what is left of a line."""
GAP = 2
"""Characters between the columns of a table."""
STYLES: dict[Verdict, str] = {"faster": "green", "slower": "red", "same": "cyan", "inconclusive": "dim"}


def render(document: Document, console: Console, details: str = "in the HTML and Markdown reports") -> None:
    """Print the document. `details`: where what is left out can be read."""
    document = in_encoding(document, console.encoding)
    if document.quality is not None:
        _print_quality(document.quality, console)
    for section in document.sections:
        if not section.detail and not section.drawn:
            _print_section(section, console)
    left_out = list(dict.fromkeys(_details(document.sections)))
    if left_out:
        _dim(f"Only {details}: {', '.join(left_out)}.", console)
    if document.conclusion is not None:
        style = "bold red" if document.conclusion.alarming else "bold"
        console.print(Text(f"\n{one_line(document.conclusion.text)}", style=style))


def _details(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        if section.drawn:
            continue
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


def print_blocks(blocks: Iterable[Block], console: Console) -> None:
    """Print some blocks of a document."""
    for block in blocks:
        _print_block(in_encoding(block, console.encoding), console)


def _print_table(table: Table, console: Console) -> None:
    # A title of the table itself would be wrapped to the width of the table.
    console.print(Text(one_line(table.title), style="bold"))
    for number, columns in enumerate(_side_by_side_columns(table, console.width)):
        if number:
            console.print()
        console.print(_columns_of(table, columns, console.width))
    for note in table.notes:
        _dim(note, console)
    console.print()


def _side_by_side_columns(table: Table, width: int) -> Iterator[list[int]]:
    """The columns behind the headings of the rows, as many at a time as fit beside these; at least one."""
    left = width - sum(_heading_widths(table, width))
    some: list[int] = []
    for number in range(table.heading_count, len(table.columns)):
        if some and sum(GAP + _natural_width(table, each) for each in (*some, number)) > left + GAP:
            yield some
            some = []
        some.append(number)
    yield some


def _heading_widths(table: Table, width: int) -> list[int]:
    """Of the headings of the rows, with the gap behind each. Long ones are broken into lines."""
    most = width // (2 * max(1, table.heading_count))
    return [GAP + min(_natural_width(table, number), most) for number in range(table.heading_count)]


def _natural_width(table: Table, number: int) -> int:
    """Of a column whose heading may be broken between words, and whose entries are not broken, except for prose."""
    words = map(cell_len, one_line(table.columns[number].heading).split())
    if table.columns[number].prose:
        return PROSE
    if number < table.heading_count:
        texts = (one_line(row.headings[number]) for row in table.rows)
    else:
        texts = (_entry(row.entries[number - table.heading_count]).plain for row in table.rows)
    return max((*words, *map(cell_len, texts)), default=0)


def _columns_of(table: Table, columns: Sequence[int], width: int) -> RichTable:
    """The headings of the rows, and some columns behind them."""
    # The box itself separates columns by one more character.
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    headings = [each - GAP for each in _heading_widths(table, width)]
    left = width - sum(headings) - GAP * len(headings)
    widths = [*headings, *(min(_natural_width(table, number), left) for number in columns)]
    prose = any(table.columns[number].prose for number in columns)
    unused = width - sum(widths) - GAP * (len(widths) - 1)
    widths = [
        each + (unused if number in columns and table.columns[number].prose else 0)
        for number, each in zip((*range(table.heading_count), *columns), widths, strict=True)
    ]
    for number, column_width in zip((*range(table.heading_count), *columns), widths, strict=True):
        shown.add_column(
            Text(one_line(table.columns[number].heading)),
            justify="right" if table.columns[number].numeric else "left",
            vertical="top" if prose else "bottom",
            overflow="fold",
            width=max(1, column_width),
        )
    before = ""
    for row in table.rows:
        if before and row.headings[0] != before and table.heading_count > 1:
            shown.add_section()
        first = "" if row.headings[0] == before else row.headings[0]
        before = row.headings[0]
        names = [Text(one_line(text)) for text in (first, *row.headings[1:])]
        shown.add_row(*names, *(_entry(row.entries[number - table.heading_count]) for number in columns))
    return shown


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
