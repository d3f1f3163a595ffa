"""`python -m bench history`: many run files in a row: what changed and when, and whether the newest is a regression."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import run_file
from bench.cli.compare import THRESHOLD_AT_MOST
from bench.cli.measure import EXIT_CODES
from bench.cli.output_flags import TERMINAL, FormatFlag
from bench.cli.show import page_path, print_result, write_page
from bench.report import history as reporting
from bench.report.history import LeftOut
from bench.stats.history import history as put_together
from bench.stats.snapshot import Kind, NotForHistory, Snapshot, snapshot
from bench.stats.verdicts import THRESHOLD
from commands import values
from commands.errors import ExitCode, UsageError

KINDS: tuple[Kind, ...] = ("ratio", "absolute")
AXES = ("commits", "time")
PAGE = "history.html"
RUNS_AT_MOST = 10_000


def history(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run files, in any order.")],
    value: Annotated[
        str,
        typer.Option(
            "--values",
            parser=values.one_of(KINDS),
            metavar="|".join(KINDS),
            help="Ratios to the baseline of the same run, or latency and throughput as measured.",
        ),
    ] = "ratio",
    over: Annotated[
        str,
        typer.Option(parser=values.one_of(AXES), metavar="|".join(AXES), help="What the charts' axis shows."),
    ] = "commits",
    gate: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(1, RUNS_AT_MOST),
            metavar="N",
            help="Compare the newest run with the N before it, under the same conditions, and exit like `compare`.",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            help="With --gate: slowdown that counts as a regression.  [default: 2%]",
            show_default=False,
        ),
    ] = THRESHOLD,
    html: Annotated[
        str, typer.Option(metavar="FILE", help="HTML page.  [default: history.html beside the first run file]")
    ] = "",
    form: FormatFlag = TERMINAL,
    everything: Annotated[bool, typer.Option("--all", help="Include every run and definition in the output.")] = False,
) -> int:
    """Show many runs in a row: what changed and when, and whether the newest is a regression.

    Exit 0; with --gate 0 if it was shown that nothing is slower by more than the threshold, 1 on a regression, 3 if
    neither was shown. Files that are no run files are named and left out; one that is damaged makes the gate 3.
    """
    path = page_path("--html", html) if html else Path(runs[0]).parent / PAGE
    kind = next(each for each in KINDS if each == value)
    snapshots, left_out = _read(runs, kind)
    for each in left_out:
        print(f"left out: {each.name}: {each.reason}", file=sys.stderr)
    if not snapshots:
        raise UsageError(f"none of the {len(runs)} files is a run that a history can show")
    damaged = [f"It could not be read: {each.name}." for each in left_out if each.damaged]
    found = put_together(snapshots, last=gate, threshold=threshold, gaps=damaged)
    document = reporting.document_of(found, left_out, by_time=over == "time")
    print_result(document, form, everything=everything)
    write_page(document, path)
    if form == TERMINAL:
        print(f"page: {path}")
    return ExitCode.FINE if found.gate is None else EXIT_CODES[found.gate.outcome]


def _read(paths: list[str], kind: Kind) -> tuple[list[Snapshot], list[LeftOut]]:
    """What the files hold. Only what a history needs is kept of each, since there may be hundreds."""
    snapshots, left_out = [], []
    for path in dict.fromkeys(paths):
        try:
            snapshots.append(snapshot(path, run_file.read(Path(path)), kind))
        except run_file.RunFileUnreadable as error:
            reason = (
                "no run file" if error.foreign else str(error).removeprefix(f"{path}: ").removeprefix(f"{path} is ")
            )
            left_out.append(LeftOut(path, reason, damaged=not error.foreign))
        except NotForHistory as error:
            left_out.append(LeftOut(path, str(error)))
    return snapshots, left_out
