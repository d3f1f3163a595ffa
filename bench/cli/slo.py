"""`python -m bench slo`: the highest rate at which each protocol meets objectives, on one producer core."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bench import run_file
from bench.cli import matrix_flags, version_flags
from bench.cli.matrix_flags import SERVERS, TIME, WHAT
from bench.cli.measure import carry_out, checked_path
from bench.cli.output_flags import OUTPUT
from bench.cli.show import console_of_output, put
from bench.protocols import PROTOCOLS, title
from bench.report import terminal
from bench.report.document import Column, Table, TableBuilder
from bench.report.grouping import variant_of
from bench.report.text import listed
from bench.results import Run
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.slo import SHORTEST_NS, Found, Prober
from bench.runner.slo_search import LOWEST_HZ, BadObjective, Objective, parse
from bench.spec import Matrix, Role, RunPlan, Target
from bench.workloads import WORKLOADS
from commands import values
from commands.errors import ExitCode, UsageError
from recipes import sources

DEFAULT_OBJECTIVE = "p99<20ms"
OBJECTIVES = "Objectives"
"""A group of the help."""
SECONDS_PER_SEARCH = 30.0
"""A guess, for the progress bar."""


@matrix_flags.with_dimensions(
    lambda dimension: dimension.role is Role.VARIANT or dimension.heading == "protocol", gzip="off", tls="off"
)
def slo(
    chosen: matrix_flags.Chosen,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--slo",
            metavar="OBJECTIVE",
            rich_help_panel=OBJECTIVES,
            help=f"Such as 'p99<20ms' or 'errors<0.1%'. Repeatable; all must be met. [default: '{DEFAULT_OBJECTIVE}']",
        ),
    ] = None,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", rich_help_panel=WHAT, help=f"Comma-separated: {', '.join(WORKLOADS)}. [default: get]"
        ),
    ] = None,
    page_size: Annotated[
        list[str] | None,
        typer.Option(metavar="N", rich_help_panel=WHAT, help="Recipes on a page or in a batch. [default: 20]"),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="PROTOCOL=URL", rich_help_panel=SERVERS, help="Measure a server that is already running."),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            parser=values.readable_file,
            metavar="FILE",
            rich_help_panel=SERVERS,
            help="CA certificates to trust for --target.",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            parser=values.number(0.001, 600),
            metavar="SECONDS",
            rich_help_panel=OBJECTIVES,
            show_default=False,
            help="Timeout of one request. [default: 2]",
        ),
    ] = 2.0,
    recipes: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", rich_help_panel=WHAT, help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file."
        ),
    ] = sources.DEFAULT_SOURCE,
    seed: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(0, 2**63), metavar="N", rich_help_panel=TIME, help="Seed of all random orders."
        ),
    ] = 1,
    out: Annotated[
        str,
        typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Run file to write. [default: none is written]"),
    ] = "",
) -> int:
    """Find the highest rate at which each producer meets the objectives, in open loop."""
    objectives = _objectives(objective or [DEFAULT_OBJECTIVE])
    versions = version_flags.compared(target or [], "", [])
    targets = versions[0].targets
    found = matrix_flags.values_of(
        chosen,
        protocol=",".join(targets or PROTOCOLS),
        gzip="off",
        tls=_tls_of(targets),
        cores=matrix_flags.usual_cores(targets=bool(targets)),
    )
    plan = RunPlan(
        matrix=Matrix({**found, "workload": matrix_flags.workloads(workload or ["get"], page_size or ["20"])}),
        instances=1,
        rounds=1,
        seconds=SECONDS_PER_SEARCH,
        slice_ns=SHORTEST_NS,
        seed=seed,
        recipes=recipes,
        versions=versions,
        timeout_s=timeout,
        ca=str(ca) if ca else None,
    )
    if missing := sorted(set(plan.matrix["protocol"]) - set(targets)) if targets else []:
        raise UsageError(f"--protocol: there is no --target for {', '.join(missing)}; give one")
    return _measure(plan, objectives, checked_path(out) if out else None)


def _objectives(texts: Sequence[str]) -> list[Objective]:
    try:
        return [parse(text) for text in texts]
    except BadObjective as error:
        raise UsageError(f"--slo: {error}") from None


def _tls_of(targets: Mapping[str, Target]) -> str:
    return "on" if targets and not any(target.plain for target in targets.values()) else "off"


def _measure(plan: RunPlan, objectives: Sequence[Objective], run_path: Path | None) -> int:
    async def searched(job: Job) -> tuple[list[Found], Run]:
        found, recording = await Prober(job, objectives).run()
        return found, assemble.run_of(recording, plan, job.header())

    found, run = carry_out(plan, searched, SECONDS_PER_SEARCH * len(plan.matrix.cells()))
    show(found, objectives)
    if run_path is not None:
        put(run_path, run_file.encode(run))
        print(f"Run file:  {run_path}")
    if run.plan.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if any(one.trouble or one.generator_limited for one in found) else ExitCode.FINE


def show(found: Sequence[Found], objectives: Sequence[Objective]) -> None:
    """Print the rates: a row for each gzip, TLS and workload, a column for each protocol."""
    console = console_of_output()
    terminal.print_blocks([table(found, objectives)], console)
    for one in found:
        console.print(Text(f"{one.key.label}: {in_words(one)}"))


def table(found: Sequence[Found], objectives: Sequence[Objective]) -> Table:
    """The highest rates."""
    protocols = list(dict.fromkeys(one.key.protocol for one in found))
    built = TableBuilder(
        f"Highest requests/s on one server core with {listed([each.text for each in objectives])}",
        [Column("workload", numeric=False), *(Column(title(protocol)) for protocol in protocols)],
    )
    rows: dict[str, dict[str, Found]] = {}
    for one in found:
        variant = variant_of(one.key)
        name = f"{one.key.workload.label}{'' if variant.is_plain else f' {variant.label}'}"
        rows.setdefault(name, {})[one.key.protocol] = one
    for name, by_protocol in rows.items():
        places = [by_protocol.get(protocol) for protocol in protocols]
        built.add((name,), ["" if one is None else rate_of(one) for one in places])
    return built.table()


def rate_of(found: Found) -> str:
    """The rate, in a few characters."""
    if found.trouble:
        return "no result"
    if found.rate_hz is None:
        return "none"
    return f"{'≥ ' if found.generator_limited else ''}{found.rate_hz:,.0f}"


def in_words(found: Found) -> str:
    """The rate, and what was missed above it."""
    if found.trouble:
        return f"no result: {found.trouble}"
    if found.rate_hz is None:
        return f"missed even at {LOWEST_HZ:g} requests/s ({found.limit})"
    above = (
        f"above, the load generator was the limit ({found.limit}), so it may be higher"
        if found.generator_limited
        else f"above: {found.limit}"
        if found.limit
        else "the highest rate that is tried"
    )
    return f"{found.rate_hz:,.0f} requests/s, confirmed twice; {above}; {found.probes} probes"
