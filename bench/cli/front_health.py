"""`python -m bench front health`: how fronts react to replicas that fail, and to new ones."""

from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import experimented, result_path, show_experiment
from bench.cli.flag_lists import numbers
from bench.cli.matrix_flags import LOAD, TIME, WHAT
from bench.cli.output_flags import OUTPUT
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.registry import FRONTS, NONE
from bench.plan import Matrix, RunPlan
from bench.report.front_health import document_of
from bench.runner.front_health import Reactions
from bench.runner.job import Job
from bench.spec import OpenLoad
from bench.stats.reactions import FAULTS, FrontReactions, ReactionKey
from bench.workloads import Workload
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

DIMENSIONS = ("protocol", "implementation", "connection", "front", "replicas")
"""Headings of the dimensions that it varies."""
USUAL = {"front": "haproxy", "replicas": "2", "gzip": "off", "tls": "off"}
"""What they are by default."""
USUAL_INTERVAL, USUAL_AGE = "0.5", "off"
INTERVALS_S = (0.05, 60.0)
AGES_S = (0.1, 3600.0)
OFF = "off"
SECONDS_PER_FAULT = 18.0
"""A guess, for the progress bar."""


@matrix_flags.with_dimensions(lambda dimension: dimension.heading in DIMENSIONS, **USUAL)
def front_health(
    chosen: matrix_flags.Chosen,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", rich_help_panel=WHAT, help=f"Comma-separated: {', '.join(FAULTS)}. [default: all]"
        ),
    ] = None,
    check_interval: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=WHAT,
            help=f"Between two health checks of the front. Comma-separated. [default: {USUAL_INTERVAL}]",
        ),
    ] = None,
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
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            rich_help_panel=OUTPUT,
            help="Write all results as JSON, and a report beside it. [default: none is written]",
        ),
    ] = "",
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
        raise UsageError(f"--front {NONE}: nothing chooses among replicas then; give {' or '.join(FRONTS)}")
    if min(found["replicas"]) < 2:
        raise UsageError("--replicas 1: nothing is left when one fails; give 2 or more")
    loads = [OpenLoad(rate_hz=rate)]
    matrix_flags.check(found, loads)
    plan = RunPlan(
        matrix=Matrix({**found, "workload": [Workload(name="get")], "load": loads}),
        instances=1,
        rounds=1,
        seconds=seconds,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
        timeout_s=timeout,
    )
    intervals_s = numbers("--check-interval", check_interval or [USUAL_INTERVAL], *INTERVALS_S)
    ages_s = numbers("--connection-age", connection_age or [USUAL_AGE], *AGES_S, off=OFF)
    keys = [
        ReactionKey(cell=cell, check_interval_s=interval_s or 0.0, connection_age_s=age_s)
        for cell, interval_s, age_s in product(plan.matrix.cells(), intervals_s, ages_s)
    ]

    async def tried(job: Job) -> list[FrontReactions]:
        return await Reactions(job, keys, faults, check_timeout, seconds).run()

    experiment = experimented(plan, tried, SECONDS_PER_FAULT * len(faults) * len(keys))
    show_experiment("front health", experiment, plan, document_of(experiment.found), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    untrusted = any(each.untrusted is not None or each.status == "failed" for each in experiment.found)
    nothing = not any(each.status == "measured" for each in experiment.found)
    return ExitCode.UNTRUSTED if untrusted or nothing else ExitCode.FINE
