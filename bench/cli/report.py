"""`python -m bench report`: render the report of a run file again, in any format."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.output_flags import OUTPUT, ExplainFlag, JsonFlag, TablesFlag, shown
from bench.cli.show import print_answer, print_document, write_report
from bench.report import csv_export, markdown
from bench.report.instructions import nothing_timed
from bench.report.run_document import document_of
from commands import values
from commands.errors import ExitCode, UsageError

FORMATS = ("html", "markdown", "csv", "terminal")


def report(
    run_path: Annotated[str, typer.Argument(metavar="RUN", help="Run file.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            parser=values.one_of(FORMATS),
            metavar="|".join(FORMATS),
            rich_help_panel=OUTPUT,
            help="Output format.  [default: html; with --tables, --explain or --json: terminal]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Output file for html.  [default: the run file's name with .html]",
        ),
    ] = "",
    tables: TablesFlag = None,
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Render the report of a run again. Formats other than html go to stdout."""
    more = shown(tables, explain=explain, as_json=as_json)
    form = form or ("terminal" if more.is_more else "html")
    try:
        run = run_file.read(Path(run_path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    if form == "html":
        path = write_report(run, Path(out) if out else Path(run_path).with_suffix(".html"))
        print(f"report: {path}")
    elif form == "terminal" and nothing_timed(run) and not more.is_more:
        print_document(document_of(run))
    elif form == "terminal":
        print_answer(run, more, Path(run_path))
    else:
        sys.stdout.write(markdown.render(document_of(run)) if form == "markdown" else csv_export.render(run))
    return ExitCode.FINE
