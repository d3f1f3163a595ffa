"""What the client library costs: the consumer's cells beside those of the raw client, which has next to no client."""

from bench.report import definitions, names, units
from bench.report.document import Builder, Column, Table
from bench.report.latency_tables import headings, headings_of
from bench.results import Estimate, Run
from bench.stats.client_cost import client_costs

NOTE = (
    "Consumer minus raw client, in the same rounds: what a caller waits for the client library, and the CPU that it "
    "takes. The raw client sends prepared bytes and looks at status and length, so what is left is the producer and "
    "the way to it. Lower is better."
)
NS_PER_US = 1e3


def client_cost_table(run: Run) -> Table | None:
    """A row for each combination that both clients measured; None where there is none."""
    found = client_costs(run.cells)
    if not found:
        return None
    by_id = {cell.id: cell for cell in run.cells}
    latencies = [cost.latency_ns_p50 for cost in found]
    cpus = [_in_ns(cost.cpu_us_per_request) for cost in found]
    unit = units.chosen(units.DURATIONS_NS, [each.value for each in (*latencies, *cpus) if each is not None])
    built = Builder("What the client library costs", [Column("workload and load", numeric=False), *headings()])
    built.columns += [Column("median latency", unit.symbol), Column("client CPU", unit.symbol)]
    for cost, latency, cpu in zip(found, latencies, cpus, strict=True):
        cell = by_id[cost.library]
        where = f"{names.workload(cell.workload)}, {names.load(cell.load)}"
        built.add((where, *headings_of(cell)), [units.estimate(latency, unit), units.estimate(cpu, unit)])
    built.notes.append(NOTE)
    built.common.append(definitions.INTERVAL)
    return built.table()


def _in_ns(found: Estimate | None) -> Estimate | None:
    if found is None:
        return None
    low, high = (None if end is None else end * NS_PER_US for end in (found.low, found.high))
    return Estimate(value=found.value * NS_PER_US, low=low, high=high)
