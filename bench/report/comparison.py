"""The comparison of two runs, as a document: what changed in each configuration, and what that proves."""

import math
import statistics
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
from bench.results import Verdict
from bench.stats.compare import ComparedCell, Comparison
from bench.stats.estimates import LATENCY
from bench.stats.wording import counted, percent

REGRESSION = "regression"
FAR = 1.0
"""A detectable change beyond this share is not worth a number."""
VERDICTS: tuple[Verdict, ...] = ("slower", "faster", "same", "inconclusive")
"""In the order in which a conclusion counts them."""


def document_of(found: Comparison) -> Document:
    """What limits the comparison, its tables, and the conclusion."""
    limits = tuple(_limits(found))
    return Document(
        subtitle="comparison of two runs",
        quality=Quality.of("Limits of this comparison", limits) if limits else None,
        sections=(
            Section("tables", "", tuple(tables(found))),
            Section("read", "How to read this", (Bullets((definitions.VERDICTS, definitions.RATIO_INTERVAL)),)),
        ),
        conclusion=Conclusion(conclusion(found), alarming=bool(found.regressions)),
    )


def conclusion(found: Comparison) -> str:
    """Whether there are regressions, which, and otherwise how small a change could have been detected."""
    threshold = f"{found.threshold * 100:g} %"
    if found.regressions:
        named = ", ".join(cell.id for cell in found.regressions)
        return f"{counted(len(found.regressions), 'regression')}, slower by more than {threshold}: {named}."
    counts = {verdict: sum(cell.ratio.verdict == verdict for cell in found.cells) for verdict in VERDICTS}
    counted_verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    shown = len(found.cells) - counts["inconclusive"]
    begin = f"No regression beyond {threshold} found" if shown else "Inconclusive"
    return f"{begin}: {counted_verdicts}.{_detectable(found.cells)}"


def _detectable(cells: Sequence[ComparedCell]) -> str:
    """How small a change could have been detected, from the intervals of the ratios."""
    reaches = [
        math.sqrt(cell.ratio.high / cell.ratio.low) - 1
        for cell in cells
        if cell.ratio.low and cell.ratio.high is not None
    ]
    if not reaches:
        return " The size of the smallest detectable change is unknown."
    median, worst = statistics.median(reaches), max(reaches)
    if median > FAR:
        return f" Only changes of more than ±{percent(FAR)} could have been detected."
    return (
        f" Smallest detectable change: ±{percent(median)} in a typical configuration, ±{percent(worst)} in the worst."
    )


def tables(found: Comparison) -> list[Table]:
    """Latency, throughput and sizes, as far as there are any."""
    latency = [cell for cell in found.cells if cell.measure == LATENCY.name]
    throughput = [cell for cell in found.cells if cell.measure != LATENCY.name]
    made = [_ratios("Median latency", latency, units.DURATIONS_NS, "Below 1 is better.")] if latency else []
    made += [_ratios("Throughput", throughput, (units.PER_SECOND,), "Above 1 is better.")] if throughput else []
    return [*made, _sizes(found)] if found.changed_bytes else made


def _ratios(title: str, cells: Sequence[ComparedCell], ladder: Sequence[units.Unit], better: str) -> Table:
    unit = units.chosen(ladder, [value for cell in cells for value in (cell.value_a, cell.value_b)])
    built = TableBuilder(
        title,
        [
            Column("configuration", numeric=False),
            Column("A", unit.symbol),
            Column("B", unit.symbol),
            Column("B ÷ A"),
            Column("", numeric=False),
        ],
    )
    for cell in cells:
        built.add(
            (cell.id,),
            [
                units.number(cell.value_a, unit),
                units.number(cell.value_b, unit),
                Entry(units.ratio(cell.ratio), cell.ratio.verdict),
                REGRESSION if cell.regressed else " ",
            ],
        )
    built.notes.append(f"B ÷ A: run B divided by run A, the earlier one. {better}")
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
    for note in found.notes:
        yield Finding("note", note)
