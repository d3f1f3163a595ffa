"""`python -m bench sizes`: counts the bytes of each combination, without timing anything."""

from typing import Annotated

import typer

from bench.cli import matrix_flags
from bench.cli.matrix_flags import TIME
from bench.cli.measure import carry_out, checked_path
from bench.cli.output_flags import ExplainFlag, JsonFlag, OutFlag, TablesFlag, shown
from bench.cli.shared_flags import (
    USUAL_PAGE_SIZE,
    USUAL_WORKLOADS,
    GzipLevelFlag,
    PageSizeFlag,
    RecipesFlag,
    SampleSeedFlag,
    WorkloadFlag,
)
from bench.cli.show import show
from bench.plan import Matrix, RunPlan, Version
from bench.results import Run
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.sizes import REQUESTS, size_up, sizes_run
from bench.spec import ClosedLoad
from commands import values
from commands.errors import ExitCode
from recipes import sources

ABOUT_S = 6.0
"""The duration of the default command, for the first estimate of the time left."""


@matrix_flags.with_dimensions(lambda dimension: dimension.changes_bytes)
def sizes(
    chosen: matrix_flags.Chosen,
    workload: WorkloadFlag = None,
    page_size: PageSizeFlag = None,
    requests: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(3, 10_000),
            metavar="N",
            rich_help_panel=TIME,
            help="Requests per connection, fewer if pages are large. Sizes are medians over them.",
        ),
    ] = REQUESTS,
    gzip_level: GzipLevelFlag = 6,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    seed: SampleSeedFlag = 1,
    out: OutFlag = "",
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
    workloads = matrix_flags.workloads(workload or [USUAL_WORKLOADS], page_size or [USUAL_PAGE_SIZE])
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
    show(run, path, more)
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
