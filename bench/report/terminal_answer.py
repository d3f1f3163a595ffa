"""The answer of a run as lines for a terminal: never wider than it, and no more than fit on one screen. Pure.

Where space is short, the least important is left out, and a line says how to see it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from bench.report import units
from bench.report.answer import Answer, CostRow, CostTable, Level, LevelTable
from bench.report.answer_sentences import mark
from bench.report.document import MISSING
from bench.report.spelling import in_encoding
from bench.report.terminal import STYLES
from bench.report.terminal_grid import CUT, Grid, Place, Row
from bench.report.text import one_line
from bench.report.units import Unit

LINES_AT_MOST = 30
WARNINGS_AT_MOST = 2
WARNING_LINES_AT_MOST = 2
LABEL_WIDTH = 11
"""Of `Predicted:` and the like, with the space behind."""
KEPT = "\ue000"
"""Stands for a space at which no line is broken."""


@dataclass(frozen=True, slots=True)
class Folding:
    """Breaks text into lines that a console has room for."""

    console: Console

    def plain(self, text: str, style: str = "") -> list[Text]:
        """The text in a style."""
        return self._lines(text, style, self.console.width)

    def labelled(self, label: str, text: str, style: str = "") -> list[Text]:
        """The text beside a label; no line of it begins under the label."""
        lines = self._lines(text, style, self.console.width - LABEL_WIDTH)
        label = in_encoding(label, self.console.encoding)
        labels = [f"{label}:" if label else "", *([""] * len(lines))]
        return [Text.assemble(start.ljust(LABEL_WIDTH), line) for start, line in zip(labels, lines, strict=False)]

    def _lines(self, text: str, style: str, width: int) -> list[Text]:
        kept = one_line(in_encoding(text, self.console.encoding)).replace(" %", f"{KEPT}%")
        return [
            Text(line.plain.rstrip().replace(KEPT, " "), style=style) for line in Text(kept).wrap(self.console, width)
        ]


class Room:
    """How many lines are left."""

    def __init__(self, lines: int) -> None:
        self.lines = lines

    def take(self, lines: list[Text]) -> list[Text]:
        """The lines if there is room for all of them, else none."""
        if len(lines) > self.lines:
            return []
        self.lines -= len(lines)
        return lines

    def take_table(self, grid: Grid | None, notes: list[Text], width: int, name: str) -> list[Text]:
        """An empty line, a table and its notes. Where there is no room for all rows: whole groups, if one fits, or the
        first rows, and how many there are more. `name`: what --tables calls it."""
        if grid is None:
            return []
        whole = [Text(), *grid.lines(width)]
        if lines := self.take([*whole, *notes]) or self.take(whole):
            return lines
        groups = [row.group for row in grid.rows]
        ends = [count for count in range(1, len(groups)) if groups[count] != groups[count - 1]]
        for count in (*reversed(ends), *reversed(range(1, len(groups)))):
            more = Text(f"{len(groups) - count} more: --tables {name}", style="dim")
            if lines := self.take([Text(), *grid.first(count).lines(width), more, *notes]):
                return lines
        return []


@dataclass(frozen=True, slots=True)
class Closing:
    """What stands at the end: where the files are, and how to see more."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Paths by their labels. They are not broken into lines, so that they can be copied."""
    more: str = ""

    def lines(self, console: Console) -> list[Text]:
        """The lines."""
        files = [Text(f"{label}:".ljust(LABEL_WIDTH) + one_line(path)) for label, path in self.files.items()]
        return files + (Folding(console).labelled("More", self.more) if self.more else [])


def lines_of(answer: Answer, console: Console, closing: Closing = Closing()) -> list[Text]:
    """The lines without those of `closing`, for which there is room."""
    folding, width = Folding(console), console.width
    head = folding.plain(answer.scope) + folding.plain(answer.result, "bold red" if answer.alarming else "bold")
    trust = folding.labelled("Trust", answer.trust.line) if answer.trust.parts else []
    networks = [folding.labelled("Predicted" if each.predicted else "Network", each.text) for each in answer.networks]
    room = Room(LINES_AT_MOST - len(head) - len(trust) - len(closing.lines(console)) - 1)
    levels, costs = answer.levels, answer.costs
    verdicts = folding.plain(levels.verdicts, "dim") if levels is not None and levels.verdicts else []
    name = "bytes" if levels is not None and levels.measure == "wire_bytes" else "latency"

    def table(grid: Grid | None, notes: list[Text], name: str) -> list[Text]:
        return room.take_table(in_encoding(grid, console.encoding), notes, width, name)

    hop_lines = [line for each in answer.hops for line in folding.labelled("Hop", each)]
    level_lines = table(level_grid(levels) if levels is not None else None, verdicts, name)
    hop_lines = room.take(hop_lines)
    network_lines = [line for lines in networks[:1] for line in room.take(lines)]
    warnings = [line for lines in _warnings(answer, folding) for line in room.take(lines)]
    notes = folding.plain(_cost_notes(costs), "dim") if costs is not None else []
    cost_lines = table(cost_grid(costs) if costs is not None else None, notes, "bytes,cpu")
    network_lines += [line for lines in networks[1:] for line in room.take(lines)]
    others = f"{', '.join(answer.elsewhere)} (--tables latency,client)" if answer.elsewhere else ""
    also = room.take(folding.labelled("Also", others)) if others else []
    return [*head, *level_lines, *cost_lines, Text(), *hop_lines, *network_lines, *trust, *warnings, *also]


def level_grid(table: LevelTable) -> Grid:
    """The main table."""
    values = [level.value.value for level in table.levels if level.value is not None]
    match table.measure:
        case "latency_ns_p50":
            unit = units.chosen(units.DURATIONS_NS, values)
            title = f"p50, {unit.symbol}" if values else "p50"
        case "wire_bytes":
            unit = units.byte_unit(values)
            title = "bytes, both ways" if unit.size == 1 else f"{unit.symbol}, both ways"
        case _:
            unit = units.PER_SECOND
            title = unit.symbol
    rows = tuple(
        Row(one_line(row.group), one_line(row.series), tuple(_place(level, unit) for level in row.levels))
        for row in table.rows
    )
    return Grid(title, table.variants, rows)


def _place(level: Level | None, unit: Unit) -> Place:
    if level is None:
        return Place(MISSING, is_whole=True)
    if level.status:
        return Place(level.status, style="yellow", is_whole=True)
    if level.value is None:
        return Place(MISSING)
    if unit in units.SIZES_BYTES:
        ratio = "" if level.exact_ratio is None else units.factor(level.exact_ratio)
        return Place(_bytes(level.value.value, unit), ratio)
    value = units.bound(units.number(level.value.value, unit), is_bound=level.is_bound)
    if level.ratio is None:
        return Place(value)
    return Place(value, f"{units.factor(level.ratio.value)}{mark(level.ratio)}", STYLES[level.ratio.verdict])


def cost_grid(table: CostTable) -> Grid:
    """Throughput, bytes and CPU, the most important first. Columns without any value are left out."""
    byte_unit = units.byte_unit(row.wire_bytes for row in table.rows)
    cpu = [spent for row in table.rows for spent in (row.server_cpu_ns, row.client_cpu_ns)]
    cpu_unit = units.chosen(units.DURATIONS_NS, cpu)
    columns: list[tuple[str, Callable[[CostRow], str]]] = [
        (units.PER_SECOND.symbol, lambda row: "" if row.rate is None else _rate(row.rate)),
        ("bytes" if byte_unit.size == 1 else byte_unit.symbol, lambda row: _bytes(row.wire_bytes, byte_unit)),
        (f"server CPU {cpu_unit.symbol}", lambda row: units.number(row.server_cpu_ns, cpu_unit)),
        (f"client CPU {cpu_unit.symbol}", lambda row: units.number(row.client_cpu_ns, cpu_unit)),
    ]
    known = [(heading, text) for heading, text in columns if any(text(row) for row in table.rows)]
    return Grid(
        one_line(table.variant),
        tuple(heading for heading, _ in known),
        tuple(
            Row(one_line(row.group), one_line(row.series), tuple(Place(text(row) or MISSING) for _, text in known))
            for row in table.rows
        ),
        drops_columns=True,
    )


def _rate(level: Level) -> str:
    if level.value is None:
        return level.status
    return units.bound(units.number(level.value.value, units.PER_SECOND), is_bound=level.is_bound)


def _bytes(size: float | None, unit: Unit) -> str:
    return units.size(None if size is None else round(size), unit)


def _cost_notes(table: CostTable) -> str:
    """What the columns mean, as far as they are there."""
    said = []
    if table.rate_load:
        bounds = any(row.rate is not None and row.rate.is_bound for row in table.rows)
        said.append(f"requests/s {table.rate_load}{' (≥: the server may serve more)' if bounds else ''}")
    if any(row.wire_bytes is not None for row in table.rows):
        said.append("bytes on the wire, both ways")
    return f"{'; '.join(said)}." if said else ""


def _warnings(answer: Answer, folding: Folding) -> list[list[Text]]:
    """The first sentence of each warning; of many the first few. Notes are only counted."""
    found = [each for each in answer.limits if each.grade == "warning"]
    cut = in_encoding(CUT, folding.console.encoding)
    shown = [_cut(folding.labelled("Warning", _first_sentence(each.text), "yellow"), cut) for each in found]
    left = len(found) - WARNINGS_AT_MOST
    return [*shown[:WARNINGS_AT_MOST], *([folding.labelled("", f"{left} more: --explain")] if left > 0 else [])]


def _first_sentence(text: str) -> str:
    return f"{text.partition('. ')[0].rstrip('.')}."


def _cut(lines: list[Text], cut: str) -> list[Text]:
    """The first few of the lines; the last of them shows by `cut` that there are more."""
    kept = lines[:WARNING_LINES_AT_MOST]
    if len(lines) > len(kept):
        kept[-1].right_crop(len(cut))
        kept[-1].append(cut)
    return kept
