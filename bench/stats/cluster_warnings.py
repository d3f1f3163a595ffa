"""Reasons not to trust what a cluster of workers sent: those that were left out, those that differ. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bench.load_models import OpenLoad
from bench.results import Cell, ClusterUsed, ClusterWorker, Run, RunWarning
from bench.slices import LeftOut, Slice
from bench.stats.wording import counted, some_of


def of_cluster(run: Run) -> Iterator[RunWarning]:
    """The warnings about the workers of a run; none where no cluster sent its requests."""
    if run.cluster is None:
        return
    if run.cluster.lost:
        yield _lost(run.cluster)
    for cell in run.cells:
        if any(each.left_out for each in cell.slices):
            yield _left_out(cell)
    if differing := differences(run.cluster.workers):
        yield RunWarning(
            code="workers_differ",
            text=f"The workers differ: {some_of(differing)}. Results depend on that, and the latencies of all "
            "are in one distribution. Install the same everywhere.",
        )


def _lost(cluster: ClusterUsed) -> RunWarning:
    hosts = {worker.number: worker.host for worker in cluster.workers}
    named = some_of([f"worker {each.worker} on {hosts[each.worker]} ({each.reason})" for each in cluster.lost])
    left = len(cluster.workers) - len({each.worker for each in cluster.lost})
    return RunWarning(
        code="worker_lost",
        text=f"The run lost {named}. The whole load was sent by the other {left} in the slices after that.",
    )


def _left_out(cell: Cell) -> RunWarning:
    slices = cell.slices.rows
    concerned = [each for each in slices if each.left_out]
    reasons = Counter(_in_words(out) for each in concerned for out in each.left_out)
    offered = what_was_offered(cell, slices)
    return RunWarning(
        code="workers_left_out",
        text=f"Workers were left out of {len(concerned)} of {counted(len(slices), 'slice')} of {cell.id}: "
        f"{some_of([text for text, _ in reasons.most_common()])}. What they sent there is in no value.{offered}",
        cells=[cell.id],
    )


def _in_words(out: LeftOut) -> str:
    return f"worker {out.worker}, as {out.reason}"


def what_was_offered(cell: Cell, slices: Sequence[Slice]) -> str:
    """The load that the workers that were not left out sent, as a sentence with a space in front; empty where it is
    not known."""
    kept = [each for each in slices if each.workers]
    window_ns = sum(each.window_ns for each in kept)
    if not window_ns or cell.load is None:
        return ""
    if isinstance(cell.load, OpenLoad):
        rate_hz = sum(each.due or 0 for each in kept) / window_ns * 1e9
        return f" The others offered {rate_hz:,.0f} requests/s on average, instead of {cell.load.rate_hz:,.0f}."
    if any(each.in_flight is None for each in kept):
        return ""
    in_flight = sum((each.in_flight or 0) * each.window_ns for each in kept) / window_ns
    return f" The others kept {in_flight:.1f} requests in flight on average, instead of {cell.load.concurrency}."


def differences(workers: Sequence[ClusterWorker]) -> list[str]:
    """In what the workers differ that may move a result, in words: `aiohttp 3.14.4 (1), 3.14.5 (2)`."""
    columns: dict[str, list[str]] = {
        "system": [each.system for each in workers],
        "CPU": [each.cpu for each in workers],
        "Python": [each.python for each in workers],
    }
    names = dict.fromkeys(name for each in workers for name in each.libraries)
    columns |= {name: [each.libraries.get(name, "missing") for each in workers] for name in names}
    return [
        f"{name} {', '.join(f'{value} ({count})' for value, count in sorted(Counter(values).items()))}"
        for name, values in columns.items()
        if len(set(values)) > 1
    ]
