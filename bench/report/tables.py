"""The tables of a run by name, as `--tables` takes them."""

from collections.abc import Callable, Iterable, Sequence

from bench.report import anatomy, attribution, break_evens, costs, hops, instructions, latency_tables, switches
from bench.report.document import Document, Section, Table
from bench.report.explorer import explorer_of
from bench.report.grouping import Grouping
from bench.results import Run

ALL = "all"
"""Stands for every name."""


def _of_loads(run: Run, grouping: Grouping, *, latency: bool) -> Iterable[Table]:
    for group in grouping.groups:
        for load in group.loads:
            if load.load is not None and load.is_latency == latency:
                yield latency_tables.load_table(group, load, grouping)


def _known(*tables: Table | None) -> Iterable[Table]:
    return (table for table in tables if table is not None)


def _in_sections(sections: Iterable[Section]) -> Iterable[Table]:
    return (block for block in Document(sections=tuple(sections)).blocks() if isinstance(block, Table))


TABLES: dict[str, Callable[[Run, Grouping], Iterable[Table]]] = {
    "latency": lambda run, grouping: _of_loads(run, grouping, latency=True),
    "throughput": lambda run, grouping: _of_loads(run, grouping, latency=False),
    "switches": lambda run, grouping: switches.switch_tables(explorer_of(run, grouping)),
    "bytes": lambda run, grouping: (costs.size_table(group) for group in grouping.groups),
    "cpu": lambda run, grouping: (costs.cpu_table(group) for group in grouping.groups),
    "fronts": lambda run, grouping: hops.tables(run),
    "network": lambda run, grouping: _known(break_evens.table_of(run)),
    "load": lambda run, grouping: _known(latency_tables.load_curve_table(run)),
    "client": lambda run, grouping: _known(attribution.client_cost_table(run)),
    "causes": lambda run, grouping: attribution.attribution_tables(run),
    "anatomy": lambda run, grouping: (*anatomy.category_tables(run), *anatomy.connection_tables(run)),
    "instructions": lambda run, grouping: _in_sections(instructions.sections(run)),
    "percentiles": lambda run, grouping: (latency_tables.all_configurations(run),),
}
"""What each name stands for."""


def tables_of(run: Run, grouping: Grouping, names: Sequence[str]) -> dict[str, list[Table]]:
    """The tables of some names, in the order given; ALL stands for every name. Empty where the run has none of one."""
    chosen = tuple(TABLES) if ALL in names else names
    return {name: [table for table in TABLES[name](run, grouping) if table.rows] for name in dict.fromkeys(chosen)}
