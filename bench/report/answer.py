"""The answer of a run in a few lines: what was measured, which is fastest, what it costs, how far to trust it.

Values in, values out. It is built once from a run, and shown on the terminal, as JSON, and on the first screen of a
report. What it leaves out is in the tables of the report (bench.report.run_document).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.load.recorder import OK
from bench.report import answer_sentences, hops, instructions, names, trust
from bench.report.answer_networks import OverNetwork, of_networks
from bench.report.costs import NS_PER_US, both_ways
from bench.report.document import Conclusion, Finding
from bench.report.grouping import PLAIN, Grouping, LoadGroup, Variant, WorkloadGroup, of_measure, variant_of
from bench.results import Cell, Estimate, RatioEstimate, Run
from bench.spec import CellKey
from bench.stats.estimates import MeasureName
from bench.stats.gate import gate_of_versions
from bench.stats.generator import is_bound
from bench.stats.wording import counted


@dataclass(frozen=True, slots=True)
class Level:
    """What a configuration reached, and how that compares."""

    cell: str
    """Its id."""
    status: str
    """Empty where it was measured; else why there is no value, in a few words."""
    value: Estimate | None
    """Nanoseconds, requests per second, or bytes."""
    ratio: RatioEstimate | None
    """To the baseline, as declared in `LevelTable.baseline`; None for the baseline itself."""
    is_bound: bool = False
    """Whether the true value may be larger, because the client or the number of cores was the limit."""
    exact_ratio: float | None = None
    """Of bytes, which are counted: the ratio without interval or verdict."""


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One series of one group of configurations, such as gRPC in `list20`."""

    group: str
    series: str
    series_number: int
    """The place of the series in the run, which decides its colour."""
    levels: tuple[Level | None, ...]
    """One for each variant; None where the run has no such configuration."""


@dataclass(frozen=True, slots=True)
class LevelTable:
    """The main table by group, series and variant: median latency, or throughput where no latency was measured, or
    bytes of a request and its response on the wire where nothing was timed."""

    measure: MeasureName | Literal["wire_bytes"]
    load: str
    """Within a sentence: `with 1 request in flight`."""
    baseline: str
    """What ratios are relative to; empty where nothing is compared."""
    variants: tuple[str, ...]
    """`plain`, `TLS`, `gzip`, `gzip+TLS`, in the order of the run."""
    rows: tuple[LevelRow, ...]
    verdicts: str
    """What the ratios show, in a sentence; empty without ratios."""

    @property
    def levels(self) -> Iterator[Level]:
        """All of them."""
        return (level for row in self.rows for level in row.levels if level is not None)


@dataclass(frozen=True, slots=True)
class CostRow:
    """What one request of a series costs besides time."""

    group: str
    series: str
    series_number: int
    rate: Level | None
    """Requests per second, under `CostTable.rate_load`."""
    wire_bytes: float | None
    """Of a request and its response together."""
    server_cpu_ns: float | None
    client_cpu_ns: float | None


@dataclass(frozen=True, slots=True)
class CostTable:
    """Throughput, bytes and CPU per request, in one variant."""

    variant: str
    rate_load: str
    """Within a sentence: `with 16 requests in flight`; empty where no throughput was measured."""
    rows: tuple[CostRow, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that fits on the first screen."""

    scope: str
    """`72 configurations, 12 instances, 175 s (128 s measured), 40,552 requests, 0 errors`."""
    result: str
    """Which is fastest, over the network that was measured. Of two versions: whether one regressed."""
    alarming: bool
    """Whether the result deserves attention, as a regression does."""
    networks: tuple[OverNetwork, ...]
    """What changes over a network."""
    hops: tuple[str, ...]
    """What each front adds to the latency of each protocol."""
    levels: LevelTable | None
    """None where neither latency nor throughput was measured."""
    costs: CostTable | None
    trust: trust.Trust
    limits: tuple[Finding, ...]
    """Every warning of the run."""
    elsewhere: tuple[str, ...]
    """Groups that were measured and are not in these tables, such as those of the raw client."""


def answer_of(run: Run, grouping: Grouping) -> Answer:
    """The answer of a run. `grouping`: its cells, grouped."""
    groups = grouping.main_groups
    gate = gate_of_versions(run)
    found = None if gate is None else Conclusion(gate.text(), alarming=gate.outcome == "regression")
    if instructions.nothing_timed(run):
        found = instructions.conclusion(run)
    return Answer(
        scope=_scope(run),
        result=found.text if found is not None else answer_sentences.of_machine(run, groups, grouping),
        alarming=found is not None and found.alarming,
        networks=tuple(of_networks(run, groups, grouping)),
        hops=tuple(hops.added_latency(run)),
        levels=_levels(groups, grouping),
        costs=_costs(groups, grouping),
        trust=trust.trust_of(run),
        limits=tuple(Finding(each.grade, each.text, each.code) for each in run.warnings),
        elsewhere=tuple(grouping.short_title(each) for each in grouping.groups if each not in groups),
    )


def _scope(run: Run) -> str:
    plan, outcomes = run.plan, [cell.outcomes for cell in run.cells]
    measured = sum(cell.status == "measured" for cell in run.cells)
    cells = counted(len(run.cells), "configuration")
    if measured < len(run.cells):
        cells = f"{measured} of {cells}"
    instances = counted(plan.instances_done, "instance")
    if plan.interrupted:
        instances = f"interrupted with {plan.instances_done} of {counted(plan.instances, 'instance')}"
    share = plan.recorded_share
    recorded = "" if share is None else f" ({share * run.duration_s:,.0f} s measured)"
    requests = sum(found.get(OK, 0) for found in outcomes)
    errors = sum(count for found in outcomes for kind, count in found.items() if kind != OK)
    parts = [cells, instances, f"{run.duration_s:,.0f} s{recorded}"]
    # Where bytes alone were counted, nobody noted how many requests that took.
    parts += [f"{requests + errors:,} requests", counted(errors, "error")] if any(outcomes) else []
    return ", ".join(parts)


def _levels(groups: Sequence[WorkloadGroup], grouping: Grouping) -> LevelTable | None:
    loads = [(group, load) for group in groups if (load := group.main_load) is not None]
    if not loads:
        return _bytes(groups, grouping)
    measure = loads[0][1].measure
    alike = [(group, load) for group, load in loads if load.measure == measure]
    variants = list(dict.fromkeys(variant for group, _ in alike for variant in group.variants))
    baseline = _compared_with(alike, grouping)
    rows = tuple(
        LevelRow(
            grouping.short_title(group),
            names.series(series),
            grouping.series.index(series),
            tuple(_level_at(load, series, variant, grouping) for variant in variants),
        )
        for group, load in alike
        for series in group.series
    )
    ratios = [level.ratio for row in rows for level in row.levels if level is not None and level.ratio is not None]
    return LevelTable(
        measure=measure.name,
        load=names.with_load(alike[0][1].load),
        baseline=baseline,
        variants=tuple(variant.label for variant in variants),
        rows=rows,
        verdicts=answer_sentences.of_verdicts(ratios),
    )


def _bytes(groups: Sequence[WorkloadGroup], grouping: Grouping) -> LevelTable | None:
    """The main table of a run in which nothing was timed; None where no bytes were counted either."""
    variants = list(dict.fromkeys(variant for group in groups for variant in group.variants))
    rows = []
    for group in groups:
        found = {(cell.series, variant_of(cell)): cell for cell in group.one_per_combination()}
        for series in group.series:
            cells = [found.get((series, variant)) for variant in variants]
            baselines = [_baseline_of(group, variant, grouping) for variant in variants]
            levels = tuple(_bytes_level(cell, of) for cell, of in zip(cells, baselines, strict=True))
            number = grouping.series.index(series)
            rows.append(LevelRow(grouping.short_title(group), names.series(series), number, levels))
    if not any(level.value for row in rows for level in row.levels if level is not None):
        return None
    labels = tuple(variant.label for variant in variants)
    return LevelTable("wire_bytes", "", names.series(grouping.series[0]), labels, tuple(rows), "")


def _baseline_of(group: WorkloadGroup, variant: Variant, grouping: Grouping) -> Cell | None:
    """The cell of the first series of the run."""
    cells = group.one_per_combination()
    return next((cell for cell in cells if (cell.series, variant_of(cell)) == (grouping.series[0], variant)), None)


def _bytes_level(cell: Cell | None, baseline: Cell | None) -> Level | None:
    if cell is None:
        return None
    if cell.status != "measured":
        return Level(cell.id, names.status(cell), None, None)
    size, of = both_ways(cell), None if baseline in (None, cell) or baseline is None else both_ways(baseline)
    value = None if size is None else Estimate(value=size)
    return Level(cell.id, "", value, None, exact_ratio=size / of if size is not None and of else None)


def _compared_with(loads: Iterable[tuple[WorkloadGroup, LoadGroup]], grouping: Grouping) -> str:
    """What the ratios of the main table are relative to; empty where it has none."""
    cells = [cell for _, load in loads for cell in load.cells]
    if len({cell.series for cell in cells}) > 1:
        return grouping.baseline or ""
    return PLAIN.label if any(_ratio(cell, grouping) is not None for cell in cells) else ""


def _ratio(cell: Cell, grouping: Grouping) -> RatioEstimate | None:
    """To the baseline at equal gzip and TLS; where there is a single series, to that without both."""
    if len(grouping.series) == 1:
        return of_measure(cell.ratio, cell)
    return grouping.against_baseline(cell)


def _level_at(load: LoadGroup, series: CellKey, variant: Variant, grouping: Grouping) -> Level | None:
    for cell in load.cells:
        if cell.series == series and variant_of(cell) == variant:
            return _level(cell, grouping)
    return None


def _level(cell: Cell, grouping: Grouping) -> Level:
    if cell.status != "measured":
        return Level(cell.id, names.status(cell), None, None)
    bound = not cell.measures_latency and is_bound(cell)
    return Level(cell.id, "", answer_sentences.value_of(cell), _ratio(cell, grouping), bound)


def _costs(groups: Sequence[WorkloadGroup], grouping: Grouping) -> CostTable | None:
    variant = next((variant for group in groups for variant in group.variants), None)
    if variant is None or all(group.main_load is None for group in groups):
        return None
    rows = tuple(_cost_row(group, series, variant, grouping) for group in groups for series in group.series)
    known = [row for row in rows if any(each is not None for each in (row.rate, row.wire_bytes, row.server_cpu_ns))]
    # Where throughput is all that was measured, it stands in the main table.
    loads = [load for group in groups if (load := group.rate_load) is not None and load != group.main_load]
    return CostTable(variant.label, names.with_load(loads[0].load) if loads else "", rows) if known else None


def _cost_row(group: WorkloadGroup, series: CellKey, variant: Variant, grouping: Grouping) -> CostRow:
    main = group.main_load
    rates = group.rate_load if group.rate_load != main else None
    sized = next(
        (cell for cell in group.one_per_combination() if (cell.series, variant_of(cell)) == (series, variant)), None
    )
    cell = None if main is None else main.at(series, variant)
    spent = None if cell is None else cell.cpu_us_per_request
    return CostRow(
        group=grouping.short_title(group),
        series=names.series(series),
        series_number=grouping.series.index(series),
        rate=None if rates is None else _level_at(rates, series, variant, grouping),
        wire_bytes=None if sized is None else both_ways(sized),
        server_cpu_ns=None if spent is None else _in_ns(spent.producer),
        client_cpu_ns=None if spent is None else _in_ns(spent.consumer),
    )


def _in_ns(found_us: Estimate | None) -> float | None:
    return None if found_us is None else found_us.value * NS_PER_US
