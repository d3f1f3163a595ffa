"""The percentile spectrum of a cell: from its stored histogram, as far out as enough answers lie beyond."""

import binascii
import zlib
from dataclasses import dataclass

import numpy as np
from hdrh.codec import HdrCookieException, HdrLengthException

from bench.load import latency_histogram
from bench.stats.estimates import SAMPLES_BEYOND, counts_of

NINES = np.concatenate([np.linspace(0.05, 1, 20), np.linspace(1.05, 6, 100)])
"""Where the line is drawn: how many nines a percentile has, 1 being 90 % and 2 being 99 %."""


@dataclass(frozen=True, slots=True)
class Point:
    """`nines`: −log10 of the share of answers that took longer."""

    nines: float
    latency_ns: float


def points(histogram: str | None) -> list[Point]:
    """Percentiles with the latencies that they stand at; empty where there is no histogram that can be read."""
    if histogram is None:
        return []
    try:
        found = latency_histogram.decode(histogram)
    except (HdrCookieException, HdrLengthException, binascii.Error, zlib.error, ValueError, IndexError, TypeError):
        return []
    up_to = counts_of(found).cumsum()
    total = int(up_to[-1])
    told = []
    for nines in NINES:
        beyond = 10.0**-nines
        if total * beyond < SAMPLES_BEYOND - 1e-9:
            break
        bucket = int(np.searchsorted(up_to, max(1, int((1 - beyond) * total + 0.5))))
        latency_ns = float(found.get_highest_equivalent_value(found.get_value_from_index(bucket)))
        told.append(Point(float(nines), latency_ns))
    return told
