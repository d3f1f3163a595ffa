"""`python -m bench front keep-alive`: requests over connections that the producer or the front is about to close."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from bench.fronts.keep_alive import CLOSERS, Closer
from bench.fronts.registry import NONE
from bench.network import profile
from bench.network.profile import BadProfile
from bench.report.front_keep_alive import document_of
from bench.runner.front_keep_alive import STARTING_S, KeepAliveTrial
from commands import values
from commands.errors import UsageError
from recipes import sources

USUAL_CLOSER: Closer = "producer"
USUAL_CLOSED_S, USUAL_KEPT_S, USUAL_RETRIES = "1", "60", "0"
USUAL_NETWORK = "rtt=20ms"
KEEP_ALIVE_S = (0.2, 3600.0)
IDLE_AT_MOST_S = 120.0
RETRIES_AT_MOST = 10
BURSTS_AT_LEAST = 5


def front_keep_alive(
    protocol: ProtocolsFlag = None,
    front: OrNoneFlag = None,
    closed_by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            rich_help_panel=SERVERS,
            help="Who closes idle connections: the producer those of the front, or the front those of consumers. "
            f"Comma-separated: {', '.join(CLOSERS)}. [default: {USUAL_CLOSER}]",
        ),
    ] = None,
    producer_keep_alive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=SERVERS,
            help=f"After how long a producer closes an idle connection. Comma-separated. [default: {USUAL_CLOSED_S}]",
        ),
    ] = None,
    front_keep_alive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=SERVERS,
            help="After how long the front closes an idle connection, to a producer or of a consumer. "
            f"Comma-separated. [default: {USUAL_KEPT_S} to a producer, {USUAL_CLOSED_S} of a consumer]",
        ),
    ] = None,
    consumer_keep_alive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECONDS",
            rich_help_panel=SERVERS,
            help=f"After how long a consumer closes an idle connection. Comma-separated. [default: {USUAL_KEPT_S}]",
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
            help="Over the connections that are closed: loopback, a profile's name, or rtt=1ms.",
        ),
    ] = USUAL_NETWORK,
    idle: Annotated[
        float | None,
        typer.Option(
            parser=values.number(KEEP_ALIVE_S[0], IDLE_AT_MOST_S),
            metavar="SECONDS",
            rich_help_panel=LOAD,
            help="The idle time around which requests are sent. [default: the shortest limit of both sides]",
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
    """Send requests after idle times around the keep-alive limit of a producer or a front; count failures per 10,000.

    Exit 3 when a pair of limits has no result.
    """
    path = result_path(out)
    protocols = protocols_of(protocol)
    chosen = matrix_flags.words("--closed-by", closed_by or [USUAL_CLOSER], CLOSERS)
    closers = [each for each in CLOSERS if each in chosen]
    repeats = matrix_flags.whole_numbers("--retries", retries or [USUAL_RETRIES], 0, RETRIES_AT_MOST)
    given = {
        "--producer-keep-alive": producer_keep_alive,
        "--front-keep-alive": front_keep_alive,
        "--consumer-keep-alive": consumer_keep_alive,
    }
    connections = [
        each
        for name in fronts_of(front, or_none=True)
        for each in (_connections(name, closer, given) for closer in _closers(name, closers))
    ]
    trials = [
        KeepAliveTrial(
            protocol=each,
            front=connection.front,
            closed_by=connection.closer,
            closed_after_s=after_s,
            kept_s=kept_s,
            retries=again,
            network=_network(network),
            idle_s=idle or connection.idle_s,
            burst=burst,
        )
        for each, connection in product(protocols, connections)
        for after_s, kept_s, again in product(
            connection.closed_after_s, connection.kept_s, repeats if connection.has_retries else repeats[:1]
        )
    ]
    longest_s = max(trial.idle_s for trial in trials)
    if longest_s > IDLE_AT_MOST_S:
        raise UsageError(f"--idle: {longest_s:g} s is too long to wait for; give up to {IDLE_AT_MOST_S:g}")
    lasting_s = (BURSTS_AT_LEAST * longest_s, math.inf)
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out(
        "front keep-alive", plan, trials, starting_s=STARTING_S, lasting_s=lasting_s, document_of=document_of, path=path
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connections:
    """Connections that are tried: who closes them, and after how long each side does."""

    front: str
    closer: Closer
    closed_after_s: Sequence[float]
    kept_s: Sequence[float]

    @property
    def idle_s(self) -> float:
        """The idle time around which a side closes first."""
        return min(*self.closed_after_s, *self.kept_s)

    @property
    def has_retries(self) -> bool:
        """Whether the front could send a request again."""
        return self.front != NONE and self.closer == "producer"


def _closers(front: str, chosen: Sequence[Closer]) -> Sequence[Closer]:
    """Who closes. Without a front the producer does."""
    return (USUAL_CLOSER,) if front == NONE else chosen


def _connections(front: str, closer: Closer, given: Mapping[str, list[str] | None]) -> _Connections:
    """The connections that are closed by one side, with the limits of both."""
    opener = "consumer" if front == NONE or closer == "front" else "front"

    def limits(side: str, usual: str) -> list[float]:
        flag = f"--{side}-keep-alive"
        return numbers(flag, given[flag] or [usual], *KEEP_ALIVE_S)

    return _Connections(
        front=front, closer=closer, closed_after_s=limits(closer, USUAL_CLOSED_S), kept_s=limits(opener, USUAL_KEPT_S)
    )


def _network(text: str) -> str:
    try:
        return profile.canonical(text)
    except BadProfile as error:
        raise UsageError(f"--network: {error}") from None
