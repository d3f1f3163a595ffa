"""MAX_CONCURRENT_STREAMS as a document: latency against calls in flight."""

from collections.abc import Iterator, Sequence

from bench.fronts import registry as fronts
from bench.fronts.streams import StreamsFound, answer
from bench.protocols import title
from bench.report.document import Column, Conclusion, Document, Finding, Quality, Section, Table, TableBuilder
from bench.report.front_limits import unsupported

NOTES = (
    "expected: the round trip between front and producer, times calls in flight over streams where that is above 1.",
    "What waits is in the queue of the client's library, on its one connection. Nothing counts it, and nothing fails "
    "before the timeout of a call. at: whose limit it is. A front may open more connections to a producer.",
)


def document_of(found: Sequence[StreamsFound]) -> Document:
    """The table, and a sentence for each front."""
    findings = tuple(_findings(found))
    return Document(
        title="MAX_CONCURRENT_STREAMS",
        subtitle="streams",
        quality=Quality.of("Data quality", findings) if findings else None,
        sections=(Section("streams", "Latency against calls in flight", (_table(found),)),),
        conclusion=Conclusion(answer(found) or "No limit of streams has a result."),
    )


def _findings(found: Sequence[StreamsFound]) -> Iterator[Finding]:
    yield from unsupported((each.front, each.unsupported) for each in found)
    for each in found:
        if each.trouble:
            name = f"{title(each.protocol)} behind {fronts.title(each.front)}"
            yield Finding("warning", f"{name}: no result: {each.trouble}")


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
