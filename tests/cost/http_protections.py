"""`python -m tests.cost.http_protections ROUNDS`: what each protection over HTTP costs a request, as a Markdown table.

Two producers of each kind, with every protection or without one of them, are asked in turn: short slices in an order
shuffled anew in each round, so that whatever else the machine does falls on all alike.
"""

import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec
import uvloop
from aiohttp import web

from consumers.graphql_http import GET, LIST
from producers import aiohttp_connections, lifecycle
from producers.aiohttp_messages import Answers
from producers.registry import producer_class
from producers.settings import ProducerSettings
from recipes import sources


def without_entity_tags() -> None:
    Answers._unless_known = lambda self, request, response: response  # type: ignore[method-assign]


def without_guard() -> None:
    for name in ("data_received", "finish_response"):
        setattr(aiohttp_connections.GuardedConnection, name, getattr(web.RequestHandler, name))
    aiohttp_connections.GuardedServer.watch = lambda self: None  # type: ignore[method-assign]


VARIANTS: dict[str, Callable[[], None]] = {
    "everything": lambda: None,
    "without entity tags": without_entity_tags,
    "without the guard on connections": without_guard,
}
WARM_UP, COPIES, SLICE_S = 200, 2, 0.015


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


CELLS = {
    ("http", "get"): by_get("/recipes/42"),
    ("http", "list"): by_get("/recipes?page_size=20"),
    ("graphql", "get"): by_post(GET, {"id": "42"}),
    ("graphql", "list"): by_post(LIST, {"first": 20}),
}


def serve(protocol: str, variant: str) -> None:
    """One producer, until it is stopped, on a core of its own where there are two."""
    _pin_to(-1)
    VARIANTS[variant]()
    producer = producer_class(protocol)(sources.book("generated"), ProducerSettings(port=0))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(lifecycle.serve(producer, lambda addresses: lifecycle.announce(addresses, os.getpid())))


def _pin_to(place: int) -> None:
    # A child begins on the cores of its parent, so both count those of the machine.
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {range(os.cpu_count() or 1)[place]})


def ask(connection: socket.socket, request: bytes) -> None:
    """One request, and the whole of its answer."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(1 << 18)
    head, _, body = got.partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 18))


def slice_us(connection: socket.socket, request: bytes) -> float:
    """Microseconds for a request, on average over one slice."""
    count, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < SLICE_S:
        ask(connection, request)
        count += 1
    return took_s / count * 1e6


def measure(protocol: str, workload: str, rounds: int) -> dict[str, float]:
    """The median slice of each variant."""
    request = CELLS[protocol, workload]
    processes: list[subprocess.Popen[str]] = []
    connections: list[tuple[str, socket.socket]] = []
    try:
        for variant in list(VARIANTS) * COPIES:
            command = [sys.executable, "-m", "tests.cost.http_protections", "serve", protocol, variant]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            processes.append(process)
            assert process.stdout is not None
            port = int(process.stdout.readline().split()[1].split("/")[2].rpartition(":")[2])
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.append((variant, connection))
            for _ in range(WARM_UP):
                ask(connection, request)
        slices: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        for _ in range(rounds):
            for variant, connection in random.sample(connections, len(connections)):
                slices[variant].append(slice_us(connection, request))
        return {variant: statistics.median(values) for variant, values in slices.items()}
    finally:
        for _, connection in connections:
            connection.close()
        for process in processes:
            process.terminate()
            process.wait()


def main() -> None:
    """Measure and print the table, or be one of its producers."""
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
        return
    _pin_to(0)
    print("| protocol | workload | " + " | ".join(f"{variant}, µs" for variant in VARIANTS) + " |")
    print("|---" * (len(VARIANTS) + 2) + "|")
    for protocol, workload in CELLS:
        found = measure(protocol, workload, int(sys.argv[1]))
        whole = found["everything"]
        cells = [f"{value:.1f} ({(whole / value - 1) * 100:+.1f} %)" for value in found.values()]
        print(f"| {protocol} | {workload} | {' | '.join([f'{whole:.1f}', *cells[1:]])} |", flush=True)


if __name__ == "__main__":
    main()
