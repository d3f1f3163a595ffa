"""`python -m bench instructions`: counts the instructions of a request, without timing anything."""

from dataclasses import replace
from typing import Annotated

import typer

from bench.callgrind.tool import ToolMissing, Valgrind, installed
from bench.cli import matrix_flags, version_flags
from bench.cli.compare import THRESHOLD_AT_MOST
from bench.cli.matrix_flags import SERVERS
from bench.cli.measure import EXIT_CODES, carry_out, checked_path, load_recipes
from bench.cli.output_flags import OutFlag
from bench.cli.shared_flags import (
    USUAL_PAGE_SIZE,
    USUAL_WORKLOADS,
    AbFlag,
    GzipLevelFlag,
    PageSizeFlag,
    RecipesFlag,
    RenumberFlag,
    SampleSeedFlag,
    WorkloadFlag,
)
from bench.cli.show import Files, print_document, print_files, show_then_write
from bench.clients.base import LoopClient
from bench.clients.registry import CLIENTS, load_client_class
from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.report.run_document import instructions_document
from bench.results import Run
from bench.runner import assemble
from bench.runner.instructions import Counting, count_instructions, instructions_run
from bench.runner.job import Job, RunHeader
from bench.stats import instructions as counts
from commands import values
from commands.errors import ExitCode, UntrustedMeasurement, UsageError
from recipes import sources

TIMEOUT_S = 120.0
"""Of one request. The first that is counted takes seconds: callgrind translates the whole program then."""
CELL_S = 7.0
"""How long a cell takes, for the first estimate of the time left."""


@matrix_flags.with_dimensions(lambda dimension: dimension.changes_work)
def instructions(
    chosen: matrix_flags.Chosen,
    workload: WorkloadFlag = None,
    page_size: PageSizeFlag = None,
    ab: AbFlag = "",
    threshold: Annotated[
        float,
        typer.Option(
            parser=values.share(0, THRESHOLD_AT_MOST),
            metavar="PERCENT",
            rich_help_panel=SERVERS,
            show_default=False,
            help="With --ab: exit code 1 when a request takes more instructions by more than this (1%, 1 or 0.01), "
            f"3 when that was not ruled out. [default: {counts.THRESHOLD:.0%}]",
        ),
    ] = counts.THRESHOLD,
    gzip_level: GzipLevelFlag = 6,
    recipes: RecipesFlag = sources.DEFAULT_SOURCE,
    renumber: RenumberFlag = False,
    seed: SampleSeedFlag = 1,
    out: OutFlag = "",
) -> int:
    """Count the instructions and system calls of a request with callgrind, for servers and clients.

    Counted in user space, with one request in flight; kernel, waiting and caches are not counted. Needs valgrind.
    With --ab, both versions are started afresh several times, and the verdict comes from how much starts differ.
    """
    compared = version_flags.compared([], ab, [])
    found = matrix_flags.values_of(chosen, cores=matrix_flags.usual_cores())
    loads = [ClosedLoad(concurrency=1)]
    matrix_flags.check(found, loads)
    _check_clients(found["client"])
    loaded = load_recipes(recipes, renumber=renumber)
    plan = RunPlan(
        matrix=Matrix(
            {
                **found,
                "version": [version.name for version in compared if version.name is not None],
                "workload": matrix_flags.workloads(
                    workload or [USUAL_WORKLOADS], page_size or [USUAL_PAGE_SIZE], loaded.count
                ),
                "load": loads,
            }
        ),
        instances=counts.INSTANCES[-1] if len(compared) > 1 else 1,
        rounds=0,
        seconds=0.0,
        slice_ns=0,
        seed=seed,
        recipes=recipes,
        versions=compared,
        timeout_s=TIMEOUT_S,
        gzip_level=gzip_level,
        threshold=threshold if len(compared) > 1 else None,
    )
    path = checked_path(out, "instructions")
    valgrind = _valgrind()

    async def counted(job: Job) -> Run:
        counting = await count_instructions(job, valgrind)
        if counting.problems and counting.nothing:
            raise UntrustedMeasurement(f"nothing was counted: {counting.problems[0]}")
        return instructions_run(counting, plan, _described(job.header(), valgrind, counting))

    first = counts.INSTANCES[0] if plan.compares_versions else 1
    run = carry_out(plan, loaded, counted, CELL_S * first * len(plan.matrix.cells()))
    show_then_write(Files.of_run(run, path), lambda: print_document(instructions_document(run)), print_files)
    return _exit_code(run)


def _check_clients(names: list[str]) -> None:
    """Raise UsageError for a client that is a program of its own."""
    usable = [name for name in CLIENTS if issubclass(load_client_class(name), LoopClient)]
    if unusable := [name for name in names if name not in usable]:
        raise UsageError(f"--client {unusable[0]}: its instructions cannot be counted; use {' or '.join(usable)}")


def _valgrind() -> Valgrind:
    try:
        return installed()
    except ToolMissing as error:
        raise UsageError(f"bench instructions: {error}") from None


def _described(header: RunHeader, valgrind: Valgrind, counting: Counting) -> RunHeader:
    """The header with what counts depend on besides."""
    scheduling = "usual" if counting.interrupted else "SCHED_FIFO"
    added = {"valgrind": valgrind.version, "scheduling": scheduling}
    return replace(header, environment={**header.environment, **added})


def _exit_code(run: Run) -> int:
    if run.plan.instruction_threshold is not None:
        complete = all(cell.status in ("measured", "unsupported") for cell in run.cells)
        outcome = counts.outcome(counts.changes(run), complete=complete)
        if outcome != "none":
            return EXIT_CODES[outcome]
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
