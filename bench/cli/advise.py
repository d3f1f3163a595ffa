"""`python -m bench advise`: which protocol to choose for a payload and a network, predicted from measurements."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bench import environment, machine, run_file
from bench.cli import matrix_flags
from bench.cli.advice_parts import Wanted, kept_or_measured
from bench.cli.shared_flags import renumber_option
from bench.cli.show import Files, print_document, show_then_write
from bench.model.choices import Choices, Conditions
from bench.model.parts import NoParts, Parts, parts_of
from bench.model.predict import OutOfReach, blend
from bench.network.profile import BadProfile, Profile, parse
from bench.report import advice
from bench.results import Run
from bench.runner import assemble
from bench.spec import PERSISTENT
from bench.stats.differences import environment_differences
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

PAYLOAD_BYTES_AT_MOST = 1_000_000_000
NETWORK, FROM = "Responses and network", "Measurements to predict from"
"""Groups of the help."""


def advise(
    payload: Annotated[
        int,
        typer.Option(
            parser=values.size_bytes(1, PAYLOAD_BYTES_AT_MOST),
            metavar="SIZE",
            rich_help_panel=NETWORK,
            help="Response size as JSON: 800B, 20kB.",
        ),
    ],
    rtt: Annotated[
        str,
        typer.Option(metavar="TIME", rich_help_panel=NETWORK, help="Round-trip time of the network: 500us, 40ms."),
    ],
    down: Annotated[
        str,
        typer.Option(
            metavar="RATE",
            rich_help_panel=NETWORK,
            help="Downlink bandwidth (server to client): 20mbit. [default: unlimited]",
        ),
    ] = "",
    up: Annotated[
        str,
        typer.Option(
            metavar="RATE",
            rich_help_panel=NETWORK,
            help="Uplink bandwidth (client to server). [default: the same as --down]",
        ),
    ] = "",
    tls: Annotated[bool, typer.Option("--tls", rich_help_panel=NETWORK, help="Use TLS. [default: off]")] = False,
    connection: Annotated[
        str,
        typer.Option(
            metavar="persistent|new",
            rich_help_panel=NETWORK,
            help="Requests share connections, or each opens a new one.",
        ),
    ] = PERSISTENT,
    run: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            rich_help_panel=FROM,
            help="Run file to predict from.  [default: the latest measurement for this command]",
        ),
    ] = "",
    recipes: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            rich_help_panel=FROM,
            help="Recipes to measure with: generated[:N[:SEED]], wikibooks, or a file.",
        ),
    ] = sources.DEFAULT_SOURCE,
    renumber: Annotated[bool, renumber_option(FROM)] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", rich_help_panel=FROM, help="Measure again, even if an earlier measurement fits."),
    ] = False,
) -> int:
    """Predict the latency of every protocol with and without gzip, recommend one, and show the break-evens."""
    link = _link(rtt, down, up)
    kinds = matrix_flags.values_of({"connection": [connection]})["connection"]
    if len(kinds) > 1:
        raise UsageError(f"--connection: {connection!r} names two; give persistent or new")

    def question(found: Run) -> tuple[Parts, Conditions]:
        parts = parts_of(found)
        if not parts.options(tls=tls):
            raise NoParts(f"it has no measurements {'with' if tls else 'without'} TLS")
        return parts, Conditions(at=blend(parts, payload), link=link, tls=tls, connection=kinds[0])

    def fits(found: Run) -> bool:
        try:
            parts, _ = question(found)
        except (NoParts, OutOfReach):
            return False
        return kinds[0] == PERSISTENT or all(set_up.latency_ns is not None for set_up in parts.set_ups.values())

    is_new = False
    if run:
        path, found = Path(run), _read(run)
    else:
        path, found, is_new = kept_or_measured(Wanted(payload, kinds[0], recipes, renumber), anew=measure, fits=fits)

    def answer() -> None:
        try:
            parts, conditions = question(found)
        except NoParts as error:
            raise UsageError(f"{path}: {error}; use a run of --workload get,list --concurrency 1") from None
        except OutOfReach as error:
            raise UsageError(f"--payload: {error}; or use --run with a run of other page sizes") from None
        _show(path, found, parts, conditions)

    if is_new:
        show_then_write(Files.of_run(found, path, report=False), answer)
    else:
        answer()
    return ExitCode.UNTRUSTED if assemble.untrusted(found) else ExitCode.FINE


def _link(rtt: str, down: str, up: str) -> Profile:
    """The network that the flags describe. Raises UsageError."""
    words = {"rtt": rtt, "down": down, "up": up or down}
    for name, value in words.items():
        if "," in value or "=" in value:
            raise UsageError(
                f"--{name}: {value!r} is not a single value such as {'40ms' if name == 'rtt' else '20mbit'}"
            )
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
    here = environment.describe(machine.pinning_here(), measures_elsewhere=False)
    unlike = [str(each) for each in environment_differences(run.environment, here)]
    origin = advice.origin(str(path), run, datetime.now(UTC), unlike)
    print_document(advice.document_of(Choices(parts), conditions, run, unlike, origin))
