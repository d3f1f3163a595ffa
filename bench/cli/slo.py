"""`python -m bench slo`: how much each protocol serves on one producer core within given objectives."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.table import Table

from bench import environment, machine, run_file
from bench import schedule as planning
from bench.cli import matrix_flags, version_flags
from bench.cli.measure import checked_path
from bench.cli.progress import Progress
from bench.cli.show import console_of_output, put
from bench.cli.stop_signal import stop_on_signal
from bench.protocols import PROTOCOLS
from bench.results import RecipesUsed
from bench.runner import assemble
from bench.runner.recording import RawRun
from bench.runner.slo import SHORTEST_NS, Found, Prober
from bench.runner.slo_search import LOWEST_HZ, BadObjective, Objective, parse
from bench.spec import CellKey, Matrix, Role, RunPlan, Target
from bench.workloads import QUESTIONS_AT_MOST
from commands import values
from commands.errors import ExitCode, UsageError
from producers import certificates
from recipes import sources

DEFAULT_OBJECTIVE = "p99<20ms"
SECONDS_PER_SEARCH = 30.0
"""A guess for the progress bar."""


@matrix_flags.with_dimensions(lambda dimension: dimension.role is Role.VARIANT or dimension.heading == "protocol")
def slo(
    chosen: matrix_flags.Chosen,
    objective: Annotated[
        list[str] | None,
        typer.Option("--slo", metavar="OBJECTIVE", help="Such as 'p99<20ms' or 'errors<0.1%'; all given must be met."),
    ] = None,
    workload: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="get unless told.")] = None,
    page_size: Annotated[list[str] | None, typer.Option(metavar="N", help="Recipes on a page of `list`: 20.")] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="PROTOCOL=URL", help="Measure a producer that runs already.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(parser=values.readable_file, metavar="FILE", help="Authority to trust at targets.")
    ] = None,
    timeout: Annotated[
        float, typer.Option(parser=values.number(0.001, 600), metavar="SECONDS", help="Longest wait for one answer.")
    ] = 2.0,
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = "generated",
    seed: Annotated[
        int, typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Decides every order drawn.")
    ] = 1,
    out: Annotated[str, typer.Option(metavar="FILE", help="Also write the rates found as a run file.")] = "",
) -> int:
    """Find the highest rate at which each producer meets the objectives, in open loop."""
    objectives = _objectives(objective or [DEFAULT_OBJECTIVE])
    versions = version_flags.compared(target or [], "", [])
    targets = versions[0].targets
    found = matrix_flags.values_of(chosen, protocol=",".join(targets or PROTOCOLS), gzip="off", tls=_tls_of(targets))
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
        raise UsageError(f"--protocol names {', '.join(missing)}, for which there is no --target; give one")
    return _measure(plan, objectives, checked_path(out) if out else None)


def _objectives(texts: Sequence[str]) -> list[Objective]:
    try:
        return [parse(text) for text in texts]
    except BadObjective as error:
        raise UsageError(f"--slo: {error}") from None


def _tls_of(targets: Mapping[str, Target]) -> str:
    return "on" if targets and not any(target.plain for target in targets.values()) else "off"


def _measure(plan: RunPlan, objectives: Sequence[Objective], run_path: Path | None) -> int:
    try:
        loaded = sources.load(plan.recipes)
    except sources.SourceError as error:
        raise UsageError(str(error)) from None
    pinning = machine.pinning_here()
    started_at, began = datetime.now(UTC), perf_counter()
    ids = planning.sample_ids([recipe.id for recipe in loaded.recipes], plan, QUESTIONS_AT_MOST)
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        authority = certificates.write(Path(aside)).directory if any(plan.matrix["tls"]) and plan.restarts else None
        combinations = len(plan.matrix.cells())
        with Progress(SECONDS_PER_SEARCH * combinations) as progress:
            found, raw = asyncio.run(_search(plan, objectives, ids, authority, pinning, progress))
    show(found, objectives)
    if run_path is not None:
        run = assemble.run_of(
            raw,
            plan,
            started_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(perf_counter() - began, 3),
            command=environment.command_line(),
            environment=environment.describe(pinning, measures_elsewhere=not plan.restarts),
            recipes=RecipesUsed(source=loaded.source, count=len(loaded.recipes), digest=loaded.digest),
        )
        put(run_path, run_file.encode(run))
        print(f"run file: {run_path}")
    if raw.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if any(one.trouble or one.generator_limited for one in found) else ExitCode.FINE


async def _search(
    plan: RunPlan,
    objectives: Sequence[Objective],
    ids: Sequence[int],
    authority: Path | None,
    pinning: machine.Pinning,
    progress: Progress,
) -> tuple[list[Found], RawRun]:
    prober = Prober(plan, objectives, ids=ids, certificates=authority, on_progress=progress.update)
    with stop_on_signal() as stop, machine.this_process_on(pinning.load):
        return await prober.run(pinning, stop)


def show(found: Sequence[Found], objectives: Sequence[Objective]) -> None:
    """Print what each protocol serves, a row for each gzip, TLS and workload, a column for each protocol."""
    protocols = list(dict.fromkeys(one.key.protocol for one in found))
    by_combination = {one.key: one for one in found}
    table = Table(title=f"requests per second on one producer core with {' and '.join(o.text for o in objectives)}")
    table.add_column("")
    for protocol in protocols:
        table.add_column(protocol, justify="right")
    for row in dict.fromkeys((c.workload, c.gzip, c.tls) for c in by_combination):
        workload, gzip, tls = row
        name = " ".join([workload.label, *(["gzip"] if gzip else []), *(["TLS"] if tls else [])])
        cells = [
            by_combination.get(CellKey(protocol=protocol, gzip=gzip, tls=tls, workload=workload))
            for protocol in protocols
        ]
        table.add_row(name, *(figure(one) if one is not None else "" for one in cells))
    console_of_output().print(table)
    for one in found:
        print(f"{one.key.label}: {in_words(one)}")


def figure(found: Found) -> str:
    """The rate, in a few characters."""
    if found.trouble:
        return "no result"
    if found.rate_hz is None:
        return "none"
    return f"{'≥ ' if found.generator_limited else ''}{found.rate_hz:,.0f}/s"


def in_words(found: Found) -> str:
    """What was found, and what was broken above it."""
    if found.trouble:
        return f"no result: {found.trouble}"
    if found.rate_hz is None:
        return f"not even {LOWEST_HZ:g} requests a second meet it ({found.limit})"
    above = (
        f"above, the load generator was the limit ({found.limit}), so it may be more"
        if found.generator_limited
        else f"above: {found.limit}"
        if found.limit
        else "the highest rate that is tried"
    )
    return f"{found.rate_hz:,.0f} a second, met again twice; {above}; {found.probes} probes"
