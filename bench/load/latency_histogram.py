"""Latencies of one cell: an HdrHistogram of nanoseconds, whose size does not depend on how many are recorded."""

from collections.abc import Iterable

from hdrh.histogram import HdrHistogram

LOWEST_NS = 1
HIGHEST_NS = 3_600_000_000_000
SIGNIFICANT_DIGITS = 3


def new_histogram() -> HdrHistogram:
    """An empty one: 1 ns to an hour, each value known to three significant digits."""
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, SIGNIFICANT_DIGITS)


def record_all(histogram: HdrHistogram, latencies_ns: Iterable[int]) -> int:
    """Record every latency; returns how many lay outside the range, where they are counted at its end."""
    outside = 0
    for latency_ns in latencies_ns:
        if not histogram.record_value(latency_ns):
            outside += 1
            histogram.record_value(min(max(latency_ns, LOWEST_NS), HIGHEST_NS))
    return outside


class UnlikeHistograms(ValueError):
    """Two histograms with another range or precision. One could not take up the other without loss."""


def add(total: HdrHistogram, other: HdrHistogram) -> None:
    """Add all samples of `other` to `total`, each in its bucket. Raises UnlikeHistograms.

    The library's own `add` moves samples to other buckets where range or precision differ.
    """
    layouts = [
        (each.lowest_trackable_value, each.highest_trackable_value, each.significant_figures) for each in (total, other)
    ]
    if layouts[0] != layouts[1]:
        raise UnlikeHistograms(f"histograms of {layouts[1]} cannot be added to one of {layouts[0]} without loss")
    total.add(other)


def encode(histogram: HdrHistogram) -> str:
    """HdrHistogram V2, compressed, base64."""
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")


def decode(text: str) -> HdrHistogram:
    """What `encode` made."""
    return HdrHistogram.decode(text)
