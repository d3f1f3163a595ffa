"""Tables of latency, throughput and ratios."""

from collections.abc import Callable, Sequence

from bench.contenders import contender_of
from bench.report import definitions, names, units
from bench.report.document import Builder, Column, Entry, Table
from bench.report.grouping import Arrangement, LoadGroup, WorkloadGroup, of_measure, variant_of
from bench.report.units import Unit
from bench.results import Cell, Estimate, Quantiles, RatioEstimate
from bench.stats.wording import some_of

BASELINE = "baseline"


def figures(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> Table:
    """Latency or throughput of a workload under one load, with the ratio to the baseline at equal gzip and TLS."""
    return _latency(group, load, arrangement) if load.is_latency else _throughput(group, load, arrangement)


def headings() -> list[Column]:
    """What every row of a cell begins with."""
    return [Column("gzip, TLS", numeric=False), Column("protocol", numeric=False)]


def headings_of(cell: Cell) -> tuple[str, str]:
    """The beginning of a cell's row."""
    return variant_of(cell).label, names.contender(contender_of(cell))


def _latency(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> Table:
    shown = [cell.latency_ns or Quantiles() for cell in load.cells]
    unit = latency_unit(load.cells)
    service = any(cell.service_ns is not None for cell in load.cells)
    built = Builder(f"{group.title}; latency {names.with_load(load.load)}", headings())
    if load.is_open:
        built.columns.append(Column("achieved", units.PER_SECOND.symbol))
    built.columns += [Column(title, unit.symbol) for title in ("p50", "p90", "p99")]
    built.columns += [Column("service", unit.symbol)] if service else []
    for cell, found in zip(load.cells, shown, strict=True):
        entries: list[Entry | str] = []
        if load.is_open:
            entries.append(_value(cell.requests_per_second, units.PER_SECOND))
        p50 = units.estimate(found.p50, unit)
        entries += [p50, _value(found.p90, unit), _value(found.p99, unit)]
        entries += [_value(cell.service_ns.p50 if cell.service_ns else None, unit)] if service else []
        _add(built, cell, entries)
    built.notes += [definitions.OPEN_LATENCY if load.is_open else definitions.LATENCY]
    built.notes += [definitions.ACHIEVED] if load.is_open else []
    return _finished(built, load, arrangement, definitions.latency_ratio)


def _throughput(group: WorkloadGroup, load: LoadGroup, arrangement: Arrangement) -> Table:
    built = Builder(
        f"{group.title}; throughput {names.with_load(load.load)}", [*headings(), Column(units.PER_SECOND.symbol)]
    )
    for cell in load.cells:
        _add(built, cell, [units.estimate(cell.requests_per_second, units.PER_SECOND)])
    built.notes.append(definitions.THROUGHPUT)
    return _finished(built, load, arrangement, definitions.throughput_ratio)


def latency_unit(cells: Sequence[Cell]) -> Unit:
    """One unit for all the latencies of some cells."""
    found = [cell.latency_ns for cell in cells if cell.latency_ns is not None]
    told = [each.value for one in found for each in (one.p50, one.p90, one.p99) if each is not None]
    return units.chosen(units.DURATIONS_NS, told)


def _value(found: Estimate | None, unit: Unit) -> str:
    return units.number(found.value if found else None, unit)


def _add(built: Builder, cell: Cell, entries: list[Entry | str]) -> None:
    """A cell's row; one without figures says why in the first place."""
    if cell.status != "measured":
        entries = [names.status(cell), *([""] * (len(entries) - 1))]
    built.add(headings_of(cell), entries)


def _finished(built: Builder, load: LoadGroup, arrangement: Arrangement, defined: Callable[[str], str]) -> Table:
    """With the ratios, the counts of answers, and the notes that all tables of figures share."""
    rows, built.rows = built.rows, []
    baseline = arrangement.baseline
    compares = len({contender_of(cell) for cell in load.cells}) > 1
    if compares and baseline is not None:
        built.columns.append(Column(f"÷ {baseline}"))
        built.notes.append(defined(baseline))
        built.common.append(definitions.VERDICTS)
    built.columns.append(Column("answers"))
    for row, cell in zip(rows, load.cells, strict=True):
        ratio = [_against_baseline(cell, arrangement)] if compares and baseline is not None else []
        built.add(row.headings, [*row.entries, *ratio, answers(cell)])
    built.common += [definitions.INTERVAL, definitions.ANSWERS]
    built.notes += reasons(load.cells)
    return built.table()


def _against_baseline(cell: Cell, arrangement: Arrangement) -> Entry:
    if arrangement.is_baseline(contender_of(cell)) and cell.status == "measured":
        return Entry(BASELINE)
    return ratio_entry(arrangement.against_baseline(cell))


def ratio_entry(found: RatioEstimate | None) -> Entry:
    """A ratio with its interval and verdict."""
    return Entry("") if found is None else Entry(units.ratio(found), found.verdict)


def answers(cell: Cell) -> str:
    """`4,346`, or `4,300 + 3 timeout`."""
    others = [f"{count:,} {kind}" for kind, count in sorted(cell.outcomes.items()) if kind != "ok" and count]
    if not cell.outcomes:
        return ""
    return " + ".join([f"{cell.outcomes.get('ok', 0):,}", *others])


def reasons(cells: Sequence[Cell]) -> list[str]:
    """Why some cells have no figures: one sentence for each reason, the cells it holds for first."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.status != "measured":
            found.setdefault((names.status(cell), cell.reason or "no reason is known"), []).append(cell.id)
    return [f"Not measured ({status}): {some_of(ids)}: {reason}." for (status, reason), ids in found.items()]


def against_plain(group: WorkloadGroup, arrangement: Arrangement) -> Table | None:
    """Every load's ratio to the baseline without gzip and TLS; None where nothing is compared with that."""
    loads = [load for load in group.loads if any(of_measure(cell.ratio_to_plain, cell) for cell in load.cells)]
    if not loads or arrangement.baseline is None:
        return None
    baseline = arrangement.baseline
    built = Builder(f"{group.title}; everything against plain {baseline}", headings())
    built.columns += [
        Column(f"{'latency' if load.is_latency else 'requests/s'}, {names.load(load.load)}") for load in loads
    ]
    for variant in group.variants:
        for contender in group.contenders:
            entries: list[Entry | str] = []
            for load in loads:
                cell = load.at(contender, variant)
                itself = arrangement.is_baseline(contender) and not (variant.gzip or variant.tls)
                found = of_measure(cell.ratio_to_plain, cell) if cell else None
                entries.append(Entry(BASELINE) if itself and cell else ratio_entry(found))
            built.add((variant.label, names.contender(contender)), entries)
    built.notes.append(definitions.plain_ratio(baseline))
    built.common.append(definitions.VERDICTS)
    return built.table()
