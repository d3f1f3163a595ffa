"""The limits of fronts as a document: what each protocol's consumer sees when one is reached."""

from collections.abc import Iterable, Iterator, Sequence

from bench.fronts import registry as fronts
from bench.fronts.limits import CASES, TOO_MANY, FailedAs, LimitFound, answer
from bench.protocols import title
from bench.report.document import Column, Conclusion, Document, Finding, Quality, Section, Table, TableBuilder

YES, NO = "yes", "no"
WAYS = (
    "sent: what came to the consumer, from the front or through it. reported: what its client library makes of that.",
    "repeated by the library: aiohttp repeats a GET once whose connection was closed; gRPC repeats calls that were "
    "refused with GOAWAY. By policy: with a usual retry policy (UNAVAILABLE; 429, 502, 503 and 504 of idempotent "
    "methods). The lab's own consumers repeat nothing.",
)
"""What the columns of `way_columns` mean."""
NOTES = (
    f"Offered: {TOO_MANY} times what the limit lets through, in open loop. p50: of successful requests, from the time "
    "at which each was due.",
    *WAYS,
)


def way_columns() -> list[Column]:
    """The columns of `way_entries`."""
    return [
        Column("sent", numeric=False),
        Column("reported", numeric=False),
        Column("repeated by library", numeric=False),
        Column("by policy", numeric=False),
    ]


def way_entries(way: FailedAs) -> list[str]:
    """One way to fail."""
    switches = (way.repeated_by_library, way.repeated_by_policy)
    return [way.sent, way.reported, *(YES if each else NO for each in switches)]


def unsupported(reasons: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """What fronts cannot do: pairs of a front and its reason, which is often the same for several results."""
    for front, reason in dict.fromkeys(reasons):
        if reason:
            yield Finding("note", f"unsupported by {fronts.title(front)}: {reason}")


def document_of(found: Sequence[LimitFound]) -> Document:
    """The table, and a sentence for each protocol and front."""
    findings = tuple(_findings(found))
    return Document(
        title="Limits of fronts",
        subtitle="limits",
        quality=Quality.of("Data quality", findings) if findings else None,
        sections=(Section("limits", "What a consumer sees when a limit is reached", (_table(found),)),),
        conclusion=Conclusion(answer(found) or "No limit has a result."),
    )


def _findings(found: Sequence[LimitFound]) -> Iterator[Finding]:
    yield from unsupported((each.front, each.unsupported) for each in found)
    for each in found:
        if each.trouble:
            name = f"{title(each.protocol)} behind {fronts.title(each.front)}, {CASES[each.limit].title}"
            yield Finding("warning", f"{name}: no result: {each.trouble}")


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
