"""What gzip made of messages, and what it costs: ratio, level, CPU time each way."""

import zlib
from collections.abc import Callable, Sequence
from time import process_time_ns

from bench.results import GzipFound
from bench.wire.codec import Content

LEVELS = (6, 1, 2, 3, 4, 5, 7, 8, 9)
"""The one that the lab asks for is tried first."""
GZIP_WINDOW_BITS = 31
HEADER_BYTES = 10
"""gzip's own (RFC 1952, section 2.3): it holds a time and a system, and says nothing of the level."""
TIMED_BYTES_AT_LEAST = 200_000
"""Messages are coded again and again until so many bytes were: one alone is over before a clock has moved."""
TIMED_AT_MOST = 12
"""Messages among which the time is divided."""


def gzip_found(answers: Sequence[Content], *, time_it: bool = True) -> GzipFound:
    """What gzip did to these answers, and, unless told not to, what zlib takes for them in this process."""
    coded = [data for answer in answers for data in answer.compressed]
    plain = [zlib.decompress(data, GZIP_WINDOW_BITS) for data in coded]
    sizes = [(len(before), len(after)) for before, after in zip(plain, coded, strict=True)]
    compressed_bytes = sum(after for _, after in sizes)
    level = _level(plain[0], coded[0]) if coded else None
    timed = time_it and bool(coded)
    return GzipFound(
        answers=len(answers),
        compressed=sum(bool(answer.compressed) for answer in answers),
        smaller=sum(after < before for before, after in sizes),
        ratio=sum(before for before, _ in sizes) / compressed_bytes if compressed_bytes else None,
        level=level,
        compress_us_per_kb=(
            _us_per_kb(plain, lambda data: zlib.compress(data, level or LEVELS[0], GZIP_WINDOW_BITS), plain)
            if timed
            else None
        ),
        inflate_us_per_kb=(
            _us_per_kb(coded, lambda data: zlib.decompress(data, GZIP_WINDOW_BITS), plain) if timed else None
        ),
    )


def _level(plain: bytes, coded: bytes) -> int | None:
    """The level that gives these bytes behind gzip's header; failing that, the first that gives as many."""
    made = {level: zlib.compress(plain, level, GZIP_WINDOW_BITS) for level in LEVELS}
    same = [level for level in LEVELS if made[level][HEADER_BYTES:] == coded[HEADER_BYTES:]]
    as_long = [level for level in LEVELS if len(made[level]) == len(coded)]
    return next(iter([*same, *as_long]), None)


def _us_per_kb(given: Sequence[bytes], code: Callable[[bytes], bytes], plain: Sequence[bytes]) -> float:
    """CPU time per 1,000 bytes of the messages, in microseconds."""
    done_bytes = 0
    began_ns = process_time_ns()
    while done_bytes < TIMED_BYTES_AT_LEAST:
        for data, message in zip(given[:TIMED_AT_MOST], plain[:TIMED_AT_MOST], strict=True):
            code(data)
            done_bytes += max(1, len(message))
    return (process_time_ns() - began_ns) / done_bytes
