"""Carrying out a plan: build, conduct, assemble, write, show, and choose the exit code."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bench import environment, machine
from bench import schedule as planning
from bench.cli.progress import Progress
from bench.cli.show import show
from bench.cli.stop_signal import stop_on_signal
from bench.results import RecipesUsed, Run
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.runner.recording import RawRun
from bench.runner.versions import CannotBuild, build
from bench.spec import RunPlan
from bench.stats.verdicts import all_within, regressions
from bench.stats.wording import counted, percent, some_of
from bench.workloads import QUESTIONS_AT_MOST
from commands.errors import CommandError, ExitCode, UsageError
from producers import certificates
from recipes import sources


class Interrupted(CommandError):
    """Ctrl-C before anything was measured, or twice."""

    exit_code = ExitCode.INTERRUPTED


def checked_path(out: str, kind: str = "run") -> Path:
    """Where the run file goes. Raises UsageError now rather than after minutes of measuring."""
    path = Path(out) if out else Path("reports")
    if not out or path.is_dir() or out.endswith("/"):
        path /= f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"
    elif path.suffix != ".json":
        raise UsageError(f"--out: {out!r} does not end in .json; the report is written beside it as .html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"--out: {path.parent} cannot be written to: {error.strerror or error}") from None
    return path


def measure(plan: RunPlan, run_path: Path, threshold: float) -> int:
    """Carry out the plan and return the exit code. `threshold`: what counts as a regression between versions."""
    plan, run = carried_out(plan)
    show(run, run_path)
    return _exit_code(run, plan, threshold)


def carried_out(plan: RunPlan) -> tuple[RunPlan, Run]:
    """The plan with its versions built, and the run that it gave. Raises UsageError and Interrupted."""
    try:
        loaded = sources.load(plan.recipes)
    except sources.SourceError as error:
        raise UsageError(str(error)) from None
    asked = _asked_ids(plan, [recipe.id for recipe in loaded.recipes])
    pinning = machine.pinning_here()
    described = environment.describe(pinning, measures_elsewhere=not plan.restarts)
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    command = environment.command_line()
    used = RecipesUsed(source=loaded.source, count=len(loaded.recipes), digest=loaded.digest)
    began = perf_counter()
    stolen = environment.StealClock()

    def assembled(raw: RawRun) -> Run:
        return assemble.run_of(
            raw,
            plan,
            started_at=started_at,
            duration_s=round(perf_counter() - began, 3),
            command=command,
            environment={**described, "stolen_share": stolen.share()},
            recipes=used,
        )

    def enough(raw: RawRun) -> bool:
        return plan.until is not None and all_within(assembled(raw).cells, plan.until)

    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        plan = _built(plan, Path(aside))
        authority = certificates.write(Path(aside)).directory if any(plan.matrix["tls"]) and plan.restarts else None
        with Progress(planning.estimated_seconds(plan)) as progress:
            try:
                raw = asyncio.run(_conduct(plan, asked, authority, pinning, progress, enough))
            except asyncio.CancelledError:
                raise Interrupted("interrupted twice; nothing was written") from None
    if raw.interrupted and not any(each.ok for cell in raw.cells for each in cell.slices):
        raise Interrupted("interrupted before anything was measured; nothing was written")
    return plan, assembled(raw)


def _built(plan: RunPlan, aside: Path) -> RunPlan:
    """The plan with code for every version that has to be built. Raises UsageError."""
    found = []
    try:
        for number, version in enumerate(plan.versions):
            directory = aside / f"version-{number}"
            directory.mkdir()
            found.append(build(version, directory))
    except CannotBuild as error:
        raise UsageError(f"--ab: {error}") from None
    return replace(plan, versions=tuple(found))


def _exit_code(run: Run, plan: RunPlan, threshold: float) -> int:
    if run.plan.interrupted:
        return ExitCode.INTERRUPTED
    if assemble.untrusted(run):
        return ExitCode.UNTRUSTED
    slower = regressions(run.cells, threshold) if plan.compares_versions else []
    if slower:
        cells = f"{counted(len(slower), 'cell')} ({some_of([cell.id for cell in slower])})"
        print(f"a regression: {cells} slower by more than {percent(threshold)}", file=sys.stderr)
        return ExitCode.REGRESSION
    return ExitCode.FINE


def _asked_ids(plan: RunPlan, known_ids: Sequence[int]) -> list[int]:
    if plan.ids is not None and plan.known and (unknown := sorted(set(plan.ids) - set(known_ids))):
        raise UsageError(f"--ids: {plan.recipes} has no recipe {unknown[0]}; with --expect none it need not")
    return planning.sample_ids(known_ids, plan, QUESTIONS_AT_MOST)


async def _conduct(
    plan: RunPlan,
    asked: Sequence[int],
    authority: Path | None,
    pinning: machine.Pinning,
    progress: Progress,
    enough: Callable[[RawRun], bool],
) -> RawRun:
    with stop_on_signal() as stop:
        measurement = Measurement(
            plan,
            ids=asked,
            certificates=authority,
            pinning=pinning,
            on_progress=progress.update,
            stop=stop,
            enough=enough,
        )
        # This process works between slices only, so it can share a core with the load.
        with machine.this_process_on(pinning.load):
            return await measurement.run()
