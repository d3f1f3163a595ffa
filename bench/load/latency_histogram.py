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


def encode(histogram: HdrHistogram) -> str:
    """HdrHistogram V2, compressed, base64."""
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")


def decode(text: str) -> HdrHistogram:
    """What `encode` made."""
    return HdrHistogram.decode(text)
