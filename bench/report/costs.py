"""What a request costs besides time: bytes, CPU and memory, as tables and charts."""

from collections.abc import Iterable, Sequence
from textwrap import fill

from bench.report import definitions, names, units
from bench.report.document import Chart, Column, Entry, Table, TableBuilder
from bench.report.grouping import LoadGroup, WorkloadGroup, label_of
from bench.report.latency_tables import headings, headings_of
from bench.report.plots import Bars, Segment
from bench.report.text import listed
from bench.report.units import Unit
from bench.results import Cell, CpuPerRequest, Estimate
from bench.wire.results import Bytes, Sizes

SIZES: dict[str, str] = {
    "message_bytes": "message",
    "compressed_bytes": "compressed",
    "framed_bytes": "with headers & framing",
    "connection_bytes": "connection overhead",
    "wire_bytes": "wire",
}
"""Fields of Sizes, and what they are called, from the inside out."""
DIRECTIONS = ("request", "response")
COMPRESSED, FRAMING, CONNECTION, TLS = 0, 1, 2, 3
"""Parts of a bar of bytes, by their colours."""
BYTE_PARTS = ("body as sent", "headers & framing", "connection overhead", "TLS")
SERVER, CLIENT, FRONT = 0, 1, 2
"""Parts of a bar of CPU time."""
CPU_PARTS = ("server", "client", "front")
NS_PER_US = 1e3


def size_of(cell: Cell, direction: str, field: str) -> float | None:
    """One of the sizes of a cell in bytes: `request` or `response`, and a field of SIZES."""
    if cell.bytes is None:
        return None
    of_direction: Sizes = cell.bytes.request if direction == "request" else cell.bytes.response
    found: float | None = getattr(of_direction, field)
    return found


def both_ways(cell: Cell) -> float | None:
    """The wire bytes of a request and its response together; None where one is not known."""
    sizes = [size_of(cell, direction, "wire_bytes") for direction in DIRECTIONS]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def size_table(group: WorkloadGroup) -> Table:
    """All sizes in both directions, and what a connection sends before its first request."""
    built = TableBuilder(f"{group.title}; bytes per request", headings())
    cells = list(group.one_per_combination())
    shown = [(direction, field) for direction in DIRECTIONS for field in SIZES]
    size_units = _add_size_columns(built, cells, shown)
    built.columns += [Column("setup sent", "B"), Column("setup received", "B"), Column("encoding", numeric=False)]
    for cell in cells:
        entries: list[Entry | str] = [
            units.size(size_of(cell, *each), unit) for each, unit in zip(shown, size_units, strict=True)
        ]
        setup = cell.bytes.setup if cell.bytes else None
        entries += [
            units.size(setup.sent_wire_bytes if setup else None, units.SIZES_BYTES[0]),
            units.size(setup.received_wire_bytes if setup else None, units.SIZES_BYTES[0]),
            (cell.bytes.coding if cell.bytes else None) or "",
        ]
        built.add(headings_of(cell), entries)
    built.notes += [
        definitions.BYTES,
        "setup: wire bytes of a connection before its first request, including the TLS handshake.",
        "encoding: Content-Encoding or grpc-encoding of the responses.",
        *missing_sizes(cells),
    ]
    return built.table()


def _add_size_columns(built: TableBuilder, cells: Sequence[Cell], shown: Sequence[tuple[str, str]]) -> list[Unit]:
    """A column for each direction and field; returns their units."""
    found = [units.byte_unit(size_of(cell, *each) for cell in cells) for each in shown]
    built.columns += [
        Column(f"{direction} {SIZES[field]}", unit.symbol)
        for (direction, field), unit in zip(shown, found, strict=True)
    ]
    return found


def cpu_table(group: WorkloadGroup) -> Table:
    """CPU per request of both sides, with intervals, and the server's peak memory."""
    loads = _with_cpu(group)
    built = TableBuilder(f"{group.title}; CPU per request", headings())
    unit = _cpu_unit(group, loads)
    built.columns += [Column(f"{side}, {names.load(load.load)}", unit.symbol) for load in loads for side in CPU_PARTS]
    cells = list(group.one_per_combination())
    memory = [cell.memory_bytes.producer_peak if cell.memory_bytes else None for cell in cells]
    memory_unit = units.chosen(units.SIZES_BYTES, memory)
    built.columns.append(Column("peak memory", memory_unit.symbol))
    for cell, peak in zip(cells, memory, strict=True):
        entries: list[Entry | str] = [
            units.estimate(in_ns(found), unit) for load in loads for found in _sides(load, cell)
        ]
        entries.append(units.number(peak, memory_unit))
        built.add(headings_of(cell), entries)
    built.notes += [definitions.CPU, definitions.MEMORY]
    built.common.append(definitions.INTERVAL)
    return built.table()


def missing_sizes(cells: Sequence[Cell]) -> list[str]:
    """Which sizes are missing, in at most one sentence."""
    measured = [cell for cell in cells if cell.status == "measured"]
    lacking = [cell for cell in measured if size_of(cell, "response", "wire_bytes") is None]
    if not lacking:
        return []
    if len(lacking) == len(measured):
        return ["Bytes were not measured."]
    named = listed([" ".join(reversed(headings_of(cell))) for cell in lacking])
    return [f"Bytes were not measured for {named}."]


def byte_charts(group: WorkloadGroup) -> list[Chart]:
    """Wire bytes of a request and of a response, in their parts; none for a direction that was not measured."""
    return [chart for direction in DIRECTIONS if (chart := _byte_chart(group, direction)) is not None]


def _byte_chart(group: WorkloadGroup, direction: str) -> Chart | None:
    cells = [cell for cell in group.one_per_combination() if size_of(cell, direction, "wire_bytes") is not None]
    wires = {label_of(cell): size_of(cell, direction, "wire_bytes") or 0.0 for cell in cells}
    unit = units.byte_unit(wires.values())
    segments = tuple(segment for cell in cells for segment in _pieces(cell, direction, unit.size))
    if not segments:
        return None
    totals = {label: units.size(wire, unit) for label, wire in wires.items()}
    return Chart(
        Bars(segments, f"{direction}, {unit.symbol} on the wire (lower is better)", tuple(totals.items())),
        f"{group.title}: wire bytes of a {direction}",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def _pieces(cell: Cell, direction: str, unit_size: float) -> list[Segment]:
    """The body as sent, headers and framing, connection overhead, TLS; one piece where the parts are not known."""
    compressed, framed, wire = (
        size_of(cell, direction, field) for field in ("compressed_bytes", "framed_bytes", "wire_bytes")
    )
    of_connection = size_of(cell, direction, "connection_bytes") or 0.0
    label = label_of(cell)
    if wire is None:
        return []
    if compressed is None or framed is None:
        return [Segment(label, COMPRESSED, wire / unit_size)]
    lengths = {
        COMPRESSED: compressed,
        FRAMING: max(0.0, framed - compressed),
        CONNECTION: of_connection,
        TLS: max(0.0, wire - framed - of_connection),
    }
    return [Segment(label, part, length / unit_size) for part, length in lengths.items()]


def cpu_chart(group: WorkloadGroup, load: LoadGroup) -> Chart | None:
    """CPU per request of both sides. None where it was not measured."""
    sides = {
        cell.id: {
            part: each.value * NS_PER_US
            for part, each in (
                (SERVER, cell.cpu_us_per_request.producer),
                (FRONT, cell.cpu_us_per_request.front),
                (CLIENT, cell.cpu_us_per_request.consumer),
            )
            if each is not None
        }
        for cell in load.cells
        if cell.cpu_us_per_request is not None
    }
    unit = units.chosen(units.DURATIONS_NS, [value for each in sides.values() for value in each.values()])
    shown = {
        label_of(cell): {part: value / unit.size for part, value in sides[cell.id].items()}
        for cell in load.cells
        if sides.get(cell.id)
    }
    if not shown:
        return None
    segments = tuple(Segment(label, part, value) for label, parts in shown.items() for part, value in parts.items())
    totals = {label: " + ".join(map(units.significant, parts.values())) for label, parts in shown.items()}
    return Chart(
        Bars(segments, f"CPU per request, {unit.symbol} (lower is better)", tuple(totals.items())),
        f"{group.title}: CPU per request {names.with_load(load.load)}, {' + '.join(cpu_parts(load.cells))}",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def one_request(address: str, sizes: Bytes, unknown: Sequence[str], *, gzip_requested: bool, width: int) -> str:
    """The sizes of one request in steady state, and of its connection's setup, as text for a terminal.

    `unknown` says which sizes could not be measured, and why. What the sizes are is left out where a line of `width`
    characters has no room for it.
    """
    meanings = {
        "message_bytes": "JSON text or protobuf message",
        "compressed_bytes": "after gzip, where it is on",
        "framed_bytes": "plus headers, chunks, frames",
        "connection_bytes": "SETTINGS, WINDOW_UPDATE, PING",
        "wire_bytes": "everything handed to TCP",
    }
    rows = [
        (SIZES[field], getattr(sizes.request, field), getattr(sizes.response, field), meaning)
        for field, meaning in meanings.items()
    ]
    setup = sizes.setup
    rows.append(("setup", setup.sent_wire_bytes, setup.received_wire_bytes, "once, before the first request"))
    names_width = max(map(len, SIZES.values()))
    lines = [f"  {'':{names_width}} {'request':>8} {'response':>8}"]
    lines += [
        f"  {name:{names_width}} {_bytes_or_dash(sent):>8} {_bytes_or_dash(received):>8}"
        for name, sent, received, _ in rows
    ]
    explained = [lines[0], *(f"{line}  {meaning}" for line, (*_, meaning) in zip(lines[1:], rows, strict=True))]
    lines = explained if max(map(len, explained)) <= width else lines
    lines = [fill(f"Bytes per request on a warm connection to {address}:", width), "", *lines]
    if sizes.coding is not None:
        lines += ["", _encoding_sentence(sizes.coding, gzip_requested=gzip_requested)]
    lines += [fill(f"Unknown: {each}.", width) for each in unknown]
    return "\n".join(lines) + "\n"


def _encoding_sentence(encoding: str, *, gzip_requested: bool) -> str:
    if encoding != "identity":
        return f"Response encoding: {encoding}."
    return "gzip was requested, but the response was not compressed." if gzip_requested else "Response not compressed."


def _bytes_or_dash(size: float | None) -> str:
    return "–" if size is None else f"{size:,.0f}"


def _with_cpu(group: WorkloadGroup) -> list[LoadGroup]:
    return [load for load in group.loads if any(cell.cpu_us_per_request is not None for cell in load.cells)]


def cpu_parts(cells: Iterable[Cell]) -> list[str]:
    """Of CPU_PARTS those that a chart of these cells has, in the order of a bar."""
    behind = any(cell.cpu_us_per_request is not None and cell.cpu_us_per_request.front is not None for cell in cells)
    return [CPU_PARTS[part] for part in (SERVER, FRONT, CLIENT) if part != FRONT or behind]


def _sides(load: LoadGroup, like: Cell) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """Server, client and front CPU of the cell of `load` with the same series and variant as `like`."""
    for cell in load.cells:
        if headings_of(cell) == headings_of(like):
            found = cell.cpu_us_per_request or CpuPerRequest()
            return found.producer, found.consumer, found.front
    return None, None, None


def _cpu_unit(group: WorkloadGroup, loads: Sequence[LoadGroup]) -> Unit:
    cells = group.one_per_combination()
    return units.chosen(
        units.DURATIONS_NS, [_ns(found) for cell in cells for load in loads for found in _sides(load, cell)]
    )


def _ns(found: Estimate | None) -> float | None:
    return None if found is None else found.value * NS_PER_US


def in_ns(found_us: Estimate | None) -> Estimate | None:
    """An estimate in microseconds, in nanoseconds."""
    if found_us is None:
        return None
    low, high = (None if end is None else end * NS_PER_US for end in (found_us.low, found_us.high))
    return Estimate(value=found_us.value * NS_PER_US, low=low, high=high)
