"""Flags that several commands have: what is requested, of which servers, in which order."""

from typing import Annotated, Any

import typer

from bench.cli.matrix_flags import SERVERS, TIME, WHAT
from bench.workloads import WORKLOADS
from commands import values


def workload_option(default: str) -> Any:
    """The option --workload with this default."""
    return typer.Option(
        metavar="NAMES", rich_help_panel=WHAT, help=f"Comma-separated: {', '.join(WORKLOADS)}. [default: {default}]"
    )


USUAL_WORKLOADS, USUAL_PAGE_SIZE = "get,list", "20"
WorkloadFlag = Annotated[list[str] | None, workload_option(USUAL_WORKLOADS)]
PageSizeFlag = Annotated[
    list[str] | None,
    typer.Option(
        metavar="N",
        rich_help_panel=WHAT,
        help=f"Recipes on a page or in a batch. [default: {USUAL_PAGE_SIZE}]",
    ),
]
RecipesFlag = Annotated[
    str,
    typer.Option(
        metavar="SOURCE", rich_help_panel=WHAT, help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file."
    ),
]


def renumber_option(panel: str | None = None) -> Any:
    """The option --renumber in this group of the help."""
    return typer.Option(
        "--renumber",
        rich_help_panel=panel,
        help="Give the recipes of a file the ids 1, 2, …, whatever ids they have there.",
    )


RenumberFlag = Annotated[bool, renumber_option(WHAT)]
SampleSeedFlag = Annotated[
    int,
    typer.Option(
        "--seed",
        parser=values.whole_number(0, 2**63),
        metavar="N",
        rich_help_panel=WHAT,
        help="Selects the recipes that are requested.",
    ),
]
"""Where nothing is timed, so that no order is random."""
SeedFlag = Annotated[
    int,
    typer.Option(
        parser=values.whole_number(0, 2**63), metavar="N", rich_help_panel=TIME, help="Seed of all random orders."
    ),
]
TargetFlag = Annotated[
    list[str] | None,
    typer.Option(metavar="PROTOCOL=URL", rich_help_panel=SERVERS, help="Measure a server that is already running."),
]
AbFlag = Annotated[
    str,
    typer.Option(
        "--ab",
        metavar="REF",
        rich_help_panel=SERVERS,
        help="Compare the producers of this checkout with those of a commit (A..B: of two commits).",
    ),
]
GzipLevelFlag = Annotated[
    int,
    typer.Option(
        parser=values.whole_number(1, 9),
        metavar="1..9",
        rich_help_panel=SERVERS,
        help="zlib level of the responses.",
    ),
]
