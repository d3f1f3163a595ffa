"""Tables that take the difference between two protocols apart: encoding, transport, client library."""

from collections.abc import Sequence

from bench import protocols
from bench.report import definitions, names, units
from bench.report.document import Builder, Column, Entry, Table
from bench.report.units import Unit
from bench.results import Estimate, Run
from bench.spec import OpenLoad
from bench.stats.attribution import ByteParts, Compared, LatencyParts, byte_parts, compared, latency_parts

DIRECTIONS = {"request": "request", "response": "answer"}
SUM = "The parts sum to the whole."
LIBRARIES = (
    "What a transport costs and what the libraries that speak it cost cannot be told apart here: no two of these "
    "protocols share one."
)


def attribution_tables(run: Run) -> list[Table]:
    """Latency and bytes for each pair of protocols that the run can take apart; none where it cannot."""
    found = compared(run.cells)
    tables: list[Table | None] = []
    for pair in dict.fromkeys((each.baseline, each.other) for each in found):
        of_pair = [each for each in found if (each.baseline, each.other) == pair]
        tables += [_latency(of_pair), _bytes(of_pair)]
    return [table for table in tables if table is not None]


def _latency(found: Sequence[Compared]) -> Table | None:
    rows = [(each, parts) for each in found if (parts := latency_parts(each)) is not None]
    if not rows:
        return None
    shown = [(parts.whole, parts.encoding, *_beyond_encoding(parts)) for _, parts in rows]
    unit = units.chosen(units.DURATIONS_NS, [abs(each.value) for row in shown for each in row if each is not None])
    built = _builder(found[0], "median latency")
    titles = ("whole", "encoding", "transport and library", "transport", "client library")
    kept = [number for number in range(len(titles)) if any(row[number] is not None for row in shown)]
    built.columns += [Column(titles[number], unit.symbol) for number in kept]
    for (each, _), row in zip(rows, shown, strict=True):
        built.add(_headings(each), [_difference(row[number], unit) for number in kept])
    built.notes += [
        *_definitions(found[0]),
        "transport: what carries the messages, with the producer's library for it, as the raw client sees it, which "
        "has next to no client. client library: by how much more than the raw client the consumers differ. Both are "
        "means over both encodings."
        if any(parts.transport is not None for _, parts in rows)
        else "transport and library: what carries the messages, on both sides, the mean over both encodings; measured "
        "with --client library,raw as well, the two are told apart.",
        SUM,
        LIBRARIES,
    ]
    built.common.append(definitions.INTERVAL)
    return built.table()


def _beyond_encoding(parts: LatencyParts) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    """The rest in one, or its two parts."""
    if parts.transport is None:
        return parts.rest, None, None
    return None, parts.transport, parts.library


def _bytes(found: Sequence[Compared]) -> Table | None:
    built = _builder(found[0], "bytes on the wire per request")
    built.columns += [Column("direction", numeric=False), Column("whole", "B")]
    built.columns += [Column(f"{part}: {piece}", "B") for part in ("encoding", "transport") for piece in _PIECES]
    for each in found:
        ways = {said: byte_parts(each, direction) for direction, said in DIRECTIONS.items()}
        known = {said: _pieces(parts) for said, parts in ways.items() if parts is not None}
        if len(known) == len(DIRECTIONS):
            known["both"] = [sum(both) for both in zip(*known.values(), strict=True)]
            for said, pieces in known.items():
                built.add((*_headings(each), said), [_bytes_signed(piece) for piece in pieces])
    if not built.rows:
        return None
    built.notes += [
        *_definitions(found[0]),
        "transport: what carries the messages, the mean over both encodings. message: the message as sent, after gzip "
        "where it is on; a transport that has the request in its path needs none. framing: everything around it, "
        "headers, frames, the connection's own and TLS. Of medians over requests, counted, so without an interval.",
        SUM,
    ]
    return built.table()


_PIECES = ("message", "framing")


def _pieces(parts: ByteParts) -> list[float]:
    return [
        parts.whole,
        parts.encoding_content,
        parts.encoding_framing,
        parts.transport_content,
        parts.transport_framing,
    ]


def _builder(found: Compared, of_what: str) -> Builder:
    title = (
        f"From {protocols.title(found.baseline)} to {protocols.title(found.other)}: where the difference in {of_what}"
    )
    return Builder(f"{title} comes from", [Column(text, numeric=False) for text in ("workload", "gzip, TLS")])


def _definitions(found: Compared) -> list[str]:
    one, other = protocols.title(found.baseline), protocols.title(found.other)
    first, second = (names.dialect(each) for each in found.encodings)
    return [
        f"whole: {other} in {second} minus {one} in {first}. It is taken apart with the two that lie between: {one} in "
        f"{second}, and {other} in {first}. encoding: {second} in place of {first}, the mean over both protocols; in "
        "latency with what turns recipes into messages and back."
    ]


def _headings(found: Compared) -> tuple[str, str]:
    cell = found.first
    unusual = [cell.version] if cell.version else []
    unusual += [cell.network] if cell.network != "loopback" else []
    unusual += [f"{cell.connection} connections"] if cell.connection != "persistent" else []
    # In a closed loop there is always one in flight.
    load = [names.load(cell.load)] if isinstance(cell.load, OpenLoad) else []
    return ", ".join([names.workload(cell.workload), *load, *unusual]), names.variant(cell.gzip, cell.tls)


def _difference(found: Estimate | None, unit: Unit) -> Entry | str:
    """`+118 (+115 to +121)`."""
    if found is None:
        return ""
    text = _signed(found.value, unit)
    if found.low is None or found.high is None:
        return f"{text} (no interval)"
    return f"{text} ({_signed(found.low, unit)} to {_signed(found.high, unit)})"


def _signed(value: float, unit: Unit) -> str:
    return f"{_sign(value)}{units.number(abs(value), unit)}"


def _bytes_signed(value: float) -> str:
    """To a tenth, as means of medians come."""
    return f"{_sign(value)}{units.size(round(abs(value), 1), units.SIZES_BYTES[0])}"


def _sign(value: float) -> str:
    return "−" if value < 0 else "+" if value > 0 else ""
