"""Three services of a domain that is not recipes: orders of a shop over HTTP, GraphQL and gRPC.

`python -m tests.support.own_services` serves them until it is interrupted, for docs/examples/orders.toml.
"""

import asyncio
import signal
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

import grpc
from aiohttp import web
from google.protobuf import message_factory, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from graphql import GraphQLError, build_schema, graphql
from grpc_reflection.v1alpha import reflection, reflection_pb2

REFLECTION_V1, REFLECTION_V1ALPHA = "grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME

SCHEMA = """
type Query { order(id: ID!): Order  tick: Int! }
type Order { id: ID!  customer: String!  total: Money!  lines: [Line!]! }
type Money { currency: String!  cents: Int! }
type Line { product: String!  count: Int! }
"""


def order(order_id: int) -> dict[str, Any]:
    return {
        "id": order_id,
        "customer": f"Zoë {order_id}",
        "total": {"currency": "EUR", "cents": 100 * order_id},
        "lines": [{"product": f"Product {number}", "count": number} for number in range(1, order_id % 5 + 2)],
    }


@asynccontextmanager
async def http_orders() -> AsyncIterator[str]:
    """`GET /orders/{id}`, `POST /search`, `GET /ticks` (never the same), `GET /text`. Orders are 1 to 99."""
    ticks = count(1)

    async def get(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if number > 99:
            return web.json_response({"error": f"no order {number}"}, status=404)
        return web.json_response(order(number))

    async def search(request: web.Request) -> web.Response:
        asked = await request.json()
        return web.json_response({"found": [order(asked["id"])], "asked": asked})

    async def tick(request: web.Request) -> web.Response:
        return web.json_response({"meta": {"tick": next(ticks)}, "order": order(1)})

    async def text(request: web.Request) -> web.Response:
        return web.Response(text="an order")

    application = web.Application()
    application.router.add_get("/orders/{id}", get)
    application.router.add_post("/search", search)
    application.router.add_get("/ticks", tick)
    application.router.add_get("/text", text)
    async with _served(application) as address:
        yield address


@asynccontextmanager
async def graphql_orders() -> AsyncIterator[str]:
    """SCHEMA at /graphql. Errors have the status 200."""
    schema, ticks = build_schema(SCHEMA), count(1)

    def find(_info: Any, id: str) -> dict[str, Any]:  # noqa: A002 - the argument's name in the schema
        if int(id) > 99:
            raise GraphQLError(f"no order {id}")
        return order(int(id))

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        root = {"order": find, "tick": lambda _info: next(ticks)}
        result = await graphql(
            schema,
            body["query"],
            root,
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
        )
        return web.json_response(result.formatted)

    application = web.Application()
    application.router.add_post("/graphql", answer)
    async with _served(application) as address:
        yield address


@asynccontextmanager
async def _served(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{cast(int, runner.addresses[0][1])}"
    finally:
        await runner.cleanup()


def contract() -> FileDescriptorSet:
    """`shop.Orders` with the methods Get, Tick and Watch (streaming), in two files beside one of protobuf."""
    text, int64, int32, message = (
        FieldDescriptorProto.TYPE_STRING,
        FieldDescriptorProto.TYPE_INT64,
        FieldDescriptorProto.TYPE_INT32,
        FieldDescriptorProto.TYPE_MESSAGE,
    )
    timestamp = FileDescriptorProto()
    timestamp_pb2.DESCRIPTOR.CopyToProto(timestamp)
    money = FileDescriptorProto(name="shop/money.proto", package="shop", syntax="proto3")
    _add(money, "Money", ("currency", text, ""), ("cents", int64, ""))
    orders = FileDescriptorProto(
        name="shop/orders.proto",
        package="shop",
        syntax="proto3",
        dependency=["shop/money.proto", "google/protobuf/timestamp.proto"],
    )
    _add(orders, "OrderId", ("id", int32, ""))
    _add(orders, "Line", ("product", text, ""), ("count", int32, ""))
    fields = (("id", int32, ""), ("customer", text, ""), ("total", message, ".shop.Money"))
    _add(
        orders, "Order", *fields, ("lines", message, ".shop.Line[]"), ("sold_at", message, ".google.protobuf.Timestamp")
    )
    service = orders.service.add(name="Orders")
    for name in ("Get", "Tick", "Watch"):
        service.method.add(
            name=name, input_type=".shop.OrderId", output_type=".shop.Order", server_streaming=name == "Watch"
        )
    return FileDescriptorSet(file=[timestamp, money, orders])


def _add(file: FileDescriptorProto, name: str, *fields: tuple[str, Any, str]) -> None:
    added = file.message_type.add(name=name)
    for number, (field, kind, of) in enumerate(fields, 1):
        label = FieldDescriptorProto.LABEL_REPEATED if of.endswith("[]") else FieldDescriptorProto.LABEL_OPTIONAL
        added.field.add(name=field, number=number, type=kind, type_name=of.removesuffix("[]") or None, label=label)


@asynccontextmanager
async def grpc_orders(reflected_by: Sequence[str] = (REFLECTION_V1ALPHA,)) -> AsyncIterator[str]:
    """`shop.Orders` of `contract`, described by these services."""
    pool, ticks = DescriptorPool(), count(1)
    for file in contract().file:
        pool.Add(file)
    asked, answer = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.{n}")) for n in ("OrderId", "Order")
    )

    async def get(request: Any, context: Any) -> Any:
        if request.id > 99:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no order {request.id}")
        return answer(**order(request.id), sold_at={"seconds": 1_700_000_000})

    async def tick(request: Any, context: Any) -> Any:
        return answer(**order(request.id), sold_at={"seconds": next(ticks)})

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        yield answer(**order(request.id))

    kinds = {
        "Get": (grpc.unary_unary_rpc_method_handler, get),
        "Tick": (grpc.unary_unary_rpc_method_handler, tick),
        "Watch": (grpc.unary_stream_rpc_method_handler, watch),
    }
    server = grpc.aio.server()
    handlers = {n: make(serve, asked.FromString, answer.SerializeToString) for n, (make, serve) in kinds.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Orders", handlers)])
    servicer: Any = reflection.aio.ReflectionServicer(("shop.Orders",), pool)
    describe = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in reflected_by:
        described = {"ServerReflectionInfo": describe}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, described)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def orders() -> AsyncIterator[dict[str, str]]:
    """All three, by protocol."""
    async with AsyncExitStack() as stack:
        yield {
            "http": await stack.enter_async_context(http_orders()),
            "graphql": await stack.enter_async_context(graphql_orders()),
            "grpc": await stack.enter_async_context(grpc_orders()),
        }


REQUESTS = (Path(__file__).parents[2] / "docs" / "examples" / "orders.toml").read_text(encoding="utf-8")


async def _serve() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with orders() as addresses:
        for protocol, address in addresses.items():
            print(f"--target {protocol}={address}", flush=True)
        await stopped.wait()


if __name__ == "__main__":
    ArgumentParser(
        prog="python -m tests.support.own_services",
        description="Serves orders over HTTP, GraphQL and gRPC, and prints their addresses as flags of bench run.",
    ).parse_args()
    asyncio.run(_serve())
