"""Tables of latency, throughput and ratios: by workload and load, for growing load, and of all configurations."""

from collections.abc import Callable, Mapping, Sequence

from bench.load_models import ClosedLoad
from bench.report import definitions, names, units
from bench.report.document import Column, Entry, Row, Table, TableBuilder
from bench.report.grouping import Grouping, LoadGroup, WorkloadGroup, variant_of
from bench.report.units import Unit
from bench.results import Cell, Estimate, Quantiles, RatioEstimate, Run
from bench.stats.generator import is_bound
from bench.stats.load_curves import Curve, curves
from bench.stats.wording import percent, some_of

BASELINE = "baseline"
QUANTILES = {"p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max"}
"""Fields of Quantiles, and their column titles."""
FAR = 10.0
"""A detectable change beyond this share is not worth a number."""
KNEE = (
    "Knee: the load with the highest throughput ÷ latency. More load than that mostly adds waiting. Without a mark, "
    "the knee lies outside the loads measured."
)


def headings() -> list[Column]:
    """What every row of a cell begins with."""
    return [Column(", ".join(names.variant_headings()), numeric=False), Column("protocol", numeric=False)]


def headings_of(cell: Cell) -> tuple[str, str]:
    """The beginning of a cell's row."""
    return variant_of(cell).label, names.series(cell.series)


def load_table(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> Table:
    """Latency or throughput of a workload under one load, with the ratio to the baseline at equal gzip and TLS."""
    return _latency(group, load, grouping) if load.is_latency else _throughput(group, load, grouping)


def _latency(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> Table:
    shown = [cell.latency_ns or Quantiles() for cell in load.cells]
    unit = latency_unit(load.cells)
    service = any(cell.service_ns is not None for cell in load.cells)
    built = TableBuilder(f"{group.title}; latency {names.with_load(load.load)}", headings())
    if load.is_open:
        built.columns.append(Column("achieved", units.PER_SECOND.symbol))
    percentiles = shown_percentiles(shown, ("p50", "p90", "p99"))
    built.columns += [Column(QUANTILES[name], unit.symbol) for name in percentiles]
    built.columns += [Column("service", unit.symbol)] if service else []
    for cell, found in zip(load.cells, shown, strict=True):
        entries: list[Entry | str] = []
        if load.is_open:
            entries.append(_value(cell.requests_per_second, units.PER_SECOND))
        entries += [
            units.estimate(found.p50, unit) if name == "p50" else _value(getattr(found, name), unit)
            for name in percentiles
        ]
        entries += [_value(cell.service_ns.p50 if cell.service_ns else None, unit)] if service else []
        _add(built, cell, entries)
    built.notes += [definitions.OPEN_LATENCY if load.is_open else definitions.LATENCY]
    built.notes += [definitions.ACHIEVED] if load.is_open else []
    built.common.append(definitions.PERCENTILES)
    return _finished(built, load, grouping, definitions.latency_ratio)


def shown_percentiles(found: Sequence[Quantiles], names_of_fields: Sequence[str]) -> list[str]:
    """Those that any of the cells has; the median always."""
    return [name for name in names_of_fields if name == "p50" or any(getattr(each, name) for each in found)]


def throughput(cell: Cell) -> str:
    """`153 (140–207)`; `≥ 153 (140–207)` where the client was the limit."""
    return units.bound(units.estimate(cell.requests_per_second, units.PER_SECOND), is_bound=is_bound(cell))


def _throughput(group: WorkloadGroup, load: LoadGroup, grouping: Grouping) -> Table:
    built = TableBuilder(
        f"{group.title}; throughput {names.with_load(load.load)}", [*headings(), Column(units.PER_SECOND.symbol)]
    )
    for cell in load.cells:
        _add(built, cell, [throughput(cell)])
    built.notes.append(definitions.THROUGHPUT)
    built.notes += bound_note(load.cells)
    return _finished(built, load, grouping, definitions.throughput_ratio)


def _add_queues(built: TableBuilder, cells: Sequence[Cell]) -> None:
    """How many requests were in flight, and how long others waited in the client. Nothing where none had to wait."""
    if not any(each.in_flight and each.in_flight.limited and each.in_flight.queued_ns != 0 for each in cells):
        return
    known = [each.in_flight.queued_ns for each in cells if each.in_flight is not None]
    unit = units.chosen(units.DURATIONS_NS, known)
    built.columns += [Column("in flight"), Column("in queue", unit.symbol)]
    rows, built.rows = built.rows, []
    for row, cell in zip(rows, cells, strict=True):
        entries: list[Entry | str] = ["", ""]
        if (found := cell.in_flight) is not None and cell.status == "measured":
            waited_ns = found.queued_ns if found.limited else 0
            sent = f"≤ {found.reached:,}" if found.limited else ""
            if isinstance(cell.load, ClosedLoad):
                sent = f"{found.reached:,} of {found.wanted:,}"
            entries = [sent, units.number(waited_ns, unit)]
        built.add(row.headings, [*row.entries, *entries])
    built.notes.append(definitions.QUEUE)


def latency_unit(cells: Sequence[Cell]) -> Unit:
    """One unit for all the latencies of some cells."""
    found = [cell.latency_ns for cell in cells if cell.latency_ns is not None]
    return units.chosen(
        units.DURATIONS_NS, [each.value for one in found for each in (one.p50, one.p90, one.p99) if each is not None]
    )


def _value(found: Estimate | None, unit: Unit) -> str:
    return units.number(found.value if found else None, unit)


def _add(built: TableBuilder, cell: Cell, entries: list[Entry | str]) -> None:
    """A cell's row; one without results says why in its first column."""
    if cell.status != "measured":
        entries = [names.status(cell), *([""] * (len(entries) - 1))]
    built.add(headings_of(cell), entries)


def _finished(built: TableBuilder, load: LoadGroup, grouping: Grouping, defined: Callable[[str], str]) -> Table:
    """With the ratios, the number of samples, and the notes that these tables share."""
    _add_queues(built, load.cells)
    rows, built.rows = built.rows, []
    baseline = grouping.baseline
    compares = baseline is not None and len({cell.series for cell in load.cells}) > 1
    if compares and baseline is not None:
        built.columns.append(Column(f"× {baseline}"))
        built.notes.append(defined(baseline))
        if grouping.compares_versions:
            built.columns.append(Column("detectable"))
            built.common.append(definitions.DETECTABLE)
    built.columns.append(Column("n"))
    for row, cell in zip(rows, load.cells, strict=True):
        ratio = [_against_baseline(cell, grouping)] if compares else []
        if compares and grouping.compares_versions:
            ratio.append(detectable_entry(grouping.against_baseline(cell)))
        built.add(row.headings, [*row.entries, *ratio, samples(cell)])
    built.common += [definitions.VERDICTS] if compares else []
    built.common += [definitions.INTERVAL]
    built.common += [definitions.ratio_interval(grouping.ratio_count)] if compares else []
    built.common += [definitions.SAMPLES]
    built.notes += reasons(load.cells)
    return built.table()


def _against_baseline(cell: Cell, grouping: Grouping) -> Entry:
    if grouping.is_baseline(cell.series) and cell.status == "measured":
        return Entry(BASELINE)
    return ratio_entry(grouping.against_baseline(cell))


def ratio_entry(found: RatioEstimate | None) -> Entry:
    """A ratio with its interval and verdict."""
    return Entry("") if found is None else Entry(units.ratio(found), found.verdict, names.undecided(found))


def detectable_entry(found: RatioEstimate | None) -> Entry:
    """The smallest slowdown that would have been detected."""
    change = None if found is None else found.detectable_change
    return Entry("" if change is None else f"+{percent(change)}" if change <= FAR else "> 1,000 %")


def bound_note(cells: Sequence[Cell]) -> list[str]:
    """What `≥` means, where it is shown."""
    return [definitions.BOUND] if any(is_bound(cell) for cell in cells) else []


def samples(cell: Cell) -> str:
    """How many responses: `4,346`, or `4,300 + 3 timeout`."""
    others = [f"{count:,} {kind}" for kind, count in sorted(cell.outcomes.items()) if kind != "ok" and count]
    if not cell.outcomes:
        return ""
    return " + ".join([f"{cell.outcomes.get('ok', 0):,}", *others])


def reasons(cells: Sequence[Cell]) -> list[str]:
    """Why some cells have no results: one sentence for each reason, with the cells that it applies to."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.status != "measured":
            found.setdefault((names.status(cell), cell.reason or "unknown reason"), []).append(cell.id)
    return [f"Not measured ({status}): {some_of(ids)}: {reason}." for (status, reason), ids in found.items()]


def load_curve_table(run: Run) -> Table | None:
    """Throughput and latency under growing load; None where nothing was measured under three loads of one kind."""
    found = curves(run.cells)
    if not found:
        return None
    points = [point for curve in found for point in curve.points]
    duration = units.chosen(units.DURATIONS_NS, (point.latency_p50_ns.value for point in points))
    columns = (
        Column("configuration", numeric=False),
        Column("load", numeric=False),
        Column("throughput", units.PER_SECOND.symbol),
        Column("latency p50", duration.symbol),
        Column("p99", duration.symbol),
        Column("", numeric=False),
    )
    by_id = {cell.id: cell for cell in run.cells}
    rows = tuple(row for curve in found for row in _curve_rows(curve, by_id, duration))
    notes = (KNEE, *bound_note([by_id[point.cell] for point in points]))
    return Table("Growing load", columns, rows, notes=notes, common=(definitions.INTERVAL,))


def _curve_rows(curve: Curve, by_id: Mapping[str, Cell], duration: Unit) -> list[Row]:
    return [
        Row(
            (curve.key.label, names.load(point.load)),
            (
                Entry(throughput(by_id[point.cell])),
                Entry(units.estimate(point.latency_p50_ns, duration)),
                Entry(units.estimate(point.latency_p99_ns, duration)),
                Entry("← knee" if number == curve.knee else ""),
            ),
        )
        for number, point in enumerate(curve.points)
    ]


def all_configurations(run: Run) -> Table:
    """A row for each cell of the run, in its order, with every percentile."""
    unit = latency_unit(run.cells)
    memory = [cell.memory_bytes.producer_peak if cell.memory_bytes else None for cell in run.cells]
    memory_unit = units.chosen(units.SIZES_BYTES, memory)
    percentiles = shown_percentiles([cell.latency_ns for cell in run.cells if cell.latency_ns], tuple(QUANTILES))
    built = TableBuilder(
        "Percentiles of all configurations",
        [
            Column("configuration", numeric=False),
            Column("protocol", numeric=False),
            Column(", ".join(names.variant_headings()), numeric=False),
            Column("load", numeric=False),
            *(Column(QUANTILES[name], unit.symbol) for name in percentiles),
            Column(units.PER_SECOND.symbol),
            Column("peak memory", memory_unit.symbol),
            Column("n"),
        ],
    )
    for cell, peak in zip(run.cells, memory, strict=True):
        found = cell.latency_ns or Quantiles()
        results: list[Entry | str] = [
            *(units.estimate(getattr(found, name), unit) for name in percentiles),
            throughput(cell),
            units.number(peak, memory_unit),
            samples(cell),
        ]
        if cell.status != "measured":
            results[0] = names.status(cell)
        built.add(
            (cell.id,),
            [names.series(cell.series), variant_of(cell).label, names.load(cell.load), *results],
        )
    built.notes += [
        "p50 to max: latency measured at the client; in open loop from the time a request was due. In a closed loop "
        "with several requests in flight it is mostly queueing, so compare requests/s there.",
        "max has no interval.",
        definitions.MEMORY,
        *bound_note(run.cells),
        *reasons(run.cells),
    ]
    built.common += [definitions.PERCENTILES] if any(cell.latency_ns for cell in run.cells) else []
    built.common += [definitions.INTERVAL, definitions.SAMPLES]
    return built.table()
