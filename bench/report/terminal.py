"""A run on a terminal: warnings first, then plain words and tables for each workload."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bench.report import break_evens, costs, latency_tables, summary
from bench.report.document import Entry, Table
from bench.report.grouping import Arrangement, WorkloadGroup, arranged
from bench.report.overall_tables import overall_tables
from bench.report.summary import Statement
from bench.report.text import one_line
from bench.results import Run, Verdict

MINIMUM_WIDTH = 100
"""Columns that the tables need."""
WIDTH = 110
"""Columns where the width is ours to choose, as in a file."""
STYLES: dict[Verdict, str] = {"faster": "green", "slower": "red", "same": "cyan", "inconclusive": "dim"}


def render(run: Run, console: Console) -> None:
    """Print warnings, then each workload."""
    _warnings(run, console)
    arrangement = arranged(run)
    common: dict[str, None] = {}
    for group in arrangement.groups:
        common |= _workload(group, arrangement, console)
    for table in overall_tables(run):
        show_table(table, console)
        common |= dict.fromkeys(table.common)
    flips = break_evens.break_evens(run)
    if flips is not None:
        console.rule(Text(break_evens.TITLE, style="bold"), align="left", characters="─")
        show_statements(flips.statements, console)
    for note in common:
        console.print(Text(one_line(note), style="dim"))
    if not arrangement.groups:
        console.print(Text("The run has no cells."))


def show_table(table: Table, console: Console) -> None:
    """Print a table with its notes."""
    shown = RichTable(
        box=box.SIMPLE_HEAD,
        title=Text(one_line(table.title), style="bold"),
        title_justify="left",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
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
        console.print(Text(one_line(note), style="dim"))
    console.print()


def show_statements(statements: Iterable[Statement], console: Console) -> None:
    """Print sentences beside what they are about."""
    _side_by_side(
        [
            (Text(statement.topic, style="bold"), Text("\n".join(map(one_line, statement.sentences))))
            for statement in statements
        ],
        console,
    )


def _warnings(run: Run, console: Console) -> None:
    if not run.warnings:
        console.print(Text("No reason for warning was found.\n"))
        return
    count = len(run.warnings)
    console.print(
        Text("One reason for warning:" if count == 1 else f"{count} reasons for warning:", style="bold yellow")
    )
    _side_by_side(
        [
            (Text("•"), Text.assemble(one_line(warning.text), (f" [{one_line(warning.code)}]", "dim")))
            for warning in run.warnings
        ],
        console,
    )


def _workload(group: WorkloadGroup, arrangement: Arrangement, console: Console) -> dict[str, None]:
    """Print a workload; return what its tables have in common with others."""
    console.rule(Text(one_line(group.title), style="bold"), align="left", characters="─")
    show_statements(summary.of_workload(group, arrangement), console)
    tables = [latency_tables.figures(group, load, arrangement) for load in group.loads if load.load is not None]
    against_plain = latency_tables.against_plain(group, arrangement)
    tables += [against_plain] if against_plain is not None else []
    tables += costs.costs(group)
    for table in tables:
        show_table(table, console)
    return dict.fromkeys(note for table in tables for note in table.common)


def _side_by_side(rows: list[tuple[Text, Text]], console: Console) -> None:
    """Text beside what it is about, so that no line begins under the latter."""
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
        text.append(f" {one_line(entry.verdict)}", style=STYLES.get(entry.verdict, ""))
    return text
