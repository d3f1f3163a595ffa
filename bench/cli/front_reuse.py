"""`python -m bench front reuse`: what a new connection to the producer for each request costs."""

from bench.cli.experiments import experimented, result_path, show_experiment
from bench.cli.front_experiments import (
    FrontsFlag,
    OutFlag,
    ProtocolsFlag,
    SecondsFlag,
    fronts_of,
    plan_of,
    protocols_of,
)
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.reuse import ReuseFound
from bench.report.front_reuse import document_of
from bench.runner.front_reuse import PAIRS_AT_LEAST, SLICE_S, STARTING_S, Reuse, compare_reuse
from bench.runner.job import Job
from commands.errors import ExitCode
from recipes import sources


def front_reuse(
    protocol: ProtocolsFlag = None,
    front: FrontsFlag = None,
    seconds: SecondsFlag = 60.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Compare a front that connects anew for each request with one that keeps its connections to the producer.

    Latency with one request in flight, CPU time of front and producer, connections. Exit 3 when a front has no result.
    """
    path = result_path(out)
    protocols = protocols_of(protocol)
    tried = [Reuse(protocol=each, front=name) for each in protocols for name in fronts_of(front)]
    each_s = max(seconds / len(tried) - STARTING_S, 2 * SLICE_S * PAIRS_AT_LEAST)
    plan = plan_of(protocols, recipes, seed, seconds)

    async def measured(job: Job) -> list[ReuseFound]:
        return await compare_reuse(job, tried, each_s)

    experiment = experimented(plan, measured, (each_s + STARTING_S) * len(tried))
    show_experiment("front reuse", experiment, plan, document_of(experiment.found), path)
    if experiment.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if any(each.trouble for each in experiment.found) else ExitCode.FINE
