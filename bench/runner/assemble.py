"""From what the conductor found to the run file: figures, ratios, sizes, warnings. Pure."""

from typing import Any

from bench.clients.registry import load_client_class
from bench.load import latency_histogram
from bench.network.profile import LOOPBACK, parse
from bench.results import Cell, Memory, PlanUsed, RecipesUsed, Run, RunWarning, Workload
from bench.runner.recording import RawCell, RawRun
from bench.runner.rig import rig_key
from bench.schedule import RunPlan
from bench.spec import LIBRARY, CellPlan
from bench.stats import generator
from bench.stats.analysis import analyse
from bench.stats.ratios import Baseline
from bench.stats.warnings import warnings_of
from bench.stats.wording import some_of
from consumers.registry import default_dialect

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
        latency={cell.plan.id: cell.latency for cell in raw.cells},
        service={cell.plan.id: cell.service for cell in raw.cells},
        baseline=Baseline(plan.matrix.protocols[0], plan.versions[0].name if plan.compares_versions else None),
        restarts=plan.restarts,
    )
    used = PlanUsed(
        instances=plan.instances,
        rounds=plan.rounds,
        seconds=plan.seconds if plan.rounds is None else None,
        slice_ms=plan.slice_ns / 1e6,
        instances_done=raw.instances_done,
        warm_up_rounds=raw.warm_up_rounds,
        networks={name: str(parse(name)) for name in plan.matrix.networks if name != LOOPBACK},
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
    run.warnings = [*_problems(raw), *warnings_of(run), *_unknown_sizes(raw)]
    return run


def untrusted(run: Run) -> bool:
    """Whether something in the run cannot be trusted, or was not measured although it was asked for."""
    return any(warning.code in NOT_TO_BE_TRUSTED for warning in run.warnings) or any(
        cell.status in ("failed", "generator_limited") for cell in run.cells
    )


def empty_cell(plan: CellPlan) -> Cell:
    """The row of a planned cell, before anything is known about it."""
    workload = plan.combination.workload
    return Cell(
        id=plan.id,
        protocol=plan.combination.protocol,
        dialect=plan.combination.dialect or default_dialect(plan.combination.protocol),
        version=plan.combination.version or None,
        gzip=plan.combination.gzip,
        tls=plan.combination.tls,
        workload=Workload(name=workload.name, page_size=workload.page_size or None),
        client=plan.client,
        checked=load_client_class(plan.client).checks,
        load=plan.load,
        network=plan.network,
        connection=plan.connection,
    )


def _cell(found: RawCell, raw: RawRun) -> Cell:
    cell = empty_cell(found.plan)
    cell.status, cell.reason = found.status, found.reason
    cell.outcomes = found.outcomes
    cell.slices = found.slices
    if cell.status == "measured" and (limit := generator.reason(cell)) is not None:
        cell.status, cell.reason = "generator_limited", limit
    if cell.status != "measured":
        return cell
    # Sizes were read of the consumer's requests.
    if found.plan.client == LIBRARY and (sizes := raw.sizes.get(found.plan.combination)) is not None:
        cell.bytes, cell.tls_session = sizes.bytes, sizes.tls_session
    cell.memory_bytes = Memory(producer_peak=raw.peak_bytes.get(rig_key(found.plan.combination)))
    if found.latency:
        pooled = latency_histogram.new_histogram()
        for histogram in found.latency.values():
            pooled.add(histogram)
        cell.latency_histogram = latency_histogram.encode(pooled)
    return cell


def _problems(raw: RawRun) -> list[RunWarning]:
    return [
        RunWarning(code="process_trouble", text=f"{text}. What it did not measure is missing from the figures.")
        for text in dict.fromkeys(raw.problems)
    ]


def _unknown_sizes(raw: RawRun) -> list[RunWarning]:
    """What the wire did not show, each reason once with the combinations that share it."""
    reasons: dict[str, list[str]] = {}
    for combination, sizes in raw.sizes.items():
        for reason in sizes.warnings:
            reasons.setdefault(reason, []).append(combination.label)
    return [
        RunWarning(
            code="sizes_unknown",
            text=f"Not every size of {some_of(names)} is known: {reason}. Sizes that could not be proved are left out; "
            "latencies are not touched by this.",
        )
        for reason, names in reasons.items()
    ]
