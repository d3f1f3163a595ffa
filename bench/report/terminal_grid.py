"""Compact tables for a terminal: each row has a group, a name, and places with a value and what stands beside it.

Pure. No line is wider than the terminal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAPS = (3, 2)
"""Characters between columns, in order of preference."""
NAMES_AT_MOST = 0.45
"""The share of a line that the names of rows may take; longer ones are cut."""
CUT = "…"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a table."""

    value: str
    beside: str = ""
    """Such as a ratio. It begins at the same character in all rows."""
    style: str = ""
    """Of what stands beside, or of a whole value."""
    is_whole: bool = False
    """Whether the value takes the room of both, as the reason of a missing one does."""

    @property
    def brief(self) -> "Place":
        """What stands beside alone, where there is something."""
        return Place(self.beside, style=self.style) if self.beside else replace(self, is_whole=True)


@dataclass(frozen=True, slots=True)
class Row:
    """The group and the name of a row, and a place for each column."""

    group: str
    name: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `title` stands above the names."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    cut: str = CUT
    """What follows a name that was cut."""
    drops_columns: bool = False
    """Whether columns that do not fit are left out. If not, they follow below, with the names repeated."""

    def first(self, count: int) -> "Grid":
        """The same with its first rows only."""
        return replace(self, rows=self.rows[:count])

    def lines(self, width: int) -> list[Text]:
        """With everything where there is room, else without the values that something stands beside, else with a few
        columns at a time."""
        brief = replace(
            self, rows=tuple(replace(row, places=tuple(each.brief for each in row.places)) for row in self.rows)
        )
        layouts = [*(Layout(self, gap, width) for gap in GAPS), Layout(brief, GAPS[-1], width)]
        chosen = next((layout for layout in layouts if layout.fits()), layouts[-1])
        parts = list(chosen.parts())
        return [line for columns in parts[: 1 if self.drops_columns else None] for line in chosen.lines(columns)]


@dataclass(frozen=True, slots=True)
class Column:
    """How many characters a column takes."""

    value: int
    beside: int
    """0 where nothing stands beside any value."""

    @property
    def width(self) -> int:
        """Of both, with a space between them."""
        return self.value + (1 + self.beside if self.beside else 0)


class Layout:
    """How a grid is laid out on lines of a width."""

    def __init__(self, grid: Grid, gap: int, width: int) -> None:
        self.grid, self.gap, self.width = grid, gap, width
        most = max(1, int(width * NAMES_AT_MOST))
        self.group_width = min(max((cell_len(row.group) + 1 for row in grid.rows), default=0), most // 2)
        names = max((cell_len(row.name) for row in grid.rows), default=0)
        self.names_width = min(max(self.group_width + names, cell_len(grid.title)), most)
        self.columns = [self._measured(number, heading) for number, heading in enumerate(grid.columns)]

    def _measured(self, number: int, heading: str) -> Column:
        places = [row.places[number] for row in self.grid.rows]
        beside = max((cell_len(each.beside) for each in places), default=0)
        value = max((cell_len(each.value) for each in places if not each.is_whole), default=0)
        whole = max([cell_len(heading), *(cell_len(each.value) for each in places if each.is_whole)])
        return Column(max(value, whole - 1 - beside) if beside else max(value, whole), beside)

    def fits(self, columns: Iterable[int] | None = None) -> bool:
        """Whether all columns, or these, fit on a line beside the names."""
        chosen = range(len(self.columns)) if columns is None else columns
        return self.names_width + sum(self.gap + self.columns[number].width for number in chosen) <= self.width

    def parts(self) -> Iterator[list[int]]:
        """The columns, as many at a time as fit; at least one."""
        some: list[int] = []
        for number in range(len(self.columns)):
            if some and not self.fits([*some, number]):
                yield some
                some = []
            some.append(number)
        if some:
            yield some

    def lines(self, columns: Sequence[int]) -> Iterator[Text]:
        """The lines of these columns."""
        headings = [Place(self.grid.columns[number], style="bold", is_whole=True) for number in columns]
        yield self._line(self.grid.title, "bold", zip(columns, headings, strict=True))
        before = None
        for row in self.grid.rows:
            group = "" if row.group == before else row.group
            before = row.group
            names = f"{_cell(group, self.group_width - 1, self.grid.cut)} {row.name}" if self.group_width else row.name
            yield self._line(names, "", ((number, row.places[number]) for number in columns))

    def _line(self, names: str, style: str, places: Iterable[tuple[int, Place]]) -> Text:
        line = Text(_cell(names, self.names_width, self.grid.cut), style=style)
        for number, place in places:
            line.append(" " * self.gap)
            self._add(line, self.columns[number], place)
        line.rstrip()
        line.truncate(self.width)
        return line

    def _add(self, line: Text, column: Column, place: Place) -> None:
        if place.is_whole or not column.beside:
            blank = " " * (column.width - cell_len(place.value))
            parts = (place.value, blank) if column.beside else (blank, place.value)
            for part in parts:
                line.append(part, style=place.style)
            return
        line.append(" " * (column.value - cell_len(place.value)) + place.value + " ")
        line.append(place.beside, style=place.style)
        line.append(" " * (column.beside - cell_len(place.beside)))


def _cell(text: str, width: int, cut: str) -> str:
    """The text in exactly so many characters; what is cut off is marked by `cut`, where there is room for it."""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(set_cell_size(text, width - len(cut)) + cut if len(cut) < width else text, width)
