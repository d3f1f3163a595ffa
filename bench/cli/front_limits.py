"""`python -m bench front limits`: what consumers see when a limit of a front is reached."""

from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import result_path
from bench.cli.front_experiments import (
    FrontsFlag,
    OutFlag,
    ProtocolsFlag,
    SecondsFlag,
    carried_out,
    fronts_of,
    plan_of,
    protocols_of,
)
from bench.cli.matrix_flags import WHAT
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.limits import CASES
from bench.report.front_limits import document_of
from bench.runner.front_limits import STARTING_S, limit_trials
from recipes import sources


def front_limits(
    protocol: ProtocolsFlag = None,
    front: FrontsFlag = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", rich_help_panel=WHAT, help=f"Comma-separated: {', '.join(CASES)}. [default: all]"
        ),
    ] = None,
    seconds: SecondsFlag = 60.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Offer a front more than it lets through, one limit at a time; count what consumers see and would send again.

    Exit 3 when a limit has no result.
    """
    path = result_path(out)
    protocols = protocols_of(protocol)
    cases = matrix_flags.words("--limit", limit or list(CASES), tuple(CASES))
    trials = limit_trials(protocols, fronts_of(front), cases)
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out("front limits", plan, trials, starting_s=STARTING_S, document_of=document_of, path=path)
