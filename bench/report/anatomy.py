"""Tables of where the bytes go: by kind each way, by connection, in headers, and what gzip makes of them. Pure."""

from collections.abc import Callable, Sequence

from bench import protocols
from bench.contenders import contender_of
from bench.report import names
from bench.report.anatomy_figures import DIRECTIONS, all_bytes, per_request, useful_share
from bench.report.document import Builder, Column, Entry, Table
from bench.results import Anatomy, Cell, HeaderSection, Run
from bench.wire.parts import CATEGORIES, CONTENT, UNKNOWN

Rows = Sequence[tuple[Cell, Anatomy]]
TITLES = {"sent": "request", "received": "answer"}


def anatomy_tables(run: Run) -> list[Table]:
    """All tables of a run; none where no cell has an anatomy."""
    found = [(cell, cell.anatomy) for cell in run.cells if cell.anatomy is not None]
    workloads = list(dict.fromkeys(cell.workload for cell, _ in found))
    rows = sorted(found, key=lambda row: workloads.index(row[0].workload))
    if not rows:
        return []
    tables = [_by_category(rows, direction) for direction in DIRECTIONS] + [_connection(rows), _headers(rows)]
    return tables + ([_gzip(rows)] if any(anatomy.gzip is not None for _, anatomy in rows) else [])


def _builder(title: str, columns: Sequence[Column]) -> Builder:
    headings = [Column(text, numeric=False) for text in ("workload", "gzip, TLS", "protocol")]
    return Builder(title, [*headings, *columns])


def _headings(cell: Cell) -> tuple[str, ...]:
    size = cell.workload.page_size
    return (
        cell.workload.name if size is None else f"{cell.workload.name} {size}",
        names.variant(cell.gzip, cell.tls),
        names.contender(contender_of(cell)),
    )


def _fill(built: Builder, rows: Rows, entries: Callable[[Anatomy], list[Entry | str]]) -> Table:
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
    share = direction == DIRECTIONS[-1]
    columns += [Column("useful", "% of both ways")] if share else []
    built = _builder(f"One {TITLES[direction]} in steady state, bytes", columns)

    def entries(anatomy: Anatomy) -> list[Entry | str]:
        sizes = per_request(anatomy, direction)
        found: list[Entry | str] = [_mean(sizes[category]) for category in shown]
        found.append(_mean(sum(sizes.values())))
        useful = useful_share(anatomy)
        return found + ([f"{useful:.1%}"] if share and useful is not None else [""] if share else [])

    built.notes += [f"{category}: {CATEGORIES[category]}." for category in shown] if not share else []
    if share:
        built.notes.append("Means over the requests of the steady state, so that the kinds sum to what is on the wire.")
        built.notes += _inside_tls(rows)
    return _fill(built, rows, entries)


def _inside_tls(rows: Rows) -> list[str]:
    """How what is inside TLS is known."""
    said = {
        "decrypted": "What is inside TLS was decrypted for {}, with the keys that its client wrote down.",
        "plain_twin": "What is inside TLS was found again for {}, by its lengths, in a connection without TLS that "
        f"asked the same; what the lengths did not prove is {UNKNOWN}.",
    }
    notes = []
    for how, text in said.items():
        found = dict.fromkeys(protocols.title(cell.protocol) for cell, anatomy in rows if anatomy.inside_tls == how)
        notes += [text.format(names.listed(list(found)))] if found else []
    return notes


def _connection(rows: Rows) -> Table:
    built = _builder(
        "One connection, bytes",
        [Column(f"{phase} {direction}") for phase in ("set-up", "close") for direction in DIRECTIONS]
        + [Column("requests"), Column("all sent"), Column("all received")],
    )
    built.notes.append(
        "Set-up and close are what a connection takes once, whatever is asked over it; closing itself takes no bytes "
        "where neither side says goodbye."
    )
    return _fill(
        built,
        rows,
        lambda anatomy: [
            *(f"{all_bytes(phase, way):,}" for phase in (anatomy.setup, anatomy.closing) for way in DIRECTIONS),
            f"{anatomy.requests:,}",
            *(f"{anatomy.total[way]:,}" for way in DIRECTIONS),
        ],
    )


def _headers(rows: Rows) -> Table:
    last = max(anatomy.requests for _, anatomy in rows)
    built = _builder(
        f"Headers of the first request and of the last, up to number {last:,}, bytes",
        [Column(f"{what} {which}") for what in ("request", "answer") for which in ("says", "first", "last")],
    )
    built.notes.append(
        "says: the fields as lines of name and value. first, last: what went over the wire for them; HTTP/1.1 adds its "
        "first line, HPACK leaves out what it said before."
    )

    def entries(anatomy: Anatomy) -> list[Entry | str]:
        found: list[Entry | str] = []
        for side in ("request", "response"):
            first: HeaderSection = getattr(anatomy.first_headers, side)
            latest: HeaderSection = getattr(anatomy.last_headers, side)
            found += [f"{latest.plain_bytes:,}", f"{first.wire_bytes:,}", f"{latest.wire_bytes:,}"]
        return found

    return _fill(built, rows, entries)


def _gzip(rows: Rows) -> Table:
    built = _builder(
        "gzip of the answers",
        [
            Column("smaller by"),
            Column("level"),
            Column("compressed"),
            Column("made larger"),
            Column("compress", "µs per kB"),
            Column("inflate", "µs per kB"),
        ],
    )
    zipped = [(cell, anatomy) for cell, anatomy in rows if anatomy.gzip is not None]
    larger = [cell.id for cell, anatomy in zipped if anatomy.gzip and anatomy.gzip.smaller < anatomy.gzip.compressed]
    unsent = [cell.id for cell, anatomy in zipped if anatomy.gzip and anatomy.gzip.compressed < anatomy.gzip.answers]
    if larger:
        built.notes.append(f"gzip makes answers larger in {names.listed(larger)}: it does not pay there.")
    if unsent:
        built.notes.append(
            f"Not every answer came compressed in {names.listed(unsent)}: it would not have been smaller."
        )
    built.notes.append(
        "smaller by: message bytes divided by compressed bytes. level: at which zlib gives the same bytes. µs per kB: "
        "CPU time of zlib for 1,000 message bytes, in a load process."
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
    """To a tenth of a byte, whole where it is whole; empty where there is nothing."""
    return "" if not size else f"{size:,.1f}".removesuffix(".0")
