"""The schedule of a run: instances, sweeps, rounds, blocks, slices, seeds and the time that they take. Pure.

Several instances live at the same time. A sweep visits each of them once, in random order, and measures one round
there: its blocks, in random order. A block is the slices that are compared with each other, in random order, as
neighbours. Why: docs/measuring.md.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import TypeVar

from bench import connections
from bench.dimension import Role
from bench.front_processes import why_no_front
from bench.fronts import registry as fronts
from bench.load_models import ClosedLoad, OpenLoad
from bench.machine import Busy
from bench.network.profile import LOOPBACK, PROFILES, parse
from bench.plan import RunPlan
from bench.protocols import protocol, set_up_round_trips
from bench.spec import PERSISTENT, CellKey, dimensions
from bench.workloads import Workload
from producers.registry import implementation

LATENCY_REQUESTS_AT_LEAST = 3
"""A median needs a few requests, however slow the cell is."""
OTHERS_EVERY = 8
"""Blocks that measure no latency, or are there besides, take part in one of so many rounds: most of the time goes to
the headline ratios."""
VERIFIED_EVERY = OTHERS_EVERY
"""In one of so many rounds of an instance, one more whole response of every cell is verified after its slice."""
VERIFIED_AT_FIRST = 24
"""How many whole responses of a cell are verified before it is timed. The others are verified while it is timed."""
VERIFIED_AGAIN = 2
"""The same for a cell that was verified in an earlier instance, and over a network, which changes no response and makes
each of them slow."""
OPEN_SLICE_NS = 1_000_000_000
"""Slices of an open loop last at least this long: its arrivals must not be interrupted. So do all slices of a cluster:
its workers begin within a part of them."""
INSTANCES_AT_LEAST = 4
"""With fewer, the spread between restarts is not known well enough to end a run early."""
DISCARDED_AT_MOST = 4
"""Instances that have not warmed up after so many sweeps will not. Their drift is found in the run and reported."""
WARM_UP_SHARE = 1 / 3
"""How long a slice of the warm-up lasts, as a share of a recorded one."""
WARM_UP_FALL_AT_MOST = 0.02
"""The share by which latencies may still fall from one sweep to the next."""
START_SHARE = 1 / 6
"""The share of the time that may go into starting more instances than the plan asks for at least. Beyond that, they are
hardly worth more than the slices that could be recorded instead (docs/decisions/0020)."""
LEAST_START_SHARE = 0.5
"""The share of the time that may go into starting those instances that verdicts need at least."""
MEMORY_SHARE = 0.5
"""The share of the memory that is available which instances may take."""
UNKNOWN_MEMORY_INSTANCES = 4
"""How many instances live at the same time where the system does not say how much memory there is."""
UNVISITED_S_AT_MOST = 75.0
"""About how long a connection may wait for its next request: less than consumers keep an idle one (IDLE_S of
consumers.aiohttp_session)."""
ENDING_S = 5.0
"""How long it takes, about, to end all processes and to write run file and report."""
GAP_NS = 1_500_000
"""About the time between two slices, for estimates only."""
INSTANCE_START_S = 3.0
"""How long an instance takes to start, to be verified and to warm up, for the estimate of the duration only."""

Where = TypeVar("Where", bound=Hashable)
Block = tuple[CellKey, ...]
"""Cells that are compared with each other: they differ in what is compared only, such as the protocol."""


def requests_at_least(cell: CellKey) -> int:
    """How many requests a slice of this cell has at least, however long they take."""
    if isinstance(cell.load, ClosedLoad):
        return max(LATENCY_REQUESTS_AT_LEAST, cell.load.concurrency)
    return 0


def why_unsupported(key: CellKey, plan: RunPlan) -> str | None:
    """Why the producer of this cell cannot serve it, as far as is known before anything starts; None when it can."""
    if (target := plan.version_of(key).targets.get(key.protocol)) is not None:
        if target.of(tls=key.tls) is not None:
            return None
        without, scheme = ("with", "https") if key.tls else ("without", "http")
        return f"its target has no address {without} TLS; add --target {key.protocol}={scheme}://…"
    asked_for = {"gzip": key.producer_gzip, "tls": key.producer_tls, "workers": key.workers > 1}
    features = [name for name, is_asked in asked_for.items() if is_asked]
    lacking = implementation(key.protocol, key.implementation).why_not(*features, key.dialect, key.workload.name)
    if lacking is None and key.producer_gzip:
        lacking = protocol(key.protocol).why_no_gzip(plan.gzip_level)
    return lacking or why_no_front(key, plan.gzip_level)


def busy(plan: RunPlan) -> Busy:
    """Which processes are busy at the same time, at most."""
    cells = [cell for cell in plan.matrix.cells() if why_unsupported(cell, plan) is None]
    producers = max((cell.replicas * cell.workers for cell in cells), default=1)
    return Busy(producers=producers, front=bool(fronts_of(plan)))


def fronts_of(plan: RunPlan) -> list[str]:
    """The names of the fronts that serve cells of the plan."""
    served_by = (cell.front for cell in plan.matrix.cells() if why_unsupported(cell, plan) is None)
    return [name for name in dict.fromkeys(served_by) if name != fronts.NONE]


def why_nothing(plan: RunPlan) -> str | None:
    """Why no cell of the plan can be measured, as far as is known before anything starts; None where one can."""
    reasons = [why_unsupported(cell, plan) for cell in plan.matrix.cells()]
    return reasons[0] if reasons and all(reasons) else None


def served(key: CellKey, plan: RunPlan) -> list[CellKey]:
    """The cells that the producer with this process key serves."""
    return [cell for cell in plan.matrix.cells() if cell.process == key and why_unsupported(cell, plan) is None]


def questions_to_verify(cell: CellKey, instance: int) -> int:
    """How many of a cell's requests are sent, and their whole responses verified, before it is timed."""
    return VERIFIED_AT_FIRST if instance == 0 and cell.network == LOOPBACK else VERIFIED_AGAIN


def slice_ns(cell: CellKey, plan: RunPlan) -> int:
    """For how long a slice of this cell sends requests."""
    short = isinstance(cell.load, ClosedLoad) and plan.scheduler is None
    return plan.slice_ns if short else long_slice_ns(plan)


def long_slice_ns(plan: RunPlan) -> int:
    """For how long a slice sends requests where it must not be short: in open loop, and from a cluster."""
    return max(plan.slice_ns, OPEN_SLICE_NS)


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


def blocks_of(cells: Collection[CellKey], plan: RunPlan) -> dict[Block, float]:
    """The blocks of these cells, each with the share of rounds in which it takes part.

    Blocks that measure latency take part in every round, unless they are among the extra cells of the matrix. The
    others take part in one of OTHERS_EVERY rounds. Without any of the former, all take part always.
    """
    compared = [name for name, each in dimensions().items() if each.role is Role.SERIES or each.neighbours]
    found: dict[Hashable, list[CellKey]] = {}
    for cell in cells:
        found.setdefault(cell.without(*compared), []).append(cell)
    blocks = [tuple(block) for block in found.values()]
    foremost = [block for block in blocks if block[0].measures_latency and not plan.matrix.is_extra(block[0])]
    return {block: 1.0 if block in foremost or not foremost else 1 / OTHERS_EVERY for block in blocks}


@dataclass(slots=True)
class Turns:
    """Decides which blocks take part in the rounds of one instance: all in the first, then each by its share."""

    _owed: dict[Block, float] = field(default_factory=dict)

    def next_round(self, shares: Mapping[Block, float]) -> list[Block]:
        """The blocks of the next round. `shares`: in which share of the rounds a block takes part, at most 1."""
        taking_part = []
        for block, share in shares.items():
            owed = self._owed.get(block, 1.0)
            if owed > 1 - 1e-9:
                taking_part.append(block)
                owed -= 1
            self._owed[block] = owed + share
        return taking_part


def order_of_round(blocks: Sequence[Block], plan: RunPlan, instance: int, round_number: int) -> list[CellKey]:
    """The cells of a round in the order of measuring: blocks in random order, and cells within each."""
    random = Random(f"{plan.seed}/order/{instance}/{round_number}")
    return [cell for block in random.sample(blocks, len(blocks)) for cell in random.sample(block, len(block))]


def order_of_sweep(instances: Sequence[int], plan: RunPlan, sweep: int) -> list[int]:
    """The order in which a sweep visits the instances."""
    return Random(f"{plan.seed}/sweep/{sweep}").sample(instances, len(instances))


def instances_at_once(
    plan: RunPlan, remaining: int, instance_bytes: int | None, available_bytes: int | None, open_files: int
) -> int:
    """How many of the remaining instances live at the same time, of which one has been started.

    As many as fit into MEMORY_SHARE of the memory that was available besides that one, by what that one takes; no more
    than the `open_files` allowed to this process suffice for; and no more than can be visited before idle connections
    are closed. Instances that do not fit are measured afterwards, in groups of about the same size, unless the plan is
    content with fewer.
    """
    if instance_bytes and available_bytes is not None:
        by_memory = 1 + int(available_bytes * MEMORY_SHARE / instance_bytes)
    else:
        by_memory = UNKNOWN_MEMORY_INSTANCES
    by_files = connections.instances_at_once(plan, open_files)
    at_most = max(1, min(remaining, by_memory, by_files, int(UNVISITED_S_AT_MOST / _between_visits_s(plan))))
    if plan.instances_at_least is not None and at_most >= plan.instances_at_least:
        return at_most
    return -(-remaining // -(-remaining // at_most))


def _between_visits_s(plan: RunPlan) -> float:
    """About how long it takes per instance until every cell has been visited again."""
    shares = blocks_of(plan.matrix.cells(), plan)
    rarest = min(shares.values())
    return (
        sum(estimated_slice_ns(cell, plan) + GAP_NS for block in shares for cell in block)
        / 1e9
        * (_share_of_time(shares) / rarest)
    )


def _share_of_time(shares: Mapping[Block, float]) -> float:
    """The mean time of a round over that of a round of all blocks, about."""
    return sum(share * len(block) for block, share in shares.items()) / sum(len(block) for block in shares)


def start_order(plan: RunPlan, instance: int) -> list[CellKey]:
    """The order in which the producers of an instance start: the process keys of the matrix, shuffled."""
    processes = list(dict.fromkeys(key.process for key in plan.matrix.cells()))
    return Random(f"{plan.seed}/start/{instance}").sample(processes, len(processes))


def slice_seed(cell: CellKey, plan: RunPlan, instance: int, round_number: int) -> str:
    """The seed of a slice's requests: the same for every protocol, gzip and TLS setting, so that all do equal work."""
    return f"{plan.seed}/{cell.workload.label}/{cell.load}/{instance}/{round_number}"


def settled(before: Mapping[Where, float], now: Mapping[Where, float]) -> bool:
    """Whether instances have warmed up: latencies no longer fall from one sweep to the next.

    A process that has just started is slower at first, until caches are warm, the interpreter has specialised its code
    and pools are filled. `before` and `now` are the median latencies of the slices of two sweeps by instance and cell,
    in any unit. Single slices are noisy, so all that are in both sweeps decide together.
    """
    changes = [math.log(now[each] / before[each]) for each in now if each in before]
    return not changes or median(changes) > -WARM_UP_FALL_AT_MOST


def sample_ids(ids: Sequence[int], plan: RunPlan, at_most: int) -> list[int]:
    """The recipes that workloads of one recipe request, in a seeded order."""
    wanted = list(plan.ids) if plan.ids is not None else list(ids)
    return Random(f"{plan.seed}/ids").sample(wanted, min(at_most, len(wanted)))


def estimated_seconds(plan: RunPlan) -> float:
    """About how long the run takes, before anything is known about the speed of the producers."""
    start_s = plan.instances * (INSTANCE_START_S if plan.restarts else 1.0)
    if plan.rounds is None:
        # Instances that were asked for are started however long that takes; all else is cut short.
        return max(plan.seconds, start_s) if plan.instances_at_least is None else plan.seconds
    shares = blocks_of(plan.matrix.cells(), plan)
    all_ns = sum(estimated_slice_ns(cell, plan) + GAP_NS for block in shares for cell in block)
    # The warm-up and the first round have all blocks.
    rounds = 2 + (plan.rounds - 1) * _share_of_time(shares)
    return start_s + plan.instances * rounds * all_ns / 1e9


def may_start(plan: RunPlan, number: int, elapsed_ns: float, first_ns: float, more_until_ns: float) -> bool:
    """Whether another instance may be started, in nanoseconds since the first began to start, which took `first_ns`.

    Those that the plan asks for explicitly in any case; the least that verdicts need while their starts take no more
    than LEAST_START_SHARE of the time; more of them until `more_until_ns`.
    """
    if plan.instances_at_least is None:
        return True
    if number < plan.instances_at_least:
        return plan.rounds is not None or elapsed_ns + first_ns < LEAST_START_SHARE * plan.seconds * 1e9
    return elapsed_ns < more_until_ns


def instances_within(seconds: float, instance_s: float) -> int:
    """How many instances of about this duration fit into a time, and at least INSTANCES_AT_LEAST."""
    return max(INSTANCES_AT_LEAST, int(seconds / instance_s))


def describe(plan: RunPlan) -> str:
    """The plan as `--dry-run` prints it: what would be measured, how, and for how long."""
    cells = plan.matrix.cells()
    rounds = "as many rounds as fit" if plan.rounds is None else f"{plan.rounds} rounds"
    start = "each with producers of its own" if plan.restarts else "against producers that are already running"
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
        f"instances: {plan.instances}{'' if plan.instances_at_least is None else ' at most'}, {start}; "
        f"{rounds} in each, after warming up",
        f"slices of {plan.slice_ns / 1e6:g} ms in blocks, shuffled in every round; seed {plan.seed}",
        f"recipes: {plan.recipes}" if plan.requests is None else f"requests: {plan.requests.used.file}",
        f"takes about {estimated_seconds(plan):.0f} s, and up to {ENDING_S:.0f} s more to end and to write the report",
        *_short_time(plan),
        "",
        *(_described(cell, plan) for cell in cells),
    ]
    return "\n".join(lines) + "\n"


def _described(cell: CellKey, plan: RunPlan) -> str:
    reason = why_unsupported(cell, plan)
    return cell.label if reason is None else f"{cell.label}: unsupported: {reason}"


def _short_time(plan: RunPlan) -> list[str]:
    """That the time is short for the instances that verdicts need, if it is."""
    least = plan.instances_at_least
    needed_s = 0.0 if least is None or plan.rounds is not None else least * INSTANCE_START_S / LEAST_START_SHARE
    if plan.seconds >= needed_s:
        return []
    return [f"that is short: verdicts need {least} instances, for which about --seconds {needed_s:.0f} is needed"]


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
        case "":
            return "default"
        case _:
            return str(value)
