"""The predicted latency of one request of an option, at a payload, over a link, and its breakdown. Pure.

    latency = latency on loopback
            + round trips × round-trip time
            + bytes of the request ÷ uplink rate + bytes of the response ÷ downlink rate

A new connection adds its round trips, its bytes and the time it takes on loopback. Rates count the bytes handed to TCP,
as in bench.network, without the headers of TCP and IP. Jitter has a mean of 0. No two terms overlap, because consumers
decode a message when all of it has arrived.
"""

from dataclasses import dataclass

from bench.model.parts import Parts, SetUp
from bench.model.payload import Blend, Blended, blended
from bench.network.profile import Profile
from bench.results import Estimate
from bench.spec import NEW, CellKey, Connection

BITS = 8e9
"""Nanoseconds × bits per second, for one byte: 8 × 10⁹."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The latency that a caller sees, in nanoseconds, and its parts."""

    latency_ns: Estimate
    """Its interval is that of the latencies measured. The model's own error is in docs/model.md."""
    round_trips: int
    round_trips_ns: float
    up_ns: float
    down_ns: float
    request_bytes: float
    response_bytes: float
    """Including the set-up of a new connection."""
    producer_ns: float
    consumer_ns: float
    """CPU time of both sides for a request over an open connection."""
    set_up_ns: float | None
    """The time that connection set-up takes on loopback; None where it was not measured, 0 for an open connection."""

    @property
    def network_ns(self) -> float:
        """The part that is due to the network."""
        return self.round_trips_ns + self.up_ns + self.down_ns


def predict(parts: Parts, option: CellKey, at: Blend, link: Profile, connection: Connection) -> Prediction:
    """The prediction for one request. A set-up time that was not measured counts as 0."""
    return predict_exchange(blended(parts, option, at), parts.set_ups[option], link, connection)


def predict_exchange(exchange: Blended, set_up: SetUp, link: Profile, connection: Connection) -> Prediction:
    """The same from a request that is already interpolated, and the set-up of its option."""
    new = connection == NEW
    request = exchange.request_bytes + (set_up.sent_bytes if new else 0)
    response = exchange.response_bytes + (set_up.received_bytes if new else 0)
    round_trips = 1 + (set_up.round_trips if new else 0)
    round_trips_ns = round_trips * float(link.rtt_ns)
    up_ns = paced_ns(request, link.up_bits_per_second)
    down_ns = paced_ns(response, link.down_bits_per_second)
    own = set_up.latency_ns if new else Estimate(value=0.0, low=0.0, high=0.0)
    added = round_trips_ns + up_ns + down_ns
    return Prediction(
        latency_ns=_sum(exchange.latency_ns, own or Estimate(value=0.0, low=0.0, high=0.0), added),
        round_trips=round_trips,
        round_trips_ns=round_trips_ns,
        up_ns=up_ns,
        down_ns=down_ns,
        request_bytes=request,
        response_bytes=response,
        producer_ns=exchange.producer_ns,
        consumer_ns=exchange.consumer_ns,
        set_up_ns=own.value if own is not None else None,
    )


def paced_ns(size_bytes: float, bits_per_second: int | None) -> float:
    """The time to send bytes at a rate, in nanoseconds; 0 where the rate is unlimited."""
    return 0.0 if bits_per_second is None else size_bytes * BITS / bits_per_second


def _sum(first: Estimate, second: Estimate, exact_ns: float) -> Estimate:
    value = first.value + second.value + exact_ns
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value=value)
    return Estimate(value=value, low=first.low + second.low + exact_ns, high=first.high + second.high + exact_ns)
