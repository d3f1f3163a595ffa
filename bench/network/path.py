"""Both directions of a network, and what setting up a connection over it takes. Pure."""

from dataclasses import dataclass

from bench.network.link import Delay, Link
from bench.network.profile import Profile

QUEUE_BYTES = 1 << 20
"""What may wait at a link beyond what is under way on it. A sender that fills it waits as if its window were closed."""
UNLIMITED_BYTES = 1 << 26
"""What may be under way on a link without a rate."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """When each step of a TCP connection's set-up happens (RFC 9293, section 3.5), in nanoseconds.

    On the machine itself connecting takes no time, so whoever connects thinks that it is done at once. What it sends
    then has to wait until it could have been sent.
    """

    producer_asked_ns: int
    """SYN reaches the producer."""
    consumer_may_send_ns: int
    """SYN-ACK, or a refusal, has come back: one round trip."""
    producer_may_send_ns: int
    """The consumer's ACK, and with it its first bytes, has reached the producer, which accepts."""


def set_up(profile: Profile, connected_ns: int) -> SetUp:
    """The set-up of a connection asked for at `connected_ns`. Its packets are too small to be paced."""
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
    """How many bytes one direction may hold: those under way (rate times delay), and those that wait in the queue."""
    if bits_per_second is None:
        return UNLIMITED_BYTES
    return bits_per_second * (profile.one_way_ns + profile.jitter_ns) // 8_000_000_000 + QUEUE_BYTES
