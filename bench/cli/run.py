"""`python -m bench run`: carry out a matrix, write the run file and the report, show the tables."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from bench import assemble
from bench import plan as planning
from bench.cli import matrix_flags
from bench.cli.progress import Progress
from bench.cli.show import show
from bench.cli.stop_signal import stop_on_signal
from bench.conduct import Conductor, RawRun
from bench.matrix import Matrix
from bench.measure import cores, environment
from bench.plan import RunPlan
from bench.processes import pinned_to
from bench.run_file import RecipesUsed
from bench.workloads import QUESTIONS_AT_MOST
from commands import values
from commands.errors import CommandError, ExitCode, UsageError
from producers import certificates
from producers.registry import PRODUCERS
from recipes import sources

DEFAULT_SECONDS = 145.0
DEFAULT_GENERATIONS = 8
QUICK_SECONDS = 35.0
DEFAULT_RECIPES = "generated"


class Interrupted(CommandError):
    """Ctrl-C before anything was measured, or twice."""

    exit_code = ExitCode.INTERRUPTED


def run(
    protocol: Annotated[list[str] | None, typer.Option(metavar="NAMES", help=f"Some of {','.join(PRODUCERS)}.")] = None,
    gzip: Annotated[
        list[str] | None, typer.Option(metavar="off|on|off,on", help="Without, with gzip, or both.")
    ] = None,
    tls: Annotated[list[str] | None, typer.Option(metavar="off|on|off,on", help="Without, with TLS, or both.")] = None,
    workload: Annotated[list[str] | None, typer.Option(metavar="NAMES", help="get, list, fields, create.")] = None,
    page_size: Annotated[list[str] | None, typer.Option(metavar="N", help="Recipes on a page of `list`: 20.")] = None,
    concurrency: Annotated[
        list[str] | None, typer.Option(metavar="N", help="Requests kept in flight: 1 for latency, 16 for throughput.")
    ] = None,
    rate: Annotated[
        list[str] | None, typer.Option(metavar="HZ", help="Open loop instead: requests due per second.")
    ] = None,
    arrivals: Annotated[
        str, typer.Option(metavar="poisson|constant", help="How open-loop requests fall due.")
    ] = "poisson",
    generations: Annotated[
        int | None,
        typer.Option(parser=values.whole_number(1, 1000), metavar="N", help="Fresh starts of all producers."),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            parser=values.whole_number(1, 1_000_000), metavar="N", help="Rounds per generation; else by time."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(parser=values.number(1, 1_000_000), metavar="S", help="Time for the whole run.")
    ] = None,
    slice_ms: Annotated[
        float, typer.Option(parser=values.number(1, 60_000), metavar="MS", help="Length of one slice.")
    ] = 12.0,
    target: Annotated[
        list[str] | None, typer.Option(metavar="PROTOCOL=URL", help="Measure a producer that runs already.")
    ] = None,
    ids: Annotated[str, typer.Option(metavar="IDS", help="Ask for these recipes only.")] = "",
    expect: Annotated[
        str, typer.Option(metavar="recipes|none", help="none: answers need only be well-formed.")
    ] = "recipes",
    ca: Annotated[
        Path | None, typer.Option(parser=values.readable_file, metavar="FILE", help="Authority to trust at targets.")
    ] = None,
    gzip_level: Annotated[
        int, typer.Option(parser=values.whole_number(1, 9), metavar="1..9", help="zlib's level.")
    ] = 6,
    timeout: Annotated[
        float, typer.Option(parser=values.number(0.001, 600), metavar="SECONDS", help="Longest wait for one answer.")
    ] = 10.0,
    recipes: Annotated[
        str, typer.Option(metavar="SOURCE", help="generated[:N[:SEED]], wikibooks, or a JSON (Lines) file.")
    ] = DEFAULT_RECIPES,
    seed: Annotated[
        int, typer.Option(parser=values.whole_number(0, 2**63), metavar="N", help="Decides every order drawn.")
    ] = 1,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="Run file to write; the report goes beside it. Else in reports/.")
    ] = "",
    quick: Annotated[
        bool, typer.Option("--quick", help="One generation, one request in flight, under a minute.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its time; measure nothing.")] = False,
) -> int:
    """Measure the matrix; write the run file and the report; show the tables."""
    chosen_targets = matrix_flags.targets(target or [], tuple(PRODUCERS))
    protocols = matrix_flags.words("--protocol", protocol or list(chosen_targets or PRODUCERS), tuple(PRODUCERS))
    if chosen_targets and set(protocols) - set(chosen_targets):
        missing = ", ".join(sorted(set(protocols) - set(chosen_targets)))
        raise UsageError(f"--protocol names {missing}, for which there is no --target; give one, or leave it out")
    with_tls = matrix_flags.switches("--tls", tls or [_tls_of(chosen_targets)])
    plan = RunPlan(
        matrix=Matrix(
            protocols=protocols,
            gzip=matrix_flags.switches("--gzip", gzip or ["off,on"]),
            tls=with_tls,
            workloads=matrix_flags.workloads(workload or ["get,list"], page_size or ["20"]),
            loads=matrix_flags.loads(concurrency or (["1"] if quick else ["1,16"]), rate or [], arrivals),
        ),
        generations=_generations(generations, quick=quick, targets=bool(chosen_targets)),
        rounds=rounds,
        seconds=seconds or (QUICK_SECONDS if quick else DEFAULT_SECONDS),
        slice_ns=round(slice_ms * 1e6),
        seed=seed,
        recipes=recipes,
        versions=(planning.Version(targets=chosen_targets),),
        ids=matrix_flags.ids(ids),
        known=matrix_flags.words("--expect", [expect], ("recipes", "none"))[0] == "recipes",
        timeout_s=timeout,
        gzip_level=gzip_level,
        ca=str(ca) if ca else None,
    )
    run_path = _run_path(out)
    if dry_run:
        sys.stdout.write(planning.describe(plan))
        return ExitCode.FINE
    return _measure(plan, run_path)


def _tls_of(targets: dict[str, planning.Target]) -> str:
    """Targets decide by their schemes whether there is TLS."""
    if not targets:
        return "off,on"
    both = [any(t.plain for t in targets.values()), any(t.tls for t in targets.values())]
    return ",".join(word for word, there in zip(("off", "on"), both, strict=True) if there)


def _generations(given: int | None, *, quick: bool, targets: bool) -> int:
    if targets:
        if given not in (None, 1):
            raise UsageError(f"--generations {given}: a --target cannot be started afresh; leave --generations out")
        return 1
    return given or (1 if quick else DEFAULT_GENERATIONS)


def _run_path(out: str) -> Path:
    """Where the run file goes. Raises UsageError now rather than after minutes of measuring."""
    path = Path(out) if out else Path("reports")
    if not out or path.is_dir() or out.endswith("/"):
        path /= f"run-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"
    elif path.suffix != ".json":
        raise UsageError(f"--out: {out!r} does not end in .json; the report is written beside it as .html")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"--out: {path.parent} cannot be written to: {error.strerror or error}") from None
    return path


def _measure(plan: RunPlan, run_path: Path) -> int:
    try:
        loaded = sources.load(plan.recipes)
    except sources.SourceError as error:
        raise UsageError(str(error)) from None
    asked = _asked_ids(plan, [recipe.id for recipe in loaded.recipes])
    pinning = cores.pinning_here()
    started_at = datetime.now(UTC)
    began = perf_counter()
    with tempfile.TemporaryDirectory(prefix="recipe-lab-") as aside:
        authority = certificates.write(Path(aside)).directory if any(plan.matrix.tls) and plan.restarts else None
        with Progress(planning.estimated_seconds(plan)) as progress:
            try:
                raw = asyncio.run(_conduct(plan, asked, authority, pinning, progress))
            except asyncio.CancelledError:
                raise Interrupted("interrupted twice; nothing was written") from None
    if raw.interrupted and not any(cell.slices.ok for cell in raw.cells):
        raise Interrupted("interrupted before anything was measured; nothing was written")
    run = assemble.run_of(
        raw,
        plan,
        started_at=started_at.isoformat(timespec="seconds"),
        duration_s=round(perf_counter() - began, 3),
        command=environment.command_line(),
        environment=environment.describe(pinning, measures_elsewhere=not plan.restarts),
        recipes=RecipesUsed(source=loaded.source, count=len(loaded.recipes), digest=loaded.digest),
    )
    show(run, run_path)
    if raw.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.UNTRUSTED if assemble.untrusted(run) else ExitCode.FINE


def _asked_ids(plan: RunPlan, known_ids: Sequence[int]) -> list[int]:
    if plan.ids is not None and plan.known and (unknown := sorted(set(plan.ids) - set(known_ids))):
        raise UsageError(f"--ids: {plan.recipes} has no recipe {unknown[0]}; with --expect none it need not")
    return planning.sample_ids(known_ids, plan, QUESTIONS_AT_MOST)


async def _conduct(
    plan: RunPlan, asked: Sequence[int], authority: Path | None, pinning: cores.Pinning, progress: Progress
) -> RawRun:
    with stop_on_signal() as stop:
        conductor = Conductor(
            plan, ids=asked, certificates=authority, pinning=pinning, on_progress=progress.tell, stop=stop
        )
        # The conductor itself works between slices only, beside the load.
        with pinned_to(pinning.load):
            return await conductor.run()
