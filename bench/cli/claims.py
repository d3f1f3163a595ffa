"""`python -m bench claims`: published claims, and which of them hold in a run."""

from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.output_flags import TERMINAL, FormatFlag
from bench.cli.show import print_result
from bench.report import claims as reporting
from commands.errors import ExitCode, UsageError


def claims(
    run_path: Annotated[
        str, typer.Argument(metavar="RUN", help="Run file. Left out: the claims, and how each is tested.")
    ] = "",
    form: FormatFlag = TERMINAL,
) -> int:
    """Show published claims about the protocols, and which of them hold in a run.

    Exit 0 whatever the verdicts.
    """
    try:
        run = run_file.read(Path(run_path)) if run_path else None
    except run_file.RunFileUnreadable as error:
        raise UsageError(str(error)) from None
    print_result(reporting.document_of(run), form)
    return ExitCode.FINE
