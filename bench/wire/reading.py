"""A reading: one recorded connection, parsed once into named bytes by direction, phase and request. Pure.

Requests were sent one after the other, with a mark of the tap after each response. So everything between two marks
belongs to one request. Bytes of the connection before its first request are its set-up, and bytes after its last
response its closing. Sizes and anatomy are functions of a reading.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from bench.wire.codec import Codec, Content
from bench.wire.parts import (
    TLS_ALERT,
    TLS_CLEAR,
    TLS_HANDSHAKE,
    TLS_HEADER,
    TLS_PADDING,
    TLS_PROTECTION,
    UNDIVIDED,
    UNPARSED,
    Named,
    Part,
    check_sum,
    total_bytes,
)
from bench.wire.recording import Direction, Recording, Unreadable
from bench.wire.results import Bytes, SetupSizes, Sizes, TlsSession
from bench.wire.tls import APPLICATION_DATA, HANDSHAKE, RECORD_HEADER_BYTES, Decrypted, Inner, TlsConnection, TlsRecord

WARM_UP_REQUESTS = 2
"""Requests before the steady state. The first one fills HPACK's tables and receives the session tickets, and frames of
the connection's set-up may overlap with the second one."""
DIVIDED_SHARE = 0.5
"""The share of the requests in steady state that must be divided for their sizes to be known."""
NOTHING_KNOWN = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
"""The sizes of a connection that could not be read."""

InsideTls = Literal["decrypted", "plain_twin", "undivided"]


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes of one direction during one request, or after the last one."""

    message: Named = field(default_factory=Counter)
    """Bytes of requests and responses: headers, content and their framing."""
    connection: Named = field(default_factory=Counter)
    """Frames of the connection itself."""
    tls: Named = field(default_factory=Counter)
    """What TLS adds."""

    @property
    def named(self) -> Counter[str]:
        """All bytes by name."""
        return Counter(self.message) + Counter(self.connection) + Counter(self.tls)

    @property
    def total_bytes(self) -> int:
        """All bytes."""
        return total_bytes(self.message) + total_bytes(self.connection) + total_bytes(self.tls)

    @property
    def divided(self) -> bool:
        """Whether the content inside TLS has names."""
        return UNDIVIDED not in self.message


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a connection."""

    setup: Named
    requests: Sequence[Span]
    closing: Span
    setup_known: bool = True
    """Whether the bytes before the first request are known apart from those of the request."""

    @property
    def total_bytes(self) -> int:
        """All bytes."""
        return total_bytes(self.setup) + sum(span.total_bytes for span in (*self.requests, self.closing))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One connection. The parts sum to what was recorded in each direction, exactly."""

    ways: Mapping[Direction, Way]
    contents: Sequence[tuple[Content, Content]] = ()
    """Request and response, in order. Empty where nothing inside TLS is known."""
    inside_tls: InsideTls | None = None
    """How the content of TLS records is known. None without TLS."""
    tls_session: TlsSession | None = None
    twin: "Reading | None" = None
    """The connection without TLS by whose lengths this one was divided."""


def plain_ways(
    recording: Recording, parts: Mapping[Direction, Sequence[Part]], owners: Sequence[int], requests: int
) -> dict[Direction, Way]:
    """The parts of a connection without TLS by phase. `owners` are the messages' numbers.

    Raises BytesUnaccounted unless the parts sum to what was recorded.
    """
    ways: dict[Direction, Way] = {}
    known = frozenset(owners)
    for direction in Direction:
        setup = Counter[str]()
        spans = [(Counter[str](), Counter[str]()) for _ in range(requests + 1)]
        interval_at = recording.interval_at(direction)
        begun, end = False, 0
        for part in parts[direction]:
            end += len(part.data)
            message, connection = spans[interval_at(end - 1)]
            owned = part.owner in known
            begun = begun or owned
            into = message if owned else connection if begun else setup
            into[part.name] += len(part.data)
        check_sum(direction.value, len(recording.content(direction)), end)
        *asked, closing = [Span(*counters) for counters in spans]
        ways[direction] = Way(setup, asked, closing)
    return ways


def read_plain(recording: Recording, codec: Codec, requests: int) -> Reading:
    """Read a connection without TLS that carried so many requests.

    Raises Unreadable when it cannot be determined which bytes belong to which request, and BytesUnaccounted.
    """
    parsed = codec.parse(recording.content(Direction.SENT), recording.content(Direction.RECEIVED))
    unparsed_bytes = sum(len(part.data) for way in parsed.parts.values() for part in way if part.name == UNPARSED)
    if unparsed_bytes:
        raise Unreadable(f"{unparsed_bytes} bytes could not be parsed")
    complete = sum(request.complete and response.complete for request, response in parsed.contents.values())
    if complete != requests or len(parsed.contents) != requests:
        raise Unreadable(f"{requests} requests were sent, but {complete} complete ones were recorded")
    ways = plain_ways(recording, parsed.parts, list(parsed.contents), requests)
    return Reading(ways=ways, contents=list(parsed.contents.values()))


def read_decrypted(connection: TlsConnection, decrypted: Decrypted, codec: Codec, requests: int) -> Reading:
    """Read a decrypted TLS connection that carried so many requests. Raises Unreadable and BytesUnaccounted."""
    inside = read_plain(decrypted.recording, codec, requests)
    ways = {
        direction: _around(way, connection.records[direction], decrypted.inner[direction])
        for direction, way in inside.ways.items()
    }
    for direction, way in ways.items():
        recorded_bytes = sum(record.wire_bytes for record in connection.records[direction])
        check_sum(f"{direction.value} with TLS", recorded_bytes, way.total_bytes)
    return Reading(ways=ways, contents=inside.contents, inside_tls="decrypted", tls_session=connection.session)


def _around(way: Way, records: Sequence[TlsRecord], inner: Sequence[Inner | None]) -> Way:
    """One direction with what TLS adds.

    Handshake messages and session tickets count as set-up whenever they come. A record that set-up and first request
    share counts with the request.
    """
    setup = Counter(way.setup)
    tls = [Counter[str]() for _ in (*way.requests, way.closing)]
    left_bytes = total_bytes(way.setup)
    for record, found in zip(records, inner, strict=True):
        before_closing = record.interval < len(way.requests)
        own = setup if before_closing else tls[-1]
        if found is None:
            own.update(overhead(record, None))
        elif found.kind != APPLICATION_DATA:
            own[TLS_HANDSHAKE if found.kind == HANDSHAKE else TLS_ALERT] += found.content_bytes
            own.update(overhead(record, found.content_bytes, found.padding_bytes))
        else:
            of_setup = 0 < left_bytes >= found.content_bytes
            left_bytes = left_bytes - found.content_bytes if of_setup else 0
            into = setup if of_setup else tls[record.interval]
            into.update(overhead(record, found.content_bytes, found.padding_bytes))
    spans = zip((*way.requests, way.closing), tls, strict=True)
    *asked, closing = [Span(span.message, span.connection, added) for span, added in spans]
    return Way(setup, asked, closing)


def overhead(record: TlsRecord, content_bytes: int | None, padding_bytes: int = 0) -> Counter[str]:
    """What a record adds to its content, by name. `content_bytes` None: it is in the clear and has no content."""
    fragment_bytes = len(record.fragment)
    if content_bytes is None:
        return Counter({TLS_HEADER: RECORD_HEADER_BYTES, TLS_CLEAR: fragment_bytes})
    protection_bytes = fragment_bytes - content_bytes - padding_bytes
    return Counter(
        {TLS_HEADER: RECORD_HEADER_BYTES, TLS_PROTECTION: protection_bytes}
        | ({TLS_PADDING: padding_bytes} if padding_bytes else {})
    )


def sizes_of(reading: Reading) -> tuple[Bytes, tuple[str, ...]]:
    """The sizes of a connection, and why some of them are null.

    Sizes per request are medians over the requests in steady state.
    """
    sides: dict[Direction, Sizes] = {}
    setup: dict[Direction, float | None] = {}
    reasons: list[str] = []
    for number, (direction, way) in enumerate(reading.ways.items()):
        setup[direction] = float(total_bytes(way.setup)) if way.setup_known else None
        if not way.setup_known and reading.inside_tls == "plain_twin":
            reasons.append(f"bytes {direction.value} before the first request are not known apart from its own")
        steady = way.requests[WARM_UP_REQUESTS:]
        divided = [span for span in steady if span.divided]
        if len(divided) < DIVIDED_SHARE * len(steady):
            if reading.inside_tls == "plain_twin":
                reasons.append(
                    f"bytes {direction.value} inside TLS do not match those without TLS in "
                    f"{len(steady) - len(divided)} of {len(steady)} requests"
                )
            sides[direction] = Sizes(wire_bytes=_median([span.total_bytes for span in steady]))
            continue
        framed = (reading.twin or reading).ways[direction].requests[WARM_UP_REQUESTS:]
        messages = [pair[number] for pair in reading.contents[WARM_UP_REQUESTS:]]
        decoded = [message.message_bytes for message in messages if message.message_bytes is not None]
        sides[direction] = Sizes(
            message_bytes=_median(decoded) if len(decoded) == len(messages) else None,
            compressed_bytes=_median([message.compressed_bytes for message in messages]),
            framed_bytes=_median([total_bytes(span.message) for span in framed]),
            connection_bytes=_median([total_bytes(span.connection) for span in divided]),
            wire_bytes=_median([span.total_bytes for span in steady]),
        )
    codings = {response.coding for _, response in reading.contents[WARM_UP_REQUESTS:]}
    found = Bytes(
        request=sides[Direction.SENT],
        response=sides[Direction.RECEIVED],
        setup=SetupSizes(sent_wire_bytes=setup[Direction.SENT], received_wire_bytes=setup[Direction.RECEIVED]),
        coding=codings.pop() if len(codings) == 1 else "mixed" if codings else None,
    )
    return found, tuple(reasons)


def _median(sizes: Sequence[int]) -> float:
    return float(median(sizes))
