"""What commands that try fronts have in common: their flags, a plan of what they start, and how they end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import experimented, show_experiment
from bench.cli.matrix_flags import TIME, WHAT
from bench.cli.output_flags import OUTPUT
from bench.fronts.found import Found
from bench.fronts.registry import FRONTS, NONE
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.protocols import PROTOCOLS
from bench.report.document import Document
from bench.runner.front_trials import LASTING_S, Trial, seconds_each, try_all
from bench.runner.job import Job
from bench.workloads import Workload
from commands import values
from commands.errors import ExitCode

Result = TypeVar("Result", bound=Found)
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


def carried_out(
    kind: str,
    plan: RunPlan,
    trials: Sequence[Trial[Result]],
    *,
    starting_s: float,
    document_of: Callable[[Sequence[Result]], Document],
    path: Path | None,
    lasting_s: tuple[float, float] = LASTING_S,
) -> int:
    """Carry trials out within about the seconds of the plan, and show what was found. Returns the exit code.

    `starting_s`: about how long the processes of one trial take to start and to end. `lasting_s`: for how long it may
    be measured, at least and at most. Raises UsageError.
    """
    possible = sum(trial.plan.why_not() is None for trial in trials)
    each_s = seconds_each(plan.seconds, possible, starting_s, lasting_s)

    async def measured(job: Job) -> list[Result]:
        return await try_all(job, trials, each_s)

    experiment = experimented(plan, measured, (each_s + starting_s) * len(trials))
    show_experiment(kind, experiment, plan, document_of(experiment.found), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    failed = any(each.trouble for each in experiment.found) or not any(each.measured for each in experiment.found)
    return ExitCode.UNTRUSTED if failed else ExitCode.FINE
