"""A TLS connection beside its plain twin, over which the same requests went in the same order. Pure.

Records are read without keys. What they hold is known from the twin, and proved by length: the content of a request's
records (record headers, inner types and tags taken off) must be as long as what the twin sent for the same request.
Only frames of the connection whose time is open, such as pings and window updates, may go with another request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from bench.results import Bytes, SetupSizes, Sizes, TlsSession
from bench.wire.parts import UNPARSED, bytes_by_name, check_sum, total_bytes
from bench.wire.reading import (
    WARM_UP_REQUESTS,
    PlainReading,
    Unreadable,
    only_connection,
    plain_bytes,
    setup_sizes,
    steady_median,
)
from bench.wire.recording import Direction, Recording
from bench.wire.tls import APPLICATION_DATA, PROTECTED, TlsParser, TlsRecord, protection_bytes, session

PROOF_SHARE = 0.5
"""Of the requests of the steady state, at least so many must be as long as the twin's."""
FLOATING_FRAMES_AT_MOST = 2
"""So many of the connection's frames whose time is open may go with one request here and with another in the twin."""
GROWTH_BYTES = 8
"""A first answer may differ from the twin's by the digits of numbers in it, such as an id and Content-Length."""
FINISHED_BYTES = (4 + 32, 4 + 48)
"""Content of a Finished message, by the hash of the cipher suite (RFC 8446, section 4.4.4)."""
PROTECTION = "application_data.protection"
"""The name of inner types and tags, taken from what is `protected`."""
CONTENT = "application_data.content"


@dataclass(frozen=True, slots=True)
class TlsReading:
    """The TLS connection of a cell."""

    session: TlsSession
    parts: Mapping[Direction, Mapping[str, int]]
    """Bytes by name; their sum is what was recorded, exactly."""
    wire_bytes: Mapping[Direction, Sequence[int]]
    """Whole records: for each request, and behind the last one for what ended the connection."""
    content_bytes: Mapping[Direction, Sequence[int]]
    """What these records hold."""
    records: Mapping[Direction, Sequence[Sequence[tuple[int, int | None]]]]
    """By the same intervals: the size of each record, and of its content, None where it is in the clear."""


def read_tls(recordings: Sequence[Recording], requests: int) -> TlsReading:
    """What the recordings of a TLS cell show. Raises Unreadable and BytesUnaccounted."""
    recording = only_connection(recordings)
    parsers = {direction: TlsParser() for direction in Direction}
    named: dict[Direction, dict[str, int]] = {}
    for direction, parser in parsers.items():
        content = recording.content(direction)
        named[direction] = bytes_by_name(parser.feed(content) + parser.finish())
        check_sum(direction.value, len(content), total_bytes(named[direction]))
    agreed = session(parsers[Direction.SENT], parsers[Direction.RECEIVED])
    if agreed is None:
        raise Unreadable("no TLS handshake was seen")
    protection = protection_bytes(parsers[Direction.RECEIVED])
    if protection is None:
        raise Unreadable(f"{agreed.version} was agreed on, and only records of TLS 1.3 are read")
    if unparsed_bytes := sum(parts.get(UNPARSED, 0) for parts in named.values()):
        raise Unreadable(f"{unparsed_bytes} bytes are no TLS records")
    wire: dict[Direction, list[int]] = {}
    inner: dict[Direction, list[int]] = {}
    records: dict[Direction, list[list[tuple[int, int | None]]]] = {}
    for direction, parser in parsers.items():
        interval_at = recording.interval_at(direction)
        wire[direction], inner[direction] = [0] * (requests + 1), [0] * (requests + 1)
        records[direction] = [[] for _ in range(requests + 1)]
        for record in parser.records:
            interval = interval_at(record.end - 1)
            content_bytes = _content_bytes(record, protection)
            wire[direction][interval] += record.wire_bytes
            inner[direction][interval] += content_bytes or 0
            records[direction][interval].append((record.wire_bytes, content_bytes))
        check_sum(f"records {direction.value}", total_bytes(named[direction]), sum(wire[direction]))
    parts = {direction: _split(named[direction], parsers[direction].records, protection) for direction in Direction}
    return TlsReading(agreed, parts, wire, inner, records)


def _content_bytes(record: TlsRecord, protection: int) -> int | None:
    return max(0, record.fragment_bytes - protection) if record.kind == APPLICATION_DATA else None


def _split(named: Mapping[str, int], records: Sequence[TlsRecord], protection: int) -> dict[str, int]:
    """The parts with what is protected split into content and protection."""
    contents = [size for record in records if (size := _content_bytes(record, protection)) is not None]
    split = dict(named)
    protected_bytes = split.pop(f"application_data.{PROTECTED}", 0)
    return split | {PROTECTION: protected_bytes - sum(contents), CONTENT: sum(contents)}


def tls_bytes(reading: TlsReading, twin: PlainReading, floating_frame_bytes: Sequence[int]) -> tuple[Bytes, list[str]]:
    """The sizes of a TLS cell, and what could not be proved about them, in words.

    Wire bytes are those of the records. The other sizes are the twin's, and null unless they are proved.
    """
    plain = plain_bytes(twin)
    sides = {Direction.SENT: plain.request, Direction.RECEIVED: plain.response}
    sizes: dict[Direction, Sizes] = {}
    setup: dict[Direction, int | None] = {}
    warnings: list[str] = []
    allowed = floating_differences(floating_frame_bytes)
    for direction, side in sides.items():
        wire_bytes = steady_median(reading.wire_bytes[direction])
        setup[direction] = ahead_of_requests(reading, twin, direction, floating_frame_bytes)
        if setup[direction] is None:
            warnings.append(f"bytes {direction.value} before the first request cannot be told from the request's own")
        differences = _differences(reading, twin, direction)
        if sum(abs(difference) in allowed for difference in differences) >= PROOF_SHARE * len(differences):
            sizes[direction] = Sizes(
                message_bytes=side.message_bytes,
                compressed_bytes=side.compressed_bytes,
                framed_bytes=side.framed_bytes,
                connection_bytes=side.connection_bytes,
                wire_bytes=wire_bytes,
            )
        else:
            worst = max(differences, key=abs)
            warnings.append(
                f"bytes {direction.value} inside TLS differ from those without it, by up to {worst} a request"
            )
            sizes[direction] = Sizes(wire_bytes=wire_bytes)
    found = Bytes(
        request=sizes[Direction.SENT],
        response=sizes[Direction.RECEIVED],
        setup=setup_sizes(setup),
        coding=plain.coding,
    )
    return found, warnings


def tls_bytes_alone(reading: TlsReading) -> Bytes:
    """The sizes of a TLS cell without a twin: wire bytes only."""
    wire = {direction: Sizes(wire_bytes=steady_median(sizes)) for direction, sizes in reading.wire_bytes.items()}
    return Bytes(request=wire[Direction.SENT], response=wire[Direction.RECEIVED], setup=SetupSizes())


def _differences(reading: TlsReading, twin: PlainReading, direction: Direction) -> list[int]:
    """For each request of the steady state, how much longer it is inside TLS than without."""
    pairs = zip(reading.content_bytes[direction], twin.interval_bytes[direction], strict=True)
    return [inside - plain for inside, plain in pairs][WARM_UP_REQUESTS:-1]


def ahead_of_requests(
    reading: TlsReading, twin: PlainReading, direction: Direction, floating_frame_bytes: Sequence[int]
) -> int | None:
    """Bytes ahead of the first request's in this direction: handshake, tickets that came before, the twin's set-up.

    A record shared by set-up and request is split by its content, and its overhead is the request's. None when it is
    not known where content begins.
    """
    records = reading.records[direction][0]
    found = _behind_finished(records) if direction is Direction.SENT else None
    if found is None:
        tolerance_bytes = max(GROWTH_BYTES, *floating_differences(floating_frame_bytes))
        found = _start_of_content(records, twin.interval_bytes[direction][0], tolerance_bytes)
    if found is None:
        return None
    setup_bytes = sum(wire_bytes for wire_bytes, _ in records[:found])
    left_bytes = twin.setup_bytes[direction]
    for wire_bytes, content_bytes in records[found:]:
        if content_bytes is None or content_bytes > left_bytes:
            break
        setup_bytes += wire_bytes
        left_bytes -= content_bytes
    return setup_bytes + left_bytes


def _behind_finished(records: Sequence[tuple[int, int | None]]) -> int | None:
    """The index behind the client's Finished, the first thing that a client without a certificate encrypts."""
    for index, (_, content_bytes) in enumerate(records):
        if content_bytes is not None:
            return index + 1 if content_bytes in FINISHED_BYTES else None
    return None


def _start_of_content(records: Sequence[tuple[int, int | None]], twin_bytes: int, tolerance_bytes: int) -> int | None:
    """The index from which on the records hold what the twin sent until the first answer; None unless there is one.

    They are the last ones, so all before them is TLS's own: certificates, tickets.
    """
    found: list[int] = []
    held_bytes = 0
    for index in range(len(records) - 1, -1, -1):
        content_bytes = records[index][1]
        if content_bytes is None:
            break
        held_bytes += content_bytes
        if held_bytes == twin_bytes:
            return index
        if abs(held_bytes - twin_bytes) <= tolerance_bytes:
            found.append(index)
    return found[0] if len(found) == 1 else None


def floating_differences(sizes: Sequence[int]) -> set[int]:
    """By how much a few frames, more or fewer, can make one connection differ from another; 0 among it."""
    found = {0}
    for count in range(1, FLOATING_FRAMES_AT_MOST + 1):
        for frames in combinations_with_replacement([*sizes, *(-size for size in sizes)], count):
            found.add(abs(sum(frames)))
    return found
