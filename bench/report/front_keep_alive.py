"""Keep-alive limits that do not match, as a document: failures per 10,000 requests around a limit."""

from collections.abc import Sequence

from bench.fronts import registry as fronts
from bench.fronts.keep_alive import PER_10_000, Band, KeepAliveFound, answer
from bench.protocols import title
from bench.report.document import Column, Document, Table, TableBuilder
from bench.report.front_trials import document, way_columns, way_entries, without_result

NOTES = (
    "connection: idle for less than the limit (open), for about as long, so that the producer may close it while a "
    "request is on its way (closing), or for longer (closed). gRPC's core closes later than its limit says: it counts "
    "again from the latest check.",
    "In parentheses the 95 % interval. Requests of a burst fail together; the interval takes that into account.",
)


def document_of(found: Sequence[KeepAliveFound]) -> Document:
    """The tables, and a sentence for each pair of limits."""
    return document(
        "Keep-alive limits that do not match",
        "keep-alive",
        "Failures per 10,000 requests around the limit",
        tables=[_table(found), *([_way_table(found)] if any(each.ways for each in found) else [])],
        conclusion=answer(found) or "No pair of limits has a result.",
        findings=without_result(found),
    )


def _headings(found: KeepAliveFound) -> tuple[str, str, str, str, str]:
    has_front = found.front != fronts.NONE
    return (
        title(found.protocol),
        fronts.title(found.front),
        f"{found.producer_keep_alive_s:g} s",
        f"{found.front_keep_alive_s:g} s" if has_front else "",
        str(found.retries) if has_front else "",
    )


def _heading_columns() -> list[Column]:
    return [
        Column("protocol", numeric=False),
        Column("front", numeric=False),
        Column("producer"),
        Column("front keeps"),
        Column("retries"),
    ]


def _table(found: Sequence[KeepAliveFound]) -> Table:
    columns = [Column("connection", numeric=False), Column("bursts"), Column("requests"), Column("failed")]
    built = TableBuilder("By idle time", [*_heading_columns(), *columns, Column("per 10,000")], notes=list(NOTES))
    for each in found:
        for band in each.bands:
            built.add(
                _headings(each), [band.name, f"{band.bursts:,}", f"{band.requests:,}", f"{band.failed:,}", _rate(band)]
            )
    return built.table()


def _rate(band: Band) -> str:
    if not band.requests:
        return ""
    rate, low, high = (share * PER_10_000 for share in (band.failed / band.requests, band.low, band.high))
    return f"{rate:,.0f} ({low:,.0f}–{high:,.0f})"


def _way_table(found: Sequence[KeepAliveFound]) -> Table:
    built = TableBuilder("What the consumer sees", [*_heading_columns(), Column("requests"), *way_columns()])
    for each in found:
        for way in each.ways:
            built.add(_headings(each), [f"{way.requests:,}", *way_entries(way)])
    return built.table()
