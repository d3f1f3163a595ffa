"""`python -m bench sizes`: counts the bytes of each combination, without timing anything."""

from typing import Annotated

import typer

from bench import run_file
from bench.cli import matrix_flags
from bench.cli.matrix_flags import SERVERS, TIME, WHAT
from bench.cli.measure import carry_out, checked_path
from bench.cli.output_flags import OUTPUT, ExplainFlag, JsonFlag, TablesFlag, shown
from bench.cli.show import print_answer, put, write_report
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
        typer.Option(
            metavar="NAMES",
            rich_help_panel=WHAT,
            help="Comma-separated: get, list, fields, create. [default: get,list]",
        ),
    ] = None,
    page_size: Annotated[
        list[str] | None,
        typer.Option(metavar="N", rich_help_panel=WHAT, help="Recipes per page of list. [default: 20]"),
    ] = None,
    requests: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(3, 10_000),
            metavar="N",
            rich_help_panel=TIME,
            help="Requests per connection, fewer if pages are large. Sizes are medians over them.",
        ),
    ] = REQUESTS,
    gzip_level: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 9),
            metavar="1..9",
            rich_help_panel=SERVERS,
            help="zlib level of the responses.",
        ),
    ] = 6,
    recipes: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", rich_help_panel=WHAT, help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file."
        ),
    ] = sources.DEFAULT_SOURCE,
    seed: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(0, 2**63),
            metavar="N",
            rich_help_panel=TIME,
            help="Selects the recipes that are requested.",
        ),
    ] = 1,
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE", rich_help_panel=OUTPUT, help="Run file; the report goes beside it. [default: in reports/]"
        ),
    ] = "",
    tables: TablesFlag = None,
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Count the bytes of one connection of each combination by kind; print the answer; write a run file and a report.

    Sizes are medians per request, over the same requests as in `bench run`.
    """
    more = shown(tables, explain=explain, as_json=as_json)
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
    print_answer(run, more, path, report_path)
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
