"""`python -m bench report`: render a run file again, in any form."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.show import show_tables, write_report
from bench.report import csv_export, markdown
from commands import values
from commands.errors import ExitCode, UsageError

FORMATS = ("html", "markdown", "csv", "terminal")


def report(
    run_path: Annotated[str, typer.Argument(metavar="RUN", help="A run file.")],
    form: Annotated[
        str, typer.Option("--format", parser=values.one_of(FORMATS), metavar="|".join(FORMATS), help="What to render.")
    ] = "html",
    out: Annotated[str, typer.Option(metavar="FILE", help="Where html goes; else beside the run file.")] = "",
) -> int:
    """Render the report of a run again."""
    try:
        run = run_file.read(Path(run_path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    if form == "html":
        path = write_report(run, Path(out) if out else Path(run_path).with_suffix(".html"))
        print(f"report: {path}")
    elif form == "terminal":
        show_tables(run)
    else:
        sys.stdout.write(markdown.render(run) if form == "markdown" else csv_export.render(run))
    return ExitCode.FINE
