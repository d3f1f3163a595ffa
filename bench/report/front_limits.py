"""The limits of fronts as a document: what each protocol's consumer sees when one is reached."""

from collections.abc import Sequence

from bench.fronts import registry as fronts
from bench.fronts.limits import CASES, TOO_MANY, LimitFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Table, TableBuilder
from bench.report.front_trials import WAYS, document, subject, way_columns, way_entries, without_result

NOTES = (
    f"Offered: {TOO_MANY} times what the limit lets through, in open loop. p50: of successful requests, from the time "
    "at which each was due.",
    *WAYS,
)


def document_of(found: Sequence[LimitFound]) -> Document:
    """The table, and a sentence for each protocol and front."""
    return document(
        "Limits of fronts",
        "limits",
        "What a consumer sees when a limit is reached",
        tables=[_table(found)],
        conclusion=answer(found) or "No limit has a result.",
        findings=without_result(found, _subject),
    )


def _subject(found: LimitFound) -> str:
    return f"{subject(found)}, {CASES[found.limit].title}"


def _table(found: Sequence[LimitFound]) -> Table:
    built = TableBuilder(
        "Limits",
        [
            Column("protocol", numeric=False),
            Column("front", numeric=False),
            Column("limit", numeric=False),
            Column("successful"),
            Column("p50", "ms"),
            Column("failed"),
            *way_columns(),
        ],
        notes=list(NOTES),
    )
    for each in found:
        headings = (title(each.protocol), fronts.title(each.front), CASES[each.limit].title)
        if not each.measured:
            continue
        of_all = 1 / each.requests
        entries = [f"{each.answered * of_all:.0%}", "" if each.p50_ms is None else f"{each.p50_ms:,.1f}"]
        for way in each.ways or (None,):
            of_way = ["", "", "", "", ""] if way is None else [f"{way.requests * of_all:.0%}", *way_entries(way)]
            built.add(headings, [*entries, *of_way])
            entries = ["", ""]
    return built.table()
