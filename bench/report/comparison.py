"""The comparison of two runs, as a document: what changed in each configuration, and what that proves."""

from collections.abc import Iterator, Sequence

from bench.report import definitions, units
from bench.report.document import (
    Bullets,
    Column,
    Conclusion,
    Document,
    Entry,
    Finding,
    Quality,
    Section,
    Table,
    TableBuilder,
)
from bench.report.latency_tables import detectable_entry, ratio_entry
from bench.stats.compare import ComparedCell, Comparison
from bench.stats.estimates import LATENCY

REGRESSION = "regression"


def document_of(found: Comparison) -> Document:
    """What limits the comparison, its tables, and the conclusion."""
    limits = tuple(_limits(found))
    return Document(
        subtitle="comparison of two runs",
        quality=Quality.of("Limits of this comparison", limits) if limits else None,
        sections=(
            Section("tables", "", tuple(tables(found))),
            Section("read", "How to read this", (Bullets(_definitions(found)),)),
        ),
        conclusion=Conclusion(found.gate.text(), alarming=found.gate.outcome != "none"),
    )


def _definitions(found: Comparison) -> tuple[str, ...]:
    interval = definitions.ratio_interval(len(found.cells), "this comparison")
    return definitions.VERDICTS, interval, definitions.DETECTABLE


def tables(found: Comparison) -> list[Table]:
    """Latency, throughput and sizes, as far as there are any."""
    latency = [cell for cell in found.cells if cell.measure == LATENCY.name]
    throughput = [cell for cell in found.cells if cell.measure != LATENCY.name]
    regressions = found.gate.regressions
    made = []
    if latency:
        made.append(_ratios("Median latency", latency, units.DURATIONS_NS, "Below 1 is better.", regressions))
    if throughput:
        made.append(_ratios("Throughput", throughput, (units.PER_SECOND,), "Above 1 is better.", regressions))
    return [*made, _sizes(found)] if found.changed_bytes else made


def _ratios(
    title: str, cells: Sequence[ComparedCell], ladder: Sequence[units.Unit], better: str, regressions: Sequence[str]
) -> Table:
    unit = units.chosen(ladder, [value for cell in cells for value in (cell.value_a, cell.value_b)])
    built = TableBuilder(
        title,
        [
            Column("configuration", numeric=False),
            Column("A", unit.symbol),
            Column("B", unit.symbol),
            Column("B ÷ A"),
            Column("detectable"),
            Column("", numeric=False),
        ],
    )
    for cell in cells:
        built.add(
            (cell.id,),
            [
                units.bound(units.number(cell.value_a, unit), is_bound=cell.bound_a),
                units.bound(units.number(cell.value_b, unit), is_bound=cell.bound_b),
                ratio_entry(cell.ratio),
                detectable_entry(cell.ratio),
                REGRESSION if cell.id in regressions else " ",
            ],
        )
    built.notes.append(f"B ÷ A: run B divided by run A, the earlier one. {better}")
    built.notes += [definitions.BOUND] if any(cell.bound_a or cell.bound_b for cell in cells) else []
    return built.table()


def _sizes(found: Comparison) -> Table:
    sizes = [size for change in found.changed_bytes for size in (change.wire_bytes_a, change.wire_bytes_b)]
    unit = units.byte_unit(sizes)
    built = TableBuilder(
        "Changed response sizes (wire bytes)",
        [Column("configuration", numeric=False), Column("A", unit.symbol), Column("B", unit.symbol), Column("change")],
    )
    for change in found.changed_bytes:
        entries: list[Entry | str] = [units.size(size, unit) for size in (change.wire_bytes_a, change.wire_bytes_b)]
        built.add((change.id,), [*entries, units.change(change.wire_bytes_a, change.wire_bytes_b)])
    built.notes.append("Exact byte counts; not part of the gate. Lower is better.")
    return built.table()


def _limits(found: Comparison) -> Iterator[Finding]:
    """What a reader has to know before the numbers."""
    for difference in found.differences:
        yield Finding("warning", f"The runs differ in {difference}. They were compared because of --force.")
    for gap in found.gate.gaps:
        yield Finding("warning", gap)
    for note in found.notes:
        yield Finding("note", note)
