"""`python -m bench front health`: how fronts react to replicas that fail, and to new ones."""

from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import experimented, result_path, show_experiment
from bench.cli.flag_lists import numbers_or_off
from bench.cli.front_experiments import OutFlag
from bench.cli.matrix_flags import LOAD, TIME, WHAT
from bench.cli.replica_experiments import OFF, USUAL, CheckIntervalFlag, exit_code, intervals_s, is_varied, plan_of
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.registry import FRONTS, NONE
from bench.report.front_health import document_of
from bench.runner.front_health import Reactions
from bench.runner.job import Job
from bench.stats.reactions import FAULTS, FrontReactions, ReactionKey
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

USUAL_AGE = OFF
AGES_S = (0.1, 3600.0)
SECONDS_PER_FAULT = 18.0
"""A guess, for the progress bar."""


@matrix_flags.with_dimensions(is_varied, **USUAL)
def front_health(
    chosen: matrix_flags.Chosen,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", rich_help_panel=WHAT, help=f"Comma-separated: {', '.join(FAULTS)}. [default: all]"
        ),
    ] = None,
    check_interval: CheckIntervalFlag = None,
    check_timeout: Annotated[
        float,
        typer.Option(
            parser=values.number(0.05, 60), metavar="SECONDS", rich_help_panel=WHAT, help="Of one health check."
        ),
    ] = 1.0,
    connection_age: Annotated[
        list[str] | None,
        typer.Option(
            metavar="off|SECONDS",
            rich_help_panel=WHAT,
            help=f"When producers end a connection. Comma-separated. [default: {USUAL_AGE}]",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option(
            parser=values.number(1, 10_000),
            metavar="HZ",
            rich_help_panel=LOAD,
            help="Requests per second, due whether or not earlier ones were answered.",
        ),
    ] = 200.0,
    timeout: Annotated[
        float,
        typer.Option(
            parser=values.number(0.001, 60), metavar="SECONDS", rich_help_panel=LOAD, help="Timeout of one request."
        ),
    ] = 2.0,
    seconds: Annotated[
        float,
        typer.Option(
            parser=values.number(1, 600),
            metavar="SECONDS",
            rich_help_panel=TIME,
            help="How long a new replica is observed, until it has its share.",
        ),
    ] = 6.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Kill a replica, make it report that it is not ready, or let it hang: when the front notices, and what it costs.

    Then a new process takes its place: when it has its share of the requests. Exit 3 when a front has no result, or
    when the load fell behind.
    """
    path = result_path(out)
    named = matrix_flags.words("--fault", fault or list(FAULTS), FAULTS)
    faults = [each for each in FAULTS if each in named]
    found = matrix_flags.values_of(chosen, **USUAL)
    if NONE in found["front"]:
        raise UsageError(f"--front {NONE}: nothing chooses among replicas then; give one of {', '.join(FRONTS)}")
    if min(found["replicas"]) < 2:
        raise UsageError("--replicas 1: nothing is left when one fails; give 2 or more")
    plan = plan_of(found, rate_hz=rate, seconds=seconds, recipes=recipes, seed=seed, timeout_s=timeout)
    ages_s = numbers_or_off("--connection-age", connection_age or [USUAL_AGE], *AGES_S, OFF)
    keys = [
        ReactionKey(cell=cell, check_interval_s=interval_s, connection_age_s=age_s)
        for cell, interval_s, age_s in product(plan.matrix.cells(), intervals_s(check_interval), ages_s)
    ]

    async def tried(job: Job) -> list[FrontReactions]:
        return await Reactions(job, keys, faults, check_timeout, seconds).run()

    experiment = experimented(plan, tried, SECONDS_PER_FAULT * len(faults) * len(keys))
    show_experiment("front health", experiment, plan, document_of(experiment.found), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    return exit_code(experiment.found)
