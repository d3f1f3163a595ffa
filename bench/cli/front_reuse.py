"""`python -m bench front reuse`: what a new connection to the producer for each request costs."""

import math

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
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.report.front_reuse import document_of
from bench.runner.front_reuse import PAIRS_AT_LEAST, SLICE_S, STARTING_S, ReuseTrial
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
    trials = [ReuseTrial(protocol=each, front=name) for each in protocols for name in fronts_of(front)]
    lasting_s = (2 * SLICE_S * PAIRS_AT_LEAST, math.inf)
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out(
        "front reuse", plan, trials, starting_s=STARTING_S, lasting_s=lasting_s, document_of=document_of, path=path
    )
