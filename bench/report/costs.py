"""Tables of what an answer takes: bytes, CPU, memory."""

from collections.abc import Sequence

from bench.report import definitions, names, units
from bench.report.document import Builder, Column, Entry, Table
from bench.report.grouping import LoadGroup, WorkloadGroup
from bench.report.latency_tables import headings, headings_of
from bench.report.units import Unit
from bench.results import Cell, CpuPerRequest, Estimate, Sizes

SIZE_NAMES = ("message", "compressed", "framed", "connection", "wire")
LOADS_AT_ONCE = 2
"""CPU per request of so many loads fits beside the sizes."""
NS_PER_US = 1e3


def costs(group: WorkloadGroup) -> list[Table]:
    """Bytes and CPU in one table, as long as there are no more loads than a page is wide."""
    loads = _with_cpu(group)
    first, rest = loads[:LOADS_AT_ONCE], loads[LOADS_AT_ONCE:]
    tables = [_bytes_and_cpu(group, first)]
    return tables + [cpu(group, rest[start : start + LOADS_AT_ONCE]) for start in range(0, len(rest), LOADS_AT_ONCE)]


def _bytes_and_cpu(group: WorkloadGroup, loads: Sequence[LoadGroup]) -> Table:
    built = Builder(f"{group.title}; bytes and CPU per request", headings())
    cells = list(group.one_per_combination())
    directions = [("request", "message"), ("request", "wire"), ("response", "message"), ("response", "wire")]
    measured_units = [units.byte_unit(size_of(cell, *each) for cell in cells) for each in directions]
    built.columns += [
        Column(" ".join(each), unit.symbol) for each, unit in zip(directions, measured_units, strict=True)
    ]
    cpu_unit = _cpu_unit(group, loads)
    built.columns += [
        Column(f"{side} {cpu_unit.symbol}, {names.load(load.load)}")
        for load in loads
        for side in ("producer", "consumer")
    ]
    for cell in cells:
        entries: list[Entry | str] = [
            units.size(size_of(cell, *each), unit) for each, unit in zip(directions, measured_units, strict=True)
        ]
        entries += [units.number(_ns(found), cpu_unit) for load in loads for found in _sides(load, cell)]
        built.add(headings_of(cell), entries)
    built.notes += [f"{definitions.MESSAGE} {definitions.WIRE} Medians per request. Fewer are better."]
    built.notes += [definitions.CPU] if loads else []
    built.notes += missing_sizes(cells)
    return built.table()


def sizes(group: WorkloadGroup) -> Table:
    """All four sizes in both directions, and what a connection takes before its first request."""
    built = Builder(f"{group.title}; bytes per request", headings())
    cells = list(group.one_per_combination())
    directions = [(direction, name) for direction in ("request", "response") for name in SIZE_NAMES]
    measured_units = [units.byte_unit(size_of(cell, *each) for cell in cells) for each in directions]
    built.columns += [
        Column(" ".join(each), unit.symbol) for each, unit in zip(directions, measured_units, strict=True)
    ]
    built.columns += [Column("set-up sent", "B"), Column("set-up received", "B"), Column("coding", numeric=False)]
    for cell in cells:
        entries: list[Entry | str] = [
            units.size(size_of(cell, *each), unit) for each, unit in zip(directions, measured_units, strict=True)
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
        "set-up: what one connection takes once, before its first request, TLS handshake included.",
        "coding: of the answers as seen.",
        *missing_sizes(cells),
    ]
    return built.table()


def cpu(group: WorkloadGroup, loads: Sequence[LoadGroup] | None = None) -> Table:
    """CPU per request of both sides, with intervals, and the producer's peak memory."""
    loads = _with_cpu(group) if loads is None else loads
    built = Builder(f"{group.title}; CPU per request", headings())
    unit = _cpu_unit(group, loads)
    built.columns += [
        Column(f"{side}, {names.load(load.load)}", unit.symbol) for load in loads for side in ("producer", "consumer")
    ]
    cells = list(group.one_per_combination())
    memory = [cell.memory_bytes.producer_peak if cell.memory_bytes else None for cell in cells]
    memory_unit = units.chosen(units.SIZES_BYTES, memory)
    built.columns.append(Column("peak memory", memory_unit.symbol))
    for cell, peak in zip(cells, memory, strict=True):
        entries: list[Entry | str] = [
            units.estimate(_in_ns(found), unit) for load in loads for found in _sides(load, cell)
        ]
        entries.append(units.number(peak, memory_unit))
        built.add(headings_of(cell), entries)
    built.notes += [definitions.CPU, definitions.MEMORY]
    built.common.append(definitions.INTERVAL)
    return built.table()


def size_of(cell: Cell, direction: str, name: str) -> float | None:
    """One of the sizes of a cell: `request` or `response`, and one of SIZE_NAMES."""
    if cell.bytes is None:
        return None
    of_direction: Sizes = cell.bytes.request if direction == "request" else cell.bytes.response
    found: float | None = getattr(of_direction, f"{name}_bytes")
    return found


def missing_sizes(cells: Sequence[Cell]) -> list[str]:
    """That sizes are not known, where they are not."""
    lacking = [cell for cell in cells if size_of(cell, "response", "wire") is None and cell.status == "measured"]
    if not lacking:
        return []
    if len(lacking) == len([cell for cell in cells if cell.status == "measured"]):
        return ["The bytes of these cells were not measured."]
    named = names.listed([" ".join(reversed(headings_of(cell))) for cell in lacking])
    return [f"Bytes were not measured for {named}."]


def _with_cpu(group: WorkloadGroup) -> list[LoadGroup]:
    return [load for load in group.loads if any(cell.cpu_us_per_request is not None for cell in load.cells)]


def _sides(load: LoadGroup, like: Cell) -> tuple[Estimate | None, Estimate | None]:
    for cell in load.cells:
        if headings_of(cell) == headings_of(like):
            found = cell.cpu_us_per_request or CpuPerRequest()
            return found.producer, found.consumer
    return None, None


def _cpu_unit(group: WorkloadGroup, loads: Sequence[LoadGroup]) -> Unit:
    cells = group.one_per_combination()
    return units.chosen(
        units.DURATIONS_NS, [_ns(found) for cell in cells for load in loads for found in _sides(load, cell)]
    )


def _ns(found: Estimate | None) -> float | None:
    return None if found is None else found.value * NS_PER_US


def _in_ns(found: Estimate | None) -> Estimate | None:
    if found is None:
        return None
    low, high = (None if end is None else end * NS_PER_US for end in (found.low, found.high))
    return Estimate(value=found.value * NS_PER_US, low=low, high=high)
