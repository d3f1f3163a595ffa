"""`python -m bench ask`: start a producer, get a recipe with its consumer, show the response and its bytes, stop."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bench.cli.measure import Interrupted, load_recipes
from bench.cli.shared_flags import renumber_option
from bench.cli.show import console_of_output
from bench.cli.stop_signal import stop_on_signal
from bench.machine import Pinning
from bench.protocols import protocol as row
from bench.report.costs import one_request
from bench.runner.processes import ProcessFailed
from bench.runner.session import RunningProducer, Session, Stopped
from bench.wire.measure import Measured, measure
from commands import values
from commands.errors import ExitCode, UntrustedMeasurement
from commands.loop_signals import run as run_loop
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError
from consumers.registry import client
from consumers.target import Target, parse_target
from producers import certificates
from producers.registry import PRODUCERS
from recipes import sources
from recipes.errors import RecipeError
from recipes.model import Recipe
from recipes.sources import LoadedRecipes

SHOWCASE_ID = 42
"""Recipe 42 is the well-known one. Without it, the first recipe is shown."""
TIMEOUT_S = 30.0
REPEATED = 9
"""How often the recipe is requested to find the usual number of bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The recipe, and its bytes on the wire."""

    address: str
    recipe: Recipe
    measured: Measured


def ask(
    protocol: Annotated[
        str, typer.Argument(parser=values.one_of(PRODUCERS), metavar="|".join(PRODUCERS), help="What to ask.")
    ],
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = sources.DEFAULT_SOURCE,
    renumber: Annotated[bool, renumber_option()] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="Request a gzip response. [default: off]")] = False,
    tls: Annotated[bool, typer.Option("--tls", help="Use TLS, with temporary certificates. [default: off]")] = False,
) -> int:
    """Start a producer, get a recipe, show it with the bytes in both directions, stop the producer."""
    loaded = load_recipes(recipes, renumber=renumber)
    recipe_id = showcase_id([recipe.id for recipe in loaded.recipes])
    try:
        answer = run_loop(_ask(protocol, loaded, recipe_id, gzip=gzip, tls=tls))
    except (ProcessFailed, ConsumerError, RecipeError) as error:
        raise UntrustedMeasurement(str(error)) from None
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer.recipe), indent=2).decode() + "\n\n")
    measured = answer.measured
    width = console_of_output().width
    sys.stdout.write(one_request(answer.address, measured.bytes, measured.warnings, gzip_requested=gzip, width=width))
    return ExitCode.FINE


def showcase_id(ids: list[int]) -> int:
    """42 where there is such a recipe, else the first id."""
    return SHOWCASE_ID if SHOWCASE_ID in ids else ids[0]


async def _ask(protocol: str, loaded: LoadedRecipes, recipe_id: int, *, gzip: bool, tls: bool) -> Answer:
    with stop_on_signal() as stop, tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        directory = certificates.write(Path(aside)).directory if tls else None
        recipes = loaded.source_of_copy(Path(aside))
        try:
            async with Session(Pinning((), ()), stop) as session:
                return await session.unless_stopped(
                    _start_and_ask(session, protocol, recipes, recipe_id, directory, gzip=gzip)
                )
        except Stopped:
            raise Interrupted("interrupted before the response arrived") from None


async def _start_and_ask(
    session: Session, protocol: str, recipes: str, recipe_id: int, directory: Path | None, *, gzip: bool
) -> Answer:
    producer = await session.start_producer(protocol, recipes=recipes, gzip=gzip, certificates=directory)
    return await _ask_running(protocol, producer, recipe_id, directory, gzip=gzip)


async def _ask_running(
    protocol: str, producer: RunningProducer, recipe_id: int, directory: Path | None, *, gzip: bool
) -> Answer:
    ca = None if directory is None else directory / "ca.pem"

    def connect(target: Target) -> RecipeClient:
        settings = ClientSettings(target=target, gzip=gzip, ca=ca, timeout_s=TIMEOUT_S, connections=1)
        return client(protocol, settings)

    address = producer.tls or producer.plain
    async with connect(parse_target(address)) as consumer:
        recipe = await consumer.get(recipe_id)
    measured = await measure(
        connect=connect,
        plain=parse_target(producer.plain),
        tls=parse_target(producer.tls) if producer.tls else None,
        codec=row(protocol).codec(),
        # PING and WINDOW_UPDATE frames go with some requests only, so a single one would not show the usual bytes.
        asks=[lambda consumer: consumer.get(recipe_id)] * REPEATED,
    )
    return Answer(address, recipe, measured)
