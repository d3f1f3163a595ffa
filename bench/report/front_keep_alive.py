"""Keep-alive limits that do not match, as a document: failures per 10,000 requests around a limit."""

from collections.abc import Sequence

from bench.fronts import registry as fronts
from bench.fronts.keep_alive import PER_10_000, Band, KeepAliveFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Table, TableBuilder
from bench.report.front_trials import document, way_columns, way_entries, without_result

NOTES = (
    "closed by: who closes connections that are idle for so long, the producer those of the front, or the front those "
    "of consumers. kept: after how long the one that has opened them would close them itself. Without a front the "
    "consumer has opened them.",
    "connection: idle for less than the limit (open), for about as long, so that it may be closed while a request is "
    "on its way (closing), or for longer (closed). gRPC's core closes later than its limit says: it counts again from "
    "the latest check.",
    "In parentheses the 95 % interval. Requests of a burst fail together; the interval takes that into account.",
)


def document_of(found: Sequence[KeepAliveFound]) -> Document:
    """The tables, and a sentence for each pair of limits."""
    retries = any(each.retries for each in found)
    ways = [_way_table(found, retries=retries)] if any(each.ways for each in found) else []
    return document(
        "Keep-alive limits that do not match",
        "keep-alive",
        "Failures per 10,000 requests around the limit",
        tables=[_table(found, retries=retries), *ways],
        conclusion=answer(found) or "No pair of limits has a result.",
        findings=without_result(found),
    )


def _headings(found: KeepAliveFound, *, retries: bool) -> tuple[str, ...]:
    shown = (str(found.retries) if found.has_retries else "",) if retries else ()
    closed = f"{found.closed_by}, {found.closed_after_s:g} s"
    return (title(found.protocol), fronts.title(found.front), closed, f"{found.kept_s:g} s", *shown)


def _heading_columns(*, retries: bool) -> list[Column]:
    return [
        Column("protocol", numeric=False),
        Column("front", numeric=False),
        Column("closed by", numeric=False),
        Column("kept"),
        *([Column("retries")] if retries else []),
    ]


def _table(found: Sequence[KeepAliveFound], *, retries: bool) -> Table:
    columns = [Column("connection", numeric=False), Column("bursts"), Column("requests"), Column("failed")]
    built = TableBuilder(
        "By idle time", [*_heading_columns(retries=retries), *columns, Column("per 10,000")], notes=list(NOTES)
    )
    for each in found:
        for band in each.bands:
            built.add(
                _headings(each, retries=retries),
                [band.name, f"{band.bursts:,}", f"{band.requests:,}", f"{band.failed:,}", _rate(band)],
            )
    return built.table()


def _rate(band: Band) -> str:
    if not band.requests:
        return ""
    rate, low, high = (share * PER_10_000 for share in (band.failed / band.requests, band.low, band.high))
    return f"{rate:,.0f} ({low:,.0f}–{high:,.0f})"


def _way_table(found: Sequence[KeepAliveFound], *, retries: bool) -> Table:
    columns = [*_heading_columns(retries=retries), Column("requests"), *way_columns()]
    built = TableBuilder("What the consumer sees", columns)
    for each in found:
        for way in each.ways:
            built.add(_headings(each, retries=retries), [f"{way.requests:,}", *way_entries(way)])
    return built.table()
