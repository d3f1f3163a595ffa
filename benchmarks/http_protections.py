"""What each protection over HTTP costs a request: `python -m benchmarks.http_protections [STARTS [CELL …]]`.

One producer process for each variant, with every protection or without one of them, asked in turn: short slices in an
order shuffled anew in each round, so that whatever else the machine does falls on all alike; and all of them started
anew several times, since processes of the same code differ by their luck with memory. What is printed, as a Markdown
table, is the median over all starts of each variant's ratio to the producer as it is, with a 95 % bootstrap interval;
the second row is the same producer once more, which shows the noise.
"""

import asyncio
import os
import random
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Annotated, Any
from unittest.mock import patch

import msgspec
import typer
import uvloop
from aiohttp import web

from bench.machine import pinning_here, this_process_on
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from commands import command_line, values
from commands.errors import UntrustedMeasurement
from consumers.graphql_http import GET, LIST
from consumers.target import parse_target
from producers import aiohttp_connections, aiohttp_messages, graphql_http, lifecycle
from producers.registry import producer_class
from producers.settings import ProducerSettings
from recipes import sources


def without_entity_tags() -> None:
    """The header stays, with a tag that is not computed."""
    patch.object(aiohttp_messages, "entity_tag", lambda body: '""').start()


def without_guard() -> None:
    for name in ("data_received", "finish_response"):
        setattr(aiohttp_connections.GuardedConnection, name, getattr(web.RequestHandler, name))
    aiohttp_connections.GuardedServer.watch = lambda self: None  # type: ignore[method-assign]


def without_strict_json() -> None:
    """Keys may stand twice in one object."""

    def decode(body: bytes, decoder: "msgspec.json.Decoder[Any]") -> Any:
        return decoder.decode(body)

    patch.object(graphql_http, "decode", decode).start()


def without_anything() -> None:
    without_entity_tags()
    without_guard()
    without_strict_json()


AS_IT_IS = "as it is"
VARIANTS: dict[str, Callable[[], None]] = {
    AS_IT_IS: lambda: None,
    "as it is, again": lambda: None,
    "without entity tags": without_entity_tags,
    "without the guard on connections": without_guard,
    "without strict JSON": without_strict_json,
    "without any of them": without_anything,
}
WARM_UP, ROUNDS, SLICE_S = 300, 30, 0.015


def by_get(target: str) -> bytes:
    return (
        f"GET {target} HTTP/1.1\r\nHost: lab\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n\r\n".encode()
    )


def by_post(query: str, variables: dict[str, object]) -> bytes:
    body = msgspec.json.encode({"query": query, "variables": variables})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


PROTOCOLS = ("http", "graphql")
CELLS = {
    "http/get": by_get("/recipes/42"),
    "http/list": by_get("/recipes?page_size=20"),
    "graphql/get": by_post(GET, {"id": "42"}),
    "graphql/list": by_post(LIST, {"first": 20}),
}


def serve(protocol: str, variant: str) -> None:
    """Be one of the producers."""
    VARIANTS[variant]()
    producer = producer_class(protocol)(sources.book("generated"), ProducerSettings(port=0))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(lifecycle.serve(producer, lambda addresses: lifecycle.announce(addresses, os.getpid())))


def ask(connection: socket.socket, request: bytes) -> None:
    """Send a request and read the whole response."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1 << 18)
    head, _, body = got.partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 18))


def slice_us(connection: socket.socket, request: bytes) -> float:
    """Microseconds per request, on average over one slice."""
    count, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < SLICE_S:
        ask(connection, request)
        count += 1
    return took_s / count * 1e6


async def measure_start(session: Session, cell: str) -> dict[str, float]:
    """Start a producer for each variant and ask them in turn: each one's ratio to the first, the median over rounds.

    Nothing else happens meanwhile, so sockets may block.
    """
    request = CELLS[cell]
    with ExitStack() as stack:
        connections: dict[str, socket.socket] = {}
        for variant in random.sample(list(VARIANTS), len(VARIANTS)):
            serving = f"{cell.partition('/')[0]}/{variant}"
            command = [sys.executable, "-m", "benchmarks.http_protections", "--serve", serving]
            server = await session.start_server(f"the producer {variant}", command)
            session.pin()
            target = parse_target(server.addresses[0])
            connection = stack.enter_context(socket.create_connection((target.host, target.port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections[variant] = connection
            for _ in range(WARM_UP):
                ask(connection, request)
        ratios: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(ROUNDS):
            took_us = {
                variant: slice_us(connections[variant], request)
                for variant in random.sample(list(VARIANTS), len(VARIANTS))
            }
            for variant, value in took_us.items():
                ratios[variant].append(value / took_us[AS_IT_IS])
    return {variant: statistics.median(values) for variant, values in ratios.items()}


async def measure(cell: str, starts: int) -> dict[str, str]:
    """Each variant's ratio with its interval, over fresh starts of all producers."""
    pinning, found = pinning_here(), []
    with this_process_on(pinning.load):
        for _ in range(starts):
            async with Session(pinning) as session:
                found.append(await measure_start(session, cell))
    return {variant: interval([start[variant] for start in found]) for variant in VARIANTS}


def interval(ratios: Sequence[float]) -> str:
    """The median, and its interval."""
    medians = sorted(statistics.median(random.choices(ratios, k=len(ratios))) for _ in range(2000))
    return f"{statistics.median(ratios):.3f} [{medians[50]:.3f}, {medians[1949]:.3f}]"


app = command_line.application("Measure what each protection over HTTP costs a request.")


@app.command()
def http_protections(
    starts: Annotated[
        int,
        typer.Argument(parser=values.whole_number(1, 1000), metavar="STARTS", help="Restarts of all producers."),
    ] = 8,
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="CELL", help=f"Some of {', '.join(CELLS)}; all by default.")
    ] = None,
    serving: Annotated[str, typer.Option("--serve", metavar="PROTOCOL/VARIANT", hidden=True)] = "",
) -> None:
    """Print each variant's ratio to the producer as it is, with 95 % intervals."""
    if serving:
        protocol, _, variant = serving.partition("/")
        serve(values.one_of(PROTOCOLS)(protocol), values.one_of(VARIANTS)(variant))
        return
    chosen = [values.one_of(CELLS)(cell) for cell in cells or CELLS]
    try:
        columns = [asyncio.run(measure(cell, starts)) for cell in chosen]
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None
    print(f"| producer | {' | '.join(chosen)} |\n|{'---|' * (len(chosen) + 1)}")
    for variant in VARIANTS:
        print(f"| {variant} | {' | '.join(column[variant] for column in columns)} |")


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.http_protections"))
