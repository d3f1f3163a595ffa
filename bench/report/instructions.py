"""Instructions per request, and where they go, as tables and charts."""

from collections.abc import Iterator, Sequence

from bench.callgrind.libraries import PARTS, by_part
from bench.fronts.registry import NONE
from bench.report import names
from bench.report.document import (
    Chart,
    Charts,
    Column,
    Conclusion,
    Entry,
    KeyEntry,
    Section,
    Table,
    TableBuilder,
)
from bench.report.grouping import Grouping, WorkloadGroup, grouped, label_of, variant_of
from bench.report.hops import servers
from bench.report.latency_tables import headings, headings_of
from bench.report.plots import Bars, Segment
from bench.results import Cell, Estimate, InstructionCount, Run, Side
from bench.spec import CellKey
from bench.stats.instructions import INSTANCES, Change, changes, outcome
from bench.stats.wording import counted

TITLE = "Instructions"
NOT_COUNTED = (
    "Instructions in user space, counted by callgrind with one request in flight. Not counted: the kernel, waiting, "
    "cache misses and branch mispredictions. So this is no latency. It shows how much work a request is, and is the "
    "same on every machine with the same libraries and processor features."
)
THOUSANDS = "k: thousand instructions."
INTERVAL = "±: half of the interval that holds the median over windows with 95 %."
SYSTEM_CALLS = "calls: system calls per request, of all threads; under callgrind, reading the clock is one."
PARTS_NOTE = (
    "Share of the user-space instructions of a request. The interpreter runs all Python code, the lab's and that of "
    "libraries. gRPC's library has TLS, gzip and HTTP/2 of its own, which count as that library."
)
CONSUMER_NOTE = (
    "client: everything that the load process executes for a request: the consumer, its library, and the loop that "
    "hands out requests and checks responses."
)
CHANGE_NOTE = (
    "more, fewer: by more than the threshold, and the interval excludes no change. same: the interval lies within the "
    "threshold. inconclusive: neither. All intervals hold the true change at once with 99 %."
)
INSTANCES_NOTE = (
    "instances: fresh starts of both versions, counted in turns. The interval comes from the spread between them. "
    f"Configurations without a verdict after {' or '.join(map(str, INSTANCES[:-1]))} are counted in more, up to "
    f"{INSTANCES[-1]}. With fewer than {INSTANCES[0]} there is no verdict."
)
HOP_NOTE = (
    "front: what the proxy executes; what the kernel does in its system calls is not counted. without: the same "
    "configuration without the front."
)
SIDES: dict[Side, str] = {"producer": "server", "front": "front", "consumer": "client"}
"""Fields of Instructions, and what they are called."""
BOTH_ENDS: tuple[Side, Side] = ("producer", "consumer")
"""Sides that are there without a front, too."""
THOUSAND = 1e3
SHOWN_FROM = 0.005
"""Libraries with a smaller share of a request are not listed."""


def has_counts(run: Run) -> bool:
    """Whether instructions were counted in the run."""
    return any(cell.instructions is not None for cell in run.cells)


def nothing_timed(run: Run) -> bool:
    """Whether the run counted instructions only."""
    return has_counts(run) and all(cell.load is None for cell in run.cells)


def sections(run: Run) -> Iterator[Section]:
    """The sections of a report; none where nothing was counted."""
    if not has_counts(run):
        return
    grouping = grouped(run)
    found = changes(run)
    compared = (_change_table(found),) if found else ()
    yield Section(
        "instructions",
        TITLE,
        (NOT_COUNTED, *compared, *_hop_tables(run.cells), *_without_result(run.cells)),
        tuple(part for number, group in enumerate(grouping.groups) for part in _of_workload(number, group, grouping)),
    )


def conclusion(run: Run) -> Conclusion | None:
    """What a comparison of versions found; of other runs, how the protocols compare. None where nothing was counted."""
    threshold = run.plan.instruction_threshold
    if threshold is None:
        return Conclusion(_all_in_short(run)) if has_counts(run) else None
    found = changes(run)
    missing = [cell.id for cell in run.cells if cell.status not in ("measured", "unsupported")]
    size = f"{threshold * 100:g} %"
    more = [change.key.label for change in found if change.verdict == "more"]
    open_ones = [change.key.label for change in found if change.verdict == "inconclusive"]
    result = outcome(found, complete=not missing)
    if result == "regression":
        text = f"{counted(len(more), 'regression')}, more instructions by more than {size}: {', '.join(more)}."
    elif result == "none":
        text = f"No regression: no configuration of {len(found)} takes more instructions by more than {size}."
    else:
        where = ", ".join(open_ones) or "any configuration"
        text = f"Inconclusive: more instructions by more than {size} were not ruled out in {where}."
    if missing:
        text += f" Without a result: {', '.join(missing)}."
    return Conclusion(text, alarming=result == "regression")


def _all_in_short(run: Run) -> str:
    """What servers execute, and what fronts before them do. Behind a front, servers execute about the same."""
    groups = grouped(run).groups
    direct = [group for group in groups if group.cells[0].front == NONE]
    text = " ".join(_in_short(group) for group in direct or groups)
    return " ".join(filter(None, (f"Instructions of the server per request. {text}", _fronts_in_short(run.cells))))


def _fronts_in_short(cells: Sequence[Cell]) -> str:
    """`Of the front, get: one recipe, plain: HAProxy 34.2 thousand (HTTP/JSON).` Empty where none was counted."""
    found = [(cell, count) for cell in cells if (count := _of(cell, "front")) is not None]
    if not found:
        return ""
    where = _direct_title(found[0][0]), variant_of(found[0][0]).label
    fronts: dict[str, list[str]] = {}
    for cell, count in found:
        if (_direct_title(cell), variant_of(cell).label) == where:
            text = f"{thousands(count.per_request.value)} thousand ({names.series(cell.series)})"
            fronts.setdefault(servers(cell), []).append(text)
    each = "; ".join(f"{front} {', '.join(parts)}" for front, parts in fronts.items())
    return f"Of the front, {', '.join(where)}: {each}."


def _direct_title(cell: Cell) -> str:
    """Of the section of the same cell without a front."""
    return names.group(cell.without_front)


def _in_short(group: WorkloadGroup) -> str:
    """`get: one recipe, plain: HTTP/JSON 192.9 thousand, GraphQL 4.22 times, gRPC 2.27 times.`"""
    counted_cells = [(cell, found) for cell in group.cells if (found := _of(cell, "producer")) is not None]
    if not counted_cells:
        return f"{group.title}: none."
    variant = variant_of(counted_cells[0][0])
    (first, baseline), *others = [each for each in counted_cells if variant_of(each[0]) == variant]
    parts = [f"{names.series(first.series)} {thousands(baseline.per_request.value)} thousand"]
    for cell, found in others:
        times = found.per_request.value / baseline.per_request.value
        parts.append(f"{names.series(cell.series)} {times:.2f} times")
    return f"{group.title}, {variant.label}: {', '.join(parts)}."


def _of_workload(number: int, group: WorkloadGroup, grouping: Grouping) -> Iterator[Section]:
    cells = [cell for cell in group.cells if cell.instructions is not None]
    if not cells:
        return
    charts = tuple(chart for side in SIDES if (chart := _chart(group, cells, side)) is not None)
    key = tuple(KeyEntry("part", number, name) for number, name in enumerate(PARTS))
    parts = [table for side in SIDES if (table := _part_table(group, cells, side)) is not None]
    yield Section(f"instructions-{number}", group.title, (_count_table(group, cells, grouping), Charts(charts, key)))
    yield Section(f"instructions-{number}-parts", f"{group.title}: where they go", tuple(parts), detail=True)
    libraries = _library_table(group, cells)
    yield Section(f"instructions-{number}-libraries", f"{group.title}: by library", (libraries,), detail=True)


def _of(cell: Cell, side: Side) -> InstructionCount | None:
    return getattr(cell.instructions, side) if cell.instructions is not None else None


def _count_table(group: WorkloadGroup, cells: Sequence[Cell], grouping: Grouping) -> Table:
    built = TableBuilder(f"{group.title}; instructions per request", headings())
    sides = {side: name for side, name in SIDES.items() if any(_of(cell, side) is not None for cell in cells)}
    baseline = grouping.series[0]
    compares = len({cell.series for cell in cells}) > 1
    for name in sides.values():
        built.columns += [Column(name, "k"), Column("±", "%"), *([Column("×")] if compares else []), Column("calls")]
    for cell in cells:
        entries: list[Entry | str] = []
        for side in sides:
            entries += _count_entries(cell, side, cells, baseline if compares else None)
        built.add(headings_of(cell), entries)
    times = f"×: how many times those of {names.series(baseline)} with the same gzip and TLS." if compares else ""
    built.notes += [f"{THOUSANDS} {INTERVAL} {times} {SYSTEM_CALLS}"]
    built.notes += [CONSUMER_NOTE] if "consumer" in sides else []
    return built.table()


def _count_entries(cell: Cell, side: Side, cells: Sequence[Cell], baseline: CellKey | None) -> list[str]:
    found = _of(cell, side)
    if found is None:
        return [""] * (3 if baseline is None else 4)
    own = [thousands(found.per_request.value), _half_width(found)]
    if baseline is not None:
        own.append(_times(found, cell, side, cells, baseline))
    return [*own, f"{found.system_calls:.1f}"]


def thousands(instructions: float) -> str:
    """Instructions in thousands: `268.7`, `28,000`."""
    value = instructions / THOUSAND
    return f"{value:,.1f}" if value < 10_000 else f"{value:,.0f}"


def _half_width(found: InstructionCount) -> str:
    estimate = found.per_request
    if estimate.low is None or estimate.high is None or not estimate.value:
        return ""
    return f"{(estimate.high - estimate.low) / 2 / estimate.value * 100:.2f}"


def _times(found: InstructionCount, cell: Cell, side: Side, cells: Sequence[Cell], baseline: CellKey) -> str:
    """How many times those of the baseline with the same gzip and TLS."""
    for other in cells:
        if other.key == cell.of_series(baseline) and (its := _of(other, side)) is not None:
            return f"{found.per_request.value / its.per_request.value:.2f}"
    return ""


def _part_table(group: WorkloadGroup, cells: Sequence[Cell], side: Side) -> Table | None:
    """Shares by part, in percent. None where the side was not counted."""
    counts = [(cell, found) for cell in cells if (found := _of(cell, side)) is not None]
    if not counts:
        return None
    built = TableBuilder(f"{group.title}; where instructions of the {SIDES[side]} go", headings())
    built.columns += [Column(part, "%") for part in PARTS]
    for cell, found in counts:
        total = sum(found.by_library.values()) or 1.0
        built.add(headings_of(cell), [_share(value / total) for value in by_part(found.by_library).values()])
    built.common.append(PARTS_NOTE)
    return built.table()


def _share(share: float) -> str:
    return "" if share < 0.0005 else f"{share * 100:.1f}"


def _chart(group: WorkloadGroup, cells: Sequence[Cell], side: Side) -> Chart | None:
    """A bar for each configuration, by part. None where the side was not counted."""
    counts = {label_of(cell): found for cell in cells if (found := _of(cell, side)) is not None}
    if not counts:
        return None
    segments = tuple(
        Segment(label, number, max(0.0, value) / THOUSAND)
        for label, found in counts.items()
        for number, value in enumerate(by_part(found.by_library).values())
    )
    totals = {label: thousands(found.per_request.value) for label, found in counts.items()}
    return Chart(
        Bars(segments, f"thousand instructions of the {SIDES[side]} (lower is better)", tuple(totals.items())),
        f"{group.title}: instructions of the {SIDES[side]}",
        "; ".join(f"{label} {total} thousand" for label, total in totals.items()),
    )


def _library_table(group: WorkloadGroup, cells: Sequence[Cell]) -> Table:
    built = TableBuilder(f"{group.title}; instructions by library", [*headings(), Column("side", numeric=False)])
    built.columns += [Column("library", numeric=False), Column("thousands"), Column("share", "%")]
    for cell in cells:
        for side, name in SIDES.items():
            found = _of(cell, side)
            if found is None:
                continue
            total = sum(found.by_library.values()) or 1.0
            for library, value in found.by_library.items():
                if value >= SHOWN_FROM * total:
                    built.add(
                        (*headings_of(cell), name, library or "code in no library"),
                        [thousands(value), _share(value / total)],
                    )
    return built.table()


def _hop_tables(cells: Sequence[Cell]) -> Iterator[Table]:
    """A table for each workload: what fronts execute, and what servers and clients do with them and without."""
    by_key = {cell.key: cell for cell in cells}
    built: dict[str, TableBuilder] = {}
    for cell in cells:
        front = _of(cell, "front")
        if front is None:
            continue
        title = f"Instructions of a hop; {_direct_title(cell)}; per request"
        if title not in built:
            built[title] = TableBuilder(title, [Column("front", numeric=False), *headings()])
            built[title].columns += [Column("front", "k"), Column("±", "%"), Column("calls")]
            built[title].columns += [Column(SIDES[side] + of, "k") for side in BOTH_ENDS for of in (" without", "")]
            built[title].notes.append(f"{THOUSANDS} {INTERVAL} {SYSTEM_CALLS} {HOP_NOTE}")
        alone = by_key.get(cell.without_front)
        own = [thousands(front.per_request.value), _half_width(front), f"{front.system_calls:.1f}"]
        server, client = ([_value(each, side) for each in (alone, cell)] for side in BOTH_ENDS)
        built[title].add((servers(cell), *headings_of(cell)), [*own, *server, *client])
    yield from (each.table() for each in built.values())


def _without_result(cells: Sequence[Cell]) -> Iterator[Table]:
    """Of a run that counted instructions only: what was not counted, and why. Nothing where all was."""
    missing = [cell for cell in cells if cell.load is None and cell.instructions is None]
    if not missing:
        return
    columns = [Column(name, numeric=False) for name in ("configuration", "status", "reason")]
    built = TableBuilder("Without a result", columns)
    for cell in missing:
        built.add((cell.id,), [names.status(cell), cell.reason or ""])
    yield built.table()


def _value(cell: Cell | None, side: Side) -> str:
    found = None if cell is None else _of(cell, side)
    return "" if found is None else thousands(found.per_request.value)


def _change_table(found: Sequence[Change]) -> Table:
    built = TableBuilder("Instructions of the server, before and after", [Column("configuration", numeric=False)])
    built.columns += [
        Column("before, thousands"),
        Column("after, thousands"),
        Column("change", "%"),
        Column("interval", "%"),
        Column("instances"),
        Column("verdict", numeric=False),
    ]
    for change in found:
        built.add(
            (change.key.label,),
            [
                thousands(change.before.per_request.value),
                thousands(change.after.per_request.value),
                _signed(change.ratio.value),
                _interval(change.ratio),
                str(change.instances),
                change.verdict,
            ],
        )
    built.notes += [CHANGE_NOTE, INSTANCES_NOTE]
    return built.table()


def _interval(ratio: Estimate) -> str:
    """Its ends in percent; empty where there are none."""
    return "" if ratio.low is None else f"{_signed(ratio.low)} to {_signed(ratio.high)}"


def _signed(ratio: float | None) -> str:
    return "" if ratio is None else f"{(ratio - 1) * 100:+.2f}".replace("-", "−")
