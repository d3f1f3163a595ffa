"""From what the conductor found to the run file: figures, ratios, sizes, warnings. Pure."""

from typing import Any

from msgspec.structs import asdict, replace

from bench.clients.registry import LIBRARY, load_client_class
from bench.load import latency_histogram
from bench.network.profile import LOOPBACK, parse
from bench.results import Cell, Memory, PlanUsed, RecipesUsed, Run, RunWarning, Slices
from bench.runner.recording import RawCell, RawRun
from bench.runner.sizes import unknown_sizes
from bench.spec import CellKey, RunPlan
from bench.stats import generator
from bench.stats.analysis import analyse
from bench.stats.ratios import Baseline
from bench.stats.warnings import warnings_of

NOT_TO_BE_TRUSTED = frozenset({"errors_seen", "process_trouble", "cells_failed"})
"""Warnings that make the whole run end with the exit code for measurements that cannot be trusted."""


def run_of(
    raw: RawRun,
    plan: RunPlan,
    *,
    started_at: str,
    duration_s: float,
    command: str,
    environment: dict[str, Any],
    recipes: RecipesUsed,
) -> Run:
    """The run as it is written."""
    cells = analyse(
        [_cell(cell, raw) for cell in raw.cells],
        latency={cell.key.label: cell.latency for cell in raw.cells},
        service={cell.key.label: cell.service for cell in raw.cells},
        baseline=Baseline(plan.matrix["protocol"][0], plan.versions[0].name if plan.compares_versions else None),
        restarts=plan.restarts,
    )
    used = PlanUsed(
        instances=plan.instances,
        rounds=plan.rounds,
        seconds=plan.seconds if plan.rounds is None else None,
        slice_ms=plan.slice_ns / 1e6,
        instances_done=raw.instances_done,
        warm_up_rounds=raw.warm_up_rounds,
        networks={name: str(parse(name)) for name in plan.matrix["network"] if name != LOOPBACK},
        interrupted=raw.interrupted,
    )
    run = Run(
        started_at=started_at,
        duration_s=duration_s,
        command=command,
        seed=plan.seed,
        environment=environment,
        recipes=recipes,
        plan=used,
        warnings=[],
        cells=cells,
    )
    return replace(run, warnings=[*_problems(raw), *warnings_of(run), *unknown_sizes(raw.sizes)])


def untrusted(run: Run) -> bool:
    """Whether something in the run cannot be trusted, or was not measured although it was asked for."""
    return any(warning.code in NOT_TO_BE_TRUSTED for warning in run.warnings) or any(
        cell.status in ("failed", "generator_limited") for cell in run.cells
    )


def empty_cell(key: CellKey, **known: Any) -> Cell:
    """The row of a cell with what is known about it so far, by the names of its fields."""
    return Cell(**asdict(key), id=key.label, checked=load_client_class(key.client).checks, **known)


def _cell(found: RawCell, raw: RawRun) -> Cell:
    known: dict[str, Any] = {"outcomes": found.outcomes, "slices": Slices(found.slices)}
    status, reason = found.status, found.reason
    if status == "measured" and (limit := generator.reason(empty_cell(found.key, **known))) is not None:
        status, reason = "generator_limited", limit
    if status == "measured":
        # Sizes are those of the library client's requests.
        if found.key.client == LIBRARY and (sizes := raw.sizes.get(found.key.message)) is not None:
            known |= {"bytes": sizes.bytes, "tls_session": sizes.tls_session}
        known["memory_bytes"] = Memory(producer_peak=raw.peak_bytes.get(found.key.process))
        if found.latency:
            pooled = latency_histogram.new_histogram()
            for histogram in found.latency.values():
                pooled.add(histogram)
            known["latency_histogram"] = latency_histogram.encode(pooled)
    return empty_cell(found.key, status=status, reason=reason, **known)


def _problems(raw: RawRun) -> list[RunWarning]:
    return [
        RunWarning(code="process_trouble", text=f"{text}. What it did not measure is missing from the figures.")
        for text in dict.fromkeys(raw.problems)
    ]
