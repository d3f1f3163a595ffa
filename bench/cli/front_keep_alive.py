"""`python -m bench front keep-alive`: requests over connections that the producer is about to close."""

import math
from collections.abc import Sequence
from itertools import product
from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import result_path
from bench.cli.flag_lists import numbers
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
from bench.cli.matrix_flags import LOAD, SERVERS
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.registry import NONE
from bench.network import profile
from bench.network.profile import BadProfile
from bench.report.front_keep_alive import document_of
from bench.runner.front_keep_alive import STARTING_S, KeepAliveTrial
from commands import values
from commands.errors import UsageError
from recipes import sources

USUAL_PRODUCER_S, USUAL_FRONT_S, USUAL_RETRIES = "1", "60", "0"
USUAL_NETWORK = "rtt=20ms"
KEEP_ALIVE_S = (0.2, 3600.0)
IDLE_AT_MOST_S = 120.0
RETRIES_AT_MOST = 10
BURSTS_AT_LEAST = 5


def front_keep_alive(
    protocol: ProtocolsFlag = None,
    front: OrNoneFlag = None,
    producer_keep_alive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=SERVERS,
            help=f"After how long a producer closes an idle connection. Comma-separated. [default: {USUAL_PRODUCER_S}]",
        ),
    ] = None,
    front_keep_alive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=SERVERS,
            help="After how long the front closes an idle connection to a producer. Comma-separated. "
            f"[default: {USUAL_FRONT_S}]",
        ),
    ] = None,
    retries: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N",
            rich_help_panel=SERVERS,
            help="How often the front sends a request again when a producer failed. Comma-separated. "
            f"[default: {USUAL_RETRIES}]",
        ),
    ] = None,
    network: Annotated[
        str,
        typer.Option(
            metavar="NETWORK",
            rich_help_panel=SERVERS,
            help="Between front and producer: loopback, a profile's name, or rtt=1ms.",
        ),
    ] = USUAL_NETWORK,
    idle: Annotated[
        float | None,
        typer.Option(
            parser=values.number(KEEP_ALIVE_S[0], IDLE_AT_MOST_S),
            metavar="SECONDS",
            rich_help_panel=LOAD,
            help="The idle time around which requests are sent. [default: the shortest of the limits]",
            show_default=False,
        ),
    ] = None,
    burst: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 200),
            metavar="N",
            rich_help_panel=LOAD,
            help="How many requests are sent at the same time.",
        ),
    ] = 10,
    seconds: SecondsFlag = 120.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Send requests through a front after idle times around a keep-alive limit; count failures per 10,000.

    Exit 3 when a pair of limits has no result.
    """
    path = result_path(out)
    protocols = protocols_of(protocol)
    producer_s = numbers("--producer-keep-alive", producer_keep_alive or [USUAL_PRODUCER_S], *KEEP_ALIVE_S)
    front_s = numbers("--front-keep-alive", front_keep_alive or [USUAL_FRONT_S], *KEEP_ALIVE_S)
    repeats = matrix_flags.whole_numbers("--retries", retries or [USUAL_RETRIES], 0, RETRIES_AT_MOST)
    idle_s = idle or min(*producer_s, *front_s)
    if idle_s > IDLE_AT_MOST_S:
        raise UsageError(f"--idle: {idle_s:g} s is too long to wait for; give up to {IDLE_AT_MOST_S:g}")
    fronts = fronts_of(front, or_none=True)
    trials = [
        KeepAliveTrial(
            protocol=each,
            front=name,
            producer_s=producer,
            front_s=kept,
            retries=again,
            network=_network(network),
            idle_s=idle_s,
            burst=burst,
        )
        for each, name in product(protocols, fronts)
        for producer, kept, again in _limits(name, producer_s, front_s, repeats)
    ]
    lasting_s = (BURSTS_AT_LEAST * idle_s, math.inf)
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out(
        "front keep-alive", plan, trials, starting_s=STARTING_S, lasting_s=lasting_s, document_of=document_of, path=path
    )


def _limits(
    front: str, producer_s: Sequence[float], front_s: Sequence[float], retries: Sequence[int]
) -> list[tuple[float, float, int]]:
    """Every combination. Without a front there is only the producer's limit."""
    return list(
        product(producer_s, front_s[:1], retries[:1]) if front == NONE else product(producer_s, front_s, retries)
    )


def _network(text: str) -> str:
    try:
        return profile.canonical(text)
    except BadProfile as error:
        raise UsageError(f"--network: {error}") from None
