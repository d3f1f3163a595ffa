"""The schedule of a run: instances, warm-up, rounds, slices, seeds and the time that they take. Pure.

Why slices are short, rounds shuffled and producers restarted: docs/measuring.md.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import median

from bench.network.profile import LOOPBACK, PROFILES, parse
from bench.protocols import protocol, set_up_round_trips
from bench.spec import DEFAULT_DIALECT, PERSISTENT, CellKey, ClosedLoad, OpenLoad, RunPlan, dimensions, spoken
from bench.workloads import Workload
from producers.registry import flags_for

LATENCY_REQUESTS_AT_LEAST = 3
"""A median needs a few requests, however slow the cell is."""
THROUGHPUT_EVERY = 6
"""Cells without a headline ratio take part in one of so many rounds: most of the time goes to those that have one."""
VERIFIED_AT_FIRST = 24
"""How many whole responses of a cell are verified before it is timed. The others are verified while it is timed."""
VERIFIED_AGAIN = 4
"""The same for a cell that was verified in an earlier instance, and over a network, which changes no response and makes
each of them slow."""
OPEN_SLICE_NS = 1_000_000_000
"""Slices of an open loop last at least this long: its arrivals must not be interrupted."""
INSTANCES_AT_LEAST = 4
"""With fewer, the spread between restarts is not known well enough to end a run early."""
WARM_UP_ROUNDS_AT_LEAST = 2
"""The first round fills caches; the second is compared with it."""
WARM_UP_ROUNDS_AT_MOST = 8
"""An instance that has not settled by then will not. Its drift is found in the run and reported."""
WARM_UP_FALL_AT_MOST = 0.02
"""The share by which latencies may still fall from one round to the next."""
INSTANCE_START_S = 5.0
"""How long an instance takes to start and to verify its cells, for the estimate of the duration only."""


def requests_at_least(cell: CellKey) -> int:
    """How many requests a slice of this cell has at least, however long they take."""
    if isinstance(cell.load, ClosedLoad):
        return max(LATENCY_REQUESTS_AT_LEAST, cell.load.concurrency)
    return 0


def why_unsupported(key: CellKey, plan: RunPlan) -> str | None:
    """Why the lab's own producers cannot serve this cell, as far as is known before they start; None when they can."""
    if not key.gzip or not plan.restarts:
        return None
    return protocol(key.protocol).why_no_gzip(plan.gzip_level)


def gzip_served(name: str, plan: RunPlan) -> bool:
    """Whether a producer has to be started with gzip."""
    return any(plan.matrix["gzip"]) and protocol(name).why_no_gzip(plan.gzip_level) is None


def producer_flags(protocol: str, plan: RunPlan) -> list[str]:
    """The flags with which a producer has to be started to speak every dialect of the plan."""
    return flags_for(protocol, spoken(protocol, plan.matrix["dialect"] or (DEFAULT_DIALECT,)))


def questions_to_verify(cell: CellKey, instance: int) -> int:
    """How many of a cell's requests are sent, and their whole responses verified, before it is timed."""
    return VERIFIED_AT_FIRST if instance == 0 and cell.network == LOOPBACK else VERIFIED_AGAIN


def slice_ns(cell: CellKey, plan: RunPlan) -> int:
    """For how long a slice of this cell sends requests."""
    return plan.slice_ns if isinstance(cell.load, ClosedLoad) else max(plan.slice_ns, OPEN_SLICE_NS)


def round_trips(cell: CellKey) -> int:
    """How many round trips a request takes, including those that set up a new connection."""
    if cell.connection == PERSISTENT:
        return 1
    return 1 + set_up_round_trips(cell.protocol, tls=cell.tls)


def estimated_slice_ns(cell: CellKey, plan: RunPlan) -> int:
    """About how long a slice of this cell takes: over a slow network, as long as its few requests."""
    if cell.network == LOOPBACK or not isinstance(cell.load, ClosedLoad):
        return slice_ns(cell, plan)
    in_turn = -(-requests_at_least(cell) // cell.load.concurrency)
    return max(slice_ns(cell, plan), in_turn * round_trips(cell) * parse(cell.network).rtt_ns)


def cells_of_round(cells: Sequence[CellKey], plan: RunPlan, instance: int, round_number: int) -> list[CellKey]:
    """The cells of one round, in a random order of its own.

    Cells that measure latency take part in every round, unless they are among the extra cells of the matrix. The others
    take part in every THROUGHPUT_EVERY-th round, from the first on. Without any of the former, all take part always.
    """
    foremost = [cell for cell in cells if cell.measures_latency and not plan.matrix.is_extra(cell)]
    taking_part = list(cells) if not foremost or round_number % THROUGHPUT_EVERY == 0 else foremost
    return Random(f"{plan.seed}/order/{instance}/{round_number}").sample(taking_part, len(taking_part))


def start_order(plan: RunPlan, instance: int) -> list[CellKey]:
    """The order in which the producers of an instance start: the process keys of the matrix, shuffled."""
    processes = list(dict.fromkeys(key.process for key in plan.matrix.cells()))
    return Random(f"{plan.seed}/start/{instance}").sample(processes, len(processes))


def slice_seed(cell: CellKey, plan: RunPlan, instance: int, round_number: int) -> str:
    """The seed of a slice's requests: the same for every protocol, gzip and TLS setting, so that all do equal work."""
    return f"{plan.seed}/{cell.workload.label}/{cell.load}/{instance}/{round_number}"


def settled(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether an instance has warmed up: latencies no longer fall from one round to the next.

    A process that has just started is slower at first, until caches are warm, the interpreter has specialised its code
    and pools are filled. `before` and `now` are the median latencies of two rounds by the cell's id, in any unit. The
    slices of a single cell are noisy, so all cells that are in both rounds decide together.
    """
    changes = [math.log(now[cell] / before[cell]) for cell in now if cell in before]
    return not changes or median(changes) > -WARM_UP_FALL_AT_MOST


def sample_ids(ids: Sequence[int], plan: RunPlan, at_most: int) -> list[int]:
    """The recipes that workloads of one recipe request, in a seeded order."""
    wanted = list(plan.ids) if plan.ids is not None else list(ids)
    return Random(f"{plan.seed}/ids").sample(wanted, min(at_most, len(wanted)))


def estimated_seconds(plan: RunPlan) -> float:
    """About how long the run takes, before anything is known about the speed of the producers."""
    cells = plan.matrix.cells()
    rounds_ns = sum(
        estimated_slice_ns(cell, plan) * 2
        for number in range(WARM_UP_ROUNDS_AT_LEAST + (plan.rounds or 1))
        for cell in cells_of_round(cells, plan, 0, number)
    )
    estimated_s = plan.instances * (rounds_ns / 1e9 + (INSTANCE_START_S if plan.restarts else 1.0))
    if plan.rounds is None:
        # Every instance has at least one round, however little time there is.
        return max(plan.seconds, estimated_s) if set(plan.matrix["network"]) - {LOOPBACK} else plan.seconds
    return estimated_s


def instances_within(seconds: float, instance_s: float) -> int:
    """How many instances of about this duration fit into a time, and at least INSTANCES_AT_LEAST."""
    return max(INSTANCES_AT_LEAST, int(seconds / instance_s))


def describe(plan: RunPlan) -> str:
    """The plan as `--dry-run` prints it: what would be measured, how, and for how long."""
    cells = plan.matrix.cells()
    rounds = "as many rounds as fit" if plan.rounds is None else f"{plan.rounds} rounds"
    start = "all producers are restarted for each" if plan.restarts else "against producers that are already running"
    lines = [
        f"{len(cells)} cells: every combination of",
        *(
            f"  {dimension.heading}: {', '.join(_text(value) for value in plan.matrix[name])}"
            for name, dimension in dimensions().items()
            if plan.matrix[name]
        ),
        *(
            f"  and each with {', '.join(f'{name} {_text(value)}' for name, value in extra.items())}"
            for extra in plan.matrix.extra
        ),
        f"instances: {plan.instances}, {start}; {rounds} in each, after warming up",
        f"slices of {plan.slice_ns / 1e6:g} ms, shuffled in every round; seed {plan.seed}",
        f"recipes: {plan.recipes}",
        f"takes about {estimated_seconds(plan):.0f} s",
        "",
        *(cell.label for cell in cells),
    ]
    return "\n".join(lines) + "\n"


def _text(value: object) -> str:
    """A value of a dimension, in a few characters."""
    match value:
        case bool():
            return "on" if value else "off"
        case Workload():
            return value.label
        case ClosedLoad() | OpenLoad():
            return value.words
        case str() if value in PROFILES:
            return f"{value} ({PROFILES[value]})"
        case _:
            return str(value)
