"""Counting which replica, or which worker, gets how many calls: by the front, and by the producers themselves.

The cell's own client sends them over the connections that are timed, under the cell's load. Nothing of it is timed. The
ids of processes in responses would not do: a consumer that sends two requests at once would alias with a front that
takes replicas in turn.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic

from bench.clients.base import LoopClient
from bench.clients.registry import load_client_class
from bench.front_processes import front_process
from bench.fronts.counts import Counts
from bench.load import messages
from bench.load_models import OpenLoad
from bench.results import CallsCounted
from bench.runner.front import RunningFront
from bench.runner.processes import ProcessFailed
from bench.runner.producer_counts import ProducerCounts, counts_at
from bench.runner.rig import VERIFY_TIMEOUT_S, Rig
from bench.spec import CellKey

CALLS = 240
"""How many calls are counted of a cell in each instance: a multiple of the numbers of replicas up to 6."""
OPEN_S_AT_MOST = 2.0
"""For how long they are sent in an open loop."""
SETTLED_WITHIN_S = 1.0
"""A call may be counted a little after its response has arrived."""
BETWEEN_READINGS_S = 0.01


def is_distributed(key: CellKey) -> bool:
    """Whether the cell's calls are distributed over several processes, and its client sends a known number of them."""
    return key.replicas * key.workers > 1 and issubclass(load_client_class(key.client), LoopClient)


async def count_calls(rig: Rig, key: CellKey, instance: int, calls: int = CALLS) -> CallsCounted | None:
    """Send about so many calls of a cell that was verified, and count them; None where that failed, which the session
    notes. Raises Stopped."""
    try:
        return await _count(rig, key, instance, calls)
    except ProcessFailed as error:
        rig.session.problems.append(f"calls of {key.label} were not counted: {error}")
        return None


async def _count(rig: Rig, key: CellKey, instance: int, calls: int) -> CallsCounted | None:
    needed = front_process(key, rig.gzip_level)
    front = None if needed is None else rig.fronts[needed]
    by_producer = [producer.metrics for producer in rig.producers[: key.replicas]]
    before, before_front = await _all_counts(by_producer), await _front_counts(front)
    duration_s = min(calls / key.load.rate_hz, OPEN_S_AT_MOST) if isinstance(key.load, OpenLoad) else 0.0
    order = messages.RunSlice(
        cell=key.label,
        seed=f"calls/{instance}",
        duration_ns=round(duration_s * 1e9),
        requests_at_least=calls,
        recorded=False,
        verified=False,
    )
    done = await rig.order(order, VERIFY_TIMEOUT_S)
    if not isinstance(done, messages.SliceDone):
        return None
    sent = sum(done.outcomes.values())
    until = monotonic() + SETTLED_WITHIN_S
    while True:
        after, after_front = await _all_counts(by_producer), await _front_counts(front)
        found = _counted(instance, sent, before, after, None if front is None else _since(before_front, after_front))
        if found.agree or monotonic() > until:
            return found
        await asyncio.sleep(BETWEEN_READINGS_S)


async def _all_counts(by_producer: Sequence[Sequence[str]]) -> list[list[ProducerCounts]]:
    """Of each process of each producer."""
    return [[await counts_at(address) for address in addresses] for addresses in by_producer]


async def _front_counts(front: RunningFront | None) -> Counts | None:
    return None if front is None else await front.counts()


def _since(before: Counts | None, after: Counts | None) -> Counts | None:
    return None if before is None or after is None else after.since(before)


def _counted(
    instance: int,
    sent: int,
    before: Sequence[Sequence[ProducerCounts]],
    after: Sequence[Sequence[ProducerCounts]],
    front: Counts | None,
) -> CallsCounted:
    """What was counted between two readings: of each replica, or of each worker of the only producer."""
    each = [
        [now.since(then).total for then, now in zip(*both, strict=True)] for both in zip(before, after, strict=True)
    ]
    replicas = [] if front is None else list(front.replicas.values())
    known_calls = [one.calls for one in replicas if one.calls is not None]
    known_connections = [one.connections for one in replicas if one.connections is not None]
    return CallsCounted(
        instance=instance,
        sent=sent,
        producers=each[0] if len(each) == 1 else [sum(processes) for processes in each],
        front=known_calls if replicas and len(known_calls) == len(replicas) and len(each) > 1 else None,
        connections=known_connections if replicas and len(known_connections) == len(replicas) else None,
    )
