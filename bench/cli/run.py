"""`python -m bench run`: carry out a matrix, write the run file and the report, show the tables."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import schedule as planning
from bench.cli import matrix_flags, version_flags
from bench.cli.measure import checked_path, measure
from bench.clients.registry import CLIENTS, RAW
from bench.network.profile import LOOPBACK, PROFILES
from bench.results import ClosedLoad
from bench.schedule import RunPlan
from bench.spec import DEFAULT_DIALECT, LIBRARY, NEW, PERSISTENT, Matrix
from bench.stats.verdicts import THRESHOLD
from bench.workloads import WORKLOADS
from commands import values
from commands.errors import ExitCode, UsageError
from consumers.registry import ALL_DIALECTS
from producers.registry import PRODUCERS
from recipes import sources

DEFAULT_SECONDS = 175.0
DEFAULT_INSTANCES = 13
QUICK_SECONDS = 35.0
UNTIL_SECONDS = 600.0
"""How long a run with --until may take unless told."""
EXTRA_ARMS = ((RAW, ClosedLoad(concurrency=1)),)
"""What is measured besides unless loads or clients are chosen: the producer with little client in the way."""


def run(
    protocol: Annotated[list[str] | None, typer.Option(metavar="NAMES", help=f"Some of {','.join(PRODUCERS)}.")] = None,
    gzip: Annotated[
        list[str] | None, typer.Option(metavar="off|on|off,on", help="Without, with gzip, or both.")
    ] = None,
    tls: Annotated[list[str] | None, typer.Option(metavar="off|on|off,on", help="Without, with TLS, or both.")] = None,
    workload: Annotated[list[str] | None, typer.Option(metavar="NAMES", help=f"Some of {','.join(WORKLOADS)}.")] = None,
    dialect: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help=f"{DEFAULT_DIALECT} or some of {','.join(ALL_DIALECTS)}, where spoken."),
    ] = None,
    page_size: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Recipes on a page, or in a batch: 20.")
    ] = None,
    concurrency: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Requests kept in flight: 1 for latency, 16 for throughput.")
    ] = None,
    rate: Annotated[
        list[str] | None, typer.Option(metavar="HZ", help="Open loop instead: requests due per second.")
    ] = None,
    client: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help=f"Some of {','.join(CLIENTS)}: what sends the requests.")
    ] = None,
    arrivals: Annotated[
        str, typer.Option(metavar="poisson|constant", help="How open-loop requests fall due.")
    ] = "poisson",
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES",
            help=f"Some of {','.join((LOOPBACK, *PROFILES))}, or rtt=40ms,down=20mbit,up=5mbit,jitter=5ms.",
        ),
    ] = None,
    connection: Annotated[
        list[str] | None,
        typer.Option(metavar="persistent|new", help="Requests share connections, or each opens its own."),
    ] = None,
    instances: Annotated[
        int | None,
        typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="Fresh starts of all producers."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(parser=values.whole_number(1, 1_000_000), metavar="N", help="Rounds per instance; else by time."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(parser=values.number(1, 1_000_000), metavar="S", help="Time for the whole run.")
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            parser=values.share(0.001, 1), metavar="PERCENT", help="Stop once all headline intervals are this narrow."
        ),
    ] = None,
    slice_ms: Annotated[
        float, typer.Option(parser=values.number(1, 60_000), metavar="MS", help="Length of one slice.")
    ] = 12.0,
    target: Annotated[
        list[str] | None, typer.Option(metavar="PROTOCOL=URL", help="Measure a producer that runs already.")
    ] = None,
    ab: Annotated[
        str,
        typer.Option(
            metavar="REF", help="Compare this checkout's producers with a commit's (or A..B: two commits), interleaved."
        ),
    ] = "",
    ab_target: Annotated[
        list[str] | None, typer.Option(metavar="PROTOCOL=URL", help="Compare with --target, interleaved.")
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, 10), metavar="PERCENT", help="With --ab: exit 1 when slower by more than this."
        ),
    ] = THRESHOLD,
    ids: Annotated[str, typer.Option(metavar="IDS", help="Ask for these recipes only.")] = "",
    expect: Annotated[
        str, typer.Option(metavar="recipes|none", help="none: answers need only be well-formed.")
    ] = "recipes",
    ca: Annotated[
        Path | None, typer.Option(parser=values.readable_file, metavar="FILE", help="Authority to trust at targets.")
    ] = None,
    gzip_level: Annotated[
        int, typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="zlib's level.")
    ] = 6,
    timeout: Annotated[
        float, typer.Option(parser=values.number(0.001, 600), metavar="SECONDS", help="Longest wait for one answer.")
    ] = 10.0,
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = sources.DEFAULT_SOURCE,
    seed: Annotated[
        int, typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Decides every order drawn.")
    ] = 1,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Run file to write; the report goes beside it. Else in reports/.")
    ] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="One instance, one request in flight, under a minute.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its time; measure nothing.")] = False,
) -> int:
    """Measure the matrix; write the run file and the report; show the tables."""
    compared = version_flags.compared(target or [], ab, ab_target or [])
    targets = compared[0].targets
    protocols = matrix_flags.words("--protocol", protocol or list(targets or PRODUCERS), tuple(PRODUCERS))
    if targets and set(protocols) - set(targets):
        missing = ", ".join(sorted(set(protocols) - set(targets)))
        raise UsageError(f"--protocol names {missing}, for which there is no --target; give one, or leave it out")
    if until is not None and (targets or rounds is not None or instances is not None or quick):
        raise UsageError("--until decides how often producers are restarted; leave --target, --rounds, --quick out")
    time_s = seconds or (QUICK_SECONDS if quick else UNTIL_SECONDS if until is not None else DEFAULT_SECONDS)
    connections = matrix_flags.connections(connection or [PERSISTENT])
    plan = RunPlan(
        matrix=Matrix(
            protocols=protocols,
            gzip=matrix_flags.switches("--gzip", gzip or ["off,on"]),
            tls=matrix_flags.switches("--tls", tls or [version_flags.tls_of(targets)]),
            workloads=matrix_flags.workloads(workload or ["get,list"], page_size or ["20"]),
            loads=matrix_flags.loads(concurrency or (["1"] if quick else ["1,16"]), rate or [], arrivals),
            dialects=matrix_flags.dialects(dialect or [DEFAULT_DIALECT], protocols),
            networks=matrix_flags.networks(network or [LOOPBACK]),
            connections=connections,
            versions=[version.name for version in compared],
            clients=matrix_flags.clients(client or [LIBRARY], open_loop=bool(rate), new_connections=NEW in connections),
            extra_arms=()
            if quick or client or concurrency or rate or network or connection or dialect or len(compared) > 1
            else EXTRA_ARMS,
        ),
        instances=(
            planning.instances_within(time_s, DEFAULT_SECONDS / DEFAULT_INSTANCES)
            if until is not None
            else _instances(instances, quick=quick, targets=bool(targets))
        ),
        rounds=rounds,
        seconds=time_s,
        slice_ns=round(slice_ms * 1e6),
        seed=seed,
        recipes=recipes,
        versions=compared,
        until=until,
        ids=matrix_flags.ids(ids),
        known=matrix_flags.words("--expect", [expect], ("recipes", "none"))[0] == "recipes",
        timeout_s=timeout,
        gzip_level=gzip_level,
        ca=str(ca) if ca else None,
    )
    run_path = checked_path(out)
    if dry_run:
        sys.stdout.write(planning.describe(plan))
        return ExitCode.FINE
    return measure(plan, run_path, threshold)


def _instances(given: int | None, *, quick: bool, targets: bool) -> int:
    if targets:
        if given not in (None, 1):
            raise UsageError(f"--instances {given}: a --target cannot be started afresh; leave --instances out")
        return 1
    return given or (1 if quick else DEFAULT_INSTANCES)
