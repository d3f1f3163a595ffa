"""Measuring, the same for every command: recipes, versions, certificates, progress, Ctrl-C, and the run's header."""

import errno
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from bench import connections, environment, machine
from bench import schedule as planning
from bench.cli.output_flags import Shown
from bench.cli.progress import Progress
from bench.cli.show import show
from bench.cli.stop_signal import stop_on_signal
from bench.cluster.cluster import Cluster
from bench.occupancy import Occupancy, occupied
from bench.plan import RunPlan
from bench.report.interim import figures
from bench.results import RecipesUsed, Run
from bench.runner import assemble
from bench.runner.findings import limits_of
from bench.runner.front import versions_of
from bench.runner.job import Job, RunHeader
from bench.runner.measure import Measurement
from bench.runner.recording import RunRecording
from bench.runner.session import Stopped
from bench.runner.versions import CannotBuild, build
from bench.stats.gate import Outcome, gate_of_versions
from bench.stats.ratios import Baseline
from bench.stats.verdicts import all_within
from bench.workloads import QUESTIONS_AT_MOST
from commands.errors import CommandError, ExitCode, UsageError
from commands.loop_signals import run as run_loop
from producers import certificates
from producers.registry import Implementation, implementation
from recipes import sources
from recipes.sources import LoadedRecipes

Result = TypeVar("Result")

PROBE_BYTES = 1 << 20
"""About the size of a run file and its report."""
OWN_IDS_AT_MOST = 10_000
"""Of renumbered recipes, how many have their ids in the file kept. Of more, only those that are requested singly."""

EXIT_CODES: Mapping[Outcome, ExitCode] = {
    "regression": ExitCode.REGRESSION,
    "inconclusive": ExitCode.UNTRUSTED,
    "none": ExitCode.FINE,
}
"""Of a comparison, in `compare` as in `--ab`."""


class Interrupted(CommandError):
    """Ctrl-C before there was a result to keep, or a second one."""

    exit_code = ExitCode.INTERRUPTED


def checked_path(out: str, kind: str = "run", flag: str = "--out: ") -> Path:
    """Where the run file goes. Raises UsageError before anything is measured when it cannot be written.

    `flag`: what the error begins with; empty for a command that has no such flag.
    """
    path = Path(out) if out else Path("reports")
    try:
        if not out or out.endswith("/") or path.is_dir():
            path /= f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"
        elif path.suffix != ".json":
            raise UsageError(f"--out: {out!r} does not end in .json; the report is written beside it as .html")
        path.parent.mkdir(parents=True, exist_ok=True)
        for each in (path, path.with_suffix(".html")):
            if each.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(each))
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as error:
        where = error.filename if error.filename in (str(path.with_suffix(".html")), str(path)) else path.parent
        raise UsageError(f"{flag}{where} cannot be written: {error.strerror or error}") from None
    return path


def load_recipes(source: str, *, renumber: bool) -> LoadedRecipes:
    """The recipes of a source. Raises UsageError."""
    try:
        return sources.load(source, renumber=renumber)
    except sources.SourceError as error:
        raise UsageError(str(error)) from None


def carry_out(
    plan: RunPlan,
    recipes: LoadedRecipes,
    work: Callable[[Job], Coroutine[Any, Any, Result]],
    seconds: float,
    figures: Callable[[], str] = lambda: "",
) -> Result:
    """Prepare the plan, do the work, and clean up. `seconds`: about how long the work takes. `figures`: what is known
    so far, for those who watch.

    Ctrl-C asks the work to stop. Raises UsageError where the plan cannot be prepared, Interrupted where the work does
    not keep what it found.
    """
    if (reason := planning.why_nothing(plan)) is not None:
        raise UsageError(f"every combination is unsupported: {reason}")
    limits = _limits(plan)
    ids = _ids(plan, recipes)
    pinning = machine.pinning_here(planning.busy(plan))
    cpus = pinning.measured or machine.usable_cpus()

    async def prepared(plan: RunPlan, certificates_directory: Path | None, progress: Progress) -> Result:
        with stop_on_signal() as stop:
            versions.update(await versions_of(planning.fronts_of(plan)))
            async with AsyncExitStack() as entered:
                job = Job(
                    plan=plan,
                    ids=ids,
                    own_ids={number: recipes.own_ids[number] for number in ids if number in recipes.own_ids},
                    certificates=certificates_directory,
                    pinning=pinning,
                    on_progress=progress.update,
                    stop=stop,
                    header=header,
                    cluster=None
                    if plan.scheduler is None
                    else await entered.enter_async_context(
                        Cluster(plan.scheduler, planning.long_slice_ns(plan), plan.load_workers)
                    ),
                )
                return await work(job)

    versions: dict[str, str] = {}
    with occupied(cpus) as occupancy, tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        header = _header(plan, recipes, ids, pinning, occupancy, versions)
        plan = replace(_built(plan, Path(aside)), recipes=recipes.source_of_copy(Path(aside)))
        served_with_tls = any(plan.matrix["tls"]) and plan.restarts
        directory = certificates.write(Path(aside)).directory if served_with_tls else None
        for text in limits + limits_of(pinning, occupancy.other_runs() if occupancy is not None else None):
            print(f"warning: {text}", file=sys.stderr, flush=True)
        with Progress(seconds, figures) as progress:
            try:
                return run_loop(prepared(plan, directory, progress))
            except Stopped:
                raise Interrupted("interrupted before everything was measured; nothing was written") from None
            except KeyboardInterrupt:
                raise Interrupted("interrupted twice; nothing was written") from None


def measured_run(plan: RunPlan, recipes: LoadedRecipes) -> Run:
    """The run that the plan gives. Raises UsageError and Interrupted."""
    measurement: Measurement | None = None

    def so_far() -> str:
        if measurement is None:
            return ""
        return figures({cell.key: cell.slices for cell in measurement.recording.cells}, Baseline.of_plan(plan))

    async def measured(job: Job) -> Run:
        def enough(recording: RunRecording) -> bool:
            run = assemble.run_of(recording, job.plan, job.header())
            return plan.until is not None and all_within(run.cells, plan.until)

        nonlocal measurement
        measurement = Measurement(job, enough if plan.until is not None else None)
        return assemble.run_of(await measurement.run(), job.plan, job.header())

    run = carry_out(plan, recipes, measured, planning.estimated_seconds(plan), so_far)
    if run.plan.interrupted and not any(any(cell.slices.ok) for cell in run.cells):
        raise Interrupted("interrupted before anything was measured; nothing was written")
    return run


def measure(plan: RunPlan, recipes: LoadedRecipes, run_path: Path, shown: Shown) -> int:
    """Measure the plan and show the run. Returns the exit code."""
    run = measured_run(plan, recipes)
    show(run, run_path, shown)
    return _exit_code(run)


def _limits(plan: RunPlan) -> list[str]:
    """What the system allows, in sentences, where that may be too little. Raises UsageError where it cannot suffice."""
    ports = machine.local_ports()
    wrong = connections.too_few_files(plan, machine.allow_open_files())
    if wrong is None and ports is not None:
        wrong = connections.too_few_ports(plan, ports)
    if wrong is not None:
        raise UsageError(wrong)
    warning = None if ports is None else connections.may_lack_ports(plan, ports)
    return [] if warning is None else [warning]


def _ids(plan: RunPlan, recipes: LoadedRecipes) -> list[int]:
    known = [recipe.id for recipe in recipes.recipes]
    if plan.ids is not None and plan.known and (unknown := sorted(set(plan.ids) - set(known))):
        raise UsageError(f"--ids: {plan.recipes} has no recipe {unknown[0]}; leave it out, or use --expect none")
    return planning.sample_ids(known, plan, QUESTIONS_AT_MOST)


def _header(
    plan: RunPlan,
    recipes: LoadedRecipes,
    ids: Sequence[int],
    pinning: machine.Pinning,
    occupancy: Occupancy | None,
    front_versions: Mapping[str, str],
) -> Callable[[], RunHeader]:
    """What gives the header of a run that begins now. `front_versions`: by front, known by its end."""
    required = [name for row in _implementations(plan) for name in row.requires]
    described = environment.describe(pinning, measures_elsewhere=not plan.restarts, required=required)
    started_at, began = datetime.now(UTC).isoformat(timespec="seconds"), perf_counter()
    disturbances = environment.Disturbances(occupancy)

    def header() -> RunHeader:
        return RunHeader(
            started_at=started_at,
            duration_s=round(perf_counter() - began, 3),
            command=environment.command_line(),
            environment={
                **described,
                **({"fronts": dict(front_versions)} if front_versions else {}),
                **disturbances.so_far(),
            },
            recipes=RecipesUsed(
                source=recipes.source,
                count=recipes.count,
                digest=recipes.digest,
                ids=sorted(ids),
                own_ids=_own_ids(recipes, ids),
            ),
        )

    return header


def _own_ids(recipes: LoadedRecipes, ids: Sequence[int]) -> dict[int, str]:
    """The ids in the file that the run file keeps."""
    kept = recipes.own_ids if recipes.count <= OWN_IDS_AT_MOST else sorted(ids)
    return {number: recipes.own_ids[number] for number in kept if number in recipes.own_ids}


def _implementations(plan: RunPlan) -> list[Implementation]:
    """What serves in a plan."""
    processes = dict.fromkeys((key.protocol, key.implementation) for key in plan.matrix.cells())
    return [implementation(*process) for process in processes]


def _built(plan: RunPlan, aside: Path) -> RunPlan:
    """The plan with the code of every version that has to be built. Raises UsageError."""
    found = []
    try:
        for number, version in enumerate(plan.versions):
            directory = aside / f"version-{number}"
            directory.mkdir()
            found.append(build(version, directory, alternatives=any(row.requires for row in _implementations(plan))))
    except CannotBuild as error:
        raise UsageError(f"--ab: {error}") from None
    return replace(plan, versions=tuple(found))


def _exit_code(run: Run) -> int:
    if run.plan.interrupted:
        return ExitCode.INTERRUPTED
    gate = gate_of_versions(run)
    if gate is not None and gate.outcome != "none":
        return EXIT_CODES[gate.outcome]
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE
