"""Errors by who saw them, as a document."""

from collections.abc import Sequence

from bench.fronts import registry as fronts
from bench.fronts.errors import INCIDENTS, ErrorsFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Table, TableBuilder
from bench.report.front_trials import WAYS, document, subject, way_columns, way_entries, without_result

NOTES = (
    "consumer: requests that failed for it. front: responses with a status of 4xx or 5xx that the front counted. "
    "producer: calls that the producer counted with such a status, and with an error of its protocol.",
    "A producer that hangs or is gone does not say what it counted.",
    *WAYS,
)


def document_of(found: Sequence[ErrorsFound]) -> Document:
    """The table, and a sentence for each incident."""
    return document(
        "Errors by who saw them",
        "errors",
        "Errors as counted by consumer, front and producer",
        tables=[_table(found)],
        conclusion=answer(found) or "No incident has a result.",
        findings=without_result(found, _subject),
    )


def _subject(found: ErrorsFound) -> str:
    return f"{subject(found)}, {INCIDENTS[found.incident].title}"


def _table(found: Sequence[ErrorsFound]) -> Table:
    counted = ("requests", "consumer", "front", "producer: status", "producer: error")
    built = TableBuilder(
        "Errors",
        [
            Column("incident", numeric=False),
            Column("protocol", numeric=False),
            Column("front", numeric=False),
            *(Column(name) for name in counted),
            *way_columns(),
        ],
        notes=list(NOTES),
    )
    for each in found:
        if not each.measured:
            continue
        headings = (INCIDENTS[each.incident].title, title(each.protocol), fronts.title(each.front))
        counts = (each.requests, each.consumer, each.front_errors, each.producer_statuses, each.producer_errors)
        entries = ["" if count is None else f"{count:,}" for count in counts]
        for way in each.ways or (None,):
            built.add(headings, [*entries, *([""] * len(way_columns()) if way is None else way_entries(way))])
            entries = [""] * len(counts)
    return built.table()
