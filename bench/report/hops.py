"""What stands between client and producer: what a hop costs, bytes on both of its sides, calls by replica or worker."""

from collections.abc import Iterator, Sequence

from bench import protocols
from bench.fronts import registry
from bench.report import definitions, names, units
from bench.report.costs import DIRECTIONS, NS_PER_US
from bench.report.document import Column, Entry, Section, Table, TableBuilder
from bench.report.grouping import variant_of
from bench.report.latency_tables import bound_note, throughput
from bench.report.units import Unit
from bench.results import CallsCounted, Cell, Estimate, Run
from bench.spec import CellKey, dimensions
from bench.stats.hops import Hop, hops
from bench.stats.skew import SkewVerdict, skew
from bench.wire.results import Bytes

ALONE = "one producer"
TITLE = "Proxies, replicas and workers"
ADDED = (
    "added: behind the front minus without it, from slices of the same rounds and the same producers. p99: the "
    "difference of both percentiles, without an interval."
)
CPU = (
    "CPU per request of each process; that of the server is the sum over its replicas. front memory: its process at "
    "its peak."
)
SIDES = (
    "client side: between the client and the front. server side: between the front and the producer, on the wire, each "
    "per request; connections: bytes before the first request."
)
CALLS = (
    "Calls of one instance, counted by the producers themselves over the connections that are timed. busiest: how many "
    "times its fair share the busiest replica or worker got, the median over instances. front: whether it counted the "
    "same for each replica; connections: how many it opened to each meanwhile."
)
VERDICTS: dict[SkewVerdict, str] = {
    "even": "even",
    "uneven": "uneven",
    "one": "all to one",
    "inconclusive": "as by chance",
}


def section(run: Run) -> Section | None:
    """The section of a report; None for a run without fronts, replicas and workers."""
    found = tuple(tables(run))
    return Section("fronts", TITLE, found) if found else None


def tables(run: Run) -> Iterator[Table]:
    """All tables about fronts, replicas and workers; none for a run without them."""
    yield from _hop_tables([hop for hop in hops(run.cells) if hop.behind.load is not None])
    yield from _bytes(run.cells)
    yield from _calls(run.cells)


def servers(key: CellKey) -> str:
    """What serves a cell: `HAProxy`, `HAProxy ×2`, `HAProxy ×2 (least busy)`, `4 workers`, or one producer alone."""
    replicas = f" ×{key.replicas}" if key.replicas > 1 else ""
    balance = f" ({words})" if (words := dimensions()["balance"].words(key)) else ""
    front = f"{registry.title(key.front)}{replicas}{balance}" if key.front != registry.NONE else ""
    workers = f"{key.workers} workers" if key.workers > 1 else ""
    return ", ".join(filter(None, (front, workers))) or ALONE


def added_latency(run: Run) -> list[str]:
    """A sentence for each front: what it adds to the median latency of each protocol, in the first variant."""
    found: dict[str, dict[str, Hop]] = {}
    timed = [hop for hop in hops(run.cells) if hop.added_p50_ns is not None]
    for hop in timed:
        if variant_of(hop.behind) == variant_of(timed[0].behind):
            found.setdefault(servers(hop.behind), {}).setdefault(names.series(hop.behind.series), hop)
    return [_sentence(front, by_series) for front, by_series in found.items()]


def _sentence(front: str, found: dict[str, Hop]) -> str:
    added = [hop.added_p50_ns.value for hop in found.values() if hop.added_p50_ns is not None]
    unit = units.chosen(units.DURATIONS_NS, [abs(value) for value in added])
    each = (
        f"{series} {units.signed(hop.added_p50_ns.value, unit)} {unit.symbol}"
        for series, hop in found.items()
        if hop.added_p50_ns is not None
    )
    first = next(iter(found.values())).behind
    where = ", ".join([names.group(first.without_front), *names.variant_words(first), names.load(first.load)])
    return f"{front} adds {', '.join(each)} to p50 ({where})."


def _headings(cell: Cell) -> tuple[str, ...]:
    return servers(cell), variant_of(cell).label, names.series(cell.series)


def _heading_columns(first: str) -> list[Column]:
    titles = (first, ", ".join(names.variant_headings()), "protocol")
    return [Column(text, numeric=False) for text in titles]


def _hop_tables(found: Sequence[Hop]) -> Iterator[Table]:
    """A table for each workload, client and load."""
    groups: dict[str, list[Hop]] = {}
    for hop in found:
        title = f"{names.group(hop.alone.key.usual('workers'))}; {names.load(hop.alone.load)}"
        groups.setdefault(title, []).append(hop)
    for title, members in groups.items():
        yield _hop_table(title, members)


def _hop_table(title: str, found: Sequence[Hop]) -> Table:
    built = TableBuilder(f"Cost of a hop; {title}", _heading_columns("front"))
    times = [value for hop in found for value in (_p50_ns(hop.alone), hop.added_p99_ns) if value is not None]
    time = units.chosen(units.DURATIONS_NS, [abs(value) for value in times])
    cpu = units.chosen(units.DURATIONS_NS, [_spent_ns(hop.behind, "producer") for hop in found])
    built.columns += [Column(text, time.symbol) for text in ("p50 without", "added p50", "added p99")]
    built.columns += [Column(text) for text in ("requests/s without", "requests/s")]
    built.columns += [
        Column(text, cpu.symbol)
        for text in ("front CPU", "server CPU without", "server CPU", "client CPU without", "client CPU")
    ]
    memory = units.chosen(units.SIZES_BYTES, [_memory(hop.behind) for hop in found])
    built.columns.append(Column("front memory", memory.symbol))
    for hop in found:
        entries: list[Entry | str] = [
            units.number(_p50_ns(hop.alone), time),
            units.difference(hop.added_p50_ns, time),
            "" if hop.added_p99_ns is None else units.signed(hop.added_p99_ns, time),
            *("" if cell.measures_latency else throughput(cell) for cell in (hop.alone, hop.behind)),
            _spent(hop.behind, "front", cpu),
            *(_spent(cell, side, cpu) for side in ("producer", "consumer") for cell in (hop.alone, hop.behind)),
            units.number(_memory(hop.behind), memory),
        ]
        built.add(_headings(hop.behind), entries)
    built.notes += [ADDED, CPU, *bound_note([hop.behind for hop in found])]
    built.common.append(definitions.INTERVAL)
    return built.table()


def _memory(cell: Cell) -> int | None:
    return None if cell.memory_bytes is None else cell.memory_bytes.front_peak


def _p50_ns(cell: Cell) -> float | None:
    """Under a load that measures latency; with several requests in flight it is mostly waiting."""
    found = cell.latency_ns.p50 if cell.latency_ns is not None and cell.measures_latency else None
    return None if found is None else found.value


def _spent_ns(cell: Cell, side: str) -> float | None:
    found: Estimate | None = getattr(cell.cpu_us_per_request, side, None)
    return None if found is None else found.value * NS_PER_US


def _spent(cell: Cell, side: str, unit: Unit) -> str:
    return units.number(_spent_ns(cell, side), unit)


def _bytes(cells: Sequence[Cell]) -> Iterator[Table]:
    found = {cell.message: cell for cell in cells if cell.bytes_behind_front is not None}
    if not found:
        return
    built = TableBuilder(
        "Wire bytes on both sides of a front; per request",
        [Column("workload", numeric=False), *_heading_columns("front")],
    )
    sides = ("client side", "server side")
    built.columns += [Column(f"{direction}, {side}", "B") for direction in DIRECTIONS for side in sides]
    built.columns += [Column(f"connection, {side}", "B") for side in sides]
    built.columns += [Column(f"encoding, {side}", numeric=False) for side in sides]
    for cell in found.values():
        both = [cell.bytes, cell.bytes_behind_front]
        entries: list[Entry | str] = [
            units.size(None if each is None else getattr(each, direction).wire_bytes, units.SIZES_BYTES[0])
            for direction in DIRECTIONS
            for each in both
        ]
        entries += [units.size(_setup(each), units.SIZES_BYTES[0]) for each in both]
        entries += [(each.coding or "") if each is not None else "" for each in both]
        built.add((cell.workload.label, servers(cell.message), *_headings(cell)[1:]), entries)
    built.notes.append(SIDES)
    yield built.table()


def _setup(found: Bytes | None) -> float | None:
    if found is None or found.setup.sent_wire_bytes is None or found.setup.received_wire_bytes is None:
        return None
    return found.setup.sent_wire_bytes + found.setup.received_wire_bytes


def _calls(cells: Sequence[Cell]) -> Iterator[Table]:
    counted = {cell.spread: cell for cell in cells if cell.calls}
    if not counted:
        return
    columns = [Column(text, numeric=False) for text in ("replicas", "protocol", "load")]
    built = TableBuilder("Calls by replica or worker", columns)
    built.columns += [
        Column("calls"),
        Column("by replica or worker", numeric=False),
        Column("busiest", "×"),
        Column("distribution", numeric=False),
        Column("front", numeric=False),
        Column("connections", numeric=False),
    ]
    for cell in counted.values():
        found, first = skew(cell.calls), cell.calls[0]
        entries: list[Entry | str] = [
            f"{first.sent:,}",
            _each(first.producers),
            "" if found is None else f"{found.busiest:.2f}",
            "" if found is None else VERDICTS[found.verdict],
            _by_front(cell.calls),
            "" if first.connections is None else _each(first.connections),
        ]
        built.add((servers(cell), protocols.title(cell.protocol), names.load(cell.load)), entries)
    built.notes.append(CALLS)
    yield built.table()


def _each(counts: Sequence[int]) -> str:
    return " / ".join(f"{count:,}" for count in counts)


def _by_front(calls: Sequence[CallsCounted]) -> str:
    if any(not each.agree for each in calls):
        return "counts differ"
    return "the same" if any(each.front is not None for each in calls) else ""
