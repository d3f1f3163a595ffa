"""`python -m bench compare`: compare two run files and look for regressions."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from bench import run_file
from bench.cli.measure import EXIT_CODES
from bench.cli.output_flags import TERMINAL, FormatFlag
from bench.cli.show import page_path, print_result, write_page
from bench.report import comparison
from bench.results import Run
from bench.stats import compare as comparing
from bench.stats.compare import Comparison
from bench.stats.verdicts import THRESHOLD
from commands import values
from commands.errors import UsageError

THRESHOLD_AT_MOST = 10.0
"""1,000 % slower."""


def compare(
    earlier: Annotated[str, typer.Argument(metavar="A", help="Earlier run file.")],
    later: Annotated[
        str, typer.Argument(metavar="B", help="Later run file. Left out: A compares two versions (run --ab).")
    ] = "",
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            help="Slowdown that counts as a regression: 2%, 2 or 0.02 (numbers below 1 are shares).  [default: 2%; of "
            "two versions: that of the run]",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Compare even if recipes, settings, machines or versions differ.")
    ] = False,
    form: FormatFlag = TERMINAL,
    everything: Annotated[
        bool, typer.Option("--all", help="Include configurations without a difference in the output.")
    ] = False,
    html: Annotated[str, typer.Option(metavar="FILE", help="Also write an HTML report.")] = "",
) -> int:
    """Compare run B with run A by configuration.

    Exit 0 if it was shown that nothing is slower by more than the threshold, 1 on a regression, 2 if the runs cannot be
    compared, 3 if neither was shown or something was not compared.
    """
    path = page_path("--html", html) if html else None
    found, names = _compared(earlier, later, threshold, force=force)
    document = comparison.document_of(found, names)
    print_result(document, form, everything=everything)
    if path is not None:
        write_page(document, path)
    return EXIT_CODES[found.gate.outcome]


def _compared(earlier: str, later: str, threshold: float | None, *, force: bool) -> tuple[Comparison, tuple[str, str]]:
    """The comparison, and the names of what was compared. Raises UsageError."""
    run_a = _read("A", earlier)
    if not later:
        return _of_versions(earlier, run_a, threshold)
    run_b = _read("B", later)
    try:
        found = comparing.compare(run_a, run_b, THRESHOLD if threshold is None else threshold, force=force)
    except comparing.RunsNotComparable as error:
        hint = "; use --force to compare them anyway" if error.can_be_forced else ""
        raise UsageError(f"{earlier} and {later} cannot be compared: {error}{hint}") from None
    return found, (Path(earlier).name, Path(later).name)


def _of_versions(path: str, run: Run, threshold: float | None) -> tuple[Comparison, tuple[str, str]]:
    chosen = run.plan.threshold if threshold is None else threshold
    run = replace(run, plan=replace(run.plan, threshold=THRESHOLD if chosen is None else chosen))
    found = comparing.compare_versions(run)
    if found is None:
        raise UsageError(f"{path} does not compare two versions, so a second run file is needed as B")
    return found, found.names


def _read(name: str, path: str) -> Run:
    if not path:
        raise UsageError(f"{name} is empty; give the path of a run file")
    try:
        return run_file.read(Path(path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(f"{name}: {error}") from None
