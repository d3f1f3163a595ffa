"""Two runs compared, as tables: what changed in each cell, what is a regression, and what limits the comparison."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from bench.report import definitions, terminal, units
from bench.report.document import Builder, Column, Entry, Table
from bench.report.markdown import bullets, table_block
from bench.report.text import markdown as escaped
from bench.report.text import one_line
from bench.stats.compare import ComparedCell, Comparison
from bench.stats.measures import LATENCY
from bench.stats.wording import counted

REGRESSION = "regression"


def render_terminal(found: Comparison, console: Console) -> None:
    """Print what limits the comparison, its tables, and the conclusion last, where a terminal's user looks."""
    for text in _limits(found):
        console.print(Text(one_line(text), style="yellow"))
    console.print()
    for table in tables(found):
        terminal.show_table(table, console)
    console.print(Text(one_line(definitions.VERDICTS), style="dim"))
    console.print(Text(f"\n{one_line(conclusion(found))}", style="bold red" if found.regressions else "bold"))


def render_markdown(found: Comparison) -> str:
    """The same as Markdown without HTML, the conclusion first."""
    blocks = [f"**{escaped(conclusion(found))}**", bullets(_limits(found)), *map(table_block, tables(found))]
    return "\n\n".join([*blocks, escaped(definitions.VERDICTS)]) + "\n"


def conclusion(found: Comparison) -> str:
    """Whether there are regressions, and which."""
    threshold = f"{found.threshold * 100:g} %"
    if not found.regressions:
        return f"No regression: no cell of B is shown to be slower than in A and by more than {threshold}."
    named = ", ".join(cell.id for cell in found.regressions)
    return f"{counted(len(found.regressions), 'regression')}, slower by more than {threshold}: {named}."


def tables(found: Comparison) -> list[Table]:
    """Latency, throughput and sizes, as far as there are any."""
    latency = [cell for cell in found.cells if cell.measure == LATENCY.name]
    throughput = [cell for cell in found.cells if cell.measure != LATENCY.name]
    made = [_figures("Median latency", latency, units.DURATIONS_NS, "Below 1 is better.")] if latency else []
    made += [_figures("Throughput", throughput, (units.PER_SECOND,), "Above 1 is better.")] if throughput else []
    return [*made, _sizes(found)] if found.changed_bytes else made


def _figures(title: str, cells: Sequence[ComparedCell], ladder: Sequence[units.Unit], better: str) -> Table:
    unit = units.chosen(ladder, [value for cell in cells for value in (cell.value_a, cell.value_b)])
    built = Builder(
        title,
        [
            Column("cell", numeric=False),
            Column("A", unit.symbol),
            Column("B", unit.symbol),
            Column("B ÷ A"),
            Column("", numeric=False),
        ],
    )
    for cell in cells:
        built.add(
            (cell.id,),
            [
                units.number(cell.value_a, unit),
                units.number(cell.value_b, unit),
                Entry(units.ratio(cell.ratio), cell.ratio.verdict),
                REGRESSION if cell.regressed else " ",
            ],
        )
    built.notes.append(f"B ÷ A: the later run divided by the earlier. {better}")
    return built.table()


def _sizes(found: Comparison) -> Table:
    sizes = [size for change in found.changed_bytes for size in (change.wire_bytes_a, change.wire_bytes_b)]
    unit = units.byte_unit(sizes)
    built = Builder(
        "Answers whose size on the wire changed",
        [Column("cell", numeric=False), Column("A", unit.symbol), Column("B", unit.symbol), Column("change")],
    )
    for change in found.changed_bytes:
        entries: list[Entry | str] = [units.size(size, unit) for size in (change.wire_bytes_a, change.wire_bytes_b)]
        built.add((change.id,), [*entries, units.change(change.wire_bytes_a, change.wire_bytes_b)])
    built.notes.append("Counted, so without an interval; no regression is made of it. Fewer are better.")
    return built.table()


def _limits(found: Comparison) -> list[str]:
    """What a reader has to know before the figures."""
    forced = [f"Compared although the runs differ in {difference}." for difference in found.differences]
    return [*forced, *found.notes]
