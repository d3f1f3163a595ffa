"""`python -m bench check`: what can be trusted on this machine."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
import uvloop
from rich.text import Text

from bench import machine
from bench.cli import matrix_flags
from bench.cli.matrix_flags import WHAT
from bench.cli.show import console_of_output
from bench.occupancy import occupied
from bench.protocols import title
from bench.report import terminal
from bench.report.document import Column, Table, TableBuilder
from bench.runner import selfcheck
from bench.runner.findings import Finding, MachineMeasured, findings, summary
from bench.topology import read_topology
from commands.errors import ExitCode
from commands.loop_signals import run_until_signal
from producers.registry import PRODUCERS


def check(
    protocol: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", rich_help_panel=WHAT, help=f"Whose clients. [default: {','.join(PRODUCERS)}]"),
    ] = None,
) -> int:
    """Measure the machine and the lab's own limits; say what can be trusted on it."""
    protocols = matrix_flags.words("--protocol", protocol or list(PRODUCERS), tuple(PRODUCERS))
    pinning = machine.pinning_here()
    # Counted before this process is pinned.
    usable = machine.usable_cpus()
    cores = read_topology(usable).of(usable)
    with occupied(pinning.measured or usable) as occupancy, machine.this_process_on(pinning.load):
        work = selfcheck.measure_machine(protocols, pinning, cores, occupancy)
        measured = run_until_signal(work, uvloop.new_event_loop)
    found = findings(measured)
    console = console_of_output()
    console.print(Text(summary(found), style="bold"))
    console.print()
    terminal.print_blocks(tables(measured, found), console)
    return ExitCode.FINE if all(one.good for one in found) else ExitCode.UNTRUSTED


def tables(measured: MachineMeasured, found: Sequence[Finding]) -> Iterator[Table]:
    """The findings, and the highest rate that each client can send."""
    built = TableBuilder("This machine", [Column("", numeric=False), Column("", numeric=False)])
    built.columns += [Column("measured", numeric=False), Column("meaning", numeric=False, prose=True)]
    for one in found:
        built.add((one.name,), ["ok" if one.good else "!", one.value, one.meaning])
    yield built.table()
    clients = list(dict.fromkeys(client for _, client in measured.ceilings_hz))
    if not clients:
        return
    ceilings = TableBuilder(
        "Client ceiling, requests/s against a no-op server",
        [Column("", numeric=False), *(Column(client) for client in clients)],
    )
    for protocol in dict.fromkeys(protocol for protocol, _ in measured.ceilings_hz):
        rates = [measured.ceilings_hz.get((protocol, client)) for client in clients]
        ceilings.add((title(protocol),), [f"{rate:,.0f}" if isinstance(rate, float) else "" for rate in rates])
    ceilings.notes.append("No throughput above this can be measured here. Near it, the client is the limit.")
    yield ceilings.table()
