"""`python -m bench claims`: published claims, and which of them hold in a run."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.show import print_document
from bench.report import claims as reporting
from bench.report import markdown
from commands import values
from commands.errors import ExitCode, UsageError

FORMATS = ("terminal", "markdown")


def claims(
    run_path: Annotated[
        str, typer.Argument(metavar="RUN", help="Run file. Left out: the claims, and how each is tested.")
    ] = "",
    form: Annotated[
        str, typer.Option("--format", parser=values.one_of(FORMATS), metavar="|".join(FORMATS), help="Output format.")
    ] = "terminal",
) -> int:
    """Show published claims about the protocols, and which of them hold in a run.

    Exit 0 whatever the verdicts.
    """
    try:
        run = run_file.read(Path(run_path)) if run_path else None
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    document = reporting.document_of(run)
    if form == "terminal":
        print_document(document)
    else:
        sys.stdout.write(markdown.render(document))
    return ExitCode.FINE
