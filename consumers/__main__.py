"""`python -m consumers {http,graphql,grpc} {get,list,create,serve}`: send requests to a producer.

stdout gets one JSON document, everything else goes to stderr.
"""

import sys

from commands import interruption

if __name__ == "__main__":
    interruption.end_at_once("python -m consumers")

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
import uvloop
from aiohttp import web

from commands import command_line, values
from commands.errors import CommandError, UsageError
from commands.loop_signals import handled_in_loop, run_until_signal
from consumers import web_api
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import ConsumerError
from consumers.registry import CONSUMERS, client, dialects, target_for
from consumers.target import BadTarget
from consumers.without_effect import WITHOUT_EFFECT
from recipes import content
from recipes.book import DEFAULT_PAGE_SIZE, MAXIMUM_ID, MAXIMUM_PAGE_SIZE
from recipes.errors import RecipeError
from recipes.installation import started_as
from recipes.json_records import NotOneValue, value_of
from recipes.model import FIELDS, RecipeDraft

Result = TypeVar("Result")
SHOWCASE_ID = 42

CHECKED = command_line.CheckedCommand.refusing(WITHOUT_EFFECT)
app = command_line.application("Request recipes from a producer over one protocol.")


@dataclass(frozen=True, slots=True)
class Caller:
    """The client that a command uses."""

    protocol: str
    settings: ClientSettings


@app.callback(invoke_without_command=False)
def consumer(
    context: typer.Context,
    protocol: Annotated[str, typer.Argument(parser=values.one_of(CONSUMERS), metavar="|".join(CONSUMERS))],
) -> None:
    """Request recipes from a producer over one protocol."""
    context.obj = protocol


Target = Annotated[
    str,
    typer.Option(
        "--target",
        envvar="TARGET",
        metavar="URL",
        help="The producer. https:// and grpcs:// use TLS. A path is the base path, for GraphQL the whole one.",
    ),
]
Gzip = Annotated[bool, typer.Option("--gzip", envvar="GZIP", help="Accept gzip responses.")]
Ca = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        parser=values.readable_file,
        metavar="FILE",
        help="Authority to trust. [default: certs/ca.pem if it exists, else the system's]",
    ),
]
Dialect = Annotated[
    str, typer.Option("--dialect", metavar="NAME", help="Message format. [default: the protocol's first dialect]")
]
Timeout = Annotated[
    float, typer.Option("--timeout", parser=values.number(0.001, 3600), metavar="SECONDS", help="Timeout of a call.")
]
Json = Annotated[str, typer.Argument(metavar="FILE", help="JSON file of the recipe; - for stdin.")]
RecipeId = Annotated[
    int,
    typer.Argument(
        parser=values.whole_number(0, MAXIMUM_ID),
        metavar="ID",
        help="As the producer has it; one with --renumber counts from 1, in the order of its file.",
    ),
]


@app.command(cls=CHECKED)
def get(
    context: typer.Context,
    recipe_id: RecipeId,
    fields: Annotated[
        str, typer.Option(metavar="NAMES", help=f"Comma-separated, of {','.join(FIELDS)}. [default: all]")
    ] = "",
    target: Target = "localhost:4000",
    gzip: Gzip = False,
    ca: Ca = None,
    timeout: Timeout = 30.0,
    dialect: Dialect = "",
) -> None:
    """Print one recipe."""
    names = values.comma_list([fields]) or None
    for name in names or ():
        if name not in FIELDS:
            raise UsageError(f"--fields: a recipe has no field {name!r}; choose from {', '.join(FIELDS)}")
    caller = _caller(context, target, gzip, ca, timeout, dialect)
    _print(_ask(caller, lambda consumer: consumer.get(recipe_id, names)), keep=names)


@app.command("list", cls=CHECKED)
def list_recipes(
    context: typer.Context,
    page_size: Annotated[
        int, typer.Option(parser=values.whole_number(1, MAXIMUM_PAGE_SIZE), metavar="N", help="Number of recipes.")
    ] = DEFAULT_PAGE_SIZE,
    page_token: Annotated[str, typer.Option(metavar="TOKEN", help="next_page_token of the previous page.")] = "",
    target: Target = "localhost:4000",
    gzip: Gzip = False,
    ca: Ca = None,
    timeout: Timeout = 30.0,
    dialect: Dialect = "",
) -> None:
    """Print a page of recipes."""
    caller = _caller(context, target, gzip, ca, timeout, dialect)
    _print(_ask(caller, lambda consumer: consumer.list(page_size, page_token)))


@app.command(cls=CHECKED)
def create(
    context: typer.Context,
    file: Json,
    idempotency_key: Annotated[
        str, typer.Option(metavar="KEY", help="Repeating a key does not create a second recipe.")
    ] = "",
    target: Target = "localhost:4000",
    gzip: Gzip = False,
    ca: Ca = None,
    timeout: Timeout = 30.0,
    dialect: Dialect = "",
) -> None:
    """Create a recipe and print it with its id."""
    draft = _read_draft(file)
    caller = _caller(context, target, gzip, ca, timeout, dialect)
    _print(_ask(caller, lambda consumer: consumer.create(draft, idempotency_key)))


@app.command(cls=CHECKED)
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(envvar="HOST", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            envvar="PORT", parser=values.port, metavar="PORT", help="Port to listen on; 0 chooses a free one."
        ),
    ] = 3000,
    recipe_id: Annotated[
        int, typer.Option("--id", parser=values.whole_number(0, MAXIMUM_ID), metavar="ID", help="Recipe to show.")
    ] = SHOWCASE_ID,
    target: Target = "localhost:4000",
    gzip: Gzip = False,
    ca: Ca = None,
    timeout: Timeout = 30.0,
    dialect: Dialect = "",
) -> None:
    """Serve the consumer web API: GET / shows the producer's response."""
    caller = _caller(context, target, gzip, ca, timeout, dialect)

    async def until_stopped(consumer: RecipeClient) -> None:
        runner = web.AppRunner(web_api.application(consumer, recipe_id), access_log=None)
        await runner.setup()
        try:
            try:
                site = web.TCPSite(runner, host, port)
                await site.start()
            except OSError as error:
                reason = error.strerror or str(error)
                raise UsageError(f"cannot listen on {host}:{port}: {reason}; choose another --port, or 0") from None
            number = runner.addresses[0][1]
            shown = f"[{host}]" if ":" in host else host
            print(f"listening http://{shown}:{number} pid={os.getpid()}", flush=True)
            stopped = asyncio.Event()
            with handled_in_loop(stopped.set):
                await stopped.wait()
        finally:
            await runner.cleanup()

    _ask(caller, until_stopped)


def _caller(context: typer.Context, target: str, gzip: bool, ca: Path | None, timeout_s: float, dialect: str) -> Caller:
    spoken = dialects(context.obj)
    if dialect and dialect not in spoken:
        raise UsageError(f"--dialect: {dialect!r} is not a dialect of {context.obj}; choose from {', '.join(spoken)}")
    try:
        settings = ClientSettings(
            target=target_for(context.obj, target), gzip=gzip, ca=ca, timeout_s=timeout_s, dialect=dialect
        )
    except BadTarget as error:
        raise UsageError(f"--target: {error}") from None
    own_authority = Path("certs/ca.pem")
    if settings.target.tls and ca is None and own_authority.is_file():
        settings = replace(settings, ca=own_authority)
    return Caller(context.obj, settings)


def _ask(caller: Caller, call: Callable[[RecipeClient], Awaitable[Result]]) -> Result:
    async def conversation() -> Result:
        async with client(caller.protocol, caller.settings) as consumer:
            return await call(consumer)

    try:
        return run_until_signal(conversation(), uvloop.new_event_loop)
    except (RecipeError, ConsumerError) as error:
        raise CommandError(str(error)) from None


def _print(answer: object, keep: list[str] | None = None) -> None:
    document = msgspec.to_builtins(answer)
    if keep is not None:
        document = {name: document[name] for name in FIELDS if name in keep}
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def _read_draft(file: str) -> RecipeDraft:
    try:
        found = content.read_open(sys.stdin.buffer) if file == "-" else content.read(Path(file))
        return msgspec.convert(value_of(found.decode("utf-8-sig")), RecipeDraft)
    except FileNotFoundError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except content.ContentUnusable as error:
        raise UsageError(f"{file}: {error}") from None
    except NotOneValue as error:
        raise UsageError(f"{file}:{error.line}: not a recipe: {error}") from None
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file}: not a recipe: {error}; name is required, steps and ingredients are optional"
        ) from None


def main() -> int:
    """Run the command line and return its exit code."""
    return command_line.run(app, started_as("consumers"))


if __name__ == "__main__":
    sys.exit(main())
