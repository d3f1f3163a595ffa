"""`python -m benchmarks.instruction_spread`: how much do fresh processes of the same code differ, and in which threads?

Starts the producer of a protocol several times under callgrind and counts one request in each process, with SCHED_FIFO
and without, on the machine as it is and beside a busy loop on every CPU. All are on one CPU. `--environment` and
`--valgrind` try what else may change the spread.
"""

import asyncio
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import median, stdev
from typing import Annotated

import typer

from bench.callgrind.tool import ToolMissing, Valgrind, installed
from bench.machine import pin, pinning_here, this_process_on, usable_cpus
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from bench.workloads import GetQuestion
from benchmarks.bare_producers import RECIPE_ID
from benchmarks.counted_server import CountedServer, Window
from benchmarks.repeated import command_of
from commands import command_line, values
from commands.errors import UntrustedMeasurement, UsageError
from producers.registry import PRODUCERS
from recipes import sources

REQUESTS, WINDOWS = 64, 3
NAMED_THREADS = (1, 2, 3)
"""Shown apart: the first one runs Python; the third one of grpc.aio polls. The others of gRPC are a pool, whose members
take each other's place."""
SCHEDULING = {"usual": False, "SCHED_FIFO": True}
MACHINE = {"as it is": False, "busy": True}


@contextmanager
def busy(wanted: bool) -> Iterator[None]:
    """A busy loop on every CPU until the end of the block, if wanted."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in usable_cpus() if wanted]
    try:
        for loop, cpu in zip(loops, usable_cpus(), strict=False):
            pin(loop.pid, [cpu])
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


async def count(protocol: str, valgrind: Valgrind, environment: Mapping[str, str], first: bool) -> list[Window]:
    """The windows of one fresh process. Raises ProcessFailed, UntrustedMeasurement."""
    pinning = pinning_here()
    question = GetQuestion(RECIPE_ID, await sources.book(sources.DEFAULT_SOURCE).get(RECIPE_ID))
    with this_process_on(pinning.load), tempfile.TemporaryDirectory(prefix="recipe-lab-callgrind-") as directory:
        async with Session(pinning) as session:
            counted = CountedServer(session, valgrind, Path(directory))
            command = [sys.executable, "-P", "-m", "producers", protocol, "--port", "0"]
            server = await counted.start(f"the {protocol} producer", command, environment)
            found = await counted.count(
                protocol, server, {"get": question}, requests=REQUESTS, windows=WINDOWS, first=first
            )
            return found["get"]


def row(starts: Sequence[Sequence[Window]]) -> str:
    """What was counted in fresh processes: medians of all windows, and how much processes differ."""
    windows = [window for start in starts for window in start]
    named = [median(window.by_thread.get(thread, 0.0) for window in windows) for thread in NAMED_THREADS]
    others = median(
        sum(own for thread, own in window.by_thread.items() if thread not in NAMED_THREADS) for window in windows
    )
    processes = [median(window.instructions for window in start) for start in starts]
    spread = stdev(map(math.log, processes)) if len(processes) > 1 else math.nan
    furthest = max(processes) / min(processes) - 1
    figures = [median(window.instructions for window in windows), *named, others]
    return f"{' | '.join(f'{figure:,.0f}' for figure in figures)} | {spread * 100:.2f} % | {furthest * 100:.2f} %"


app = command_line.application("Count instructions of fresh processes of the same code, by thread.")


@app.command()
def instruction_spread(
    protocol: Annotated[str, typer.Argument(parser=values.one_of(PRODUCERS), metavar="PROTOCOL")] = "grpc",
    starts: Annotated[
        int, typer.Option(parser=values.whole_number(1, 1_000), metavar="N", help="Fresh processes for each row.")
    ] = 5,
    environment: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable for the producer; repeatable.")
    ] = None,
    valgrind: Annotated[
        list[str] | None, typer.Option(metavar="FLAG", help="A flag of callgrind, as in --fair-sched=yes; repeatable.")
    ] = None,
) -> None:
    """Print a row for each scheduling and load of the machine."""
    variables = {name: value for name, _, value in (each.partition("=") for each in environment or [])}
    try:
        tool = installed()
        tool = replace(tool, flags=("--separate-threads=yes", *(valgrind or [])))
        print(f"{command_of('benchmarks.instruction_spread')}\n")
        print(
            "| scheduling | machine | instructions | thread 1 | thread 2 | thread 3 | other threads "
            "| spread between processes | furthest apart |\n|---|---|---|---|---|---|---|---|---|"
        )
        for (scheduling, first), (machine, loaded) in product(SCHEDULING.items(), MACHINE.items()):
            with busy(loaded):
                counted = [asyncio.run(count(protocol, tool, variables, first)) for _ in range(starts)]
            print(f"| {scheduling} | {machine} | {row(counted)} |", flush=True)
    except ToolMissing as error:
        raise UsageError(str(error)) from None
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.instruction_spread"))
