"""`python -m bench sizes`: where every byte goes, for each combination, without a latency run."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from bench import environment, machine, run_file
from bench import schedule as planning
from bench.cli import matrix_flags
from bench.cli.measure import Interrupted, checked_path
from bench.cli.progress import Progress
from bench.cli.show import console_of_output, put, write_report
from bench.cli.stop_signal import stop_on_signal
from bench.report import terminal
from bench.report.anatomy import anatomy_tables
from bench.report.attribution import attribution_tables
from bench.results import RecipesUsed
from bench.runner.sizes import REQUESTS, Sizing, size_up, sizes_run
from bench.spec import ClosedLoad, Matrix, RunPlan, Version
from bench.workloads import QUESTIONS_AT_MOST
from commands import values
from commands.errors import ExitCode, UsageError
from producers import certificates
from recipes import sources

ABOUT_S = 12.0
"""How long the default takes, for the first estimate of the time left."""


@matrix_flags.with_dimensions(lambda dimension: dimension.changes_bytes)
def sizes(
    chosen: matrix_flags.Chosen,
    workload: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="get, list, fields, create.")] = None,
    page_size: Annotated[list[str] | None, typer.Option(metavar="N", help="Recipes on a page of `list`: 20.")] = None,
    requests: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(3, 10_000),
            metavar="N",
            help="Requests over one connection; fewer of large pages.",
        ),
    ] = REQUESTS,
    gzip_level: Annotated[
        int, typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="zlib's level.")
    ] = 6,
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = sources.DEFAULT_SOURCE,
    seed: Annotated[
        int,
        typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Decides which recipes are asked for."),
    ] = 1,
    out: Annotated[str, typer.Option(metavar="FILE", help="Run file to write; else in reports/.")] = "",
) -> int:
    """Take one connection of each combination apart, byte by byte; write the run file; show the tables."""
    found = matrix_flags.values_of(chosen)
    loads = [ClosedLoad(concurrency=1)]
    matrix_flags.check(found, loads)
    workloads = matrix_flags.workloads(workload or ["get,list"], page_size or ["20"])
    plan = RunPlan(
        matrix=Matrix({**found, "workload": workloads, "load": loads}),
        instances=1,
        rounds=0,
        seconds=ABOUT_S,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
        versions=(Version(),),
        gzip_level=gzip_level,
    )
    path = checked_path(out, "sizes")
    try:
        loaded = sources.load(recipes)
    except sources.SourceError as error:
        raise UsageError(str(error)) from None
    ids = planning.sample_ids([recipe.id for recipe in loaded.recipes], plan, QUESTIONS_AT_MOST)
    pinning = machine.pinning_here()
    started_at, began = datetime.now(UTC).isoformat(timespec="seconds"), perf_counter()
    sizing = asyncio.run(_size_up(plan, ids, requests, pinning))
    run = sizes_run(
        sizing,
        plan,
        started_at=started_at,
        duration_s=round(perf_counter() - began, 3),
        command=environment.command_line(),
        environment=environment.describe(pinning, measures_elsewhere=False),
        recipes=RecipesUsed(source=loaded.source, count=len(loaded.recipes), digest=loaded.digest),
    )
    put(path, run_file.encode(run))
    report_path = write_report(run, path.with_suffix(".html"))
    console = console_of_output()
    for warning in run.warnings:
        console.print(f"• {warning.text}", markup=False, highlight=False)
    for table in [*anatomy_tables(run), *attribution_tables(run)]:
        terminal.show_table(table, console)
    print(f"run file: {path}\nreport:   {report_path}")
    failed = sizing.problems or any(cell.status == "failed" for cell in run.cells)
    return ExitCode.UNTRUSTED if failed else ExitCode.FINE


async def _size_up(plan: RunPlan, ids: list[int], requests: int, pinning: machine.Pinning) -> Sizing:
    with stop_on_signal() as stop, tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        authority = certificates.write(Path(aside)).directory if any(plan.matrix["tls"]) else None
        with Progress(plan.seconds) as progress:
            sizing_up = asyncio.create_task(
                size_up(
                    plan,
                    ids=ids,
                    requests=requests,
                    certificates=authority,
                    pinning=pinning,
                    on_progress=progress.update,
                )
            )
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({sizing_up, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if stop.is_set():
                sizing_up.cancel()
                await asyncio.gather(sizing_up, return_exceptions=True)
                raise Interrupted("interrupted before everything was read; nothing was written")
            return await sizing_up
