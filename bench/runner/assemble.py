"""From the recording of a run to its results: percentiles, ratios, sizes, warnings. Pure."""

from typing import Any

from msgspec.structs import asdict, replace

from bench.clients.registry import LIBRARY, load_client_class
from bench.load import latency_histogram
from bench.network.profile import LOOPBACK, parse
from bench.plan import RunPlan
from bench.protocols import title
from bench.results import Cell, InFlight, Memory, PlanUsed, Run, RunWarning
from bench.runner.found_pages import misnamed_pages, with_found_pages
from bench.runner.job import RunHeader
from bench.runner.recording import CellRecording, RunRecording
from bench.runner.sizes import unknown_sizes
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats import generator
from bench.stats.analysis import analyse
from bench.stats.cores import CoresUsed
from bench.stats.ratios import Baseline
from bench.stats.warnings import warnings_of
from bench.stats.wording import some_of

NOT_TO_BE_TRUSTED = frozenset({"errors_seen", "process_trouble", "cells_failed", "calls_disagree"})
"""Warnings after which a run exits with the code for measurements that cannot be trusted."""


def run_of(recording: RunRecording, plan: RunPlan, header: RunHeader) -> Run:
    """The results of a run."""
    recording = with_found_pages(recording)
    cells = analyse(
        [_cell(cell, recording, CoresUsed.of(header.environment)) for cell in recording.cells],
        latency={cell.key.label: cell.latency for cell in recording.cells},
        service={cell.key.label: cell.service for cell in recording.cells},
        baseline=Baseline.of_plan(plan),
        restarts=plan.restarts,
    )
    used = PlanUsed(
        instances=recording.instances,
        rounds=plan.rounds,
        seconds=plan.seconds if plan.rounds is None else None,
        slice_ms=plan.slice_ns / 1e6,
        instances_done=recording.instances_done,
        instances_at_once=recording.instances_at_once,
        recorded_share=_recorded_share(recording, header.duration_s),
        warm_up_rounds=recording.warm_up_rounds,
        networks={name: str(parse(name)) for name in plan.matrix["network"] if name != LOOPBACK},
        interrupted=recording.interrupted,
        gzip_level=plan.gzip_level,
        timeout_s=plan.timeout_s,
        threshold=plan.threshold,
        expect="recipes" if plan.known else "none",
    )
    run = replace(header.run(plan, used, cells, []), cluster=recording.cluster)
    # Sizes are those of the library client's requests.
    sized = [cell.key for cell in cells if cell.client == LIBRARY]
    unknown = unknown_sizes(recording.sizes, sized)
    found = [*_problems(recording), *warnings_of(run), *unknown, *_uncounted(recording), *uncompared(run)]
    found += misnamed_pages(recording)
    return replace(run, warnings=found)


def _recorded_share(recording: RunRecording, duration_s: float) -> float | None:
    """The share of the run's time that went into recorded slices."""
    recorded_ns = sum(each.duration_ns for cell in recording.cells for each in cell.slices)
    return round(recorded_ns / 1e9 / duration_s, 4) if duration_s > 0 else None


def untrusted(run: Run) -> bool:
    """Whether something in the run cannot be trusted, or could not be measured."""
    return any(warning.code in NOT_TO_BE_TRUSTED for warning in run.warnings) or any(
        cell.status in ("failed", "generator_limited", "interrupted") for cell in run.cells
    )


def empty_cell(key: CellKey, **known: Any) -> Cell:
    """A cell of the run with these fields; the others are empty."""
    return Cell(**asdict(key), id=key.label, checked=load_client_class(key.client).checks, **known)


def _cell(found: CellRecording, recording: RunRecording, cores: CoresUsed) -> Cell:
    known: dict[str, Any] = {
        "fewer_cores": cores.why_fewer(found.key),
        "outcomes": found.outcomes,
        "causes": found.causes.found(),
        "slices": Slices(found.slices),
        "in_flight": _in_flight(found, recording),
    }
    status, reason = found.status, found.reason
    if status == "measured" and (limit := generator.reason(empty_cell(found.key, **known))) is not None:
        status, reason = "generator_limited", limit
    if status == "measured":
        # Sizes are those of the library client's requests.
        if found.key.client == LIBRARY and (sizes := recording.sizes.get(found.key.message)) is not None:
            known |= {"bytes": sizes.bytes, "bytes_behind_front": sizes.behind, "tls_session": sizes.tls_session}
        known["memory_bytes"] = recording.memory.get(found.key.path, Memory())
        known["calls"] = list(recording.calls.get(found.key.spread, {}).values())
        if found.latency:
            pooled = latency_histogram.new_histogram()
            for histogram in found.latency.values():
                pooled.add(histogram)
            known["latency_histogram"] = latency_histogram.encode(pooled)
    return empty_cell(found.key, status=status, reason=reason, **known)


def _in_flight(found: CellRecording, recording: RunRecording) -> InFlight | None:
    counted = recording.in_flight.get(found.key.sender)
    if counted is None or counted.reached is None:
        return None
    queued_ns = [each.queued_ns for each in found.slices if each.queued_ns is not None]
    requests = sum(each.ok + each.failed for each in found.slices if each.queued_ns is not None)
    return InFlight(
        wanted=counted.wanted,
        reached=counted.reached,
        streams_at_most=counted.streams_at_most,
        queued_ns=sum(queued_ns) / requests if requests else None,
    )


def _uncounted(recording: RunRecording) -> list[RunWarning]:
    """A note on cells of which it is not known how many requests were in flight."""
    ids = [
        cell.key.label
        for cell in recording.cells
        if cell.status == "measured"
        and (counted := recording.in_flight.get(cell.key.sender)) is not None
        and counted.reached is None
    ]
    if not ids:
        return []
    text = (
        f"The requests in flight could not be counted on the wire in {some_of(ids)}. A queue in the client would not "
        "be seen there. Counting needs a port without TLS, and requests that succeed."
    )
    return [RunWarning(code="in_flight_unknown", grade="note", text=text, cells=ids)]


def uncompared(run: Run) -> list[RunWarning]:
    """Notes on parts of answers that were not compared, because the request file says that they may differ."""
    asked = {} if run.requests is None else run.requests.requests
    return [
        RunWarning(
            code="answers_uncompared",
            grade="note",
            text=f"Parts of the answers over {title(protocol)} were not compared with earlier ones: "
            f"{', '.join(ignored)} (ignore in the request file).",
            cells=[cell.id for cell in run.cells if cell.protocol == protocol],
        )
        for protocol, section in asked.items()
        if (ignored := section.get("ignore")) and any(cell.protocol == protocol for cell in run.cells)
    ]


def _problems(recording: RunRecording) -> list[RunWarning]:
    return [
        RunWarning(code="process_trouble", text=f"{text}. What it did not measure is missing from the results.")
        for text in dict.fromkeys(recording.problems)
    ]
