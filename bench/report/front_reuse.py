"""A new connection to the producer for each request, against kept ones, as a document."""

from collections.abc import Iterator, Sequence

from bench.fronts import registry as fronts
from bench.fronts.reuse import Added, Figures, ReuseFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Finding, Table, TableBuilder
from bench.report.front_trials import document, subject, without_result

NOTES = (
    "Medians over slices with one request in flight, of both ways in turn. added: the median of the differences "
    "between neighbouring slices, with its 95 % interval; it covers noise within the run, and not that between starts.",
    "connections: those that the producer counted, per 1,000 requests. gRPC's core does not count them, and one from a "
    "port that was used before is missed there.",
)
KEPT, NEW, ADDED = "kept", "new", "added"


def document_of(found: Sequence[ReuseFound]) -> Document:
    """The table, and a sentence for each protocol."""
    return document(
        "Connections between front and producer",
        "reuse",
        "A new connection for each request, and kept ones",
        tables=[_table(found)],
        conclusion=answer(found) or "No front has a result.",
        findings=_findings(found),
    )


def _findings(found: Sequence[ReuseFound]) -> Iterator[Finding]:
    yield from without_result(found)
    for each in found:
        for side in (each.kept, each.new):
            if side is not None and side.failed:
                yield Finding("warning", f"{subject(each)}: {side.failed:,} of {side.requests:,} requests failed")


def _table(found: Sequence[ReuseFound]) -> Table:
    built = TableBuilder(
        "Connections",
        [
            Column("protocol", numeric=False),
            Column("front", numeric=False),
            Column("way", numeric=False),
            Column("requests"),
            Column("connections"),
            Column("p50", "µs"),
            Column("CPU of the front", "µs"),
            Column("CPU of the producer", "µs"),
        ],
        notes=list(NOTES),
    )
    for each in found:
        if each.kept is None or each.new is None:
            continue
        headings = (title(each.protocol), fronts.title(each.front))
        built.add(headings, [KEPT, *_entries(each.kept)])
        built.add(headings, [NEW, *_entries(each.new)])
        built.add(headings, [ADDED, "", "", *map(_added, (each.latency, each.front_cpu, each.producer_cpu))])
    return built.table()


def _entries(of: Figures) -> list[str]:
    times = (of.p50_us, of.front_cpu_us, of.producer_cpu_us)
    return [f"{of.requests:,}", f"{of.connections_per_1000:,.0f}", *(f"{value:,.0f}" for value in times)]


def _added(value: Added | None) -> str:
    if value is None:
        return ""
    if value.low_us is None or value.high_us is None:
        return f"{value.value_us:+,.0f}"
    return f"{value.value_us:+,.0f} ({value.low_us:,.0f} to {value.high_us:,.0f})"
