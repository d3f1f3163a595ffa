"""The plan of a run: instances, rounds and slices, decided before anything starts. Pure.

Why short slices, shuffled rounds and restarts: docs/measuring.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from bench.network.profile import LOOPBACK, parse
from bench.protocols import protocol, set_up_round_trips
from bench.results import ClosedLoad, Load
from bench.runner import warm_up
from bench.spec import PERSISTENT, CellPlan, Combination, Matrix, spoken
from producers.registry import flags_for

LATENCY_REQUESTS_AT_LEAST = 3
"""A slice's median needs a few answers, however slow the cell is."""
THROUGHPUT_EVERY = 6
"""Throughput cells and extra arms take part in every so manieth round, so that most of the time goes to what the ratios
need."""
PROVED_AT_FIRST = 24
"""Questions whose whole answers are compared before a cell is timed; the rest are compared while it is."""
PROVED_AGAIN = 4
"""So many suffice where the same cell was proved in an earlier instance, and over a network, which changes nothing in
an answer and takes its time for each."""
OPEN_SLICE_NS = 1_000_000_000
"""Open loop needs its arrivals uninterrupted, so its slices are this long."""
INSTANCES_AT_LEAST = 4
"""Fewer say too little about how far restarts move the figures to end a run by it."""
INSTANCE_START_S = 5.0
"""A guess of how long an instance's processes take to start and to prove their cells, for the estimate only."""


@dataclass(frozen=True, slots=True)
class Target:
    """A producer that somebody else started: where it serves, plain or with TLS."""

    plain: str | None
    tls: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the producers: code to start them from, or addresses where they run already."""

    name: str = ""
    """As in Matrix.versions."""
    reference: str = ""
    """A commit, or a directory with a checkout, that its code is to be taken from; empty: this lab's own."""
    directory: str = ""
    """The root of the code, once it is built; empty: this lab's own."""
    python: str = ""
    """The interpreter that has what the code requires; empty: the one that runs the lab."""
    targets: Mapping[str, Target] = field(default_factory=dict)
    """By protocol; empty: the lab starts the producers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Everything that a run needs to know."""

    matrix: Matrix
    instances: int
    rounds: int | None
    """Recorded rounds per instance; None: as many as fit into `seconds`."""
    seconds: float
    """How long the run may take when `rounds` is None."""
    slice_ns: int
    seed: int
    recipes: str
    versions: tuple[Version, ...] = (Version(),)
    """What is compared; of two, the first is the baseline."""
    ids: tuple[int, ...] | None = None
    """Ask for these recipes only; None: a sample of all."""
    known: bool = True
    """Whether answers must equal the recipes; otherwise they only have to be well-formed."""
    until: float | None = None
    """Stop once every headline interval reaches this share to either side at most, or the time is up."""
    timeout_s: float = 10.0
    gzip_level: int = 6
    ca: str | None = None

    @property
    def restarts(self) -> bool:
        """Whether producers are started afresh for every instance."""
        return not any(version.targets for version in self.versions)

    @property
    def compares_versions(self) -> bool:
        """Whether two versions of the producers run side by side."""
        return len(self.versions) > 1


def requests_at_least(cell: CellPlan) -> int:
    """How many requests a slice of this cell has, however long they take."""
    if isinstance(cell.load, ClosedLoad):
        return max(LATENCY_REQUESTS_AT_LEAST, cell.load.concurrency)
    return 0


def why_unsupported(combination: Combination, plan: RunPlan) -> str | None:
    """Why a combination cannot be had from producers that the lab starts, known before they are; None when it can."""
    if not combination.gzip or not plan.restarts:
        return None
    return protocol(combination.protocol).why_no_gzip(plan.gzip_level)


def gzip_served(name: str, plan: RunPlan) -> bool:
    """Whether a producer is to be started with gzip."""
    return any(plan.matrix.gzip) and protocol(name).why_no_gzip(plan.gzip_level) is None


def producer_flags(protocol: str, plan: RunPlan) -> list[str]:
    """What a producer is to be started with, so that it speaks every dialect that it is asked in."""
    return flags_for(protocol, spoken(protocol, plan.matrix.dialects))


def questions_to_prove(cell: CellPlan, instance: int) -> int:
    """How many of a cell's questions are asked, and their whole answers compared, before it is timed."""
    return PROVED_AT_FIRST if instance == 0 and cell.network == LOOPBACK else PROVED_AGAIN


def slice_ns(cell: CellPlan, plan: RunPlan) -> int:
    """How long a slice of this cell goes on sending."""
    return plan.slice_ns if isinstance(cell.load, ClosedLoad) else max(plan.slice_ns, OPEN_SLICE_NS)


def round_trips(cell: CellPlan) -> int:
    """How many round trips a request takes, with those that set up a new connection."""
    if cell.connection == PERSISTENT:
        return 1
    return 1 + set_up_round_trips(cell.combination.protocol, tls=cell.combination.tls)


def estimated_slice_ns(cell: CellPlan, plan: RunPlan) -> int:
    """About how long a slice of this cell takes at least: over a far network, as long as its few requests do."""
    if cell.network == LOOPBACK or not isinstance(cell.load, ClosedLoad):
        return slice_ns(cell, plan)
    in_turn = -(-requests_at_least(cell) // cell.load.concurrency)
    return max(slice_ns(cell, plan), in_turn * round_trips(cell) * parse(cell.network).rtt_ns)


def cells_of_round(cells: Sequence[CellPlan], plan: RunPlan, instance: int, round_number: int) -> list[CellPlan]:
    """The cells of one round, in an order drawn for this round alone.

    Cells that measure latency take part in every round, unless they are extra arms; the others in every sixth, from
    the first on. Where there are none of the former, all take part always.
    """
    extra = plan.matrix.extra_arms
    foremost = [cell for cell in cells if cell.measures_latency and (cell.client, cell.load) not in extra]
    taking_part = list(cells) if not foremost or round_number % THROUGHPUT_EVERY == 0 else foremost
    return Random(f"{plan.seed}/order/{instance}/{round_number}").sample(taking_part, len(taking_part))


def start_order(plan: RunPlan, instance: int) -> list[tuple[str, str]]:
    """The order in which an instance's producers start: pairs of protocol and version."""
    arms = [(protocol, version.name) for version in plan.versions for protocol in plan.matrix.protocols]
    return Random(f"{plan.seed}/start/{instance}").sample(arms, len(arms))


def slice_seed(cell: CellPlan, plan: RunPlan, instance: int, round_number: int) -> str:
    """The seed of a slice's questions: the same for every protocol, gzip and TLS, so that they do the same work."""
    return f"{plan.seed}/{cell.combination.workload.label}/{cell.load}/{instance}/{round_number}"


def sample_ids(ids: Sequence[int], plan: RunPlan, at_most: int) -> list[int]:
    """The recipes that single-recipe workloads ask for, in a seeded order."""
    wanted = list(plan.ids) if plan.ids is not None else list(ids)
    return Random(f"{plan.seed}/ids").sample(wanted, min(at_most, len(wanted)))


def estimated_seconds(plan: RunPlan) -> float:
    """About how long the run takes, before anything is known about how fast the producers are."""
    cells = plan.matrix.cells()
    rounds_ns = sum(
        estimated_slice_ns(cell, plan) * 2
        for number in range(warm_up.ROUNDS_AT_LEAST + (plan.rounds or 1))
        for cell in cells_of_round(cells, plan, 0, number)
    )
    estimated_s = plan.instances * (rounds_ns / 1e9 + (INSTANCE_START_S if plan.restarts else 1.0))
    if plan.rounds is None:
        # Every instance has a round, however little time there is.
        return max(plan.seconds, estimated_s) if set(plan.matrix.networks) != {LOOPBACK} else plan.seconds
    return estimated_s


def instances_within(seconds: float, instance_s: float) -> int:
    """How many instances of about this length fit into a time; several, however short it is."""
    return max(INSTANCES_AT_LEAST, int(seconds / instance_s))


def describe(plan: RunPlan) -> str:
    """The plan in words, as `--dry-run` prints it: what would be measured, how, and for how long."""
    cells = plan.matrix.cells()
    combinations = len(list(plan.matrix.combinations()))
    matrix = plan.matrix
    loads = ", ".join(_load_in_words(load) for load in matrix.loads)
    product = f"{combinations} combinations × {len(matrix.loads)} loads ({loads})"
    if len(matrix.clients) > 1:
        product += f" × {len(matrix.clients)} clients ({', '.join(matrix.clients)})"
    extra = [f" + {combinations} by the {name} client ({_load_in_words(load)})" for name, load in matrix.extra_arms]
    rounds = "as many rounds as fit" if plan.rounds is None else f"{plan.rounds} rounds"
    start = "all producers started afresh for each" if plan.restarts else "against producers that are running already"
    lines = [
        f"{product}{_paths(matrix)}{''.join(extra)} = {len(cells)} cells",
        f"instances: {plan.instances}, {start}; {rounds} in each, after the producers have warmed up",
        f"slices of {plan.slice_ns / 1e6:g} ms, shuffled anew in every round; seed {plan.seed}",
        f"recipes: {plan.recipes}",
        f"takes about {estimated_seconds(plan):.0f} s",
        "",
        *(cell.id for cell in cells),
    ]
    return "\n".join(lines) + "\n"


def _paths(matrix: Matrix) -> str:
    """The networks and kinds of connection in words; nothing where they are the usual ones."""
    said = ""
    if list(matrix.networks) != [LOOPBACK]:
        described = (name if name == LOOPBACK or "=" in name else f"{name}: {parse(name)}" for name in matrix.networks)
        said += f" × {len(matrix.networks)} networks ({'; '.join(described)})"
    if list(matrix.connections) != [PERSISTENT]:
        said += f" × {len(matrix.connections)} kinds of connection ({', '.join(matrix.connections)})"
    return said


def _load_in_words(load: Load) -> str:
    return f"{load.concurrency} in flight" if isinstance(load, ClosedLoad) else f"{load.rate_hz:g} due per second"
