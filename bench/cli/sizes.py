"""`python -m bench sizes`: counts the bytes of each combination, without timing anything."""

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
from bench.runner.session import Stopped
from bench.runner.sizes import REQUESTS, Sizing, size_up, sizes_run
from bench.spec import ClosedLoad, Matrix, RunPlan, Version
from bench.workloads import QUESTIONS_AT_MOST
from commands import values
from commands.errors import ExitCode, UsageError
from producers import certificates
from recipes import sources

ABOUT_S = 6.0
"""The duration of the default command, for the first estimate of the time left."""


@matrix_flags.with_dimensions(lambda dimension: dimension.changes_bytes)
def sizes(
    chosen: matrix_flags.Chosen,
    workload: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Comma-separated: get, list, fields, create. [default: get,list]"),
    ] = None,
    page_size: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Recipes per page of list. [default: 20]")
    ] = None,
    requests: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(3, 10_000),
            metavar="N",
            help="Requests per connection, fewer if pages are large. Sizes are medians over them.",
        ),
    ] = REQUESTS,
    gzip_level: Annotated[
        int, typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="The zlib level of gzip.")
    ] = 6,
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = sources.DEFAULT_SOURCE,
    seed: Annotated[
        int,
        typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Selects the recipes that are requested."),
    ] = 1,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="The run file to write. [default: a new file in reports/]")
    ] = "",
) -> int:
    """Count the bytes of one connection of each combination by kind, show tables, and write a run file and a report.

    Sizes are medians per request, over the same requests as in `bench run`.
    """
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
            try:
                return await size_up(
                    plan,
                    ids=ids,
                    requests=requests,
                    certificates=authority,
                    pinning=pinning,
                    on_progress=progress.update,
                    stop=stop,
                )
            except Stopped:
                raise Interrupted("interrupted; nothing was written") from None
