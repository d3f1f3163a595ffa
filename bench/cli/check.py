"""`python -m bench check`: what can be trusted on this machine, before anything is measured on it."""

import asyncio
from typing import Annotated

import typer
import uvloop
from rich.table import Table

from bench import machine
from bench.cli import matrix_flags
from bench.cli.show import console_of_output
from bench.runner import selfcheck
from bench.runner.findings import findings, in_words
from commands.errors import ExitCode
from producers.registry import PRODUCERS


def check(
    protocol: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Whose load processes are tried; all unless told.")
    ] = None,
) -> int:
    """Test the machine and the lab's instruments; say in words what can be trusted here."""
    protocols = matrix_flags.words("--protocol", protocol or list(PRODUCERS), tuple(PRODUCERS))
    pinning = machine.pinning_here()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, machine.this_process_on(pinning.load):
        found = findings(runner.run(selfcheck.facts(protocols, pinning)))
    table = Table()
    for heading in ("", "", "found", "meaning"):
        table.add_column(heading)
    for one in found:
        table.add_row("ok" if one.fine else "!", one.name, one.figure, one.meaning)
    console_of_output().print(table)
    print(in_words(found))
    return ExitCode.FINE if all(one.fine for one in found) else ExitCode.UNTRUSTED
