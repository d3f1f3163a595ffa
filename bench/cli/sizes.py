"""`python -m bench sizes`: counts the bytes of each combination, without timing anything."""

from typing import Annotated

import typer

from bench import run_file
from bench.cli import matrix_flags
from bench.cli.measure import carry_out, checked_path
from bench.cli.show import print_document, put, write_report
from bench.report.run_document import sizes_document
from bench.results import Run
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.sizes import REQUESTS, size_up, sizes_run
from bench.spec import ClosedLoad, Matrix, RunPlan, Version
from commands import values
from commands.errors import ExitCode
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
    found = matrix_flags.values_of(chosen, cores=matrix_flags.usual_cores())
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

    async def sized(job: Job) -> Run:
        return sizes_run(await size_up(job, requests), plan, job.header())

    run = carry_out(plan, sized, plan.seconds)
    put(path, run_file.encode(run))
    report_path = write_report(run, path.with_suffix(".html"))
    print_document(sizes_document(run))
    print(f"run file: {path}\nreport:   {report_path}")
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
