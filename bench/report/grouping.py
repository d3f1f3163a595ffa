"""How cells are arranged for a reader: by workload, by load, by gzip and TLS, with protocols side by side."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bench import protocols
from bench.contenders import Contender, contender_of
from bench.report import names
from bench.results import Cell, Ratio, RatioEstimate, Run
from bench.spec import ClosedLoad, Load, OpenLoad
from bench.stats.measures import LATENCY, Measure, measure_of
from bench.workloads import Workload


class Variant(NamedTuple):
    """One setting of gzip and TLS."""

    gzip: bool
    tls: bool

    @property
    def label(self) -> str:
        """`plain`, `gzip`, `TLS`, `gzip+TLS`."""
        return names.variant(self.gzip, self.tls)

    @property
    def in_words(self) -> str:
        """Within a sentence."""
        return names.in_variant(self.gzip, self.tls)


@dataclass(frozen=True, slots=True)
class LoadGroup:
    """The cells of one workload under one load; protocols side by side within each setting of gzip and TLS."""

    load: Load | None
    cells: tuple[Cell, ...]

    @property
    def measure(self) -> Measure:
        """What these cells are judged by."""
        return measure_of(self.cells[0])

    @property
    def is_latency(self) -> bool:
        """Whether they tell latency, not throughput."""
        return self.load is not None and self.measure is LATENCY

    @property
    def is_open(self) -> bool:
        """Whether requests fell due by the clock."""
        return isinstance(self.load, OpenLoad)

    @property
    def superlative(self) -> str:
        """What the best of them is called: `fastest`, or `ahead` where the figure is a rate."""
        return "fastest" if self.is_latency else "ahead"

    def at(self, contender: Contender, variant: Variant) -> Cell | None:
        """The cell of a contender in a variant, if it was measured."""
        for cell in self.cells:
            if contender_of(cell) == contender and variant_of(cell) == variant and cell.status == "measured":
                return cell
        return None


@dataclass(frozen=True, slots=True)
class WorkloadGroup:
    """Everything about one workload, through one client, over one network and kind of connection."""

    workload: Workload
    client: str
    network: str
    connection: str
    loads: tuple[LoadGroup, ...]

    @property
    def title(self) -> str:
        """The workload, and whatever is not as it usually is."""
        unusual = []
        unusual += [f"{self.client} client"] if self.client != "library" else []
        unusual += [self.network] if self.network != "loopback" else []
        unusual += [f"{self.connection} connections"] if self.connection != "persistent" else []
        return ", ".join([names.workload(self.workload), *unusual])

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        return [cell for group in self.loads for cell in group.cells]

    @property
    def variants(self) -> list[Variant]:
        """Settings of gzip and TLS, in the order of the run."""
        return list(dict.fromkeys(variant_of(cell) for cell in self.cells))

    @property
    def contenders(self) -> list[Contender]:
        """In the order of the run."""
        return list(dict.fromkeys(contender_of(cell) for cell in self.cells))

    @property
    def latency(self) -> LoadGroup | None:
        """The load that tells latency best: one in flight, else the lowest rate."""
        telling = [group for group in self.loads if group.is_latency]
        return min(telling, key=_load_order, default=None)

    def one_per_combination(self) -> Iterator[Cell]:
        """Of each variant and contender the cell whose bytes are known, else the first: sizes are those of any load."""
        for variant in self.variants:
            for contender in self.contenders:
                same = (contender, variant)
                found = [cell for cell in self.cells if (contender_of(cell), variant_of(cell)) == same]
                if found:
                    yield next((cell for cell in found if cell.bytes is not None), found[0])


@dataclass(frozen=True, slots=True)
class Arrangement:
    """A run, arranged."""

    contenders: tuple[Contender, ...]
    """All of the run, in its order."""
    baseline: str | None
    """What everything is compared with, as a reader knows it: a protocol or a version. None where nothing is."""
    groups: tuple[WorkloadGroup, ...]
    by_id: dict[str, Cell]

    @property
    def compares_versions(self) -> bool:
        """Whether the baseline is a version, and not a protocol."""
        return any(contender.version is not None for contender in self.contenders)

    def series(self, cell: Cell) -> int:
        """The place of a cell's contender in the run's order, which decides its colour."""
        return self.contenders.index(contender_of(cell))

    def is_baseline(self, contender: Contender) -> bool:
        """Whether others are compared with it."""
        if contender.dialect and not self.compares_versions:
            return False
        name = contender.version if self.compares_versions else protocols.title(contender.protocol)
        return self.baseline is not None and name == self.baseline

    def against_baseline(self, cell: Cell) -> RatioEstimate | None:
        """The ratio to the baseline at equal gzip and TLS; None for the baseline itself, too."""
        if cell.ratio is None:
            return None
        other = self.by_id.get(cell.ratio.baseline)
        if other is None or contender_of(other) == contender_of(cell) or variant_of(other) != variant_of(cell):
            return None
        return of_measure(cell.ratio, cell)


def arranged(run: Run) -> Arrangement:
    """The cells of a run, in a reader's order."""
    by_id = {cell.id: cell for cell in run.cells}
    groups: dict[tuple[Workload, str, str, str], list[Cell]] = {}
    for cell in run.cells:
        groups.setdefault((cell.workload, cell.client, cell.network, cell.connection), []).append(cell)
    return Arrangement(
        contenders=tuple(dict.fromkeys(contender_of(cell) for cell in run.cells)),
        baseline=_baseline(run.cells, by_id),
        groups=tuple(WorkloadGroup(*key, loads=_by_load(cells)) for key, cells in groups.items()),
        by_id=by_id,
    )


def variant_of(cell: Cell) -> Variant:
    """The cell's setting of gzip and TLS."""
    return Variant(cell.gzip, cell.tls)


def of_measure(ratio: Ratio | None, cell: Cell) -> RatioEstimate | None:
    """The estimate within a ratio that its cell is judged by."""
    if ratio is None:
        return None
    return ratio.latency_ns_p50 if measure_of(cell) is LATENCY else ratio.requests_per_second


def _by_load(cells: Iterable[Cell]) -> tuple[LoadGroup, ...]:
    loads: dict[Load | None, list[Cell]] = {}
    for cell in cells:
        loads.setdefault(cell.load, []).append(cell)
    return tuple(
        LoadGroup(
            load,
            tuple(
                cell
                for variant in dict.fromkeys(map(variant_of, members))
                for cell in members
                if variant_of(cell) == variant
            ),
        )
        for load, members in loads.items()
    )


def _load_order(group: LoadGroup) -> tuple[int, float]:
    if isinstance(group.load, ClosedLoad):
        return 0, group.load.concurrency
    return 1, group.load.rate_hz if group.load else 0.0


def _baseline(cells: list[Cell], by_id: dict[str, Cell]) -> str | None:
    """The version, or the protocol, that another one is compared with; else one that is compared with itself."""
    found = [
        (contender_of(by_id[ratio.baseline]), contender_of(cell))
        for cell in cells
        for ratio in (cell.ratio, cell.ratio_to_plain)
        if ratio is not None and ratio.baseline in by_id
    ]
    foreign = [baseline for baseline, own in found if baseline != own]
    chosen = next(iter(foreign), next((baseline for baseline, _ in found), None))
    if chosen is None:
        return None
    return protocols.title(chosen.protocol) if chosen.version is None else chosen.version
