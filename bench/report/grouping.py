"""Groups the cells of a run for readers: into sections, then by load, then by variant, with series side by side.

How a dimension is laid out is declared with it (bench.spec.Role). A series is what a reader compares: a protocol, in
one dialect and implementation, of one version. A variant is a setting of gzip and TLS. The other dimensions, such as
the workload, make up sections.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from bench import protocols
from bench.clients.registry import LIBRARY
from bench.dimension import Role
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.report import names
from bench.report.text import listed, one_line
from bench.results import Cell, Ratio, RatioEstimate, Run
from bench.spec import CellKey, usual_series
from bench.stats.estimates import LATENCY, Measure, measure_of


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting of gzip and TLS."""

    words: tuple[str, ...]
    """What differs from the plain variant, such as `gzip`."""

    @property
    def is_plain(self) -> bool:
        """Whether it is the variant without gzip and TLS."""
        return not self.words

    @property
    def label(self) -> str:
        """`plain`, `gzip`, `TLS`, `gzip+TLS`."""
        return "+".join(self.words) or "plain"

    @property
    def in_words(self) -> str:
        """Within a sentence: `without gzip and TLS`, `with gzip`."""
        return f"with {listed(self.words)}" if self.words else f"without {listed(names.variant_headings())}"


PLAIN = Variant(())


def variant_of(key: CellKey) -> Variant:
    """The variant of a cell."""
    return Variant(names.variant_words(key))


def label_of(key: CellKey) -> str:
    """What a configuration is called beside others of its workload and load: `gzip+TLS · GraphQL`."""
    return one_line(f"{variant_of(key).label} · {names.series(key.series)}")


@dataclass(frozen=True, slots=True)
class LoadGroup:
    """The cells of one workload under one load; series side by side within each variant."""

    load: Load | None
    cells: tuple[Cell, ...]

    @property
    def measure(self) -> Measure:
        """What these cells are compared by."""
        return measure_of(self.cells[0])

    @property
    def is_latency(self) -> bool:
        """Whether they measure latency, not throughput."""
        return self.load is not None and self.measure is LATENCY

    @property
    def is_open(self) -> bool:
        """Whether requests arrived at a fixed rate."""
        return isinstance(self.load, OpenLoad)

    @property
    def is_measured(self) -> bool:
        """Whether any of them has results under a load."""
        return self.load is not None and any(cell.status == "measured" for cell in self.cells)

    def at(self, series: CellKey, variant: Variant) -> Cell | None:
        """The cell of a series in a variant, if it was measured."""
        for cell in self.cells:
            if cell.series == series and variant_of(cell) == variant and cell.status == "measured":
                return cell
        return None


@dataclass(frozen=True, slots=True)
class WorkloadGroup:
    """One section: the cells that agree in everything but series, variant and load."""

    title: str
    loads: tuple[LoadGroup, ...]

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        return [cell for group in self.loads for cell in group.cells]

    @property
    def variants(self) -> list[Variant]:
        """In the order of the run."""
        return list(dict.fromkeys(variant_of(cell) for cell in self.cells))

    @property
    def series(self) -> list[CellKey]:
        """In the order of the run."""
        return list(dict.fromkeys(cell.series for cell in self.cells))

    @property
    def latency(self) -> LoadGroup | None:
        """The load that shows latency best: one in flight, else the lowest rate."""
        candidates = [group for group in self.loads if group.is_latency]
        return min(candidates, key=_load_order, default=None)

    @property
    def network(self) -> str:
        """Over which it was measured."""
        return self.cells[0].network

    @property
    def main_load(self) -> LoadGroup | None:
        """That of `latency` where it was measured, else the last load that was; None where nothing was measured."""
        measured = [load for load in self.loads if load.is_measured]
        return self.latency if self.latency in measured else measured[-1] if measured else None

    @property
    def rate_load(self) -> LoadGroup | None:
        """The last load of those that measure throughput; None where there is none."""
        return next((load for load in reversed(self.loads) if load.is_measured and not load.is_latency), None)

    def one_per_combination(self) -> Iterator[Cell]:
        """Of each variant and series the cell with known bytes, else the first: sizes do not depend on the load."""
        for variant in self.variants:
            for series in self.series:
                same = (series, variant)
                found = [cell for cell in self.cells if (cell.series, variant_of(cell)) == same]
                if found:
                    yield next((cell for cell in found if cell.bytes is not None), found[0])


@dataclass(frozen=True, slots=True)
class Grouping:
    """A run, grouped."""

    series: tuple[CellKey, ...]
    """All of the run, in its order."""
    baseline: str | None
    """What everything is compared with, as readers know it: a protocol or a version. None where nothing is compared."""
    groups: tuple[WorkloadGroup, ...]
    by_id: dict[str, Cell]

    @property
    def main_groups(self) -> tuple[WorkloadGroup, ...]:
        """Those through the client library, which is what a caller sees; where there are none, all."""
        return tuple(group for group in self.groups if group.cells[0].client == LIBRARY) or self.groups

    def short_title(self, group: WorkloadGroup) -> str:
        """As in ids, without what all groups share: `get`, `list20-raw`."""
        return names.short_group(group.cells[0], [other.cells[0] for other in self.groups])

    @property
    def ratio_count(self) -> int:
        """For how many ratios the intervals of ratios are corrected: a pair of cells counts once."""
        pairs = {
            (cell.id, ratio.baseline)
            for cell in self.by_id.values()
            for ratio in (cell.ratio, cell.ratio_to_plain)
            if ratio is not None
        }
        return len(pairs)

    @property
    def compares_versions(self) -> bool:
        """Whether the baseline is a version, and not a protocol."""
        return any(series.version is not None for series in self.series)

    def series_number(self, cell: Cell) -> int:
        """The place of a cell's series in the run's order, which decides its colour."""
        return self.series.index(cell.series)

    def is_baseline(self, series: CellKey) -> bool:
        """Whether others are compared with it."""
        if not usual_series(series) and not self.compares_versions:
            return False
        name = series.version if self.compares_versions else protocols.title(series.protocol)
        return self.baseline is not None and name == self.baseline

    def against_baseline(self, cell: Cell) -> RatioEstimate | None:
        """The ratio to the baseline in the same variant; None for the baseline itself."""
        if cell.ratio is None:
            return None
        other = self.by_id.get(cell.ratio.baseline)
        if other is None or other.series == cell.series or variant_of(other) != variant_of(cell):
            return None
        return of_measure(cell.ratio, cell)


def grouped(run: Run) -> Grouping:
    """The cells of a run, in the order in which readers want them."""
    by_id = {cell.id: cell for cell in run.cells}
    groups: dict[tuple[Hashable, ...], list[Cell]] = {}
    for cell in run.cells:
        groups.setdefault(cell.part(Role.GROUP), []).append(cell)
    return Grouping(
        series=tuple(dict.fromkeys(cell.series for cell in run.cells)),
        baseline=_baseline(run.cells, by_id),
        groups=tuple(WorkloadGroup(names.group(cells[0]), _by_load(cells)) for cells in groups.values()),
        by_id=by_id,
    )


def of_measure(ratio: Ratio | None, cell: Cell) -> RatioEstimate | None:
    """The estimate within a ratio that its cell is compared by."""
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
        (by_id[ratio.baseline].series, cell.series)
        for cell in cells
        for ratio in (cell.ratio, cell.ratio_to_plain)
        if ratio is not None and ratio.baseline in by_id
    ]
    foreign = [baseline for baseline, own in found if baseline != own]
    chosen = next(iter(foreign), next((baseline for baseline, _ in found), None))
    if chosen is None:
        return None
    return protocols.title(chosen.protocol) if chosen.version is None else chosen.version
