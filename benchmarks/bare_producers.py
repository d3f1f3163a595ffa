"""Instructions per request of the producers and of bare servers on the same libraries, counted with callgrind.

`python -m benchmarks.bare_producers [PROTOCOL …]`. A bare server is what a tutorial of the library shows: one route or
method and constant data, without limits, negotiation, entity tags and errors of its own. It runs on uvloop like the
producers, and is asked for the same recipe or page. Strawberry's view has two rows: as it is, it parses and validates
every document again; with its own two caches it does not.
"""
# ruff: noqa: PLC0415 - a server loads no other library than its own

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from aiohttp import web

from bench.callgrind.tool import ToolMissing, Valgrind, installed
from bench.machine import pinning_here, this_process_on
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from bench.workloads import GetQuestion, ListQuestion, Question
from benchmarks.counted_server import CountedServer, middle
from commands import command_line, values
from commands.errors import UntrustedMeasurement, UsageError
from producers import lifecycle
from recipes import sources
from recipes.model import Recipe, RecipePage

RECIPE_ID = 391
"""A recipe of median size: 1,181 bytes of JSON, 9 ingredients."""
PAGE_SIZE = 20
REQUESTS, WINDOWS = 24, 3

Announce = Callable[[str], None]


async def constant_data() -> tuple[Recipe, RecipePage]:
    """What bare servers answer with."""
    book = sources.book(sources.DEFAULT_SOURCE)
    return await book.get(RECIPE_ID), await book.page(PAGE_SIZE)


async def serve_aiohttp(announce: Announce) -> None:
    """An aiohttp application with routes that respond with constant bytes."""
    from producers.json_messages import page_response, recipe_response

    recipe, page = await constant_data()
    one, many = recipe_response(recipe), page_response(page)

    async def get(request: web.Request) -> web.Response:
        return web.Response(body=one, content_type="application/json")

    async def get_page(request: web.Request) -> web.Response:
        return web.Response(body=many, content_type="application/json")

    await _serve_application([web.get("/recipes/{id}", get), web.get("/recipes", get_page)], "", announce)


async def serve_strawberry(announce: Announce, *, cached: bool) -> None:
    """Strawberry's view for aiohttp, over the producer's types and constant values."""
    import strawberry
    from strawberry.aiohttp.views import GraphQLView
    from strawberry.extensions import ParserCache, SchemaExtension, ValidationCache

    from producers import graphql_schema as types

    recipe, page = await constant_data()
    place = types.PageInfo(has_next_page=True, has_previous_page=False, start_cursor="a", end_cursor="b")

    def get(id: strawberry.ID | None = None) -> Any:  # noqa: A002 - the name in the contract
        return recipe

    def get_page(first: int | None = None, after: str | None = None) -> Any:
        return types.RecipeConnection(edges=page.recipes, page_info=place)  # type: ignore[arg-type]

    @strawberry.type
    class Query:
        recipe: types.Recipe | None = strawberry.field(resolver=get)
        recipes: types.RecipeConnection = strawberry.field(resolver=get_page)

    caches: list[Callable[[], SchemaExtension]] = [ParserCache, ValidationCache]
    view: Any = GraphQLView(schema=strawberry.Schema(Query, extensions=caches if cached else []))
    await _serve_application([web.post("/graphql", view)], "/graphql", announce)


async def serve_grpc(announce: Announce) -> None:
    """grpc.aio with a servicer that returns constant messages."""
    import grpc

    from producers.protobuf_messages import page_message, recipe_message
    from protos.recipe_pb2_grpc import RecipeServiceServicer, add_RecipeServiceServicer_to_server

    recipe, page = await constant_data()
    one, many = recipe_message(recipe), page_message(page)

    class Constant(RecipeServiceServicer):
        async def GetRecipe(self, request: object, context: object) -> Any:  # noqa: N802
            return one

        async def ListRecipes(self, request: object, context: object) -> Any:  # noqa: N802
            return many

    server = grpc.aio.server()
    add_RecipeServiceServicer_to_server(Constant(), server)  # type: ignore[abstract]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    announce(f"grpc://127.0.0.1:{port}")
    with lifecycle.stop_requested() as stop:
        await stop()
    await server.stop(None)


async def _serve_application(routes: Sequence[web.RouteDef], path: str, announce: Announce) -> None:
    application = web.Application()
    application.add_routes(routes)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    announce(f"http://127.0.0.1:{runner.addresses[0][1]}{path}")
    with lifecycle.stop_requested() as stop:
        await stop()
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare server."""

    title: str
    protocol: str
    serve: Callable[[Announce], Awaitable[None]]


BARE: dict[str, Bare] = {
    "aiohttp": Bare("aiohttp", "http", serve_aiohttp),
    "strawberry": Bare("Strawberry's view", "graphql", partial(serve_strawberry, cached=False)),
    "strawberry-cached": Bare("Strawberry's view with its caches", "graphql", partial(serve_strawberry, cached=True)),
    "grpc.aio": Bare("grpc.aio", "grpc", serve_grpc),
}
PROTOCOLS = tuple(dict.fromkeys(bare.protocol for bare in BARE.values()))


async def questions() -> dict[str, Question[Any]]:
    """What is asked, by workload."""
    recipe, page = await constant_data()
    last = page.recipes[-1].id
    return {
        "get": GetQuestion(RECIPE_ID, recipe),
        f"list {PAGE_SIZE}": ListQuestion(PAGE_SIZE, "", PAGE_SIZE, last, page.recipes),
    }


async def measure(name: str, protocol: str, command: Sequence[str], valgrind: Valgrind) -> dict[str, float]:
    """Instructions per request of a server in a fresh process, by workload. Raises ProcessFailed."""
    pinning = pinning_here()
    with this_process_on(pinning.load), tempfile.TemporaryDirectory(prefix="recipe-lab-callgrind-") as directory:
        async with Session(pinning) as session:
            counted = CountedServer(session, valgrind, Path(directory))
            server = await counted.start(name, command)
            found = await counted.count(protocol, server, await questions(), requests=REQUESTS, windows=WINDOWS)
            return {workload: middle(windows) for workload, windows in found.items()}


async def measure_protocol(protocol: str, valgrind: Valgrind) -> list[str]:
    """The rows of one protocol. Raises ProcessFailed."""
    own = [sys.executable, "-P", "-m", "producers", protocol, "--port", "0"]
    producer = await measure(f"the {protocol} producer", protocol, own, valgrind)
    rows = []
    for name, bare in BARE.items():
        if bare.protocol == protocol:
            command = [sys.executable, "-m", "benchmarks.bare_producers", "--serve", name]
            found = await measure(bare.title, protocol, command, valgrind)
            rows += [
                f"| {protocol} {workload} | {bare.title} | {round(count, -3):,.0f} | "
                f"{round(producer[workload], -3):,.0f} | {producer[workload] / count:.2f} |"
                for workload, count in found.items()
            ]
    return rows


app = command_line.application("Count instructions per request of the producers and of bare servers.")


@app.command()
def bare_producers(
    protocols: Annotated[
        list[str] | None, typer.Argument(metavar="PROTOCOL", help=f"Some of {', '.join(PROTOCOLS)}; all by default.")
    ] = None,
    serving: Annotated[str, typer.Option("--serve", metavar="NAME", hidden=True)] = "",
) -> None:
    """Print the instructions of both, and their ratio."""
    if serving:
        bare = BARE[values.one_of(BARE)(serving)]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(bare.serve(lambda address: lifecycle.announce([address], os.getpid())))  # type: ignore[arg-type]
        return
    chosen = [values.one_of(PROTOCOLS)(protocol) for protocol in protocols or PROTOCOLS]
    try:
        valgrind = installed()
        print("| request | bare server | instructions | of the producer | ratio |\n|---|---|---|---|---|")
        for protocol in chosen:
            for row in asyncio.run(measure_protocol(protocol, valgrind)):
                print(row, flush=True)
    except ToolMissing as error:
        raise UsageError(str(error)) from None
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.bare_producers"))
