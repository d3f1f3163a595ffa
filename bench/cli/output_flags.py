"""The flags of what a command writes: its run file, and what it shows on stdout besides the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from bench.report.tables import ALL, TABLES
from commands import values
from commands.errors import UsageError

OUTPUT = "Output"
"""The group of these flags in the help of a command."""

OutFlag = Annotated[
    str,
    typer.Option(
        metavar="FILE", rich_help_panel=OUTPUT, help="Run file; the report goes beside it. [default: in reports/]"
    ),
]
TablesFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--tables",
        metavar="NAMES",
        rich_help_panel=OUTPUT,
        help=f"Show these tables, too. Comma-separated: {', '.join((ALL, *TABLES))}.  [default: none]",
        show_default=False,
    ),
]
ExplainFlag = Annotated[
    bool,
    typer.Option(
        "--explain", rich_help_panel=OUTPUT, help="Explain the answer: warnings in full, results in sentences, terms."
    ),
]
JsonFlag = Annotated[
    bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Write the answer as JSON instead of text.")
]
TERMINAL, MARKDOWN = RESULT_FORMATS = ("terminal", "markdown")
FormatFlag = Annotated[
    str,
    typer.Option(
        "--format", parser=values.one_of(RESULT_FORMATS), metavar="|".join(RESULT_FORMATS), help="Output format."
    ),
]
"""Of commands that show what was found in runs."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown."""

    tables: tuple[str, ...] = ()
    explain: bool = False
    as_json: bool = False

    @property
    def is_more(self) -> bool:
        """Whether it is more than the answer, or in another form."""
        return bool(self.tables) or self.explain or self.as_json


def shown(tables: Sequence[str] | None, *, explain: bool, as_json: bool) -> Shown:
    """The flags as given. Raises UsageError."""
    names = tuple(values.comma_list(tables or []))
    known = (ALL, *TABLES)
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"--tables: {unknown[0]!r} is not one of {', '.join(known)}")
    if tables is not None and not names:
        raise UsageError(f"--tables is empty; give some of {', '.join(known)}")
    return Shown(names, explain, as_json)
