"""The map of the fastest option at every rate and payload, as rectangles. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise

from bench.model.choices import Choices, Conditions
from bench.model.predict import blend
from bench.network.profile import Profile
from bench.spec import CellKey

ROWS, COLUMNS = 36, 96
RATES_BPS = (1_000_000, 10_000_000_000)
"""From a slow mobile link to a fast one in a data centre."""
PAYLOADS_APART = 4.0
"""The smallest factor between the payloads measured for which a map is worth drawing."""
NEAR = 1.25
"""Options that are slower than the fastest by more than this factor are significantly slower without a test."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the map. Payloads in bytes, rates in bits per second."""

    payload: tuple[float, float]
    rate: tuple[float, float]
    option: CellKey
    clear: bool
    """Whether every other option has the verdict `slower`."""


def regions(choices: Choices, *, tls: bool, rtt_ns: int) -> list[Region]:
    """The map for open connections over symmetric links; empty where the payloads are too close together."""
    sizes = [choices.parts.payload_bytes[workload] for workload in choices.parts.curve]
    if sizes[-1] < PAYLOADS_APART * sizes[0] or len(choices.parts.options(tls=tls)) < 2:
        return []
    rates = _edges(*RATES_BPS, COLUMNS)
    found: list[Region] = []
    payloads = _edges(sizes[0], sizes[-1], ROWS)
    for low, high in pairwise(payloads):
        found += _row(choices, (low, high), rates, tls=tls, rtt_ns=rtt_ns)
    return found


def _row(
    choices: Choices, payload: tuple[float, float], rates: list[float], *, tls: bool, rtt_ns: int
) -> Iterator[Region]:
    at = blend(choices.parts, math.sqrt(payload[0] * payload[1]))
    columns = []
    for low, high in pairwise(rates):
        rate = round(math.sqrt(low * high))
        link = Profile(rtt_ns=rtt_ns, down_bits_per_second=rate, up_bits_per_second=rate)
        columns.append((_fastest(choices, Conditions(at=at, link=link, tls=tls)), (low, high)))
    for (option, clear), group in groupby(columns, key=lambda pair: pair[0]):
        spans = [span for _, span in group]
        yield Region(payload, (spans[0][0], spans[-1][1]), option, clear)


def _fastest(choices: Choices, conditions: Conditions) -> tuple[CellKey, bool]:
    predicted = choices.latencies(conditions)
    best = min(predicted, key=predicted.__getitem__)
    near = (option for option, latency in predicted.items() if option != best and latency < NEAR * predicted[best])
    ratios = (choices.ratio(option, best, conditions) for option in near)
    return best, all(ratio is not None and ratio.verdict == "slower" for ratio in ratios)


def _edges(low: float, high: float, count: int) -> list[float]:
    step = (high / low) ** (1 / count)
    return [low * step**number for number in range(count + 1)]
