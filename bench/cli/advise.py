"""`python -m bench advise`: what to choose for given payloads over a given network, from parts measured here."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench import environment, machine, run_file
from bench.cli import matrix_flags
from bench.cli.advice_parts import Wanted, kept_or_measured
from bench.cli.show import console_of_output
from bench.model.choices import Choices, Conditions
from bench.model.parts import NoParts, Parts, parts_of
from bench.model.payload import OutOfReach, blend
from bench.network.profile import BadProfile, Profile, parse
from bench.report import terminal
from bench.report.advice import advice
from bench.report.advice_warnings import REAL_LINKS, origin, warnings
from bench.results import Run
from bench.runner import assemble
from bench.spec import NEW, PERSISTENT
from bench.stats.compare import environment_differences
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

PAYLOAD_BYTES_AT_MOST = 1_000_000_000


def advise(
    payload: Annotated[
        int,
        typer.Option(
            parser=values.size_bytes(1, PAYLOAD_BYTES_AT_MOST), metavar="SIZE", help="An answer's JSON: 800B, 20kB."
        ),
    ],
    rtt: Annotated[str, typer.Option(metavar="TIME", help="The network's round trip: 500us, 40ms.")],
    down: Annotated[str, typer.Option(metavar="RATE", help="Towards the consumer: 20mbit; no limit unless told.")] = "",
    up: Annotated[str, typer.Option(metavar="RATE", help="Towards the producer; as fast as down unless told.")] = "",
    tls: Annotated[bool, typer.Option("--tls", help="With TLS.")] = False,
    connection: Annotated[
        str, typer.Option(metavar="persistent|new", help="Requests share connections, or each opens its own.")
    ] = PERSISTENT,
    run: Annotated[
        str, typer.Option(metavar="FILE", help="Run file to take the parts from; else what was measured here before.")
    ] = "",
    recipes: Annotated[
        str,
        typer.Option(metavar="SOURCE", help="Measured with: generated[:N[:SEED]], wikibooks, or a file."),
    ] = sources.DEFAULT_SOURCE,
    measure: Annotated[bool, typer.Option("--measure", help="Measure the parts anew, whatever was kept.")] = False,
) -> int:
    """Predict the latency of every protocol with and without gzip; say what to choose, and where the answer flips."""
    link = _link(rtt, down, up)
    kinds = matrix_flags.values_of({"connection": [connection]})["connection"]
    if len(kinds) > 1:
        raise UsageError(f"--connection: {connection!r} is two; give persistent or new")
    if run and measure:
        raise UsageError("--measure measures anew, and --run names a file; give one of them")

    def answer(found: Run) -> tuple[Parts, Conditions]:
        parts = parts_of(found)
        if not parts.arms(tls=tls):
            raise NoParts(f"nothing in it was measured {'with' if tls else 'without'} TLS")
        return parts, Conditions(at=blend(parts, payload), link=link, tls=tls, connection=kinds[0])

    def will_do(found: Run) -> bool:
        try:
            parts, _ = answer(found)
        except (NoParts, OutOfReach):
            return False
        return kinds[0] == PERSISTENT or all(set_up.latency_ns is not None for set_up in parts.set_ups.values())

    if run:
        path, found = Path(run), _read(run)
    else:
        path, found = kept_or_measured(Wanted(payload, kinds[0], recipes), anew=measure, will_do=will_do)
    try:
        parts, conditions = answer(found)
    except NoParts as error:
        raise UsageError(f"{path}: {error}; a run of get,list with one in flight has what is needed") from None
    except OutOfReach as error:
        raise UsageError(f"--payload: {error}; or name a run of larger or smaller pages with --run") from None
    _show(path, found, parts, conditions)
    return ExitCode.UNTRUSTED if assemble.untrusted(found) else ExitCode.FINE


def _link(rtt: str, down: str, up: str) -> Profile:
    """The network that the flags describe. Raises UsageError."""
    words = {"rtt": rtt, "down": down, "up": up or down}
    for name, value in words.items():
        if "," in value or "=" in value:
            raise UsageError(f"--{name}: {value!r} is not one value, such as {'40ms' if name == 'rtt' else '20mbit'}")
    try:
        return parse(",".join(f"{name}={value}" for name, value in words.items() if value or name == "rtt"))
    except BadProfile as error:
        raise UsageError(f"--rtt, --down, --up: {error}") from None


def _read(path: str) -> Run:
    try:
        return run_file.read(Path(path))
    except run_file.RunFileUnreadable as error:
        raise UsageError(f"--run: {error}") from None


def _show(path: Path, run: Run, parts: Parts, conditions: Conditions) -> None:
    console = console_of_output()
    said = advice(Choices(parts), conditions)
    terminal.show_statements(said.statements, console)
    terminal.show_table(said.table, console)
    here = environment.describe(machine.pinning_here(), measures_elsewhere=False)
    unlike = environment_differences(run.environment, here)
    for warning in warnings(run, parts, unlike, new=conditions.connection == NEW):
        console.print(f"• {warning}", markup=False, highlight=False)
    console.print(f"{REAL_LINKS}", markup=False, highlight=False, style="dim")
    print(origin(str(path), run, datetime.now(UTC), unlike))
