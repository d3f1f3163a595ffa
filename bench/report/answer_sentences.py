"""The sentences of an answer: which series is fastest, by how much, and what the ratios of its table show. Pure.

Each is short enough for two lines of a terminal. A series is called the fastest only where verdicts show it.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.network.profile import LOOPBACK
from bench.report import names, units
from bench.report.costs import both_ways
from bench.report.grouping import Grouping, LoadGroup, Variant, WorkloadGroup, variant_of
from bench.report.summary import EQUIVALENT, fastest
from bench.results import Cell, Estimate, RatioEstimate, Run, Undecided
from bench.spec import CellKey
from bench.stats import cell_warnings
from bench.stats.estimates import SAMPLES_FOR_MEDIAN
from bench.stats.verdicts import FAMILY_ERROR
from bench.stats.wording import counted, some_of

NOTHING = "Nothing was measured."
NOT_COMPARED = "Bytes were counted; nothing was compared or timed."
BYTES = "request + response on the wire"
INCONCLUSIVE, SAME = "?", "="
"""Marks of ratios in a table: the verdict is inconclusive, or the two are equivalent."""
REASONS: dict[Undecided, str] = {
    "too_few": "too few instances",
    "too_noisy": "too noisy",
    "not_restarted": "not restarted",
}
"""Why a verdict is inconclusive, within a sentence."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All series of one group in one variant, side by side."""

    name: str
    """`list20 gzip+TLS`."""
    group: WorkloadGroup
    load: LoadGroup
    variant: Variant
    fastest: CellKey | None
    """The series that all others are shown to be slower than."""

    @property
    def cells(self) -> dict[CellKey, Cell]:
        """Those that were measured."""
        found = ((series, self.load.at(series, self.variant)) for series in self.group.series)
        return {series: cell for series, cell in found if cell is not None}

    @property
    def best(self) -> CellKey | None:
        """The series with the best value, whatever the verdicts; None where there are no values."""
        values = {series: value for series, cell in self.cells.items() if (value := value_of(cell)) is not None}
        best = min if self.load.measure.lower_is_better else max
        return best(values, key=lambda series: values[series].value) if values else None


def value_of(cell: Cell) -> Estimate | None:
    """What a cell is compared by: its median latency in nanoseconds, or its requests per second."""
    if cell.measures_latency:
        return cell.latency_ns.p50 if cell.latency_ns is not None else None
    return cell.requests_per_second


def first_network(groups: Sequence[WorkloadGroup]) -> str:
    """Loopback, or the first network where that was not measured."""
    networks = [group.network for group in groups]
    return LOOPBACK if LOOPBACK in networks or not networks else networks[0]


def of_machine(run: Run, groups: Sequence[WorkloadGroup], grouping: Grouping) -> str:
    """The result over loopback, or over the first network where that was not measured."""
    if run.cells and all(cell.load is None for cell in run.cells):
        return _fewest_bytes(groups, grouping)
    network = first_network(groups)
    where = "running servers" if run.environment.get("foreign_target") else "this machine"
    result = of_network([group for group in groups if group.network == network], grouping, f"{where}, {network}")
    known = any(value_of(cell) is not None for cell in run.cells)
    return result if known and result != NOTHING else _nothing(run)


def _nothing(run: Run) -> str:
    """That nothing was measured, and why, as far as that is known; what there is of it, and what would do."""
    if said := [_mean(cell) for cell in run.cells if cell.status == "measured" and sum(cell.slices.ok)]:
        needed = cell_warnings.seconds_needed(run.cells)
        enough = "" if needed is None else f"; about --seconds {math.ceil(needed):,} would be enough"
        few = f"Too few responses for a median, which needs {SAMPLES_FOR_MEDIAN}{enough}"
        return f"{few}. Mean latency so far: {some_of(said)}."
    why = dict.fromkeys(cell_warnings.why_failed(cell) for cell in run.cells if cell.status == "failed")
    return f"{NOTHING[:-1]}: {some_of(list(why))}." if why else NOTHING


def _mean(cell: Cell) -> str:
    """The mean latency of a cell with few responses, from the medians of its slices."""
    known = [(p50_ns, ok) for p50_ns, ok in zip(cell.slices.p50_ns, cell.slices.ok, strict=True) if p50_ns is not None]
    responses = sum(ok for _, ok in known)
    mean_ns = sum(p50_ns * ok for p50_ns, ok in known) / responses
    unit = units.chosen(units.DURATIONS_NS, [mean_ns])
    return f"{cell.id} {units.number(mean_ns, unit)} {unit.symbol} ({responses})"


def of_network(groups: Sequence[WorkloadGroup], grouping: Grouping, where: str) -> str:
    """Which series is fastest in how many comparisons, and by how much; without comparisons, the values."""
    compared = _comparisons(groups, grouping)
    if not compared:
        return _values(groups, grouping, where)
    latency = compared[0].load.is_latency
    kind = "latency" if latency else "throughput"
    every = f"{len(compared)} {kind} comparisons"
    won = Counter(each.fastest for each in compared if each.fastest is not None)
    if not won:
        return f"{_no_winner(compared, every)} ({where})."
    (first, wins), *others = won.most_common()
    is_best = "is fastest" if latency else "has the highest throughput"
    if wins == len(compared):
        parts = [f"{names.series(first)} {is_best}{_in_all(every, wins, kind)}"]
    else:
        also = "".join(f", {names.series(series)} in {count}" for series, count in others)
        parts = [f"{names.series(first)} {is_best} in {wins} of {every}{also}"]
    open_ones = [each.name for each in compared if each.fastest is None]
    parts += [f"no clear winner in {some_of(open_ones)}"] if open_ones else []
    return f"{'; '.join(parts)} ({where}).{_by_how_much(compared, first, grouping)}"


def of_verdicts(ratios: Sequence[RatioEstimate]) -> str:
    """What the ratios of a table show, and what their marks mean; empty without ratios."""
    if not ratios:
        return ""
    if all(ratio.undecided == "not_restarted" for ratio in ratios):
        return f"{INCONCLUSIVE} no verdicts: running servers were measured, which the lab does not restart."
    verdicts = Counter(ratio.verdict for ratio in ratios)
    certain = f"{round(100 * (1 - FAMILY_ERROR))} %, all verdicts together"
    significant = verdicts["faster"] + verdicts["slower"]
    if significant == len(ratios):
        return f"{'The difference is' if len(ratios) == 1 else 'All differences'} significant ({certain})."
    said = [f"{significant} of {counted(len(ratios), 'difference')} significant ({certain})"] if significant else []
    said += [f"{SAME} {EQUIVALENT} ({verdicts['same']})"] if verdicts["same"] else []
    if count := verdicts["inconclusive"]:
        found = (ratio.undecided for ratio in ratios if ratio.undecided is not None)
        reasons = list(dict.fromkeys(REASONS[each] for each in found))
        why = f": {' or '.join(reasons)}" if reasons else ""
        said.append(f"{INCONCLUSIVE} inconclusive ({'all' if count == len(ratios) else count}{why})")
    return f"{'; '.join(said)}."


def mark(ratio: RatioEstimate) -> str:
    """What follows a ratio that shows no difference."""
    return {"inconclusive": INCONCLUSIVE, "same": SAME}.get(ratio.verdict, "")


def _fewest_bytes(groups: Sequence[WorkloadGroup], grouping: Grouping) -> str:
    """Which series moves the fewest bytes in how many comparisons. They are counted, so there are no verdicts."""
    fewest: Counter[CellKey] = Counter()
    count = 0
    for group in groups:
        for variant in group.variants:
            cells = [cell for cell in group.one_per_combination() if variant_of(cell) == variant]
            sizes = {cell.series: size for cell in cells if (size := both_ways(cell)) is not None}
            if len(sizes) > 1:
                count += 1
                fewest.update(series for series, size in sizes.items() if size == min(sizes.values()))
    if not count:
        return NOT_COMPARED
    won = [f"{names.series(series)} moves the fewest bytes in {wins}" for series, wins in fewest.most_common(1)]
    won += [f"{names.series(series)} in {wins}" for series, wins in fewest.most_common()[1:]]
    if len(fewest) == 1:
        where = "" if count == 1 else f" in all {count} comparisons"
        return f"{names.series(next(iter(fewest)))} moves the fewest bytes{where} ({BYTES})."
    return f"{', '.join(won)} of {counted(count, 'comparison')} ({BYTES})."


def _in_all(every: str, count: int, kind: str) -> str:
    """` in all 8 latency comparisons`; nothing where there is one only."""
    return "" if count == 1 else f" in both {kind} comparisons" if count == 2 else f" in all {every}"


def _comparisons(groups: Sequence[WorkloadGroup], grouping: Grouping) -> list[Comparison]:
    """Everything in which at least two series were measured."""
    return [
        Comparison(
            f"{grouping.short_title(group)} {variant.label}",
            group,
            load,
            variant,
            fastest(group, load, grouping, variant),
        )
        for group in groups
        if (load := group.main_load) is not None
        for variant in group.variants
        if sum(load.at(series, variant) is not None for series in group.series) > 1
    ]


def _no_winner(compared: Sequence[Comparison], every: str) -> str:
    several = len(compared) > 1
    clear = f"No clear winner in {every}" if several else "No clear winner"
    best = Counter(each.best for each in compared if each.best is not None).most_common(1)
    if not best:
        return clear
    (series, count) = best[0]
    extreme = "lowest median" if compared[0].load.is_latency else "highest rate"
    return f"{clear}; {names.series(series)} has the {extreme}{f' in {count}' if several else ''}"


def _by_how_much(compared: Sequence[Comparison], first: CellKey, grouping: Grouping) -> str:
    """` GraphQL takes 2.1–2.5× as long, gRPC 1.4–1.7×.`, where the first is what others are compared with."""
    ratios: dict[CellKey, list[float]] = {}
    for each in compared:
        for series, cell in each.cells.items():
            ratio = grouping.against_baseline(cell) if each.fastest == first else None
            if ratio is not None and grouping.is_baseline(first):
                ratios.setdefault(series, []).append(ratio.value)
    if not ratios:
        return ""
    (series, values), *others = ratios.items()
    latency = compared[0].load.is_latency
    said = f"{names.series(series)} {'takes' if latency else 'reaches'} {units.factors(values)}"
    said += " as long" if latency else " its rate"
    return f" {', '.join([said, *(f'{names.series(other)} {units.factors(some)}' for other, some in others)])}."


def _values(groups: Sequence[WorkloadGroup], grouping: Grouping, where: str) -> str:
    """The values in the first variant of each group, where nothing is compared."""
    said, is_latency = [], True
    for group in groups:
        for cell in group.main_load.cells if group.main_load is not None else ():
            value = value_of(cell)
            if value is not None and variant_of(cell) == group.variants[0]:
                is_latency = cell.measures_latency
                unit = units.chosen(units.DURATIONS_NS, [value.value]) if is_latency else units.PER_SECOND
                number = f"{units.number(value.value, unit)} {unit.symbol}"
                said.append(f"{names.series(cell.series)} {number} ({grouping.short_title(group)})")
    what = "Median latency" if is_latency else "Throughput"
    return f"{what}: {some_of(said)} ({where}, {groups[0].variants[0].label})." if said else NOTHING
