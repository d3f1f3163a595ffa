"""`python -m bench run`: measure a matrix, write the run file and the report, print the answer."""

import sys
from typing import Annotated

import typer

from bench import schedule as planning
from bench.cli import cluster_flags, matrix_flags, request_flags, version_flags
from bench.cli.access_flags import (
    CaFlag,
    CertFlag,
    HeaderFlag,
    InsecureFlag,
    KeyFlag,
    TlsMinFlag,
    access,
)
from bench.cli.compare import THRESHOLD_AT_MOST
from bench.cli.matrix_flags import LOAD, SERVERS, TIME, WHAT
from bench.cli.measure import checked_path, load_recipes, measure
from bench.cli.output_flags import OUTPUT, ExplainFlag, JsonFlag, OutFlag, TablesFlag, shown
from bench.cli.request_flags import RequestFileFlag
from bench.cli.shared_flags import (
    USUAL_WORKLOADS,
    AbFlag,
    GzipLevelFlag,
    PageSizeFlag,
    RecipesFlag,
    RenumberFlag,
    SeedFlag,
    TargetFlag,
    WorkloadFlag,
)
from bench.clients.registry import RAW
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.stats.verdicts import THRESHOLD
from commands import values
from commands.errors import ExitCode
from consumers.access import TLS_VERSIONS
from recipes import sources

DEFAULT_SECONDS = 175.0
DEFAULT_INSTANCES = 24
DEFAULT_INSTANCES_AT_LEAST = 6
QUICK_SECONDS = 35.0
UNTIL_SECONDS = 600.0
"""How long a run with --until may take by default."""
NOTE_AT_MOST = 300
"""Characters of a --note."""
BESIDES = ({"client": RAW, "load": ClosedLoad(concurrency=1)},)
"""What is measured besides by default: the cost of the producer, with next to no client."""


@matrix_flags.with_dimensions()
def run(
    chosen: matrix_flags.Chosen,
    workload: WorkloadFlag = None,
    page_size: PageSizeFlag = None,
    concurrency: Annotated[
        list[str] | None,
        typer.Option(metavar="N", rich_help_panel=LOAD, help="Closed loop: requests in flight. [default: 1,16]"),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HZ", rich_help_panel=LOAD, help="Open loop instead: requests per second. [default: closed loop]"
        ),
    ] = None,
    arrivals: Annotated[
        str, typer.Option(metavar="poisson|constant", rich_help_panel=LOAD, help="Arrival process of the open loop.")
    ] = "poisson",
    instances: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(1, 1000),
            metavar="N",
            rich_help_panel=TIME,
            help="Fresh starts of the servers (replicates). [default: 6 to 24, as time allows]",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(1, 1_000_000),
            metavar="N",
            rich_help_panel=TIME,
            help="Rounds per instance. [default: as many as fit into the time]",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            parser=values.number(1, 1_000_000),
            metavar="S",
            rich_help_panel=TIME,
            help="Duration of the whole run. [default: 175]",
        ),
    ] = None,
    until: Annotated[
        float | None,
        typer.Option(
            parser=values.share(0.001, 1),
            metavar="PERCENT",
            rich_help_panel=TIME,
            help="Stop when the intervals of all headline ratios are within ± this: 3%. [default: use the whole time]",
        ),
    ] = None,
    slice_ms: Annotated[
        float,
        typer.Option(
            parser=values.number(1, 60_000),
            metavar="MS",
            rich_help_panel=TIME,
            show_default=False,
            help="Duration of one slice. [default: 12]",
        ),
    ] = 12.0,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="tcp://HOST:PORT",
            rich_help_panel=LOAD,
            help="Send the load from the workers of this Dask cluster, with --target. [default: from this machine]",
        ),
    ] = "",
    load_workers: Annotated[
        int,
        typer.Option(
            parser=values.whole_number(1, 10_000),
            metavar="N",
            rich_help_panel=LOAD,
            show_default=False,
            help="With --scheduler: wait until it has so many workers, up to 30 s. [default: 1]",
        ),
    ] = 1,
    target: TargetFlag = None,
    ab: AbFlag = "",
    ab_target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PROTOCOL=URL", rich_help_panel=SERVERS, help="Compare the server at --target with this one."
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            rich_help_panel=SERVERS,
            show_default=False,
            help="With --ab: exit code 1 when slower by more than this (2%, 2 or 0.02), 3 when that was not ruled out. "
            f"[default: {THRESHOLD:.0%}]",
        ),
    ] = THRESHOLD,
    ids: Annotated[
        str,
        typer.Option(
            metavar="IDS", rich_help_panel=WHAT, help="Request these recipes only. [default: a sample of all]"
        ),
    ] = "",
    expect: Annotated[
        str,
        typer.Option(
            metavar="recipes|none",
            rich_help_panel=WHAT,
            help="What responses are compared with. none: they only have to be well-formed, and with --request-file "
            "the same from call to call. [default: recipes; with --request-file none]",
        ),
    ] = "",
    requests: RequestFileFlag = None,
    header: HeaderFlag = None,
    ca: CaFlag = None,
    cert: CertFlag = None,
    key: KeyFlag = None,
    insecure: InsecureFlag = False,
    tls_min: TlsMinFlag = TLS_VERSIONS[0],
    gzip_level: GzipLevelFlag = 6,
    timeout: Annotated[
        float,
        typer.Option(
            parser=values.number(0.001, 600),
            metavar="SECONDS",
            rich_help_panel=LOAD,
            show_default=False,
            help="Timeout of one request. [default: 10]",
        ),
    ] = 10.0,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    renumber: RenumberFlag = False,
    seed: SeedFlag = 1,
    out: OutFlag = "",
    note: Annotated[
        str,
        typer.Option(
            parser=values.line(NOTE_AT_MOST),
            metavar="TEXT",
            rich_help_panel=OUTPUT,
            help="Why the run is made; kept in the run file, shown in reports and in `bench history`.",
        ),
    ] = "",
    quick: Annotated[
        bool,
        typer.Option("--quick", rich_help_panel=TIME, help="One instance, one request in flight, less than a minute."),
    ] = False,
    tables: TablesFlag = None,
    explain: ExplainFlag = False,
    as_json: JsonFlag = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", rich_help_panel=OUTPUT, help="Print the plan and its duration; measure nothing."),
    ] = False,
) -> int:
    """Measure every combination of the values given; write the run file and the report; print the answer."""
    more = shown(tables, explain=explain, as_json=as_json)
    compared = version_flags.compared(target or [], ab, ab_target or [])
    targets = compared[0].targets
    own = request_flags.request_file(requests)
    found = version_flags.values_of(chosen, targets, own)
    time_s = seconds or (QUICK_SECONDS if quick else UNTIL_SECONDS if until is not None else DEFAULT_SECONDS)
    loads = matrix_flags.loads(concurrency or (["1"] if quick else ["1,16"]), rate or [], arrivals)
    matrix_flags.check(found, loads, targets=bool(targets))
    matrix_flags.check_alone(found, workload or [USUAL_WORKLOADS])
    if scheduler:
        cluster_flags.check(scheduler, found, loads, targets, headers=header, keys=(cert, key))
    loaded = load_recipes(recipes, renumber=renumber)
    known = own is None and _known(expect)
    # A target that need not have these recipes may have any number of them.
    count = loaded.count if known or not targets else None
    varied = {"client", "network", "connection", "dialect", "implementation", "front", "workers"} & set(chosen)
    plan = RunPlan(
        matrix=Matrix(
            {
                **found,
                "version": [version.name for version in compared if version.name is not None],
                "workload": request_flags.workloads(own, workload or [USUAL_WORKLOADS], page_size, count),
                "load": loads,
            },
            () if quick or concurrency or rate or varied or len(compared) > 1 else BESIDES,
        ),
        instances=(
            planning.instances_within(time_s, DEFAULT_SECONDS / DEFAULT_INSTANCES)
            if until is not None
            else _instances(instances, quick=quick, targets=bool(targets))
        ),
        instances_at_least=None if instances or targets or quick else DEFAULT_INSTANCES_AT_LEAST,
        rounds=rounds,
        seconds=time_s,
        slice_ns=round(slice_ms * 1e6),
        seed=seed,
        recipes=recipes,
        versions=compared,
        until=until,
        ids=matrix_flags.ids(ids, loaded),
        known=known,
        requests=own,
        timeout_s=timeout,
        gzip_level=gzip_level,
        threshold=threshold if len(compared) > 1 else None,
        access=access(header, ca=ca, cert=cert, key=key, insecure=insecure, tls_min=tls_min),
        scheduler=scheduler or None,
        load_workers=load_workers,
        note=note or None,
    )
    run_path = checked_path(out)
    if dry_run:
        sys.stdout.write(planning.describe(plan))
        return ExitCode.FINE
    return measure(plan, loaded, run_path, more)


def _instances(given: int | None, *, quick: bool, targets: bool) -> int:
    return 1 if targets else given or (1 if quick else DEFAULT_INSTANCES)


def _known(expect: str) -> bool:
    """Whether responses must equal the recipes."""
    return matrix_flags.words("--expect", [expect or "recipes"], ("recipes", "none"))[0] == "recipes"
