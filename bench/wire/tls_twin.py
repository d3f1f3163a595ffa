"""Reading a TLS connection whose keys are not known, with the help of a twin. Pure.

The twin is a connection without TLS over which the same requests were sent in the same order. Its parts are assigned to
the TLS connection by length: the content of a request's records must be as long as the twin's bytes of the same
request. Only frames of the connection that may be sent at any time, such as pings and window updates, may differ.
Content of any other length is named UNDIVIDED.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations_with_replacement

from bench.wire.parts import (
    CONNECTION_FRAMES,
    TLS_ALERT,
    TLS_HANDSHAKE,
    UNDIVIDED,
    check_sum,
    total_bytes,
)
from bench.wire.reading import Reading, Span, Way, overhead
from bench.wire.recording import Direction
from bench.wire.tls import TlsConnection, TlsRecord

FRAMES_AT_MOST = 4
"""The number of connection frames during one request that are still recognized by their total length."""
MOVED_FRAMES_AT_MOST = 2
"""The number of connection frames that may come with the first request here, and with another one in the twin."""
GROWTH_BYTES = 8
"""How much a first response may differ from the twin's by the digits of numbers, such as an id or Content-Length."""
FINISHED_BYTES = (4 + 32, 4 + 48)
"""Content of a Finished message, by the hash of the cipher suite (RFC 8446, section 4.4.4)."""
CLOSE_NOTIFY_BYTES = 2


def read_beside_twin(connection: TlsConnection, twin: Reading, floating_frame_bytes: Sequence[int]) -> Reading:
    """Read a TLS connection by the lengths of its twin. Raises BytesUnaccounted.

    `floating_frame_bytes` are the sizes of the connection frames that may be sent at any time.
    """
    ways = {
        direction: _way(connection, direction, twin.ways[direction], floating_frame_bytes) for direction in Direction
    }
    return Reading(
        ways=ways, contents=twin.contents, inside_tls="plain_twin", tls_session=connection.session, twin=twin
    )


def read_undivided(connection: TlsConnection, requests: int) -> Reading:
    """Read a TLS connection that carried so many requests, without a twin: its content is not divided."""
    nothing = Way(Counter(), [Span() for _ in range(requests)], Span())
    ways = {direction: _way(connection, direction, nothing, None) for direction in Direction}
    return Reading(ways=ways, inside_tls="undivided", tls_session=connection.session)


def _way(connection: TlsConnection, direction: Direction, twin: Way, floating_frame_bytes: Sequence[int] | None) -> Way:
    """One direction. `floating_frame_bytes` None: there is no twin."""
    records: list[list[TlsRecord]] = [[] for _ in (*twin.requests, twin.closing)]
    for record in connection.records[direction]:
        records[record.interval].append(record)
    frames = frame_sums(floating_frame_bytes or ())
    start = None
    if floating_frame_bytes is not None:
        start = _start_of_content(connection, direction, records[0], twin, floating_frame_bytes)
    setup, first = _first(connection, records[0], twin, start, frames)
    spans = [first]
    for own, span in zip(records[1:-1], twin.requests[1:], strict=True):
        content_bytes, tls = _added(connection, own)
        spans.append(_divided(content_bytes, span, frames, tls))
    content_bytes, tls = _added(connection, records[-1])
    way = Way(setup, spans, _closing(content_bytes, twin.closing, tls), setup_known=start is not None)
    recorded_bytes = sum(record.wire_bytes for record in connection.records[direction])
    check_sum(f"{direction.value} with TLS", recorded_bytes, way.total_bytes)
    return way


def _added(connection: TlsConnection, records: Sequence[TlsRecord]) -> tuple[int, Counter[str]]:
    """The bytes of content in some records, and what TLS adds to them."""
    tls = Counter[str]()
    content_bytes = 0
    for record in records:
        size = connection.content_bytes(record)
        content_bytes += size or 0
        tls.update(overhead(record, size))
    return content_bytes, tls


def _divided(content_bytes: int, twin: Span, frames: set[int], tls: Counter[str]) -> Span:
    """The content of one request, named as in the twin where the lengths match."""
    rest_bytes = content_bytes - total_bytes(twin.message)
    if rest_bytes == total_bytes(twin.connection):
        return Span(twin.message, twin.connection, tls)
    if rest_bytes in frames:
        return Span(twin.message, Counter({CONNECTION_FRAMES: rest_bytes} if rest_bytes else {}), tls)
    return Span(Counter({UNDIVIDED: content_bytes}), Counter(), tls)


def _closing(content_bytes: int, twin: Span, tls: Counter[str]) -> Span:
    """The content after the last request: as in the twin, and an alert that closes TLS."""
    rest_bytes = content_bytes - twin.total_bytes
    if rest_bytes in (0, CLOSE_NOTIFY_BYTES):
        return Span(twin.message, twin.connection, tls + Counter({TLS_ALERT: rest_bytes}))
    if content_bytes == CLOSE_NOTIFY_BYTES:
        return Span(tls=tls + Counter({TLS_ALERT: content_bytes}))
    return Span(Counter({UNDIVIDED: content_bytes}), Counter(), tls)


def _first(
    connection: TlsConnection, records: Sequence[TlsRecord], twin: Way, start: int | None, frames: set[int]
) -> tuple[Counter[str], Span]:
    """The set-up, and the first request. `start` is the index of the first record with content, None: not known.

    A record that set-up and request share counts with the request.
    """
    setup, tls = Counter[str](), Counter[str]()
    content_bytes = 0
    left_bytes = total_bytes(twin.setup) if start is not None else 0
    for index, record in enumerate(records):
        size = connection.content_bytes(record)
        if size is None:
            setup.update(overhead(record, None))
        elif start is not None and index < start:
            setup[TLS_HANDSHAKE] += size
            setup.update(overhead(record, size))
        else:
            content_bytes += size
            of_setup = 0 < left_bytes >= size
            left_bytes = left_bytes - size if of_setup else 0
            (setup if of_setup else tls).update(overhead(record, size))
    if start is None:
        return setup, Span(Counter({UNDIVIDED: content_bytes} if content_bytes else {}), Counter(), tls)
    setup.update(twin.setup)
    return setup, _divided(content_bytes - total_bytes(twin.setup), twin.requests[0], frames, tls)


def _start_of_content(
    connection: TlsConnection,
    direction: Direction,
    records: Sequence[TlsRecord],
    twin: Way,
    floating_frame_bytes: Sequence[int],
) -> int | None:
    """The index of the first record in `records` with content of the protocol, not of TLS itself. None: not known."""
    sizes = [connection.content_bytes(record) for record in records]
    expected_bytes = total_bytes(twin.setup) + twin.requests[0].total_bytes
    if direction is Direction.SENT:
        start = _behind_finished(sizes)
        # Without all of the twin's set-up, it is not the same connection.
        if start is not None and sum(size or 0 for size in sizes[start:]) >= total_bytes(twin.setup):
            return start
    tolerance_bytes = max(GROWTH_BYTES, *frame_differences(floating_frame_bytes))
    return _start_by_length(sizes, expected_bytes, tolerance_bytes)


def _behind_finished(sizes: Sequence[int | None]) -> int | None:
    """The index after the client's Finished, the first thing that a client without a certificate encrypts."""
    for index, size in enumerate(sizes):
        if size is not None:
            return index + 1 if size in FINISHED_BYTES else None
    return None


def _start_by_length(sizes: Sequence[int | None], expected_bytes: int, tolerance_bytes: int) -> int | None:
    """The index from which the last records hold `expected_bytes`, or nearly so where only one index comes near."""
    near: list[int] = []
    held_bytes = 0
    for index in range(len(sizes) - 1, -1, -1):
        size = sizes[index]
        if size is None:
            break
        held_bytes += size
        if held_bytes == expected_bytes:
            return index
        if abs(held_bytes - expected_bytes) <= tolerance_bytes:
            near.append(index)
    return near[0] if len(near) == 1 else None


def frame_sums(sizes: Sequence[int]) -> set[int]:
    """Every total length of a few frames, or none, of these sizes."""
    return {
        sum(chosen) for count in range(FRAMES_AT_MOST + 1) for chosen in combinations_with_replacement(sizes, count)
    }


def frame_differences(sizes: Sequence[int]) -> set[int]:
    """How much a few frames, more or fewer, can make one connection differ from another. Includes 0."""
    return {
        abs(sum(frames))
        for count in range(MOVED_FRAMES_AT_MOST + 1)
        for frames in combinations_with_replacement([*sizes, *(-size for size in sizes)], count)
    }
