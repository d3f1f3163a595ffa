"""`python -m bench slo`: the highest rate at which each protocol meets objectives, on one producer core."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bench.cli import matrix_flags, request_flags, version_flags
from bench.cli.access_flags import (
    CaFlag,
    CertFlag,
    HeaderFlag,
    InsecureFlag,
    KeyFlag,
    TlsMinFlag,
    access,
)
from bench.cli.measure import carry_out, checked_path, load_recipes
from bench.cli.output_flags import OUTPUT
from bench.cli.request_flags import RequestFileFlag
from bench.cli.shared_flags import (
    PageSizeFlag,
    RecipesFlag,
    RenumberFlag,
    SeedFlag,
    TargetFlag,
    workload_option,
)
from bench.cli.show import Files, console_of_output, print_files, show_then_write
from bench.plan import Addresses, Matrix, RunPlan
from bench.protocols import title
from bench.report import terminal
from bench.report.document import Column, Table, TableBuilder
from bench.report.grouping import variant_of
from bench.report.hops import ALONE, servers
from bench.report.text import listed
from bench.results import Run
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.slo import SHORTEST_NS, Found, Prober
from bench.runner.slo_search import LOWEST_HZ, BadObjective, Objective, parse, without_effect
from bench.stats.cores import CoresUsed
from commands import values
from commands.errors import ExitCode, UsageError
from consumers.access import TLS_VERSIONS
from recipes import sources
from recipes.sources import LoadedRecipes

DEFAULT_OBJECTIVE = "p99<20ms"
USUAL_WORKLOAD = "get"
OBJECTIVES = "Objectives"
"""A group of the help."""
SECONDS_PER_SEARCH = 30.0
"""A guess, for the progress bar."""


@matrix_flags.with_dimensions(lambda dimension: dimension.changes_capacity, gzip="off", tls="off")
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
    workload: Annotated[list[str] | None, workload_option(USUAL_WORKLOAD)] = None,
    page_size: PageSizeFlag = None,
    request_file: RequestFileFlag = None,
    target: TargetFlag = None,
    header: HeaderFlag = None,
    ca: CaFlag = None,
    cert: CertFlag = None,
    key: KeyFlag = None,
    insecure: InsecureFlag = False,
    tls_min: TlsMinFlag = TLS_VERSIONS[0],
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
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    renumber: RenumberFlag = False,
    seed: SeedFlag = 1,
    out: Annotated[
        str,
        typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Run file to write. [default: none is written]"),
    ] = "",
) -> int:
    """Find the highest rate at which each producer meets the objectives, in open loop."""
    objectives = _objectives(objective or [DEFAULT_OBJECTIVE], timeout)
    versions = version_flags.compared(target or [], "", [])
    targets = versions[0].targets
    own = request_flags.request_file(request_file)
    found = version_flags.values_of(chosen, targets, own, gzip="off", tls=_tls_of(targets))
    matrix_flags.check_alone(found, workload or [USUAL_WORKLOAD])
    loaded = load_recipes(recipes, renumber=renumber)
    workloads = request_flags.workloads(own, workload or [USUAL_WORKLOAD], page_size, loaded.count)
    plan = RunPlan(
        matrix=Matrix({**found, "workload": workloads}),
        instances=1,
        rounds=1,
        seconds=SECONDS_PER_SEARCH,
        slice_ns=SHORTEST_NS,
        seed=seed,
        recipes=recipes,
        versions=versions,
        known=own is None,
        requests=own,
        timeout_s=timeout,
        access=access(header, ca=ca, cert=cert, key=key, insecure=insecure, tls_min=tls_min),
    )
    return _measure(plan, loaded, objectives, checked_path(out) if out else None)


def _objectives(texts: Sequence[str], timeout_s: float) -> list[Objective]:
    try:
        found = [parse(text) for text in texts]
    except BadObjective as error:
        raise UsageError(f"--slo: {error}") from None
    if (reason := without_effect(found, timeout_s)) is not None:
        raise UsageError(f"--slo: {reason}")
    return found


def _tls_of(targets: Mapping[str, Addresses]) -> str:
    return "on" if targets and not any(target.plain for target in targets.values()) else "off"


def _measure(plan: RunPlan, loaded: LoadedRecipes, objectives: Sequence[Objective], run_path: Path | None) -> int:
    async def searched(job: Job) -> tuple[list[Found], Run]:
        found, recording = await Prober(job, objectives).run()
        return found, assemble.run_of(recording, plan, job.header())

    found, run = carry_out(plan, loaded, searched, SECONDS_PER_SEARCH * len(plan.matrix.cells()))
    cores = CoresUsed.of(run.environment)
    if run_path is None:
        show(found, objectives, cores)
    else:
        show_then_write(Files.of_run(run, run_path, report=False), lambda: show(found, objectives, cores), print_files)
    if run.plan.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if any(_untrusted(one) for one in found) else ExitCode.FINE


def _untrusted(found: Found) -> bool:
    return found.generator_limited or bool(found.trouble and not found.unsupported)


def show(found: Sequence[Found], objectives: Sequence[Objective], cores: CoresUsed) -> None:
    """Print the rates: a row for each gzip, TLS and workload, and what stands before producers; a column for each
    protocol."""
    console = console_of_output()
    terminal.print_blocks([table(found, objectives, cores)], console)
    for one in found:
        console.print(Text(f"{one.key.label}: {in_words(one, cores)}"))


def table(found: Sequence[Found], objectives: Sequence[Objective], cores: CoresUsed) -> Table:
    """The highest rates."""
    protocols = list(dict.fromkeys(one.key.protocol for one in found))
    on = "one server core" if cores.producers < 2 else f"{cores.producers} server cores"
    several = len({servers(one.key) for one in found}) > 1 or servers(found[0].key) != ALONE
    headings = ["workload", *(["servers"] if several else [])]
    built = TableBuilder(
        f"Highest requests/s on {on} with {listed([each.text for each in objectives])}",
        [*(Column(text, numeric=False) for text in headings), *(Column(title(protocol)) for protocol in protocols)],
    )
    rows: dict[tuple[str, ...], dict[str, Found]] = {}
    for one in found:
        variant = variant_of(one.key)
        name = f"{one.key.workload.label}{'' if variant.is_plain else f' {variant.label}'}"
        rows.setdefault((name, *([servers(one.key)] if several else [])), {})[one.key.protocol] = one
    for names, by_protocol in rows.items():
        places = [by_protocol.get(protocol) for protocol in protocols]
        built.add(names, ["" if one is None else rate_of(one, cores) for one in places])
    return built.table()


def rate_of(found: Found, cores: CoresUsed) -> str:
    """The rate, in a few characters."""
    if found.trouble:
        return "unsupported" if found.unsupported else "no result"
    if found.rate_hz is None:
        return "none"
    is_bound = found.generator_limited or cores.why_fewer(found.key) is not None
    return f"{'≥ ' if is_bound else ''}{found.rate_hz:,.0f}"


def in_words(found: Found, cores: CoresUsed) -> str:
    """The rate, and what was missed above it."""
    if found.trouble:
        return f"{rate_of(found, cores)}: {found.trouble}"
    if found.rate_hz is None:
        return f"missed even at {LOWEST_HZ:g} requests/s ({found.limit})"
    above = (
        f"above, the load generator was the limit ({found.limit}), so it may be higher"
        if found.generator_limited
        else f"above: {found.limit}"
        if found.limit
        else "the highest rate that is tried"
    )
    fewer = cores.why_fewer(found.key)
    bound = "" if fewer is None else f"; a lower bound, as {fewer}"
    return f"{found.rate_hz:,.0f} requests/s, confirmed twice; {above}{bound}; {found.probes} probes"
