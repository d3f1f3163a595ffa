"""`python -m bench front errors`: the same failed requests, as consumer, front and producer count them."""

from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import result_path
from bench.cli.front_experiments import (
    OrNoneFlag,
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
from bench.fronts.errors import INCIDENTS
from bench.report.front_errors import document_of
from bench.runner.front_errors import STARTING_S, ErrorsTrial
from recipes import sources


def front_errors(
    protocol: ProtocolsFlag = None,
    front: OrNoneFlag = None,
    incident: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            rich_help_panel=WHAT,
            help=f"What makes requests fail. Comma-separated: {', '.join(INCIDENTS)}. [default: all]",
        ),
    ] = None,
    seconds: SecondsFlag = 60.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Let requests fail in several ways; show who counts them as errors, what is reported, and who would send again.

    Exit 3 when an incident has no result.
    """
    path = result_path(out)
    protocols = protocols_of(protocol)
    incidents = matrix_flags.words("--incident", incident or list(INCIDENTS), tuple(INCIDENTS))
    trials = [
        ErrorsTrial(protocol=each, front=name, incident=INCIDENTS[kind])
        for kind, each, name in product(incidents, protocols, fronts_of(front, or_none=True))
    ]
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out("front errors", plan, trials, starting_s=STARTING_S, document_of=document_of, path=path)
