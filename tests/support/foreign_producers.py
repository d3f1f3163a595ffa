"""Minimal third-party producers: recipe 42 and the process id over each protocol, nothing else."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import grpc
from aiohttp import web
from graphql import build_schema, graphql

from protos import recipe_pb2 as messages
from recipes.model import Recipe
from tests.support.books import CHICKEN

PID = 4711

SCHEMA = """
type Query { recipe(id: ID): Recipe  pid: Int }
type Recipe { id: ID!  name: String!  steps: String  ingredients: [Ingredient]! }
type Ingredient { id: ID!  name: String!  quantity: String }
"""


def as_json(recipe: Recipe) -> dict[str, Any]:
    return {
        "id": recipe.id,
        "name": recipe.name,
        "steps": recipe.steps,
        "ingredients": [{"id": line.id, "name": line.name, "quantity": line.quantity} for line in recipe.ingredients],
    }


@asynccontextmanager
async def json_producer(
    recipe: Recipe = CHICKEN,
    base: str = "",
    authorization: str = "",
    tls: ssl.SSLContext | None = None,
    by_name_only: bool = False,
) -> AsyncIterator[str]:
    """`base`: in front of every path. `authorization`: the header that every request must have. `by_name_only`: whether
    its own address must be in Host, as with servers of several names."""

    async def get(request: web.Request) -> web.Response:
        if by_name_only and request.headers["Host"] != address.partition("://")[2]:
            return web.json_response({"error": "misdirected"}, status=421)
        if request.match_info["id"] != str(recipe.id):
            return web.json_response({"error": "not_found"}, status=404)
        return web.json_response({"producer_pid": PID, "recipe": as_json(recipe)})

    application = web.Application(middlewares=_demanding(authorization))
    application.router.add_get(f"{base}/recipes/{{id}}", get)
    async with _aiohttp(application, tls) as address:
        yield address


@asynccontextmanager
async def graphql_producer(
    recipe: Recipe = CHICKEN, path: str = "/graphql", authorization: str = "", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    schema = build_schema(SCHEMA)
    root = {
        "recipe": lambda _info, **given: as_json(recipe) if given.get("id") == str(recipe.id) else None,
        "pid": PID,
    }

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        result = await graphql(schema, body["query"], root, variable_values=body.get("variables"))
        return web.json_response(result.formatted)

    application = web.Application(middlewares=_demanding(authorization))
    application.router.add_post(path, answer)
    async with _aiohttp(application, tls) as address:
        yield address


@asynccontextmanager
async def grpc_producer(recipe: Recipe = CHICKEN, authorization: str = "") -> AsyncIterator[str]:
    async def get_recipe(request: messages.RecipeRequest, context: Any) -> messages.Recipe:
        given = dict(context.invocation_metadata()).get("authorization", "")
        if authorization and given != authorization:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not with {given!r}")
        if request.id != recipe.id:
            await context.abort(grpc.StatusCode.NOT_FOUND, "not found")
        return messages.Recipe(**as_json(recipe))

    async def get_meta_data(request: messages.Empty, context: Any) -> messages.Meta:
        return messages.Meta(pid=PID)

    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetRecipe": grpc.unary_unary_rpc_method_handler(
            get_recipe, messages.RecipeRequest.FromString, messages.Recipe.SerializeToString
        ),
        "GetMetaData": grpc.unary_unary_rpc_method_handler(
            get_meta_data, messages.Empty.FromString, messages.Meta.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("recipe.RecipeService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        await server.stop(None)


FOREIGN: dict[str, Callable[..., AbstractAsyncContextManager[str]]] = {
    "http": json_producer,
    "graphql": graphql_producer,
    "grpc": grpc_producer,
}


def _demanding(authorization: str) -> list[Any]:
    """What refuses other requests, and repeats what they had, as careless servers do."""

    @web.middleware
    async def check(request: web.Request, handler: Any) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not authorization or given == authorization:
            return cast(web.StreamResponse, await handler(request))
        detail = f"not with {given!r}"
        return web.json_response({"error": "no", "detail": detail, "errors": [{"message": detail}]}, status=401)

    return [check]


@asynccontextmanager
async def _aiohttp(application: web.Application, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{cast(int, runner.addresses[0][1])}"
    finally:
        await runner.cleanup()
