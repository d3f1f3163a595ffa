"""`python -m bench report`: render the report of a run file again, in any format."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.show import print_document, write_report
from bench.report import csv_export, markdown
from bench.report.run_document import document_of
from commands import values
from commands.errors import ExitCode, UsageError

FORMATS = ("html", "markdown", "csv", "terminal")


def report(
    run_path: Annotated[str, typer.Argument(metavar="RUN", help="Run file.")],
    form: Annotated[
        str, typer.Option("--format", parser=values.one_of(FORMATS), metavar="|".join(FORMATS), help="Output format.")
    ] = "html",
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Output file for html.  [default: the run file's name with .html]")
    ] = "",
) -> int:
    """Render the report of a run again. Formats other than html go to stdout."""
    try:
        run = run_file.read(Path(run_path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    if form == "html":
        path = write_report(run, Path(out) if out else Path(run_path).with_suffix(".html"))
        print(f"report: {path}")
    elif form == "terminal":
        print_document(document_of(run))
    else:
        sys.stdout.write(markdown.render(document_of(run)) if form == "markdown" else csv_export.render(run))
    return ExitCode.FINE
