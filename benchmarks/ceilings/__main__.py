"""`python -m benchmarks.ceilings`: the raw client compared with other load generators, and with the producers."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.protocols import PROTOCOLS
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from benchmarks.ceilings import generators
from benchmarks.ceilings.generators import Generator, GeneratorFailed
from benchmarks.ceilings.raw_rate import Rate, Task
from benchmarks.ceilings.trivial_servers import HOST, PATH, ServerMissing, ServerStart, nghttpd, nginx
from commands import command_line, values
from commands.errors import UntrustedMeasurement

AGAINST = {"wrk": 0.7, "autocannon": 1.0, "h2load": 0.25}
"""The share of their request rates that the raw client should reach."""
CPU_SHARE = {("http", "get"): 0.5}
CPU_SHARE_ELSE = 1 / 3
"""The most CPU time that the raw client should use per request, as a share of the producer's."""
PRODUCER_CASES = (("get", 0), ("list", 20))

app = command_line.application(
    "Compare the raw client with other load generators, and its CPU time with that of the producers."
)


@app.command()
def ceilings(
    seconds: Annotated[
        float, typer.Option(parser=values.number(0.1, 60), metavar="S", help="Length of each measurement.")
    ] = 1.0,
    repeats: Annotated[
        int, typer.Option(parser=values.whole_number(1, 100), metavar="N", help="Measurements of each, interleaved.")
    ] = 5,
    in_flight: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Requests in flight; 16,100 by default.")
    ] = None,
    producers: Annotated[bool, typer.Option(help="Also compare CPU time with the lab's producers.")] = True,
) -> None:
    """Print requests per second and CPU per request, each the median of the repeats."""
    reader = values.whole_number(1, 1000)
    flights = [reader(text) for text in values.comma_list(in_flight or ["16,100"])]
    pinning = machine.pinning_here()
    console = Console(width=None if sys.stdout.isatty() else 110)
    for title, start, kinds in (("HTTP/1.1", nginx, generators.HTTP1), ("HTTP/2", nghttpd, generators.HTTP2)):
        _beside_generators(console, title, start, kinds, flights, seconds, repeats, pinning)
    if producers:
        asyncio.run(_beside_producers(console, seconds, repeats, pinning))


def _beside_generators(
    console: Console,
    title: str,
    start: ServerStart,
    kinds: Sequence[Generator],
    flights: Sequence[int],
    seconds: float,
    repeats: int,
    pinning: machine.Pinning,
) -> None:
    table = Table(
        "in flight", "generator", "requests/s", "lowest–highest", "CPU µs/request", "raw ÷ it", "should reach"
    )
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="recipe-lab-ceilings-") as aside:
        try:
            with start(Path(aside), pinning.producer) as server:
                table.title = f"{title}: against {server.name}"
                url = f"http://{HOST}:{server.port}/{PATH}"
                for flight in flights:
                    rates = _interleaved(kinds, url, flight, seconds, repeats, pinning.load, notes)
                    _add_rows(table, flight, rates)
        except ServerMissing as error:
            console.print(f"{title}: skipped, {error}")
            return
    console.print(table)
    for note in dict.fromkeys(notes):
        console.print(f"skipped: {note}")


def _interleaved(
    kinds: Sequence[Generator],
    url: str,
    in_flight: int,
    seconds: float,
    repeats: int,
    load_cores: Sequence[int],
    notes: list[str],
) -> dict[str, list[Rate]]:
    rates: dict[str, list[Rate]] = {}
    left_out: set[str] = set()
    for _ in range(repeats):
        for kind in kinds:
            if kind.name in left_out:
                continue
            try:
                found = generators.run(kind, kind.command(url, in_flight, seconds), load_cores)
            except GeneratorFailed as error:
                left_out.add(kind.name)
                notes.append(str(error))
            else:
                rates.setdefault(kind.name, []).append(found)
    return rates


def _per_second(rates: Sequence[Rate]) -> list[float]:
    return [rate.requests / rate.seconds for rate in rates]


def _add_rows(table: Table, in_flight: int, rates: dict[str, list[Rate]]) -> None:
    raw = _per_second(rates.get("raw", []))
    for name, found in rates.items():
        each = _per_second(found)
        # Those of one repeat ran next to each other.
        ratio = median(own / other for own, other in zip(raw, each, strict=False)) if raw and name in AGAINST else None
        table.add_row(
            str(in_flight),
            name,
            f"{median(each):,.0f}",
            f"{min(each):,.0f}–{max(each):,.0f}",
            f"{median(rate.cpu_us_per_request for rate in found):.1f}",
            "" if ratio is None else f"{ratio:.2f}",
            "" if ratio is None else f"{AGAINST[name]:g}{'' if ratio >= AGAINST[name] else ', missed'}",
        )


async def _beside_producers(console: Console, seconds: float, repeats: int, pinning: machine.Pinning) -> None:
    table = Table(
        "protocol", "workload", "in flight", "requests/s", "raw client CPU µs", "producer CPU µs", "share", "at most",
        title="CPU time per request of the raw client and the producers, without gzip and TLS",
    )  # fmt: skip
    for protocol in PROTOCOLS:
        try:
            async with Session(pinning) as session:
                producer = await session.start_producer(protocol, recipes="generated")
                session.pin()
                for workload, page_size in PRODUCER_CASES:
                    for flight in (1, 16):
                        task = Task(
                            target=producer.plain,
                            in_flight=flight,
                            seconds=seconds,
                            protocol=protocol,
                            workload=workload,
                            page_size=page_size,
                            server_pid=producer.pid,
                        )
                        _add_producer_row(table, task, repeats, pinning.load)
        except ProcessFailed as error:
            raise UntrustedMeasurement(str(error)) from None
    console.print(table)


def _add_producer_row(table: Table, task: Task, repeats: int, load_cores: Sequence[int]) -> None:
    raw = Generator("raw", lambda *_: [], generators.read_raw)
    rates = [generators.run(raw, generators.raw_command(task), load_cores) for _ in range(repeats)]
    producer_us = [found for rate in rates if (found := rate.server_cpu_us_per_request) is not None]
    own_us = median(rate.cpu_us_per_request for rate in rates)
    served_us = median(producer_us) if producer_us else None
    allowed = CPU_SHARE.get((task.protocol or "", task.workload or ""), CPU_SHARE_ELSE)
    share = own_us / served_us if served_us else None
    table.add_row(
        task.protocol,
        f"{task.workload}{task.page_size or ''}",
        str(task.in_flight),
        f"{median(_per_second(rates)):,.0f}",
        f"{own_us:.1f}",
        "" if served_us is None else f"{served_us:.1f}",
        "" if share is None else f"{share:.2f}",
        "" if share is None else f"{allowed:.2f}{'' if share <= allowed else ', missed'}",
    )


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.ceilings"))
