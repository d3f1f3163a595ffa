"""`python -m benchmarks.freed_memory`: what a load process pays when freed memory goes back to the system.

A read from a TLS connection allocates 256 KiB and frees most of it. glibc may give the free end of the heap back to the
system and ask for it again with the next read; whether it does depends on what else happens to lie there. So some
processes pay two page faults with every response, others none. Fresh load processes with glibc's default, and others
that keep freed memory as in the bench, ask the same producer in turn. The table has a row for each kind: how many had a
page fault per request or more, and the median latency of those and of the others.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench.load.messages import RunSlice, Setup, SliceDone, Verify
from bench.load_models import ClosedLoad
from bench.machine import pinning_here
from bench.runner.processes import KEEPS_MEMORY, UNWRAPPED, ProcessFailed, Wrapper
from bench.runner.session import RunningProducer, Session
from bench.spec import CellKey
from bench.workloads import Workload
from benchmarks.repeated import command_of
from commands import command_line, values
from commands.errors import UntrustedMeasurement, UsageError
from consumers.access import Access
from producers import certificates
from recipes.sources import DEFAULT_SOURCE

KINDS = {
    "as glibc does by default": Wrapper(command=("env", *(word for name in KEEPS_MEMORY for word in ("-u", name)))),
    "kept": UNWRAPPED,
}
TIMEOUT_S = 60.0
REQUESTS_AT_LEAST = 500
"""In each slice, however slow the machine: a process that has answered few requests still grows."""
CELL = CellKey(protocol="http", tls=True, workload=Workload(name="get"), load=ClosedLoad(concurrency=1))


@dataclass(frozen=True, slots=True)
class Found:
    """What one load process showed."""

    kind: str
    page_faults: float
    """For each request."""
    p50_us: float


async def measured(session: Session, producer: RunningProducer, ca: Path, kind: str, slice_ns: int) -> Found:
    """Start a load process, warm it up with a slice, and measure another."""
    setup = Setup(
        protocol=CELL.protocol,
        direct=producer.addresses,
        access=Access(ca=ca),
        recipes=DEFAULT_SOURCE,
        ids=list(range(1, 257)),
        known=True,
        timeout_s=TIMEOUT_S,
        producer_pids=(producer.pid,),
    )
    wrapper: Wrapper = KINDS[kind]
    load = await session.start_load(setup, wrapper)
    session.pin()
    await load.order(Verify(key=CELL, questions_at_most=1), TIMEOUT_S)
    order = RunSlice(cell=CELL.label, seed="1", duration_ns=slice_ns, requests_at_least=REQUESTS_AT_LEAST)
    await load.order(order, TIMEOUT_S)
    before = _page_faults(load.child.pid)
    done = await load.order(order, TIMEOUT_S)
    assert isinstance(done, SliceDone)
    assert done.slice.p50_ns is not None
    faults = _page_faults(load.child.pid) - before
    await load.child.end()
    return Found(kind, faults / done.slice.ok, done.slice.p50_ns / 1e3)


def _page_faults(pid: int) -> int:
    """The page faults of a process so far that needed no disk: field 10 of /proc/PID/stat (proc(5))."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


async def compare(processes: int, slice_ns: int) -> list[Found]:
    """Measure so many load processes of each kind, in turn."""
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        files = certificates.write(Path(aside))
        async with Session(pinning_here()) as session:
            producer = await session.start_producer(CELL.protocol, recipes=DEFAULT_SOURCE, certificates=files.directory)
            return [
                await measured(session, producer, files.ca, kind, slice_ns) for _ in range(processes) for kind in KINDS
            ]


def table(found: list[Found]) -> str:
    """A row for each kind, in Markdown."""
    lines = [
        "| freed memory | load processes | with a page fault per request or more | their p50 | p50 of the others |",
        "|---|---|---|---|---|",
    ]
    for kind in KINDS:
        of_kind = [each for each in found if each.kind == kind]
        faulting = [each.p50_us for each in of_kind if each.page_faults >= 1]
        others = [each.p50_us for each in of_kind if each.page_faults < 1]
        shown = [f"{median(some):.0f} µs" if some else "–" for some in (faulting, others)]
        lines.append(f"| {kind} | {len(of_kind)} | {len(faulting)} | {' | '.join(shown)} |")
    return "\n".join(lines)


app = command_line.application("Compare load processes that keep freed memory with others.")


@app.command()
def freed_memory(
    processes: Annotated[
        int, typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="Load processes of each kind.")
    ] = 50,
    seconds: Annotated[
        float, typer.Option(parser=values.number(0.01, 60), metavar="S", help="How long each is measured.")
    ] = 0.5,
) -> None:
    """Print a Markdown table: how many processes had page faults with every request, and the median latencies."""
    if sys.platform != "linux":
        raise UsageError("page faults are read from /proc: Linux only")
    try:
        found = asyncio.run(compare(processes, round(seconds * 1e9)))
    except ProcessFailed as error:
        raise UntrustedMeasurement(str(error)) from None
    print(f"{command_of('benchmarks.freed_memory')}\n\n{table(found)}")


if __name__ == "__main__":
    sys.exit(command_line.run(app, "python -m benchmarks.freed_memory"))
