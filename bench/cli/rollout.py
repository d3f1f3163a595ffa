"""`python -m bench rollout`: restarts producers one after the other under load, and counts what that costs."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import experimented, result_path, show_experiment
from bench.cli.flag_lists import numbers_or_off
from bench.cli.front_experiments import OutFlag
from bench.cli.matrix_flags import LOAD, SERVERS, TIME, WHAT
from bench.cli.output_flags import OUTPUT
from bench.cli.replica_experiments import OFF, USUAL, CheckIntervalFlag, exit_code, intervals_s, is_varied, plan_of
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.registry import NONE
from bench.report.rollouts import document_of
from bench.runner.job import Job
from bench.runner.rollout import Rollouts
from bench.spec import CellKey
from bench.stats.rollouts import ORDERS, Order, Rollout, RolloutKey, regressions
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

USUAL_NOTICES = "off,2"
USUAL_RATE_HZ = 200.0
NOTICE_AT_MOST_S = 60.0
SECONDS_PER_ROLLOUT = 14.0
"""A guess, for the progress bar."""
REQUESTS_AT_MOST = 1_000_000
"""Of one rollout: every one is logged."""


@matrix_flags.with_dimensions(is_varied, **USUAL)
def rollout(
    chosen: matrix_flags.Chosen,
    order: Annotated[
        list[str] | None,
        typer.Option(
            metavar="|".join(ORDERS),
            rich_help_panel=WHAT,
            help="What comes first for each replica: stopping the old process, whose port the new one takes over, or "
            f"starting the new one on another port. Comma-separated. [default: {ORDERS[0]}]",
        ),
    ] = None,
    stop_notice: Annotated[
        list[str] | None,
        typer.Option(
            metavar="off|SECONDS",
            rich_help_panel=WHAT,
            help="How long a producer that is asked to stop serves on while health checks report it. "
            f"Comma-separated. [default: {USUAL_NOTICES}]",
        ),
    ] = None,
    check_interval: CheckIntervalFlag = None,
    retries: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(0, 10),
            metavar="N",
            rich_help_panel=SERVERS,
            help="How often the front sends a request again when a replica failed.",
        ),
    ] = 0,
    rate: Annotated[
        float,
        typer.Option(
            parser=values.number(1, 100_000),
            metavar="HZ",
            rich_help_panel=LOAD,
            help="Requests per second, due whether or not earlier ones were answered.",
        ),
    ] = USUAL_RATE_HZ,
    timeout: Annotated[
        float,
        typer.Option(
            parser=values.number(0.001, 600),
            metavar="SECONDS",
            rich_help_panel=LOAD,
            help="Timeout of one request.",
        ),
    ] = 5.0,
    seconds: Annotated[
        float,
        typer.Option(
            parser=values.number(1, 3600),
            metavar="SECONDS",
            rich_help_panel=TIME,
            help="How long one rollout may take. One that takes longer is broken off and has no result.",
        ),
    ] = 60.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    fail_above: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(0, REQUESTS_AT_MOST),
            metavar="N",
            rich_help_panel=OUTPUT,
            help="Exit 1 when any restart loses more requests than this.",
        ),
    ] = None,
    out: OutFlag = "",
) -> int:
    """Restart producers one after the other behind a front, under open-loop load: failed requests and latency.

    Each restart waits until the front must have noticed the one before. Exit 0; with --fail-above 1 when a restart
    loses more requests; 3 when a rollout has no result, or when the load fell behind.
    """
    path = result_path(out)
    if rate * seconds > REQUESTS_AT_MOST:
        raise UsageError(f"--rate × --seconds: {rate * seconds:,.0f} requests; at most {REQUESTS_AT_MOST:,} are logged")
    named = matrix_flags.words("--order", order or [ORDERS[0]], ORDERS)
    orders = [each for each in ORDERS if each in named]
    found = matrix_flags.values_of(chosen, **USUAL)
    plan = plan_of(found, rate_hz=rate, seconds=seconds, recipes=recipes, seed=seed, timeout_s=timeout)
    keys = list(
        _keys(
            plan.matrix.cells(),
            orders,
            numbers_or_off("--stop-notice", stop_notice or [USUAL_NOTICES], 0, NOTICE_AT_MOST_S, OFF),
            intervals_s(check_interval),
        )
    )

    async def rolled_out(job: Job) -> list[Rollout]:
        return await Rollouts(job, keys, seconds, retries).run()

    experiment = experimented(plan, rolled_out, SECONDS_PER_ROLLOUT * len(keys))
    show_experiment("rollout", experiment, plan, document_of(experiment.found, fail_above), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    return _exit_code(experiment.found, fail_above)


def _exit_code(rollouts: Sequence[Rollout], fail_above: int | None) -> int:
    if fail_above is not None and regressions(rollouts, fail_above):
        return ExitCode.REGRESSION
    return exit_code(rollouts)


def _keys(
    cells: Sequence[CellKey],
    orders: Sequence[Order],
    notices_s: Sequence[float | None],
    intervals_s: Sequence[float],
) -> Iterator[RolloutKey]:
    """Every combination. Without a front nothing checks the health of a producer."""
    for cell, order in product(cells, orders):
        for interval_s, notice_s in product(intervals_s[:1] if cell.front == NONE else intervals_s, notices_s):
            yield RolloutKey(cell=cell, order=order, stop_notice_s=notice_s, check_interval_s=interval_s)
