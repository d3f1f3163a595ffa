"""`python -m bench front errors`: the same failed requests, as consumer, front and producer count them."""

from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import experimented, result_path, show_experiment
from bench.cli.front_experiments import (
    OrNoneFlag,
    OutFlag,
    ProtocolsFlag,
    SecondsFlag,
    fronts_of,
    plan_of,
    protocols_of,
)
from bench.cli.matrix_flags import WHAT
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.errors import INCIDENTS, ErrorsFound
from bench.report.front_errors import document_of
from bench.runner.front_errors import STARTING_S, Observed, observe
from bench.runner.front_limits import seconds_each
from bench.runner.job import Job
from commands.errors import ExitCode
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
    wanted = [
        Observed(protocol=each, front=name, incident=INCIDENTS[kind])
        for kind, each, name in product(incidents, protocols, fronts_of(front, or_none=True))
    ]
    each_s = seconds_each(seconds, sum(one.plan.why_not() is None for one in wanted))
    plan = plan_of(protocols, recipes, seed, seconds)

    async def measured(job: Job) -> list[ErrorsFound]:
        return await observe(job, wanted, each_s)

    experiment = experimented(plan, measured, (each_s + STARTING_S) * len(wanted))
    show_experiment("front errors", experiment, plan, document_of(experiment.found), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if any(each.trouble for each in experiment.found) else ExitCode.FINE
