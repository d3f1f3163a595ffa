"""`python -m bench compare`: did it get slower?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.show import console_of_output
from bench.report import comparison
from bench.results import Run
from bench.stats import compare as comparing
from bench.stats.verdicts import THRESHOLD
from commands import values
from commands.errors import ExitCode, UsageError

FORMATS = ("terminal", "markdown")
THRESHOLD_AT_MOST = 10.0
"""Ten times as slow."""


def compare(
    earlier: Annotated[str, typer.Argument(metavar="A", help="The earlier run file.")],
    later: Annotated[str, typer.Argument(metavar="B", help="The later run file.")],
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            help="What is slower by more is a regression: 2%, 2 or 0.02; a bare number below 1 is a share.",
        ),
    ] = THRESHOLD,
    force: Annotated[
        bool, typer.Option("--force", help="Compare runs of unlike recipes, machines or versions.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", parser=values.one_of(FORMATS), metavar="|".join(FORMATS), help="What to render.")
    ] = "terminal",
) -> int:
    """Compare run B with run A, cell by cell: exit 1 on a regression, 2 when they cannot be compared."""
    run_a, run_b = _read("A", earlier), _read("B", later)
    try:
        found = comparing.compare(run_a, run_b, threshold, force=force)
    except comparing.RunsNotComparable as error:
        hint = "; --force compares them all the same" if error.can_be_forced else ""
        raise UsageError(f"{earlier} and {later} cannot be compared: {error}{hint}") from None
    if form == "terminal":
        comparison.render_terminal(found, console_of_output())
    else:
        sys.stdout.write(comparison.render_markdown(found))
    return ExitCode.REGRESSION if found.regressions else ExitCode.FINE


def _read(name: str, path: str) -> Run:
    if not path:
        raise UsageError(f"{name} is empty; name the run file to compare")
    try:
        return run_file.read(Path(path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(f"{name}: {error}") from None
