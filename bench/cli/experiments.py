"""What experiments have in common: commands whose results are no cells of a run, but files of their own."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from bench.cli.measure import carry_out, checked_path, load_recipes
from bench.cli.show import REPORT, Files, page_of, print_document, print_files, show_then_write
from bench.plan import RunPlan
from bench.report.document import Document
from bench.runner.job import Job, RunHeader
from bench.runner.session import Stopped

Result = TypeVar("Result")
RESULTS = "Results"
"""The file of an experiment, as it is named."""


@dataclass(frozen=True, slots=True)
class Experiment(Generic[Result]):
    """What an experiment found."""

    header: RunHeader
    found: Sequence[Result]
    interrupted: bool


def result_path(out: str) -> Path | None:
    """Where results go; None where nobody wants them. Raises UsageError."""
    return checked_path(out) if out else None


def experimented(
    plan: RunPlan, work: Callable[[Job], Coroutine[Any, Any, Sequence[Result]]], seconds: float
) -> Experiment[Result]:
    """Carry the work out as `carry_out` does, and keep what was found before Ctrl-C. Raises UsageError, Interrupted."""

    async def described(job: Job) -> Experiment[Result]:
        found = await work(job)
        if job.stop.is_set() and not found:
            raise Stopped
        return Experiment(job.header(), found, job.stop.is_set())

    return carry_out(plan, load_recipes(plan.recipes, renumber=False), described, seconds)


def show_experiment(
    kind: str, experiment: Experiment[Any], plan: RunPlan, document: Document, path: Path | None
) -> None:
    """Print the document, and write the results with a page beside them where they are wanted. Raises UsageError."""
    if path is None:
        print_document(document)
        return
    contents = {
        RESULTS: (path, lambda: _encoded(kind, experiment, plan)),
        REPORT: (path.with_suffix(".html"), lambda: page_of(document)),
    }
    show_then_write(Files(contents), lambda: print_document(document), print_files)


def _encoded(kind: str, experiment: Experiment[Any], plan: RunPlan) -> bytes:
    header = experiment.header
    content = {
        "experiment": kind,
        "started_at": header.started_at,
        "duration_s": header.duration_s,
        "command": header.command,
        "seed": plan.seed,
        "interrupted": experiment.interrupted,
        "environment": header.environment,
        "recipes": header.recipes,
        "results": experiment.found,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1)
