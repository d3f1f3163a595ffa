"""The bytes between a front and a producer, from what a tap between the two recorded. Pure.

The consumer's requests went through the front one after the other, and the tap was marked after each response, so the
bytes of an interval belong to one request. A front may use several connections for them, or open one for each. Then the
bytes on the wire are known, and not their parts.
"""

from collections.abc import Sequence
from statistics import median

from bench.wire.codec import Codec
from bench.wire.parts import BytesUnaccounted, UnknownPart
from bench.wire.reading import WARM_UP_REQUESTS, read_plain, sizes_of
from bench.wire.recording import Direction, Recording, Unreadable, only_connection
from bench.wire.results import Bytes, SetupSizes, Sizes
from bench.wire.tls import parse_tls
from bench.wire.tls_twin import read_undivided


def bytes_behind(recordings: Sequence[Recording], codec: Codec, requests: int, *, tls: bool) -> Bytes:
    """The bytes per request. `tls`: whether the front speaks TLS to the producer, so that messages cannot be read."""
    try:
        connection = only_connection(recordings)
        if tls:
            return sizes_of(read_undivided(parse_tls(connection), requests))[0]
        return sizes_of(read_plain(connection, codec, requests))[0]
    except (Unreadable, BytesUnaccounted, UnknownPart):
        return Bytes(
            request=_on_the_wire(recordings, Direction.SENT, requests),
            response=_on_the_wire(recordings, Direction.RECEIVED, requests),
            setup=SetupSizes(),
        )


def _on_the_wire(recordings: Sequence[Recording], direction: Direction, requests: int) -> Sizes:
    """The median over requests of the bytes on all connections together."""
    sums = [0] * (requests + 1)
    for recording in recordings:
        for chunk in recording.chunks:
            if chunk.direction is direction:
                sums[min(chunk.interval, requests)] += len(chunk.data)
    if any(recording.truncated for recording in recordings) or not any(sums):
        return Sizes()
    return Sizes(wire_bytes=float(median(sums[WARM_UP_REQUESTS:requests])))
