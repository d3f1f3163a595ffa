"""What a stop under load loses, server by server: `python -m benchmarks.stops_under_load`.

50 callers ask without a pause, over connections that they keep or over a new one for each request, plain and over TLS,
until a producer that got SIGTERM refuses them. `--code`: the directory of an older version, to compare.
"""

import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from bench.machine import pinning_here
from bench.runner.processes import ProcessFailed
from bench.runner.session import Session
from commands import command_line, values
from commands.errors import UntrustedMeasurement
from producers import certificates
from producers.registry import DEFAULT, PRODUCERS
from tests.support.stop_load import CALLERS, calls_until_refused

NOTICES_S = (0.0, 1.0)


@dataclass(slots=True)
class Stops:
    """Several stops of one server in one way."""

    lost: list[int] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """What the callers saw of lost requests."""
    took_s: list[float] = field(default_factory=list)
    """From the signal to the end of the process."""


async def stop_once(
    directory: Path, code: str, server: tuple[str, str, bool], stops: Stops, *, tls: bool, fresh: bool, notice_s: float
) -> None:
    """Start a producer, load it and stop it. Raises ProcessFailed."""
    protocol, name, strict = server
    flags = ["--stop-notice", str(notice_s), *(["--strict-calls"] if strict else [])]
    async with Session(pinning_here()) as session:
        producer = await session.start_producer(
            protocol,
            implementation=name,
            recipes="generated:50",
            flags=flags,
            certificates=directory if tls else None,
            directory=code,
        )
        address = producer.tls if tls and producer.tls is not None else producer.plain
        process = producer.child.process
        began_s = 0.0

        def stop() -> None:
            nonlocal began_s
            began_s = time.monotonic()
            process.terminate()

        async def ended_s() -> float:
            await process.wait()
            return time.monotonic()

        ending = asyncio.create_task(ended_s())
        tally = await calls_until_refused(protocol, address, directory / "ca.pem" if tls else None, stop, fresh=fresh)
        stops.took_s.append(await ending - began_s)
        stops.lost.append(sum(tally.lost.values()))
        stops.seen += tally.lost


async def compare(protocols: Sequence[str], restarts: int, code: str) -> None:
    """Print a row for each server and kind of connection."""
    servers = [(protocol, name, False) for protocol in protocols for name in PRODUCERS[protocol]]
    if "grpc" in protocols:
        servers.append(("grpc", DEFAULT, True))
    print(f"| server | connections | lost of {CALLERS} without notice | s | with 1 s of notice | s |")
    print("|---|---|---|---|---|---|")
    with TemporaryDirectory() as place:
        directory = Path(place)
        certificates.write(directory)
        for server, tls, fresh in itertools.product(servers, (False, True), (False, True)):
            protocol, name, strict = server
            if (missing := PRODUCERS[protocol][name].missing()) is not None:
                print(f"| {protocol} {name} | {missing} is not installed | | | | |")
                continue
            cells = []
            for notice_s in NOTICES_S:
                stops = Stops()
                for _ in range(restarts):
                    await stop_once(directory, code, server, stops, tls=tls, fresh=fresh, notice_s=notice_s)
                cells += [", ".join(map(str, stops.lost)), f"{max(stops.took_s):.2f}"]
                for seen, count in stops.seen.most_common(2):
                    print(f"{count} × {seen}", file=sys.stderr)
            title = f"{protocol} {name}{' --strict-calls' if strict else ''}"
            way = f"{'TLS' if tls else 'plain'}, {'one per request' if fresh else 'kept'}"
            print(f"| {title} | {way} | {' | '.join(cells)} |", flush=True)


app = command_line.application("Count what producers lose when they are stopped under load.")


@app.command()
def stops_under_load(
    restarts: Annotated[int, typer.Option(metavar="N", help="Stops of each server in each way.")] = 5,
    protocol: Annotated[
        str, typer.Option(parser=values.one_of(PRODUCERS), metavar="NAME", help="Only this protocol.")
    ] = "",
    code: Annotated[
        str, typer.Option(metavar="DIRECTORY", help="The root of the code to stop; empty: this one's.")
    ] = "",
) -> None:
    """Print how many requests each stop has lost, and how long the longest took."""
    try:
        asyncio.run(compare([protocol] if protocol else list(PRODUCERS), restarts, code))
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.stops_under_load"))
