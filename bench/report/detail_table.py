"""Every cell with every figure: what all other tables are cut from."""

from bench.contenders import contender_of
from bench.report import definitions, names, units
from bench.report.document import Builder, Column, Entry, Table
from bench.report.grouping import variant_of
from bench.report.latency_tables import answers, latency_unit, reasons
from bench.results import Quantiles, Run


def details(run: Run) -> Table:
    """A row for each cell of the run, in its order."""
    unit = latency_unit(run.cells)
    memory = [cell.memory_bytes.producer_peak if cell.memory_bytes else None for cell in run.cells]
    memory_unit = units.chosen(units.SIZES_BYTES, memory)
    quantiles = ("p50", "p90", "p99", "p999", "max")
    built = Builder(
        "Every cell",
        [
            Column("cell", numeric=False),
            Column("protocol", numeric=False),
            Column("gzip, TLS", numeric=False),
            Column("load", numeric=False),
            *(Column("p99.9" if name == "p999" else name, unit.symbol) for name in quantiles),
            Column(units.PER_SECOND.symbol),
            Column("peak memory", memory_unit.symbol),
            Column("answers"),
        ],
    )
    for cell, peak in zip(run.cells, memory, strict=True):
        found = cell.latency_ns or Quantiles()
        entries: list[Entry | str] = [
            names.contender(contender_of(cell)),
            variant_of(cell).label,
            names.load(cell.load),
            *(units.estimate(getattr(found, name), unit) for name in quantiles),
            units.estimate(cell.requests_per_second, units.PER_SECOND),
            units.number(peak, memory_unit),
            answers(cell),
        ]
        if cell.status != "measured":
            entries[3] = names.status(cell)
        built.add((cell.id,), entries)
    built.notes += [
        "p50 to max: how long the caller waited, from when the request was due in open loop. With several in flight in "
        "a closed loop this is mostly the queue that the load itself makes, so such cells are told by requests/s.",
        "A quantile that fewer than ten answers lie beyond is not told; max has no interval.",
        definitions.MEMORY,
        *reasons(run.cells),
    ]
    built.common += [definitions.INTERVAL, definitions.ANSWERS]
    return built.table()
