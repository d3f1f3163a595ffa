"""What commands that try fronts have in common: their flags, and a plan of what they start."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.matrix_flags import TIME, WHAT
from bench.cli.output_flags import OUTPUT
from bench.fronts.registry import FRONTS, NONE
from bench.plan import Matrix, RunPlan
from bench.protocols import PROTOCOLS
from bench.spec import ClosedLoad
from bench.workloads import Workload
from commands import values

USUAL_FRONT = "haproxy"

ProtocolsFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        metavar="NAMES",
        rich_help_panel=WHAT,
        help=f"Comma-separated: {', '.join(PROTOCOLS)}. [default: {','.join(PROTOCOLS)}]",
    ),
]
FrontsFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--front",
        metavar="NAMES",
        rich_help_panel=WHAT,
        help=f"Comma-separated: {', '.join(FRONTS)}. [default: {USUAL_FRONT}]",
    ),
]
OrNoneFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--front",
        metavar="NAMES",
        rich_help_panel=WHAT,
        help=f"Comma-separated: {', '.join((NONE, *FRONTS))}. [default: {USUAL_FRONT}]",
    ),
]
SecondsFlag = Annotated[
    float,
    typer.Option(
        parser=values.number(1, 36_000), metavar="SECONDS", rich_help_panel=TIME, help="About how long all of it takes."
    ),
]
OutFlag = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Write all results as JSON, and a report beside it. [default: none is written]",
    ),
]


def protocols_of(given: Sequence[str] | None) -> list[str]:
    """The protocols that were chosen. Raises UsageError."""
    return matrix_flags.words("--protocol", given or list(PROTOCOLS), tuple(PROTOCOLS))


def fronts_of(given: Sequence[str] | None, *, or_none: bool = False) -> list[str]:
    """The fronts that were chosen. Raises UsageError."""
    return matrix_flags.words("--front", given or [USUAL_FRONT], ((NONE,) if or_none else ()) + tuple(FRONTS))


def plan_of(protocols: Sequence[str], recipes: str, seed: int, seconds: float) -> RunPlan:
    """A plan of producers as they are by default, with which the experiments start their own."""
    usual = matrix_flags.values_of({"protocol": protocols}, gzip="off", tls="off", cores=matrix_flags.usual_cores())
    return RunPlan(
        matrix=Matrix({**usual, "workload": [Workload(name="get")], "load": [ClosedLoad(concurrency=1)]}),
        instances=1,
        rounds=1,
        seconds=seconds,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
    )
