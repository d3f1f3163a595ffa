"""Exchanges at payloads between those that were measured. Pure.

What an answer takes grows with its bytes: a fixed part, and so much for every byte. So latency, CPU and messages are
interpolated on straight lines over the payload. gzip gains with the logarithm of the payload, because a page repeats
itself the more the longer it is, so the compression is interpolated over that.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.model.parts import Arm, Exchange, Parts
from bench.results import Estimate, Workload

REACH = 2.0
"""Beyond the measured payloads, straight lines are followed by this factor and no further."""
REACH_OF_ONE = 1.1
"""With a single payload there is no line to follow."""


class OutOfReach(Exception):
    """A payload too far from what was measured. The text, one line, says how far one may go."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A payload as a weighted mean of measured ones. Weights sum to 1; beyond the last payload one is negative."""

    payload_bytes: float
    linear: Mapping[Workload, float]
    logarithmic: Mapping[Workload, float]

    def mean(self, values: Mapping[Workload, float]) -> float:
        """What has a fixed part and so much for every byte."""
        return sum(weight * values[workload] for workload, weight in self.linear.items())

    def interval(self, ends: Mapping[Workload, tuple[float, float]]) -> tuple[float, float]:
        """The interval of such a mean, as wide as it can be whatever the values have in common."""
        pairs = [(weight * ends[workload][0], weight * ends[workload][1]) for workload, weight in self.linear.items()]
        return sum(min(pair) for pair in pairs), sum(max(pair) for pair in pairs)


def exactly(parts: Parts, workload: Workload) -> Blend:
    """A payload that was measured."""
    only = {workload: 1.0}
    return Blend(parts.payload_bytes[workload], only, only)


def reach(parts: Parts) -> tuple[float, float]:
    """From which payload to which, in bytes, something can be said."""
    sizes = [parts.payload_bytes[workload] for workload in parts.curve]
    factor = REACH if len(sizes) > 1 else REACH_OF_ONE
    return sizes[0] / factor, sizes[-1] * factor


def blend(parts: Parts, payload_bytes: float) -> Blend:
    """The payload in terms of the two measured ones around it. Raises OutOfReach."""
    low, high = reach(parts)
    # A rounding error is not out of reach.
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
    """One request and its answer at any payload. Nanoseconds and bytes as in Exchange."""

    latency_ns: Estimate
    request_bytes: float
    response_bytes: float
    producer_ns: float
    consumer_ns: float


def blended(parts: Parts, arm: Arm, at: Blend) -> Blended:
    """What an arm takes at a payload."""
    found = parts.exchanges[arm]

    def mean(name: str) -> float:
        return at.mean({workload: getattr(exchange, name) for workload, exchange in found.items()})

    compression = sum(weight * found[workload].compression for workload, weight in at.logarithmic.items())
    # Extrapolation may not turn into growth what was measured to shrink.
    message, compression = max(0.0, mean("message_bytes")), max(compression, _least(found))
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


def _least(found: Mapping[Workload, Exchange]) -> float:
    return min(_compressions(found.values()))


def _compressions(exchanges: Iterable[Exchange]) -> list[float]:
    return [exchange.compression for exchange in exchanges]
