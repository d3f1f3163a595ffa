"""Predicting: a payload, an arm, a link and a kind of connection → what a caller waits, and for what. Pure.

    latency = latency without a network
            + round trips × round-trip time
            + bytes of the request ÷ rate up + bytes of the answer ÷ rate down

A new connection adds what setting it up takes: its round trips, its bytes, and its own work. Rates are of what is
handed to TCP, as in bench.network: headers of TCP and IP are not counted. Jitter is 0 in the mean. Nothing is taken to
overlap: consumers decode a message once they have it as a whole.
"""

from dataclasses import dataclass

from bench.model.parts import Arm, Parts, SetUp
from bench.model.payload import Blend, Blended, blended
from bench.network.profile import Profile
from bench.results import Estimate
from bench.spec import NEW, Connection

BITS = 8e9
"""Bytes ÷ bits per second × this = nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a caller waits, in nanoseconds, and the shares that make it up."""

    latency_ns: Estimate
    """Its interval is that of the latencies measured; how far the model itself is off stands in docs/model.md."""
    round_trips: int
    round_trips_ns: float
    up_ns: float
    down_ns: float
    request_bytes: float
    response_bytes: float
    """With the connection's set-up where it is new."""
    producer_ns: float
    consumer_ns: float
    """CPU time of both sides for a request over an open connection."""
    set_up_ns: float | None
    """What setting a connection up takes without a network; None where that was not measured, 0 where it is open."""

    @property
    def network_ns(self) -> float:
        """What a faster network would take away."""
        return self.round_trips_ns + self.up_ns + self.down_ns


def predict(parts: Parts, arm: Arm, at: Blend, link: Profile, connection: Connection) -> Prediction:
    """What one request takes. Where the set-up's own work is not known, it counts as nothing."""
    return predict_exchange(blended(parts, arm, at), parts.set_ups[arm], link, connection)


def predict_exchange(exchange: Blended, set_up: SetUp, link: Profile, connection: Connection) -> Prediction:
    """The same of an exchange that is blended already, and its arm's set-up."""
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
    """How long bytes take to leave at a rate; nothing without a limit."""
    return 0.0 if bits_per_second is None else size_bytes * BITS / bits_per_second


def _sum(first: Estimate, second: Estimate, exact_ns: float) -> Estimate:
    value = first.value + second.value + exact_ns
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value=value)
    return Estimate(value=value, low=first.low + second.low + exact_ns, high=first.high + second.high + exact_ns)
