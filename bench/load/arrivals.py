"""When requests are due in open loop: decided before the first is sent, from a seed, whatever the answers do. Pure."""

from collections.abc import Iterator
from random import Random
from typing import Literal

Arrivals = Literal["poisson", "constant"]


def due_offsets_ns(rate_hz: float, duration_ns: int, arrivals: Arrivals, seed: str) -> Iterator[int]:
    """Ascending offsets from the start of the slice, in nanoseconds, all below `duration_ns`.

    `poisson`: independent exponential gaps with the mean 1/rate, as callers who know nothing of each other arrive.
    `constant`: equal gaps.
    """
    mean_gap_ns = 1e9 / rate_hz
    if arrivals == "constant":
        number = 0
        while (due_ns := round(number * mean_gap_ns)) < duration_ns:
            yield due_ns
            number += 1
        return
    random = Random(seed)
    elapsed_ns = random.expovariate(1.0) * mean_gap_ns
    while elapsed_ns < duration_ns:
        yield round(elapsed_ns)
        elapsed_ns += random.expovariate(1.0) * mean_gap_ns
