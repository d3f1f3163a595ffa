"""The model of a network: from the times at which bytes arrive to those at which they are delivered. Pure.

Bytes leave one after the other at the link's rate (serialisation). Those that arrive while others are leaving wait
behind them (a queue, first in first out). Then all are delayed (propagation) by a time that varies (jitter). Pieces are
delivered whole, each when its last byte is there, as with packets.

There is no loss and no congestion window: a sender may always send, as on a connection in its steady state.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from bench.network.profile import Profile

SEGMENT_BYTES = 1448
"""What one TCP segment holds on a path of 1,500-byte packets (RFC 9293, section 3.7.1, with timestamps)."""
PIECE_NS = 250_000
"""On a fast link, segments of this time are delivered together: no process can be woken for each of them."""
SWING_NS = 20_000_000
"""The delay takes at least this time from one extreme to the other."""
SWING_PER_AMPLITUDE = 4
"""And this multiple of its amplitude, so that it never falls faster than time passes, and nothing overtakes."""


class Piece(NamedTuple):
    """Some of the bytes, and when they are delivered."""

    size_bytes: int
    delivered_ns: int


class Delay:
    """The propagation delay by the time at which a piece leaves: straight lines between seeded random points."""

    def __init__(self, mean_ns: int, swing_ns: int, seed: str) -> None:
        """`swing_ns`: how much it may differ from `mean_ns` either way."""
        self._mean_ns = mean_ns
        self._swing_ns = swing_ns
        self._seed = seed
        self._step_ns = max(SWING_NS, SWING_PER_AMPLITUDE * swing_ns)
        self._index = -1
        self._knots = (0, 0)

    def at(self, left_ns: int) -> int:
        """The delay in nanoseconds of a piece that leaves at this time."""
        if not self._swing_ns:
            return self._mean_ns
        index, into_ns = divmod(left_ns, self._step_ns)
        if index != self._index:
            self._index, self._knots = index, (self._knot(index), self._knot(index + 1))
        low, high = self._knots
        return self._mean_ns + low + (high - low) * into_ns // self._step_ns

    def _knot(self, index: int) -> int:
        return Random(f"{self._seed}/{index}").randint(-self._swing_ns, self._swing_ns)


class Link:
    """A link that all connections of a network share, in one direction."""

    def __init__(self, bits_per_second: int | None, delay: Delay) -> None:
        """`bits_per_second` None: bytes leave as soon as they arrive."""
        self._bits_per_second = bits_per_second
        self._delay = delay
        self._busy_since_ns = 0
        self._busy_bytes = 0
        """Sent since then without a pause. Counted in bytes, so that no rounding adds up."""
        self._last_delivered_ns = 0

    def send(self, size_bytes: int, arrived_ns: int) -> Iterator[Piece]:
        """When the bytes of one arrival are delivered, piece by piece. No bytes (an end of stream) are a piece as well.

        Arrivals must come in order; one that is earlier than the bytes sent before it is sent after them.
        """
        if arrived_ns >= self._free_ns():
            self._busy_since_ns, self._busy_bytes = arrived_ns, 0
        left_bytes = size_bytes
        while True:
            taken = min(left_bytes, self.piece_bytes) if self._bits_per_second else left_bytes
            self._busy_bytes += taken
            left_bytes -= taken
            left_ns = self._free_ns()
            # Only rounding can put a piece ahead of the one before it.
            self._last_delivered_ns = max(self._last_delivered_ns, left_ns + self._delay.at(left_ns))
            yield Piece(taken, self._last_delivered_ns)
            if not left_bytes:
                return

    @property
    def piece_bytes(self) -> int:
        """The largest piece of a link with a rate."""
        assert self._bits_per_second is not None
        return max(SEGMENT_BYTES, self._bits_per_second * PIECE_NS // 8_000_000_000)

    def _free_ns(self) -> int:
        """When the last byte so far has left the link."""
        if self._bits_per_second is None:
            return self._busy_since_ns
        return self._busy_since_ns - (-self._busy_bytes * 8_000_000_000 // self._bits_per_second)


QUEUE_BYTES = 1 << 20
"""Bytes that may wait at a link besides those in transit. A sender that fills it waits, as with a closed window."""
UNLIMITED_BYTES = 1 << 26
"""Bytes that may be in transit on a link without a rate."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """When each step of a TCP connection's set-up happens (RFC 9293, section 3.5), in nanoseconds.

    On one machine connecting takes no time, so the consumer believes that it is connected at once. What it sends then
    waits until it could have been sent.
    """

    producer_asked_ns: int
    """The SYN reaches the producer."""
    consumer_may_send_ns: int
    """The SYN-ACK, or a refusal, is back: after one round trip."""
    producer_may_send_ns: int
    """The consumer's ACK, with its first bytes, has reached the producer, which accepts."""


def set_up(profile: Profile, connected_ns: int) -> SetUp:
    """The set-up of a connection that was requested at `connected_ns`. Its packets are too small to be paced."""
    one_way_ns = profile.one_way_ns
    return SetUp(connected_ns + one_way_ns, connected_ns + 2 * one_way_ns, connected_ns + 3 * one_way_ns)


def uplink(profile: Profile, seed: int) -> Link:
    """From consumer to producer."""
    delay = Delay(profile.one_way_ns, profile.jitter_ns // 2, f"{seed}/up")
    return Link(profile.up_bits_per_second, delay)


def downlink(profile: Profile, seed: int) -> Link:
    """From producer to consumer."""
    delay = Delay(profile.one_way_ns, profile.jitter_ns // 2, f"{seed}/down")
    return Link(profile.down_bits_per_second, delay)


def held_bytes_at_most(profile: Profile, bits_per_second: int | None) -> int:
    """How many bytes one direction may hold: those in transit (rate times delay) and those in the queue."""
    if bits_per_second is None:
        return UNLIMITED_BYTES
    return bits_per_second * (profile.one_way_ns + profile.jitter_ns) // 8_000_000_000 + QUEUE_BYTES
