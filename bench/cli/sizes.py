"""`python -m bench sizes`: counts the bytes of each combination, without timing anything."""

from typing import Annotated

import typer

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
from bench.cli.matrix_flags import TIME
from bench.cli.measure import carry_out, checked_path, load_recipes
from bench.cli.output_flags import ExplainFlag, JsonFlag, OutFlag, TablesFlag, shown
from bench.cli.request_flags import RequestFileFlag
from bench.cli.shared_flags import (
    USUAL_WORKLOADS,
    GzipLevelFlag,
    PageSizeFlag,
    RecipesFlag,
    RenumberFlag,
    SampleSeedFlag,
    TargetFlag,
    WorkloadFlag,
)
from bench.cli.show import show
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.results import Run
from bench.runner import assemble
from bench.runner.job import Job
from bench.runner.sizes import REQUESTS, size_up, sizes_run
from commands import values
from commands.errors import ExitCode
from consumers.access import TLS_VERSIONS
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
    request_file: RequestFileFlag = None,
    target: TargetFlag = None,
    header: HeaderFlag = None,
    ca: CaFlag = None,
    cert: CertFlag = None,
    key: KeyFlag = None,
    insecure: InsecureFlag = False,
    tls_min: TlsMinFlag = TLS_VERSIONS[0],
    gzip_level: GzipLevelFlag = 6,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    renumber: RenumberFlag = False,
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
    versions = version_flags.compared(target or [], "", [])
    targets = versions[0].targets
    own = request_flags.request_file(request_file)
    found = version_flags.values_of(chosen, targets, own)
    loads = [ClosedLoad(concurrency=1)]
    matrix_flags.check(found, loads, targets=bool(targets))
    loaded = load_recipes(recipes, renumber=renumber)
    workloads = request_flags.workloads(own, workload or [USUAL_WORKLOADS], page_size, loaded.count)
    plan = RunPlan(
        matrix=Matrix({**found, "workload": workloads, "load": loads}),
        instances=1,
        rounds=0,
        seconds=ABOUT_S,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
        versions=versions,
        known=own is None,
        requests=own,
        gzip_level=gzip_level,
        access=access(header, ca=ca, cert=cert, key=key, insecure=insecure, tls_min=tls_min),
    )
    path = checked_path(out, "sizes")

    async def sized(job: Job) -> Run:
        return sizes_run(await size_up(job, requests), plan, job.header())

    run = carry_out(plan, loaded, sized, plan.seconds)
    show(run, path, more)
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
