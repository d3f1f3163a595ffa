"""Tables that attribute a difference: between two protocols to encoding, transport and client library, and between two
clients to the client library."""

from collections.abc import Sequence

from bench import protocols
from bench.load_models import OpenLoad
from bench.report import definitions, names, units
from bench.report.costs import in_ns
from bench.report.document import Column, Table, TableBuilder
from bench.report.grouping import variant_of
from bench.report.latency_tables import headings, headings_of
from bench.results import Estimate, Run
from bench.stats.attribution import ByteParts, Compared, LatencyParts, byte_parts, compared, latency_parts
from bench.stats.client_cost import client_costs

DIRECTIONS = ("request", "response")
PIECES = ("message", "framing")
SUM = "The parts sum to the total."
LIBRARIES = (
    "A transport and the libraries that implement it cannot be separated here, because no two of these protocols share "
    "a library."
)
CLIENT_COST = (
    "Client library overhead = library client − raw client, in paired samples: the time that it adds to a request, and "
    "its CPU time. The raw client sends prepared bytes and checks status and length only. Lower is better."
)


def attribution_tables(run: Run) -> list[Table]:
    """Latency and bytes for each pair of protocols that the run can take apart; none where it cannot."""
    found = compared(run.cells)
    tables: list[Table | None] = []
    for pair in dict.fromkeys((each.baseline, each.other) for each in found):
        of_pair = [each for each in found if (each.baseline, each.other) == pair]
        tables += [_latency(of_pair), _bytes(of_pair)]
    return [table for table in tables if table is not None]


def client_cost_table(run: Run) -> Table | None:
    """A row for each configuration that both clients measured; None where there is none."""
    found = client_costs(run.cells)
    if not found:
        return None
    by_id = {cell.id: cell for cell in run.cells}
    latencies = [cost.latency_ns_p50 for cost in found]
    cpus = [in_ns(cost.cpu_us_per_request) for cost in found]
    unit = units.chosen(units.DURATIONS_NS, [each.value for each in (*latencies, *cpus) if each is not None])
    built = TableBuilder("Client library overhead", [Column("workload and load", numeric=False), *headings()])
    built.columns += [Column("median latency", unit.symbol), Column("client CPU", unit.symbol)]
    for cost, latency, cpu in zip(found, latencies, cpus, strict=True):
        cell = by_id[cost.library]
        where = f"{names.group(cell)}, {names.load(cell.load)}"
        built.add((where, *headings_of(cell)), [units.estimate(latency, unit), units.estimate(cpu, unit)])
    built.notes.append(CLIENT_COST)
    built.common.append(definitions.INTERVAL)
    return built.table()


def _latency(found: Sequence[Compared]) -> Table | None:
    rows = [(each, parts) for each in found if (parts := latency_parts(each)) is not None]
    if not rows:
        return None
    shown = [(parts.whole, parts.encoding, *_beyond_encoding(parts)) for _, parts in rows]
    unit = units.chosen(units.DURATIONS_NS, [abs(each.value) for row in shown for each in row if each is not None])
    built = _builder(found[0], "median latency")
    titles = ("total", "encoding", "transport and library", "transport", "client library")
    kept = [number for number in range(len(titles)) if any(row[number] is not None for row in shown)]
    built.columns += [Column(titles[number], unit.symbol) for number in kept]
    for (each, _), row in zip(rows, shown, strict=True):
        built.add(_headings(each), [units.difference(row[number], unit) for number in kept])
    built.notes += [
        *_definitions(found[0]),
        "transport: the protocol that carries the messages, with the server's library for it, measured with the raw "
        "client. client library: what client libraries add to that difference. Both: means of both encodings."
        if any(parts.transport is not None for _, parts in rows)
        else "transport and library: the protocol that carries the messages, with the libraries of both sides; the "
        "mean of both encodings. Measure with --client library,raw to separate the two.",
        SUM,
        LIBRARIES,
    ]
    built.common.append(definitions.INTERVAL)
    return built.table()


def _beyond_encoding(parts: LatencyParts) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """The rest as one value, or its two parts."""
    if parts.transport is None:
        return parts.rest, None, None
    return None, parts.transport, parts.library


def _bytes(found: Sequence[Compared]) -> Table | None:
    built = _builder(found[0], "wire bytes per request")
    built.columns += [Column("direction", numeric=False), Column("total", "B")]
    built.columns += [Column(f"{part}: {piece}", "B") for part in ("encoding", "transport") for piece in PIECES]
    for each in found:
        parts = {direction: byte_parts(each, direction) for direction in DIRECTIONS}
        known = {direction: _pieces(part) for direction, part in parts.items() if part is not None}
        if len(known) == len(DIRECTIONS):
            known["both"] = [sum(both) for both in zip(*known.values(), strict=True)]
            for direction, pieces in known.items():
                built.add((*_headings(each), direction), [_bytes_signed(piece) for piece in pieces])
    if not built.rows:
        return None
    built.notes += [
        *_definitions(found[0]),
        "transport: the protocol that carries the messages, the mean over both encodings. message: the message after "
        "gzip, where it is on; HTTP/JSON reads have none in the request, because the path says it all. framing: "
        "headers, frames, connection overhead and TLS. Exact byte counts (medians per request), so without intervals.",
        SUM,
    ]
    return built.table()


def _pieces(parts: ByteParts) -> list[float]:
    return [
        parts.whole,
        parts.encoding_content,
        parts.encoding_framing,
        parts.transport_content,
        parts.transport_framing,
    ]


def _builder(found: Compared, of_what: str) -> TableBuilder:
    one, other = protocols.title(found.baseline, short=True), protocols.title(found.other, short=True)
    headings = [Column(text, numeric=False) for text in ("workload", ", ".join(names.variant_headings()))]
    return TableBuilder(f"{one} to {other}: causes of the difference in {of_what}", headings)


def _definitions(found: Compared) -> list[str]:
    one, other = (protocols.title(each, short=True) for each in (found.baseline, found.other))
    first, second = (names.spelled(each) for each in found.encodings)
    return [
        f"total: {other} with {second} minus {one} with {first}. It is split with two more measurements: {one} with "
        f"{second}, and {other} with {first}. encoding: {second} instead of {first}, the mean over both protocols; for "
        "latency including serialization and parsing."
    ]


def _headings(found: Compared) -> tuple[str, str]:
    cell = found.first
    # In a closed loop there is always one in flight.
    load = [names.load(cell.load)] if isinstance(cell.load, OpenLoad) else []
    version = [cell.version] if cell.version else []
    return ", ".join([names.group(cell), *load, *version]), variant_of(cell).label


def _bytes_signed(value: float) -> str:
    """To a tenth, as means of medians come."""
    return f"{units.sign(value)}{units.size(round(abs(value), 1), units.SIZES_BYTES[0])}"
