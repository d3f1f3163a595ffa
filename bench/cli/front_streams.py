"""`python -m bench front streams`: what waits before MAX_CONCURRENT_STREAMS."""

from typing import Annotated, cast

import typer

from bench.cli import matrix_flags
from bench.cli.experiments import result_path
from bench.cli.front_experiments import OrNoneFlag, OutFlag, SecondsFlag, carried_out, fronts_of, plan_of
from bench.cli.matrix_flags import SERVERS
from bench.cli.shared_flags import RecipesFlag, SeedFlag
from bench.fronts.registry import NONE
from bench.fronts.streams import FRONT, PRODUCER, STREAMS_AT, StreamsAt
from bench.protocols import PROTOCOLS
from bench.report.front_streams import document_of
from bench.runner.front_streams import STARTING_S, StreamsTrial
from commands import values
from recipes import sources


def front_streams(
    front: OrNoneFlag = None,
    streams: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 100),
            metavar="N",
            rich_help_panel=SERVERS,
            help="MAX_CONCURRENT_STREAMS.",
        ),
    ] = 20,
    streams_at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            rich_help_panel=SERVERS,
            help=f"Who has the limit: {', '.join(STREAMS_AT)}. Without a front, the producer. [default: {FRONT}]",
        ),
    ] = None,
    seconds: SecondsFlag = 20.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Keep more calls in flight than a connection may have streams; show what waits, which nothing counts.

    With the protocols over HTTP/2. Exit 3 when a front has no result.
    """
    path = result_path(out)
    protocols = [row.name for row in PROTOCOLS.values() if row.http2]
    places = cast(list[StreamsAt], matrix_flags.words("--streams-at", streams_at or [FRONT], STREAMS_AT))
    trials = [
        StreamsTrial(protocol=protocol, front=name, streams=streams, at=place)
        for protocol in protocols
        for name in fronts_of(front, or_none=True)
        for place in ([PRODUCER] if name == NONE else places)
    ]
    plan = plan_of(protocols, recipes, seed, seconds)
    return carried_out("front streams", plan, trials, starting_s=STARTING_S, document_of=document_of, path=path)
