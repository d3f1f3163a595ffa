"""What gzip does to messages and what it costs: ratio, level, CPU time to compress and to inflate."""

import zlib
from collections.abc import Callable, Sequence
from time import process_time_ns

from bench.wire.codec import Content
from bench.wire.results import GzipFound

LEVELS = (6, 1, 2, 3, 4, 5, 7, 8, 9)
"""zlib's levels. The one that the lab uses by default is tried first."""
GZIP_WINDOW_BITS = 31
HEADER_BYTES = 10
"""The gzip header (RFC 1952, section 2.3). It has a time and a system, which differ at the same level."""
TIMED_BYTES_AT_LEAST = 200_000
"""Messages are compressed again until this many bytes were, because one takes less than the clock's resolution."""
TIMED_AT_MOST = 12
"""The number of messages over which time is measured."""


def gzip_found(responses: Sequence[Content], *, time_it: bool = True) -> GzipFound:
    """What gzip did to these responses. With `time_it`, also the CPU time that zlib takes for them in this process."""
    compressed = [data for response in responses for data in response.compressed]
    plain = [zlib.decompress(data, GZIP_WINDOW_BITS) for data in compressed]
    sizes = [(len(before), len(after)) for before, after in zip(plain, compressed, strict=True)]
    compressed_bytes = sum(after for _, after in sizes)
    level = _level(plain[0], compressed[0]) if compressed else None
    timed = time_it and bool(compressed)
    return GzipFound(
        answers=len(responses),
        compressed=sum(bool(response.compressed) for response in responses),
        smaller=sum(after < before for before, after in sizes),
        ratio=sum(before for before, _ in sizes) / compressed_bytes if compressed_bytes else None,
        level=level,
        compress_us_per_kb=(
            _us_per_kb(plain, lambda data: zlib.compress(data, level or LEVELS[0], GZIP_WINDOW_BITS), plain)
            if timed
            else None
        ),
        inflate_us_per_kb=(
            _us_per_kb(compressed, lambda data: zlib.decompress(data, GZIP_WINDOW_BITS), plain) if timed else None
        ),
    )


def _level(plain: bytes, compressed: bytes) -> int | None:
    """The level that gives the same bytes after the header, otherwise the first that gives as many."""
    made = {level: zlib.compress(plain, level, GZIP_WINDOW_BITS) for level in LEVELS}
    same = [level for level in LEVELS if made[level][HEADER_BYTES:] == compressed[HEADER_BYTES:]]
    as_long = [level for level in LEVELS if len(made[level]) == len(compressed)]
    return next(iter([*same, *as_long]), None)


def _us_per_kb(given: Sequence[bytes], convert: Callable[[bytes], bytes], plain: Sequence[bytes]) -> float:
    """CPU time in microseconds per 1,000 bytes of the uncompressed messages."""
    done_bytes = 0
    began_ns = process_time_ns()
    while done_bytes < TIMED_BYTES_AT_LEAST:
        for data, message in zip(given[:TIMED_AT_MOST], plain[:TIMED_AT_MOST], strict=True):
            convert(data)
            done_bytes += max(1, len(message))
    return (process_time_ns() - began_ns) / done_bytes
