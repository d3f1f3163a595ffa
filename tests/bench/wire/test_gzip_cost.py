"""The effect of gzip on responses: ratio, level, and responses that it made larger."""

import zlib

import pytest

from bench.wire.codec import Content
from bench.wire.gzip_cost import gzip_found

TEXT = b"".join(b"stir %d onions for %d minutes. " % (n, n * n % 97) for n in range(300))


def answer(message: bytes, level: int | None) -> Content:
    compressed = message if level is None else zlib.compress(message, level, 31)
    return Content(
        message_bytes=len(message),
        compressed_bytes=len(compressed),
        coding="identity" if level is None else "gzip",
        complete=True,
        compressed=() if level is None else (compressed,),
    )


@pytest.mark.parametrize("level", [1, 6, 9])
def test_ratio_and_level_are_found_from_the_bytes(level: int) -> None:
    found = gzip_found([answer(TEXT, level)] * 3)
    assert found.level is not None
    assert zlib.compress(TEXT, found.level, 31)[10:] == zlib.compress(TEXT, level, 31)[10:]
    assert found.ratio == pytest.approx(len(TEXT) / len(zlib.compress(TEXT, level, 31)))
    assert (found.answers, found.compressed, found.smaller) == (3, 3, 3)
    assert found.compress_us_per_kb is not None
    assert found.inflate_us_per_kb is not None
    assert found.compress_us_per_kb > 0


def test_another_gzip_header_does_not_hide_the_level() -> None:
    content = answer(TEXT, 6)
    (data,) = content.compressed
    other = Content(
        content.message_bytes, content.compressed_bytes, "gzip", True, compressed=(data[:4] + b"time\0\3" + data[10:],)
    )
    assert gzip_found([other]).level == 6


def test_a_response_that_gzip_makes_larger_is_counted() -> None:
    found = gzip_found([answer(b"onion", 6), answer(TEXT, 6)], time_it=False)
    assert (found.compressed, found.smaller) == (2, 1)
    assert found.compress_us_per_kb is None


def test_uncompressed_responses() -> None:
    found = gzip_found([answer(b"onion", None)] * 2)
    assert (found.answers, found.compressed, found.ratio, found.level) == (2, 0, None, None)
    assert found.inflate_us_per_kb is None


def test_bytes_that_no_level_of_zlib_gives() -> None:
    assert gzip_found([answer(TEXT, 0)], time_it=False).level is None
