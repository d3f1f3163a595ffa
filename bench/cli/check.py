"""`python -m bench check`: what can be trusted on this machine."""

import asyncio
from typing import Annotated

import typer
import uvloop
from rich.table import Table

from bench import machine
from bench.cli import matrix_flags
from bench.cli.show import console_of_output
from bench.runner import selfcheck
from bench.runner.findings import findings, summary
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
    cores = len(machine.usable_cpus())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, machine.this_process_on(pinning.load):
        found = findings(runner.run(selfcheck.measure_machine(protocols, pinning, cores)))
    table = Table()
    for heading in ("", "", "measured", "meaning"):
        table.add_column(heading)
    for one in found:
        table.add_row("ok" if one.good else "!", one.name, one.value, one.meaning)
    console_of_output().print(table)
    print(summary(found))
    return ExitCode.FINE if all(one.good for one in found) else ExitCode.UNTRUSTED
