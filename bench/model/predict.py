"""The predicted latency of one request of an option, at a payload, over a link, and its breakdown. Pure.

    latency = latency on loopback
            + round trips × round-trip time
            + bytes of the request ÷ uplink rate + bytes of the response ÷ downlink rate

A new connection adds its round trips, its bytes and the time it takes on loopback. Rates count the bytes handed to TCP,
as in bench.network, without the headers of TCP and IP. Jitter has a mean of 0. No two terms overlap, because consumers
decode a message when all of it has arrived.

Requests are interpolated between the payloads that were measured. Latency, CPU time and message sizes have a fixed part
and a part that grows with the bytes of the response, so they are interpolated linearly over the payload. The
compression ratio of gzip grows with the logarithm of the payload, because a longer page repeats itself more, and is
interpolated over that logarithm.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.model.parts import Exchange, Parts, SetUp
from bench.network.profile import Profile
from bench.results import Estimate
from bench.spec import NEW, CellKey, Connection
from bench.workloads import Workload

REACH = 2.0
"""How far lines are extrapolated beyond the measured payloads, as a factor."""
REACH_OF_ONE = 1.1
"""The same with a single measured payload, which gives no line."""


class OutOfReach(Exception):
    """A payload too far from those measured. The text is one line with the range that is possible."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A payload as a weighted mean of measured ones. Weights sum to 1; extrapolation makes one negative."""

    payload_bytes: float
    linear: Mapping[Workload, float]
    logarithmic: Mapping[Workload, float]

    def mean(self, values: Mapping[Workload, float]) -> float:
        """A quantity that is linear in the payload."""
        return sum(weight * values[workload] for workload, weight in self.linear.items())

    def interval(self, ends: Mapping[Workload, tuple[float, float]]) -> tuple[float, float]:
        """The interval of such a mean: the widest possible, however the values correlate."""
        pairs = [(weight * ends[workload][0], weight * ends[workload][1]) for workload, weight in self.linear.items()]
        return sum(min(pair) for pair in pairs), sum(max(pair) for pair in pairs)


def exactly(parts: Parts, workload: Workload) -> Blend:
    """The payload of a measured workload."""
    only = {workload: 1.0}
    return Blend(parts.payload_bytes[workload], only, only)


def reach(parts: Parts) -> tuple[float, float]:
    """The smallest and largest payload, in bytes, that can be interpolated or extrapolated."""
    sizes = [parts.payload_bytes[workload] for workload in parts.curve]
    factor = REACH if len(sizes) > 1 else REACH_OF_ONE
    return sizes[0] / factor, sizes[-1] * factor


def blend(parts: Parts, payload_bytes: float) -> Blend:
    """The payload as a mean of the two measured ones around it. Raises OutOfReach."""
    low, high = reach(parts)
    # Allows for rounding errors.
    if not low * (1 - 1e-9) <= payload_bytes <= high * (1 + 1e-9):
        raise OutOfReach(
            f"{payload_bytes:,.0f} bytes are too far from what was measured; give {low:,.0f} to {high:,.0f}"
        )
    known = [(workload, parts.payload_bytes[workload]) for workload in parts.curve]
    if len(known) == 1:
        return exactly(parts, known[0][0])
    above = next((number for number in range(1, len(known) - 1) if known[number][1] >= payload_bytes), len(known) - 1)
    (small, small_bytes), (large, large_bytes) = known[above - 1], known[above]
    share = (payload_bytes - small_bytes) / (large_bytes - small_bytes)
    of_logarithms = math.log(payload_bytes / small_bytes) / math.log(large_bytes / small_bytes)
    return Blend(
        payload_bytes,
        {small: 1 - share, large: share},
        {small: 1 - of_logarithms, large: of_logarithms},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """One request with its response at any payload. Units as in Exchange."""

    latency_ns: Estimate
    request_bytes: float
    response_bytes: float
    producer_ns: float
    consumer_ns: float


def blended(parts: Parts, option: CellKey, at: Blend) -> Blended:
    """A request of an option at a payload, interpolated."""
    found = parts.exchanges[option]

    def mean(name: str) -> float:
        return at.mean({workload: getattr(exchange, name) for workload, exchange in found.items()})

    compression = sum(weight * found[workload].compression for workload, weight in at.logarithmic.items())
    # Extrapolation must not predict less compression than was measured anywhere.
    compression = max(compression, min(exchange.compression for exchange in found.values()))
    message = max(0.0, mean("message_bytes"))
    return Blended(
        latency_ns=_latency(found, at),
        request_bytes=mean("request_bytes"),
        response_bytes=message / compression + mean("overhead_bytes"),
        producer_ns=mean("producer_ns"),
        consumer_ns=mean("consumer_ns"),
    )


def _latency(found: Mapping[Workload, Exchange], at: Blend) -> Estimate:
    latencies = {workload: found[workload].latency_ns for workload in at.linear}
    value = at.mean({workload: each.value for workload, each in latencies.items()})
    ends = {
        workload: (each.low, each.high)
        for workload, each in latencies.items()
        if each.low is not None and each.high is not None
    }
    if ends.keys() != latencies.keys():
        return Estimate(value=value)
    low, high = at.interval(ends)
    return Estimate(value=value, low=low, high=high)


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
