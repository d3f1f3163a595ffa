"""The anatomy of one connection: every byte that was handed to TCP, by what it is and which request it went with. Pure.

Requests went one after the other with a mark of the tap behind each (bench.wire.reading), so all that went between
two marks went with one request. What a connection says ahead of its first request is its set-up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

from bench.wire.codec import Codec
from bench.wire.parts import check_sum, total_bytes
from bench.wire.recording import Direction, Recording
from bench.wire.tls_decryption import ALERT_CONTENT, HANDSHAKE_CONTENT
from bench.wire.tls_twin import TlsReading

TLS_HEADER = "tls.record_header"
TLS_PROTECTION = "tls.inner_type_and_tag"
"""A byte for the type of what is inside, and the tag that proves it (RFC 8446, section 5.2)."""
TLS_CLEAR = "tls.clear"
"""Hellos, and the change_cipher_spec that no longer means anything."""
UNDIVIDED = "tls.undivided"
"""What is inside TLS and could not be told apart."""
CONNECTION_FRAMES = "connection_frames"
"""Frames of the connection inside TLS, of which only the length is known."""

RECORD_HEADER_BYTES = 5
CLOSE_NOTIFY_BYTES = 2
FRAMES_AT_MOST = 4
"""So many frames of the connection may go with one request inside TLS and still be known by their length."""

Named = Mapping[str, int]
"""Bytes by the name of the part."""
OwnBytes = Mapping[Direction, Mapping[int, Named]]
"""What is TLS's own inside its records, by interval."""


@dataclass(frozen=True, slots=True)
class Laid:
    """One direction of a connection, laid out."""

    setup: Named
    requests: Sequence[Named]
    """For each request, and behind the last one for what ended the connection."""

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return total_bytes(self.setup) + sum(total_bytes(named) for named in self.requests)


@dataclass(frozen=True, slots=True)
class _Plain:
    """One direction without TLS: the same, with what belongs to the connection apart."""

    setup: Counter[str]
    owned: list[Counter[str]]
    apart: list[Counter[str]]

    def all(self, interval: int) -> Counter[str]:
        return self.owned[interval] + self.apart[interval]


def plain_layout(recording: Recording, codec: Codec, requests: int) -> dict[Direction, Laid]:
    """A connection without TLS. Raises BytesUnaccounted when the parts do not sum to what was recorded."""
    return {
        direction: Laid(plain.setup, [plain.all(interval) for interval in range(requests + 1)])
        for direction, plain in _plain(recording, codec, requests).items()
    }


def _plain(recording: Recording, codec: Codec, requests: int) -> dict[Direction, _Plain]:
    contents = {direction: recording.content(direction) for direction in Direction}
    parsed = codec.parse(contents[Direction.SENT], contents[Direction.RECEIVED])
    found: dict[Direction, _Plain] = {}
    for direction in Direction:
        plain = _Plain(
            Counter(),
            [Counter[str]() for _ in range(requests + 1)],
            [Counter[str]() for _ in range(requests + 1)],
        )
        interval_at = recording.interval_at(direction)
        begun, end = False, 0
        for part in parsed.parts[direction]:
            end += len(part.data)
            interval = interval_at(end - 1)
            owned = part.owner in parsed.contents
            begun = begun or owned
            into = plain.owned[interval] if owned else plain.apart[interval] if begun else plain.setup
            into[part.name] += len(part.data)
        found[direction] = plain
        check_sum(direction.value, len(contents[direction]), end)
    return found


def tls_layout(
    reading: TlsReading, inside: Recording, codec: Codec, requests: int, own: OwnBytes | None = None
) -> dict[Direction, Laid]:
    """A TLS connection, `inside` being what is inside it: decrypted, or a plain connection that did the same.

    `own` goes with what was decrypted. Without it, the content of a request's records is named as `inside` has it where
    the lengths prove it, and is UNDIVIDED where not; what is longer before the first request is the handshake. Raises
    BytesUnaccounted.
    """
    found: dict[Direction, Laid] = {}
    frames = _frame_sums(codec.floating_frame_bytes)
    for direction, plain in _plain(inside, codec, requests).items():
        setup: Counter[str] = Counter()
        laid: list[Named] = []
        for interval in range(requests + 1):
            known = Counter(own[direction].get(interval, {})) if own is not None else Counter[str]()
            content_bytes = reading.content_bytes[direction][interval] - total_bytes(known)
            named: Counter[str] = Counter()
            if interval == 0:
                named += plain.all(0)
                setup += plain.setup
                handshake_bytes = content_bytes - total_bytes(named) - total_bytes(setup)
                if handshake_bytes < 0:
                    named, setup = Counter({UNDIVIDED: content_bytes}), Counter()
                else:
                    setup += Counter({HANDSHAKE_CONTENT: handshake_bytes})
            elif interval == requests:
                named += known + _closing(plain.all(interval), content_bytes)
            else:
                named += _content(plain, interval, content_bytes, frames)
            if interval < requests:
                # Session tickets may come with any of the first answers, and belong to none.
                setup += known
            ahead = _records_ahead(reading.records[direction][interval], total_bytes(named)) if interval == 0 else 0
            for number, record in enumerate(reading.records[direction][interval]):
                (setup if number < ahead else named).update(_overhead(*record))
            laid.append(named)
        found[direction] = Laid(setup, laid)
        check_sum(f"inside TLS, {direction.value}", sum(reading.wire_bytes[direction]), found[direction].total_bytes)
    return found


def _content(plain: _Plain, interval: int, content_bytes: int, frames: set[int]) -> Counter[str]:
    """What is inside the records of a request."""
    rest_bytes = content_bytes - total_bytes(plain.owned[interval])
    if rest_bytes == total_bytes(plain.apart[interval]):
        return plain.all(interval)
    if rest_bytes in frames:
        return plain.owned[interval] + Counter({CONNECTION_FRAMES: rest_bytes})
    return Counter({UNDIVIDED: content_bytes})


def _closing(plain: Counter[str], content_bytes: int) -> Counter[str]:
    """What is inside the records behind the last request's."""
    rest_bytes = content_bytes - total_bytes(plain)
    if rest_bytes in (0, CLOSE_NOTIFY_BYTES):
        return plain + Counter({ALERT_CONTENT: rest_bytes})
    name = ALERT_CONTENT if content_bytes == CLOSE_NOTIFY_BYTES else UNDIVIDED
    return Counter({name: content_bytes})


def _records_ahead(records: Sequence[tuple[int, int | None]], request_bytes: int) -> int:
    """How many records come ahead of those that hold the last `request_bytes` of the content."""
    ahead = len(records)
    while ahead and request_bytes > 0:
        ahead -= 1
        request_bytes -= records[ahead][1] or 0
    return ahead


def _overhead(wire_bytes: int, content_bytes: int | None) -> Counter[str]:
    """What a record adds to its content."""
    name, inside_bytes = (TLS_CLEAR, 0) if content_bytes is None else (TLS_PROTECTION, content_bytes)
    return Counter({TLS_HEADER: RECORD_HEADER_BYTES, name: wire_bytes - RECORD_HEADER_BYTES - inside_bytes})


def _frame_sums(sizes: Sequence[int]) -> set[int]:
    """Every length that a few frames can have together, none among them."""
    return {
        sum(chosen) for count in range(FRAMES_AT_MOST + 1) for chosen in combinations_with_replacement(sizes, count)
    }
