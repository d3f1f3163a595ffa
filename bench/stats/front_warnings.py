"""Reasons not to trust cells with a front, replicas or workers: too few cores, and how calls were distributed."""

from collections.abc import Iterable, Iterator, Sequence

from bench.results import Cell, RunWarning
from bench.stats import generator
from bench.stats.skew import skew
from bench.stats.wording import configurations

ONE_CORE = 1.0
"""How many cores processes that share cores may keep busy before they wait for each other."""


def of_cells(measured: Sequence[Cell]) -> Iterator[RunWarning]:
    """All of these warnings, the most serious first."""
    yield from _calls_disagree(measured)
    yield from _fewer_cores(measured)
    yield from _uneven(measured)


def _fewer_cores(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    """One note for each reason on bounds of throughput, and a warning where latencies include waiting for a core."""
    bounds: dict[str, list[str]] = {}
    waiting: dict[str, list[str]] = {}
    for cell in cells:
        if cell.fewer_cores is None:
            continue
        if generator.is_bound(cell):
            bounds.setdefault(cell.fewer_cores, []).append(cell.id)
        elif (generator.busy_cores(cell.slices) or 0.0) > ONE_CORE:
            waiting.setdefault(cell.fewer_cores, []).append(cell.id)
    for reason, ids in bounds.items():
        text = (
            f"Throughput of {configurations(ids)} is a lower bound, shown with ≥: {reason}. Measure on more cores, or "
            "compare CPU per request."
        )
        yield RunWarning(code="fewer_cores", grade="note", text=text, cells=ids)
    for reason, ids in waiting.items():
        text = (
            f"Latencies of {configurations(ids)} include waiting for a core: {reason}. Request a lower rate, or "
            "measure on more cores."
        )
        yield RunWarning(code="fewer_cores", grade="warning", text=text, cells=ids)


def _calls_disagree(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    wrong = {cell.id: each for cell in cells for each in cell.calls if not each.agree}
    if wrong:
        worst = next(iter(wrong.values()))
        front = "" if worst.front is None else f", the front {_by_replica(worst.front)}"
        yield RunWarning(
            code="calls_disagree",
            grade="warning",
            text=f"Calls were counted differently in {configurations(list(wrong))}: the client sent {worst.sent:,}, "
            f"the producers counted {_by_replica(worst.producers)}{front}. Requests were repeated, lost, or sent by "
            "others. Do not use results there before the reason is known.",
            cells=list(wrong),
        )


def _by_replica(calls: Sequence[int]) -> str:
    return " + ".join(f"{count:,}" for count in calls)


def _uneven(cells: Iterable[Cell]) -> Iterator[RunWarning]:
    found = {cell.id: each for cell in cells if (each := skew(cell.calls)) is not None}
    uneven = {name: each for name, each in found.items() if each.verdict in ("uneven", "one")}
    if uneven:
        busiest = max(each.busiest for each in uneven.values())
        yield RunWarning(
            code="calls_uneven",
            grade="note",
            text=f"Calls were not distributed evenly in {configurations(list(uneven))}: the busiest replica or worker "
            f"got up to {busiest:.2g} times its fair share. Results there are mostly those of the busiest ones.",
            cells=list(uneven),
        )
