"""Latency of the producers beside small Node.js services of the same contracts: `python -m benchmarks.node_services
[STARTS [PROTOCOL …]]`.

The services are in node_services.mjs: node:http, graphql-http and grpc-js, as their documentation shows them. Producer
and service run on the same core, have the same recipes and are asked for the same ones by the same consumer, one
request in flight, in turn in short slices. What is printed is the producer's latency divided by the service's, the
median over restarts of both, with a 95 % bootstrap interval. Needs node and `make interop`.
"""

import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bench.machine import pinning_here, this_process_on
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from benchmarks.http_protections import interval
from commands import command_line, values
from commands.errors import UntrustedMeasurement, UsageError
from consumers.client import ClientSettings, RecipeClient
from consumers.registry import client
from consumers.target import parse_target
from recipes import sources

HERE = Path(__file__).parent
ROOT = HERE.parent
INTEROP = ROOT / "tests" / "interop"
SERVICES = {
    "http": (INTEROP / "package.json", ROOT / "protos" / "recipe.openapi.json"),
    "graphql": (INTEROP / "package.json", ROOT / "protos" / "recipe.graphql"),
    "grpc": (INTEROP / "grpc" / "package.json", ROOT / "protos" / "recipe.proto"),
}
"""Where the npm packages of each service are, and its contract."""
WARM_UP, ROUNDS, SLICE_S = 1000, 60, 0.02


def service_command(node: str, protocol: str, recipes: Path) -> list[str]:
    """The command line of a service with the recipes of a JSON file. `node`: the program."""
    packages, contract = SERVICES[protocol]
    return [node, str(HERE / "node_services.mjs"), protocol, str(recipes), str(packages), str(contract)]


async def slice_us(caller: RecipeClient, ids: list[int]) -> float:
    """The median latency of requests for these recipes in turn, in microseconds, over one slice."""
    latencies_s: list[float] = []
    end_s = time.perf_counter() + SLICE_S
    while (began_s := time.perf_counter()) < end_s:
        await caller.get(random.choice(ids))
        latencies_s.append(time.perf_counter() - began_s)
    return statistics.median(latencies_s) * 1e6


async def measure_start(session: Session, protocol: str, recipes: Path, node: str) -> float:
    """Start both and ask them in turn: the median over rounds of the ratio of their latencies."""
    service = service_command(node, protocol, recipes)
    other = (await session.start_server(f"the Node.js service for {protocol}", service)).addresses[0]
    own = (await session.start_producer(protocol, recipes=str(recipes))).plain
    session.pin()
    await session.keep_awake(True)
    ids = [recipe.id for recipe in sources.load(str(recipes)).recipes]
    settings = [ClientSettings(target=parse_target(address), connections=1) for address in (own, other)]
    async with client(protocol, settings[0]) as producer, client(protocol, settings[1]) as node_service:
        callers = [producer, node_service]
        for caller in callers:
            for _ in range(WARM_UP):
                await caller.get(random.choice(ids))
        ratios = []
        for _ in range(ROUNDS):
            took_us = {caller: await slice_us(caller, ids) for caller in random.sample(callers, len(callers))}
            ratios.append(took_us[producer] / took_us[node_service])
    return statistics.median(ratios)


async def measure(protocol: str, starts: int, recipes: Path, node: str) -> str:
    """The ratio with its interval, over fresh starts of both."""
    pinning, found = pinning_here(), []
    with this_process_on(pinning.load):
        for _ in range(starts):
            async with Session(pinning) as session:
                found.append(await measure_start(session, protocol, recipes, node))
    return interval(found)


app = command_line.application("Measure the latency of the producers beside Node.js services.")


@app.command()
def node_services(
    starts: Annotated[
        int, typer.Argument(parser=values.whole_number(1, 1000), metavar="STARTS", help="Restarts of both.")
    ] = 5,
    protocols: Annotated[
        list[str] | None, typer.Argument(metavar="PROTOCOL", help=f"Some of {', '.join(SERVICES)}; all by default.")
    ] = None,
) -> None:
    """Print the producers' latency for one recipe, divided by that of the Node.js services."""
    chosen = [values.one_of(SERVICES)(protocol) for protocol in protocols or SERVICES]
    node = shutil.which("node")
    if node is None or not all((SERVICES[protocol][0].parent / "node_modules").exists() for protocol in chosen):
        raise UsageError("node or npm packages are missing; install node and run `make interop`")
    with tempfile.TemporaryDirectory() as directory:
        recipes = Path(directory, "recipes.json")
        recipes.write_bytes(msgspec.json.encode(sources.load(sources.DEFAULT_SOURCE).recipes))
        print("| protocol | producer ÷ Node.js service |\n|---|---|")
        try:
            for protocol in chosen:
                print(f"| {protocol} | {asyncio.run(measure(protocol, starts, recipes, node))} |", flush=True)
        except ProcessFailed as error:
            raise UntrustedMeasurement(str(error)) from None


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.node_services"))
