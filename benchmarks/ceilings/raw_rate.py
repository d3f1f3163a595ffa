"""A process that sends requests with the raw client for a while and prints how fast it was."""

import asyncio
import gc
import sys
import time
from collections.abc import Hashable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import uvloop
from msgspec import Struct

from bench.clients.connections import RawRequest
from bench.clients.http2 import Http2Connections
from bench.clients.http2_messages import FieldList, Http2Answer, Http2Content
from bench.clients.raw import RawClient
from bench.clients.raw_calls import Exchange, ProgramRequest, RawCalls
from bench.load.closed_loop import run_closed
from bench.load.recorder import SliceRecord
from bench.machine import process_cpu_ns
from bench.workloads import WORKLOADS, GetQuestion, Question
from benchmarks.ceilings.trivial_servers import ANSWER, PATH
from commands import command_line
from commands.errors import UsageError
from consumers.client import ClientSettings, RecipeClient
from consumers.errors import UnexpectedResponse
from consumers.target import parse_target
from recipes import sources

WARM_UP_NS = 100_000_000


class Task(Struct, frozen=True, kw_only=True):
    """What to send, and where to."""

    target: str
    in_flight: int
    seconds: float
    protocol: str | None = None
    """Of the lab's producer; None: a file server over HTTP/2."""
    workload: str | None = None
    """Of the lab's producer; None: the file server's one response."""
    page_size: int = 0
    recipes: str = "generated"
    ca: str | None = None
    server_pid: int | None = None
    """Whose CPU time to read as well."""


class Rate(Struct, frozen=True, kw_only=True):
    """How fast it was. CPU time is that of the sending process, user and system."""

    requests: int
    seconds: float
    cpu_us_per_request: float
    server_cpu_us_per_request: float | None = None


class FileCalls(RawCalls[Http2Content, Http2Answer]):
    """GET of the file server's file over HTTP/2."""

    def client(self, exchange: Exchange[Http2Content, Http2Answer]) -> RecipeClient:
        """There is no consumer of a file; what is exchanged is the protocol's own."""
        return RawClient("http", self.settings).calls.client(exchange)

    def connections(self) -> Http2Connections:
        """Without TLS."""
        return Http2Connections(self.settings, None)

    def fingerprint(self, answer: Http2Answer) -> Hashable:
        """As the connections have it."""
        return answer.headers.status, None, len(answer.body)

    def program_request(self, content: Http2Content) -> ProgramRequest:
        """GET of the file."""
        return ProgramRequest("GET", f"/{PATH}", [], b"")

    def request(self) -> RawRequest[Http2Content, Http2Answer]:
        """The only request, and the only correct response."""
        authority = self.settings.target.authority.encode()
        fields = FieldList(
            [
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":authority", authority),
                (b":path", f"/{PATH}".encode()),
                (b"user-agent", b"recipe-lab"),
            ]
        )

        def verify(request: RawRequest[Http2Content, Http2Answer], answer: Http2Answer) -> Exception | None:
            if answer.headers.status != 200 or answer.body != ANSWER:
                return UnexpectedResponse("the file server did not send its file")
            request.verified.add(self.fingerprint(answer))
            return None

        return RawRequest(Http2Content(fields, b""), verify)


async def send(task: Task) -> Rate:
    """Keep requests in flight as the task says. Raises AssertionError when a response is not correct."""
    settings = ClientSettings(
        target=parse_target(task.target), ca=Path(task.ca) if task.ca else None, connections=task.in_flight
    )
    calls = FileCalls("http", settings) if task.protocol is None else None
    client = RawClient(task.protocol or "http", settings, calls)
    await client.open()
    try:
        requests = [calls.request()] if calls is not None else client.requests(await _questions(task, client))
        for request in requests:
            await client.verify(request)
        gc.collect()
        gc.freeze()
        await _run(client, requests, task.in_flight, WARM_UP_NS)
        server_before_ns = _server_cpu_ns(task)
        cpu_before_ns = time.process_time_ns()
        requests_done, elapsed_ns = await _run(client, requests, task.in_flight, round(task.seconds * 1e9))
        cpu_ns = time.process_time_ns() - cpu_before_ns
        server_after_ns = _server_cpu_ns(task)
    finally:
        await client.close()
    known = server_before_ns is not None and server_after_ns is not None
    return Rate(
        requests=requests_done,
        seconds=elapsed_ns / 1e9,
        cpu_us_per_request=cpu_ns / requests_done / 1e3,
        server_cpu_us_per_request=((server_after_ns or 0) - (server_before_ns or 0)) / requests_done / 1e3
        if known
        else None,
    )


def _server_cpu_ns(task: Task) -> int | None:
    return None if task.server_pid is None else process_cpu_ns(task.server_pid)


async def _run(client: RawClient, requests: Sequence[Any], in_flight: int, duration_ns: int) -> tuple[int, int]:
    record = SliceRecord()
    elapsed_ns = await run_closed(
        client, cycle(requests), concurrency=in_flight, duration_ns=duration_ns, requests_at_least=1, record=record
    )
    assert set(record.outcomes) == {"ok"}, f"{record.outcomes}: {record.causes.found()}"
    return record.outcomes["ok"], elapsed_ns


async def _questions(task: Task, client: RawClient) -> Sequence[Question[Any]]:
    if task.workload is None:
        return [GetQuestion(1, None)]
    recipes = sources.load(task.recipes).recipes
    ids = [recipe.id for recipe in recipes]
    return await WORKLOADS[task.workload].questions(client.consumer, task.page_size, recipes, ids, known=True)


app = command_line.application("Send requests with the raw client for a while, and print how fast it was as JSON.")


@app.command()
def raw_rate(task: Annotated[str, typer.Argument(metavar="TASK", help="What to send, as JSON.")]) -> None:
    """Started by `python -m benchmarks.ceilings`."""
    try:
        wanted = msgspec.json.decode(task, type=Task)
    except msgspec.DecodeError as error:
        raise UsageError(f"TASK: {error}") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(send(wanted))
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.ceilings.raw_rate"))
