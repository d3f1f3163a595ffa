"""`python -m consumers {http,graphql,grpc} {get,list,create,serve}`: send requests to a producer.

stdout gets one JSON document, everything else goes to stderr.
"""

import sys

from commands import interruption

if __name__ == "__main__":
    interruption.end_at_once("python -m consumers")

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
import uvloop
from aiohttp import web

from commands import command_line, values
from commands.errors import CommandError, UsageError
from commands.loop_signals import handled_in_loop, run_until_signal
from consumers import web_api
from consumers.access import TLS_VERSIONS, Access, BadHeader, read_headers
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


def _caller(
    context: typer.Context,
    target: Target = "localhost:4000",
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header",
            metavar="HEADER",
            help="'Name: value', 'Name: env:VARIABLE', 'Name: @FILE', or @FILE with one header per line. Repeatable.",
        ),
    ] = None,
    gzip: Gzip = False,
    ca: Ca = None,
    cert: Annotated[
        Path | None, typer.Option("--cert", parser=values.readable_file, metavar="FILE", help="Certificate to present.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", parser=values.readable_file, metavar="FILE", help="Its private key. [default: in the same file]"
        ),
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Trust whatever certificate the producer has.")] = False,
    tls_min: Annotated[
        str,
        typer.Option(
            "--tls-min",
            parser=values.one_of(TLS_VERSIONS),
            metavar="|".join(TLS_VERSIONS),
            help="The earliest version of TLS to use.",
        ),
    ] = TLS_VERSIONS[0],
    timeout: Timeout = 30.0,
    dialect: Dialect = "",
) -> Caller:
    """The client that these flags describe. Raises UsageError."""
    spoken = dialects(context.obj)
    if dialect and dialect not in spoken:
        raise UsageError(f"--dialect: {dialect!r} is not a dialect of {context.obj}; choose from {', '.join(spoken)}")
    try:
        at = target_for(context.obj, target)
    except BadTarget as error:
        raise UsageError(f"--target: {error}") from None
    try:
        headers = Access(headers=read_headers(header or (), CONSUMERS)).headers_of(context.obj)
    except BadHeader as error:
        raise UsageError(f"--header: {error}") from None
    access = Access(headers=headers, ca=ca, client_certificate=cert, client_key=key, insecure=insecure, tls_min=tls_min)
    own_authority = Path("certs/ca.pem")
    if at.tls and ca is None and not insecure and own_authority.is_file():
        access = replace(access, ca=own_authority)
    settings = ClientSettings.with_access(access, target=at, gzip=gzip, timeout_s=timeout, dialect=dialect)
    return Caller(context.obj, settings)


def calling(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the flags of `_caller` behind its own; it gets what they describe as `caller`."""
    flags = inspect.signature(_caller, eval_str=True).parameters

    @wraps(command)
    def run(**given: Any) -> None:
        caller = _caller(**{name: given.pop(name) for name in flags})
        command(caller=caller, **given)

    own = inspect.signature(command, eval_str=True)
    kept = [each for name, each in own.parameters.items() if name != "caller"]
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*kept, *flags.values())]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return run


@app.command(cls=CHECKED)
@calling
def get(
    caller: Caller,
    recipe_id: RecipeId,
    fields: Annotated[
        str, typer.Option(metavar="NAMES", help=f"Comma-separated, of {','.join(FIELDS)}. [default: all]")
    ] = "",
) -> None:
    """Print one recipe."""
    names = values.comma_list([fields]) or None
    for name in names or ():
        if name not in FIELDS:
            raise UsageError(f"--fields: a recipe has no field {name!r}; choose from {', '.join(FIELDS)}")
    _print(_ask(caller, lambda consumer: consumer.get(recipe_id, names)), keep=names)


@app.command("list", cls=CHECKED)
@calling
def list_recipes(
    caller: Caller,
    page_size: Annotated[
        int, typer.Option(parser=values.whole_number(1, MAXIMUM_PAGE_SIZE), metavar="N", help="Number of recipes.")
    ] = DEFAULT_PAGE_SIZE,
    page_token: Annotated[str, typer.Option(metavar="TOKEN", help="next_page_token of the previous page.")] = "",
) -> None:
    """Print a page of recipes."""
    _print(_ask(caller, lambda consumer: consumer.list(page_size, page_token)))


@app.command(cls=CHECKED)
@calling
def create(
    caller: Caller,
    file: Json,
    idempotency_key: Annotated[
        str, typer.Option(metavar="KEY", help="Repeating a key does not create a second recipe.")
    ] = "",
) -> None:
    """Create a recipe and print it with its id."""
    draft = _read_draft(file)
    _print(_ask(caller, lambda consumer: consumer.create(draft, idempotency_key)))


@app.command(cls=CHECKED)
@calling
def serve(
    caller: Caller,
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
) -> None:
    """Serve the consumer web API: GET / shows the producer's response."""

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
