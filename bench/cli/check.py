"""`python -m bench check`: what can be trusted on this machine."""

import asyncio
import sys
from typing import Annotated

import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from bench import machine
from bench.cli import matrix_flags
from bench.occupancy import occupied
from bench.runner import selfcheck
from bench.runner.findings import findings, summary
from bench.topology import read_topology
from commands.errors import ExitCode
from producers.registry import PRODUCERS


def check(
    protocol: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Whose clients are measured; all by default."),
    ] = None,
) -> int:
    """Measure the machine and the lab's own limits; say what can be trusted on it."""
    protocols = matrix_flags.words("--protocol", protocol or list(PRODUCERS), tuple(PRODUCERS))
    pinning = machine.pinning_here()
    # Counted before this process is pinned.
    usable = machine.usable_cpus()
    cores = read_topology(usable).of(usable)
    with (
        occupied(pinning.measured or usable) as occupancy,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        machine.this_process_on(pinning.load),
    ):
        measured = runner.run(selfcheck.measure_machine(protocols, pinning, cores, occupancy))
    found = findings(measured)
    # Without a frame it fits a terminal of 80 columns.
    table = Table("", "", "measured", "meaning", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for one in found:
        table.add_row("ok" if one.good else "!", one.name, one.value, one.meaning)
    Console(file=sys.stdout).print(table)
    print(summary(found))
    return ExitCode.FINE if all(one.good for one in found) else ExitCode.UNTRUSTED
