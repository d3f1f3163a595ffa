"""Callers that ask a producer without a pause until it no longer accepts connections, and what became of each request.

A request is lost if it was sent, or its connection accepted, and no complete response came.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from consumers.target import Target, parse_target
from protos import recipe_pb2 as messages
from protos.recipe_pb2_grpc import RecipeServiceStub
from tests.support.raw_http import request

CALLERS = 50
AMPLE_S = 60.0
QUERY = b'{"query":"{ recipe(id: 42) { id name } }"}'
REQUESTS = {
    "http": b"GET /recipes/42 HTTP/1.1\r\nHost: lab\r\n\r\n",
    "graphql": b"POST /graphql HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(QUERY), QUERY),
}


@dataclass(slots=True)
class Tally:
    """What became of the requests."""

    answered: int = 0
    answered_after_stop: int = 0
    refused: int = 0
    """Callers whose connection was refused: nothing was sent, and every caller knows."""
    not_sent: int = 0
    """gRPC: calls that the client's library gave up before it sent them, as the connection was about to end."""
    lost: Counter[str] = field(default_factory=Counter)
    """By what the caller saw."""
    stopped: bool = False

    def answer(self) -> None:
        """Note a complete response."""
        self.answered += 1
        self.answered_after_stop += self.stopped


async def is_ready(protocol: str, address: str) -> bool:
    """Whether a health check on a new connection says that the producer is ready."""
    if protocol != "grpc":
        return (await request(address, "GET", "/health")).status == 200
    async with grpc.aio.insecure_channel(parse_target(address).authority) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def calls_until_refused(
    protocol: str,
    address: str,
    ca: Path | None,
    stop: Callable[[], None],
    *,
    fresh: bool,
    callers: int = CALLERS,
    calls_before: int = 300,
) -> Tally:
    """Call without a pause, call `stop` after so many responses, and go on until every caller is refused.

    `fresh`: each request on a connection of its own.
    """
    tally = Tally()
    one = _grpc_calls if protocol == "grpc" else _http_calls
    target = parse_target(address)

    async def stop_in_time() -> None:
        while tally.answered < calls_before:  # noqa: ASYNC110 - in a tight loop an event is dearer than a look
            await asyncio.sleep(0.001)
        stop()
        tally.stopped = True

    async with asyncio.timeout(AMPLE_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(stop_in_time())
        tasks.create_task(one(protocol, target, ca, tally, fresh=fresh, callers=callers))
    return tally


async def _http_calls(
    protocol: str, target: Target, ca: Path | None, tally: Tally, *, fresh: bool, callers: int
) -> None:
    context = ssl.create_default_context(cafile=ca) if target.tls else None
    sent = REQUESTS[protocol]

    async def caller() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
            except ConnectionRefusedError:
                tally.refused += 1
                return
            except (OSError, ssl.SSLError) as error:
                tally.lost[f"handshake: {type(error).__name__}"] += 1
                continue
            try:
                await _requests(reader, writer, sent, tally, once=fresh)
            except (OSError, asyncio.IncompleteReadError) as error:
                tally.lost[type(error).__name__] += 1
            finally:
                writer.transport.abort()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(callers):
            tasks.create_task(caller())


async def _requests(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes, tally: Tally, *, once: bool
) -> None:
    """Requests on one connection until a response closes it."""
    while True:
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        assert b" 200 " in head.split(b"\r\n")[0], head
        tally.answer()
        if once or b"connection: close" in head:
            return


async def _grpc_calls(
    protocol: str, target: Target, ca: Path | None, tally: Tally, *, fresh: bool, callers: int
) -> None:
    credentials = None if ca is None else grpc.ssl_channel_credentials(ca.read_bytes())  # noqa: ASYNC240 - small

    def channel() -> grpc.aio.Channel:
        options = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]
        if credentials is None or not target.tls:
            return grpc.aio.insecure_channel(target.authority, options)
        return grpc.aio.secure_channel(target.authority, credentials, options)

    shared = channel()

    async def caller() -> None:
        while True:
            used = channel() if fresh else shared
            stub: Any = RecipeServiceStub(used)
            try:
                assert (await stub.GetRecipe(messages.RecipeRequest(id=42))).id == 42
                tally.answer()
            except grpc.aio.AioRpcError as error:
                details = error.details() or ""
                if "onnection refused" in details:
                    tally.refused += 1
                    return
                if details.startswith("Stream removed (GOAWAY received; Error code: 0") or "lost all conn" in details:
                    tally.not_sent += 1
                else:
                    tally.lost[f"{error.code().name}: {details[:160]}"] += 1
            finally:
                if fresh:
                    await used.close()

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(callers):
                tasks.create_task(caller())
    finally:
        with suppress(grpc.aio.UsageError):
            await shared.close()
