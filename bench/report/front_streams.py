"""MAX_CONCURRENT_STREAMS as a document: latency against calls in flight."""

from collections.abc import Sequence

from bench.fronts import registry as fronts
from bench.fronts.streams import StreamsFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Table, TableBuilder
from bench.report.front_trials import document, without_result

NOTES = (
    "expected: the round trip between front and producer, times calls in flight over streams where that is above 1.",
    "What waits is in the queue of the client's library, on its one connection. Nothing counts it, and nothing fails "
    "before the timeout of a call. at: whose limit it is. A front may open more connections to a producer.",
)


def document_of(found: Sequence[StreamsFound]) -> Document:
    """The table, and a sentence for each front."""
    return document(
        "MAX_CONCURRENT_STREAMS",
        "streams",
        "Latency against calls in flight",
        tables=[_table(found)],
        conclusion=answer(found) or "No limit of streams has a result.",
        findings=without_result(found),
    )


def _table(found: Sequence[StreamsFound]) -> Table:
    built = TableBuilder(
        "In flight",
        [
            Column("protocol", numeric=False),
            Column("front", numeric=False),
            Column("streams"),
            Column("at", numeric=False),
            Column("in flight"),
            Column("p50", "ms"),
            Column("expected", "ms"),
            Column("answered", "1/s"),
            Column("calls"),
            Column("failed"),
            Column("reported", numeric=False),
        ],
        notes=list(NOTES),
    )
    for each in found:
        headings = (title(each.protocol), fronts.title(each.front), str(each.streams), each.at)
        for level in each.levels:
            built.add(
                headings,
                [
                    str(level.in_flight),
                    "" if level.p50_ms is None else f"{level.p50_ms:,.0f}",
                    f"{each.expected_ms(level.in_flight):,.0f}" if each.counted_on else "",
                    f"{level.answered_hz:,.0f}",
                    f"{level.requests:,}",
                    f"{level.failed:,}",
                    f"{level.ways[0].reported} ({level.ways[0].sent})" if level.ways else "",
                ],
            )
    return built.table()
