"""A comparison as a document: what got slower or faster, how sure that is, and what else differs."""

import math
from collections.abc import Iterator, Sequence

from bench.report import definitions, units
from bench.report.document import (
    Block,
    Bullets,
    Chart,
    Charts,
    Column,
    Conclusion,
    Document,
    Finding,
    Quality,
    Section,
    Table,
    TableBuilder,
)
from bench.report.latency_tables import detectable_entry, ratio_entry
from bench.report.plots import Effect, Forest
from bench.report.text import one_line
from bench.results import RatioEstimate
from bench.stats.compare import INSTRUCTIONS_APART, ChangedCount, ComparedCell, Comparison
from bench.stats.differences import Difference
from bench.stats.estimates import LATENCY
from bench.stats.gate import Gate
from bench.stats.wording import counted, percent

REGRESSION = "regression"
MILLISECONDS = units.Unit("ms", 1e6)
CHANGED_AT_MOST = 12
COUNTS_AT_MOST = 8
"""Rows of differences and of changed counts; all of them are among the details."""
FOREST_AT_MOST = 30
"""Rows of one forest plot."""


def document_of(found: Comparison, names: tuple[str, str]) -> Document:
    """The result first, then what changed, what differs, what limits the comparison, and what did not change.

    `names`: what A and B are, such as the names of their files.
    """
    limits = tuple(_limits(found))
    changed, unchanged = (_by_effect(found, changed=each) for each in (True, False))
    all_changed, counts = ratio_tables(changed, found), found.changed_counts
    differs = Section("differs", "What else differs", (Bullets(tuple(_differences(found))),))
    details: list[tuple[str, Sequence[Block]]] = [
        (f"All {counted(len(changed), 'difference')}", all_changed if len(changed) > CHANGED_AT_MOST else ()),
        (f"{counted(len(unchanged), 'configuration')} without a difference", ratio_tables(unchanged, found)),
        ("All changed counts", [count_table(counts)] if len(counts) > COUNTS_AT_MOST else ()),
        ("How to read this", [Bullets(_definitions(found))]),
    ]
    return Document(
        title=f"{names[0]} → {names[1]}",
        subtitle=f"{names[0]} → {names[1]}",
        quality=Quality.of("Limits of this comparison", limits) if limits else None,
        sections=(
            *changes(found),
            differs,
            *(
                Section(f"detail-{number}", title, tuple(blocks), detail=True)
                for number, (title, blocks) in enumerate(details)
                if blocks
            ),
        ),
        conclusion=Conclusion(found.gate.result(), alarming=found.gate.outcome == "regression"),
    )


def conclusion(gate: Gate) -> Conclusion:
    """The result with all that limits it, where a document says that nowhere else."""
    return Conclusion(gate.text(), alarming=gate.outcome == "regression")


def changes(found: Comparison, title: str = "") -> Iterator[Section]:
    """What got slower or faster, and by how much; and exact counts that changed."""
    changed = _by_effect(found, changed=True)
    shown = changed or [cell for cell in found.cells if cell.id in {each.id for each in found.gate.required}]
    forest = _forest(shown, found, "Slowdowns" if changed else "Slowdowns where a regression has to be ruled out")
    rest = len(changed) - CHANGED_AT_MOST
    blocks: list[Block] = [*forest, *ratio_tables(changed[:CHANGED_AT_MOST], found)]
    blocks += [f"The largest differences; {rest} more were shown."] if rest > 0 else []
    blocks += [] if changed else ["Nothing was shown to be slower or faster."]
    if found.changed_counts:
        blocks.append(count_table(found.changed_counts[:COUNTS_AT_MOST]))
        rest = len(found.changed_counts) - COUNTS_AT_MOST
        blocks += [f"{rest} more changed."] if rest > 0 else []
    yield Section("changed", title, tuple(blocks))


def _by_effect(found: Comparison, *, changed: bool) -> list[ComparedCell]:
    """The configurations with, or without, a difference shown: slower ones first, then those that the gate requires.

    Among these by the size of the effect.
    """
    required = {each.id for each in found.gate.required}
    return sorted(
        (cell for cell in found.cells if is_changed(cell) == changed),
        key=lambda cell: (cell.ratio.verdict != "slower", cell.id not in required, -_size(cell)),
    )


def _size(cell: ComparedCell) -> float:
    """How far a ratio lies from 1, whichever way."""
    return abs(math.log(cell.ratio.value)) if cell.ratio.value > 0 else math.inf


def is_changed(cell: ComparedCell) -> bool:
    """Whether a difference was shown."""
    return cell.ratio.verdict in ("slower", "faster")


def slowdown(cell: ComparedCell) -> RatioEstimate:
    """How many times as slow B is: the ratio, or its inverse where more is better."""
    return cell.ratio if cell.measure == LATENCY.name else units.inverse(cell.ratio)


def _forest(cells: Sequence[ComparedCell], found: Comparison, caption: str) -> Iterator[Charts]:
    """Slowdowns, the largest first, of the first cells given."""
    effects = []
    for cell in cells[:FOREST_AT_MOST]:
        ratio = slowdown(cell)
        if math.isfinite(ratio.value) and ratio.value > 0:
            text = f"{units.ratio_value(ratio)} {ratio.verdict}"
            effects.append(Effect(one_line(cell.id), ratio.value, ratio.low, ratio.high, ratio.verdict, text))
    effects.sort(key=lambda effect: -effect.value)
    if not effects:
        return
    threshold = found.gate.threshold
    cut = f" {len(effects)} of {len(cells)}." if len(effects) < len(cells) else ""
    plot = Forest(
        tuple(effects),
        (1 / (1 + threshold), 1 + threshold),
        f"time, {_quotient(found)} (left is better)",
    )
    words = "; ".join(f"{effect.label} {effect.text}" for effect in effects)
    note = f"{caption}, largest first; band: within ±{percent(threshold)}.{cut}"
    yield Charts((Chart(plot, note, words),), ())


def ratio_tables(cells: Sequence[ComparedCell], found: Comparison) -> list[Table]:
    """Latency and throughput, as far as there are any."""
    latency = [cell for cell in cells if cell.measure == LATENCY.name]
    throughput = [cell for cell in cells if cell.measure != LATENCY.name]
    made = []
    if latency:
        made.append(_ratios("Median latency", latency, MILLISECONDS, "Below 1 is better.", found))
    if throughput:
        made.append(_ratios("Throughput", throughput, units.PER_SECOND, "Above 1 is better.", found))
    return made


def _ratios(title: str, cells: Sequence[ComparedCell], unit: units.Unit, better: str, found: Comparison) -> Table:
    built = TableBuilder(
        title,
        [
            Column("configuration", numeric=False),
            Column(" → ".join(found.names), unit.symbol),
            Column(_quotient(found)),
            Column("detectable"),
            Column("", numeric=False),
        ],
    )
    regressions = found.gate.regressions
    for cell in cells:
        before = units.bound(units.number(cell.value_a, unit), is_bound=cell.bound_a)
        after = units.bound(units.number(cell.value_b, unit), is_bound=cell.bound_b)
        built.add(
            (cell.id,),
            [
                f"{before} → {after}",
                ratio_entry(cell.ratio),
                # Of a difference that was shown, it does not matter which one could have been.
                "" if is_changed(cell) else detectable_entry(cell.ratio),
                REGRESSION if cell.id in regressions else "",
            ],
        )
    bound = f" {definitions.BOUND}" if any(cell.bound_a or cell.bound_b for cell in cells) else ""
    built.notes.append(f"{_quotient(found)}, with its interval. {better}{bound}")
    return built.table()


def _quotient(found: Comparison) -> str:
    return " ÷ ".join(reversed(found.names))


def count_table(changes: Sequence[ChangedCount]) -> Table:
    """Counts of one request that changed."""
    built = TableBuilder(
        "Changed counts per request",
        [
            Column("configuration", numeric=False),
            Column("counted", numeric=False),
            Column("before → after"),
            Column("change"),
        ],
    )
    unit = units.byte_unit([size for change in changes if change.is_size for size in (change.before, change.after)])
    for change in changes:
        before, after = (
            units.size(count, unit) if change.is_size else f"{count:,.0f}" for count in (change.before, change.after)
        )
        what = f"{change.what}, {unit.symbol}" if change.is_size and unit.size > 1 else change.what
        built.add((change.id,), [what, f"{before} → {after}", units.change(change.before, change.after)])
    built.notes.append("Counted, the same under any load; not part of the gate. Lower is better.")
    if not all(change.is_size for change in changes):
        apart = percent(INSTRUCTIONS_APART)
        built.notes.append(f"Instructions are shown where they differ by more than {apart}, as the same code may.")
    return built.table()


def _differences(found: Comparison) -> Iterator[str]:
    """What the two sides differ in besides what was measured."""
    for difference in (*found.circumstances, *found.differences):
        yield _arrow(difference)
    if not found.differences:
        yield "Same recipes, settings, CPU, kernel and libraries."


def _arrow(difference: Difference) -> str:
    after = f" → {difference.after}" if difference.after else ""
    return f"{difference.what}: {difference.before}{after}"


def _definitions(found: Comparison) -> tuple[str, ...]:
    interval = definitions.ratio_interval(len(found.cells), "this comparison")
    return definitions.VERDICTS, interval, definitions.DETECTABLE


def _limits(found: Comparison) -> Iterator[Finding]:
    """What a reader has to know before the numbers."""
    if found.differences:
        names = ", ".join(each.what for each in found.differences)
        yield Finding(
            "warning", f"The runs differ in what moves results ({names}), and were compared because of --force."
        )
    for text in (*found.gate.gaps, " ".join(found.gate.open_questions())):
        if text:
            yield Finding("warning", text)
    for note in found.notes:
        yield Finding("note", note)
