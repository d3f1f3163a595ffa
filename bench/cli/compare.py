"""`python -m bench compare`: compare two run files and look for regressions."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.measure import EXIT_CODES
from bench.cli.show import print_document
from bench.report import comparison, markdown
from bench.results import Run
from bench.stats import compare as comparing
from bench.stats.verdicts import THRESHOLD
from commands import values
from commands.errors import UsageError

FORMATS = ("terminal", "markdown")
THRESHOLD_AT_MOST = 10.0
"""1,000 % slower."""


def compare(
    earlier: Annotated[str, typer.Argument(metavar="A", help="Earlier run file.")],
    later: Annotated[str, typer.Argument(metavar="B", help="Later run file.")],
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            help="Slowdown that counts as a regression: 2%, 2 or 0.02 (numbers below 1 are shares).  [default: 2%]",
            show_default=False,
        ),
    ] = THRESHOLD,
    force: Annotated[
        bool, typer.Option("--force", help="Compare even if recipes, settings, machines or versions differ.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", parser=values.one_of(FORMATS), metavar="|".join(FORMATS), help="Output format.")
    ] = "terminal",
) -> int:
    """Compare run B with run A by configuration.

    Exit 0 if it was shown that nothing is slower by more than the threshold, 1 on a regression, 2 if the runs cannot be
    compared, 3 if neither was shown or something was not compared.
    """
    run_a, run_b = _read("A", earlier), _read("B", later)
    try:
        found = comparing.compare(run_a, run_b, threshold, force=force)
    except comparing.RunsNotComparable as error:
        hint = "; use --force to compare them anyway" if error.can_be_forced else ""
        raise UsageError(f"{earlier} and {later} cannot be compared: {error}{hint}") from None
    document = comparison.document_of(found)
    if form == "terminal":
        print_document(document)
    else:
        sys.stdout.write(markdown.render(document))
    return EXIT_CODES[found.gate.outcome]


def _read(name: str, path: str) -> Run:
    if not path:
        raise UsageError(f"{name} is empty; give the path of a run file")
    try:
        return run_file.read(Path(path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(f"{name}: {error}") from None
