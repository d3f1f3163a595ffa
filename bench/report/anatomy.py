"""The byte anatomy: where the bytes of requests, responses and connections go, as tables and charts."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from bench import protocols
from bench.dimension import Role
from bench.report import names, units
from bench.report.document import Chart, Column, Entry, KeyEntry, Table, TableBuilder
from bench.report.grouping import label_of, variant_of
from bench.report.plots import Bars, Segment
from bench.report.text import listed
from bench.results import Cell, Run
from bench.wire.parts import (
    CATEGORIES,
    CONNECTION,
    CONTENT,
    FRAMING,
    HANDSHAKE,
    HEADERS,
    TLS,
    UNKNOWN,
    bytes_by_category,
)
from bench.wire.results import Anatomy, BothWays, HeaderSection

DIRECTIONS: dict[str, str] = {"sent": "request", "received": "response"}
"""Fields of BothWays, and what goes that way."""
PARTS = {CONTENT: 0, HEADERS: 1, FRAMING: 4, CONNECTION: 2, TLS: 3, HANDSHAKE: 5, UNKNOWN: 6}
"""The colour of each category. Categories that charts of sizes show, too, have the same colour there."""

Rows = Sequence[tuple[Cell, Anatomy]]


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar: the bytes of one request in steady state in one direction, from the inside out."""

    cell: str
    direction: str
    bytes_by_category: Mapping[str, float]
    """Means over the requests of the steady state, so that the categories sum to the wire bytes."""


def stacks(run: Run) -> list[Stack]:
    """The bars of a run: one for each direction of each cell with an anatomy."""
    return [
        Stack(cell.id, direction, per_request(cell.anatomy, direction))
        for cell in run.cells
        if cell.anatomy is not None
        for direction in DIRECTIONS
    ]


def per_request(anatomy: Anatomy, direction: str) -> dict[str, float]:
    """Bytes of one request in steady state by category: the mean over all of them."""
    requests = max(1, anatomy.steady_requests)
    return {name: size / requests for name, size in bytes_by_category(_way(anatomy.steady, direction)).items()}


def _way(both: BothWays, direction: str) -> dict[str, int]:
    return both.sent if direction == "sent" else both.received


def _content_share(anatomy: Anatomy) -> float | None:
    """The share of content in all bytes of the steady state, both ways; None without any bytes."""
    totals = [bytes_by_category(_way(anatomy.steady, direction)) for direction in DIRECTIONS]
    everything = sum(sum(named.values()) for named in totals)
    return sum(named[CONTENT] for named in totals) / everything if everything else None


def anatomy_charts(run: Run) -> list[Chart]:
    """A chart for each workload and direction; none where no cell has an anatomy."""
    groups: dict[tuple[Hashable, ...], dict[str, Cell]] = {}
    for cell in run.cells:
        if cell.anatomy is not None:
            groups.setdefault(cell.part(Role.GROUP), {})[cell.id] = cell
    return [_chart(run, cells, direction) for cells in groups.values() for direction in DIRECTIONS]


def anatomy_key(run: Run) -> tuple[KeyEntry, ...]:
    """The colour of every category that the charts show, from the inside out."""
    seen = {name for stack in stacks(run) for name, size in stack.bytes_by_category.items() if size}
    return tuple(KeyEntry("part", PARTS[name], name) for name in CATEGORIES if name in seen)


def _chart(run: Run, cells: Mapping[str, Cell], direction: str) -> Chart:
    bars = {
        stack.cell: stack.bytes_by_category
        for stack in stacks(run)
        if stack.cell in cells and stack.direction == direction
    }
    ordered = sorted(bars, key=lambda name: cells[name].part(Role.VARIANT))
    unit = units.byte_unit(sum(bars[name].values()) for name in ordered)
    labels = {name: label_of(cells[name]) for name in ordered}
    totals = {labels[name]: units.size(round(sum(bars[name].values())), unit) for name in ordered}
    segments = tuple(
        Segment(labels[name], PARTS[kind], bars[name][kind] / unit.size)
        for name in ordered
        for kind in CATEGORIES
        if bars[name][kind]
    )
    return Chart(
        Bars(segments, f"{DIRECTIONS[direction]}, {unit.symbol} (lower is better)", tuple(totals.items())),
        f"{names.group(next(iter(cells.values())))}; bytes of a {DIRECTIONS[direction]} in steady state, by category",
        "; ".join(f"{label} {total} {unit.symbol}" for label, total in totals.items()),
    )


def category_tables(run: Run) -> list[Table]:
    """Bytes of a request and of a response by category; none where no cell has an anatomy."""
    rows = _rows(run)
    return [_by_category(rows, direction) for direction in DIRECTIONS] if rows else []


def connection_tables(run: Run) -> list[Table]:
    """Connections, headers and gzip; none where no cell has an anatomy."""
    rows = _rows(run)
    if not rows:
        return []
    tables = [_connection(rows), _headers(rows)]
    return tables + ([_gzip(rows)] if any(anatomy.gzip is not None for _, anatomy in rows) else [])


def _rows(run: Run) -> Rows:
    """Cells with an anatomy, those of one section together."""
    found = [(cell, cell.anatomy) for cell in run.cells if cell.anatomy is not None]
    groups = list(dict.fromkeys(cell.part(Role.GROUP) for cell, _ in found))
    return sorted(found, key=lambda row: groups.index(row[0].part(Role.GROUP)))


def _builder(title: str, columns: Sequence[Column]) -> TableBuilder:
    headings = [Column(text, numeric=False) for text in ("workload", ", ".join(names.variant_headings()), "protocol")]
    return TableBuilder(title, [*headings, *columns])


def _headings(cell: Cell) -> tuple[str, ...]:
    return (
        names.short_group(cell),
        variant_of(cell).label,
        names.series(cell.series),
    )


def _fill(built: TableBuilder, rows: Rows, entries: Callable[[Anatomy], list[Entry | str]]) -> Table:
    for cell, anatomy in rows:
        built.add(_headings(cell), entries(anatomy))
    return built.table()


def _by_category(rows: Rows, direction: str) -> Table:
    shown = [
        category
        for category in CATEGORIES
        if any(per_request(anatomy, direction)[category] for _, anatomy in rows) or category == CONTENT
    ]
    columns = [Column(category) for category in (*shown, "wire")]
    share = direction == "received"
    columns += [Column("content", "% of both directions")] if share else []
    built = _builder(f"Bytes of a {DIRECTIONS[direction]} in steady state", columns)

    def entries(anatomy: Anatomy) -> list[Entry | str]:
        sizes = per_request(anatomy, direction)
        found: list[Entry | str] = [_mean(sizes[category]) for category in shown]
        found.append(_mean(sum(sizes.values())))
        content = _content_share(anatomy)
        return found + ([f"{content:.1%}"] if share and content is not None else [""] if share else [])

    built.notes += [f"{category}: {CATEGORIES[category]}." for category in shown] if not share else []
    if share:
        built.notes.append("Means over the requests of the steady state; the categories sum to the wire bytes.")
        built.notes += _inside_tls(rows)
    return _fill(built, rows, entries)


def _inside_tls(rows: Rows) -> list[str]:
    """How the content of TLS records is known."""
    methods = {
        "decrypted": "TLS was decrypted for {}, with the session keys that its client logged.",
        "plain_twin": "TLS was not decrypted for {}: its parts were matched by length with those of an identical "
        f"connection without TLS; what did not match is {UNKNOWN}.",
    }
    notes = []
    for how, text in methods.items():
        found = dict.fromkeys(protocols.title(cell.protocol) for cell, anatomy in rows if anatomy.inside_tls == how)
        notes += [text.format(listed(list(found)))] if found else []
    return notes


def _connection(rows: Rows) -> Table:
    built = _builder(
        "Bytes of a connection",
        [Column(f"{phase} {direction}") for phase in ("setup", "close") for direction in DIRECTIONS]
        + [Column("requests"), Column("total sent"), Column("total received")],
    )
    built.notes.append(
        "setup, close: once per connection, whatever is requested. Closing takes no bytes where neither side sends a "
        "closing message."
    )
    return _fill(
        built,
        rows,
        lambda anatomy: [
            *(
                f"{sum(_way(phase, way).values()):,}"
                for phase in (anatomy.setup, anatomy.closing)
                for way in DIRECTIONS
            ),
            f"{anatomy.requests:,}",
            *(f"{anatomy.total[way]:,}" for way in DIRECTIONS),
        ],
    )


def _headers(rows: Rows) -> Table:
    last = max(anatomy.requests for _, anatomy in rows)
    built = _builder(
        f"Header bytes of the first request and of the last (up to number {last:,})",
        [Column(f"{what} {which}") for what in DIRECTIONS.values() for which in ("text", "first", "last")],
    )
    built.notes.append(
        "text: the fields as `name: value` lines. first, last: their bytes on the wire; HTTP/1.1 adds the request or "
        "status line, HPACK leaves out fields that it sent before."
    )

    def entries(anatomy: Anatomy) -> list[Entry | str]:
        found: list[Entry | str] = []
        for side in DIRECTIONS.values():
            first: HeaderSection = getattr(anatomy.first_headers, side)
            latest: HeaderSection = getattr(anatomy.last_headers, side)
            found += [f"{latest.plain_bytes:,}", f"{first.wire_bytes:,}", f"{latest.wire_bytes:,}"]
        return found

    return _fill(built, rows, entries)


def _gzip(rows: Rows) -> Table:
    built = _builder(
        "gzip of the responses",
        [
            Column("ratio"),
            Column("level"),
            Column("compressed"),
            Column("grew"),
            Column("compress", "µs per kB"),
            Column("decompress", "µs per kB"),
        ],
    )
    zipped = [(cell, anatomy) for cell, anatomy in rows if anatomy.gzip is not None]
    larger = [cell.id for cell, anatomy in zipped if anatomy.gzip and anatomy.gzip.smaller < anatomy.gzip.compressed]
    unsent = [cell.id for cell, anatomy in zipped if anatomy.gzip and anatomy.gzip.compressed < anatomy.gzip.answers]
    if larger:
        built.notes.append(f"gzip makes responses larger in {listed(larger)}.")
    if unsent:
        built.notes.append(f"Some responses were not compressed in {listed(unsent)}: gzip does not shrink them.")
    built.notes.append(
        "ratio: message bytes ÷ compressed bytes. level: the zlib level that gives the same bytes. grew: responses "
        "that gzip made larger. µs per kB: CPU time of zlib per 1,000 message bytes, in a load process."
    )

    def entries(anatomy: Anatomy) -> list[Entry | str]:
        found = anatomy.gzip
        assert found is not None
        return [
            "" if found.ratio is None else f"{found.ratio:.2f}×",
            "" if found.level is None else str(found.level),
            f"{found.compressed} of {found.answers}",
            str(found.compressed - found.smaller),
            *("" if cost is None else f"{cost:.1f}" for cost in (found.compress_us_per_kb, found.inflate_us_per_kb)),
        ]

    return _fill(built, zipped, entries)


def _mean(size: float) -> str:
    """To a tenth of a byte; a whole number without decimals; empty for 0."""
    return "" if not size else f"{size:,.1f}".removesuffix(".0")
