"""Content negotiation, Content-Type and Content-Encoding of requests, and gzip bodies."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.http_semantics import (
    GZIP,
    IDENTITY,
    JSON,
    BadCoding,
    BodyTooLarge,
    ContentType,
    NotAcceptable,
    UnknownCoding,
    content_type,
    decoded,
    gzipped,
    inflated,
    is_utf8_json,
    negotiated_coding,
    preferred_media_type,
)

REFUSED = None


@pytest.mark.parametrize(
    ("accept_encoding", "with_gzip", "without_gzip"),
    [
        (None, IDENTITY, IDENTITY),
        ("", IDENTITY, IDENTITY),
        ("gzip", GZIP, IDENTITY),
        ("GZIP", GZIP, IDENTITY),
        ("x-gzip", GZIP, IDENTITY),
        ("gzip, deflate", GZIP, IDENTITY),
        ("deflate, gzip;q=0.5", GZIP, IDENTITY),
        ("deflate", IDENTITY, IDENTITY),
        ("*", GZIP, IDENTITY),
        ("gzip;q=0", IDENTITY, IDENTITY),
        ("gzip;q=0.000, *", IDENTITY, IDENTITY),
        ("gzip; Q=0", IDENTITY, IDENTITY),
        ("*;q=0", REFUSED, REFUSED),
        ("gzip;q=0, *;q=0", REFUSED, REFUSED),
        ("gzip, *;q=0", GZIP, REFUSED),
        ("identity", IDENTITY, IDENTITY),
        ("identity, gzip", GZIP, IDENTITY),
        ("identity;q=1, gzip;q=0.9", IDENTITY, IDENTITY),
        ("identity;q=0.5, gzip", GZIP, IDENTITY),
        ("identity;q=0", REFUSED, REFUSED),
        ("identity;q=0, gzip", GZIP, REFUSED),
        ("identity;q=0, br", REFUSED, REFUSED),
        ("identity, *;q=0", IDENTITY, IDENTITY),
        ("gzip;q=0.001", GZIP, IDENTITY),
        ("xgzip", IDENTITY, IDENTITY),
        ("xgzipx, gzipx", IDENTITY, IDENTITY),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", GZIP, IDENTITY),
        ("gzip;q=2", IDENTITY, IDENTITY),
        ("gzip;q=1.001", IDENTITY, IDENTITY),
        ("gzip;q=0.1234", IDENTITY, IDENTITY),
        ("gzip;q=", IDENTITY, IDENTITY),
        ("gzip;q=nope", IDENTITY, IDENTITY),
        ("gzip;level=9", GZIP, IDENTITY),
        ("gzip;q=0, x-gzip", GZIP, IDENTITY),
        (",, ;q=1,gzip", GZIP, IDENTITY),
    ],
)
def test_the_coding_follows_the_weights(
    accept_encoding: str | None, with_gzip: str | None, without_gzip: str | None
) -> None:
    for expected, offered in ((with_gzip, True), (without_gzip, False)):
        if expected is REFUSED:
            with pytest.raises(NotAcceptable):
                negotiated_coding(accept_encoding, gzip_offered=offered)
        else:
            assert negotiated_coding(accept_encoding, gzip_offered=offered) == expected


@pytest.mark.no_cover
@given(st.text(st.sampled_from("gzipx-identity*;q=01. ,"), max_size=60))
def test_any_accept_encoding_is_handled(accept_encoding: str) -> None:
    try:
        assert negotiated_coding(accept_encoding, gzip_offered=True) in (GZIP, IDENTITY)
    except NotAcceptable:
        assert "q=0" in accept_encoding


@given(st.binary(max_size=5000), st.integers(1, 9))
def test_gzip_content_is_inflated(data: bytes, level: int) -> None:
    compressed = gzipped(data, level)
    assert gzip.decompress(compressed) == inflated(compressed, len(data)) == data
    assert compressed[4:8] == b"\0\0\0\0", "the gzip header has a time stamp"


@given(st.binary(min_size=1, max_size=2000), st.data())
def test_truncated_gzip_is_refused(data: bytes, choose: st.DataObject) -> None:
    compressed = gzipped(data, 6)
    cut = choose.draw(st.integers(0, len(compressed) - 1))
    with pytest.raises(BadCoding):
        inflated(compressed[:cut], len(data))


def test_several_gzip_members_are_one_body() -> None:
    assert inflated(gzipped(b"one", 6) + gzipped(b"two", 6), 6) == b"onetwo"
    with pytest.raises(BodyTooLarge):
        inflated(gzipped(b"one", 6) + gzipped(b"two", 6), 5)


def test_a_gzip_bomb_is_refused_at_the_limit() -> None:
    bomb = gzipped(bytes(50_000_000), 9)
    assert len(bomb) < 60_000
    with pytest.raises(BodyTooLarge):
        inflated(bomb, 1000)


@pytest.mark.parametrize("body", [b"garbage", zlib.compress(b"zlib"), gzipped(b"x", 6) + b"rest", b""])
def test_content_that_is_not_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadCoding):
        inflated(body, 1000)


def test_a_body_is_decoded_by_its_content_encoding() -> None:
    assert decoded(b"text", None, 4) == decoded(b"text", " Identity", 4) == b"text"
    assert decoded(gzipped(b"text", 1), "X-GZIP", 4) == b"text"
    with pytest.raises(BodyTooLarge):
        decoded(b"text", None, 3)
    for coding in ("br", "deflate", "gzip, gzip", "gzip, identity"):
        with pytest.raises(UnknownCoding):
            decoded(b"text", coding, 4)


GRAPHQL = "application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json", GRAPHQL),
        (f"application/json, {GRAPHQL}", JSON),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.9, application/json", JSON),
        (f"*/*, {GRAPHQL}", GRAPHQL),
        (f"*/*, {GRAPHQL};q=0.5", JSON),
        ("application/json;q=0, */*", GRAPHQL),
        ("text/html, */*;q=0.1", JSON),
        ("image/png", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("application/jsonx", None),
        ("text/*", None),
    ],
)
def test_the_type_follows_weight_then_precision_then_order(accept: str | None, chosen: str | None) -> None:
    assert preferred_media_type(accept, (JSON, GRAPHQL)) == chosen


@pytest.mark.no_cover
@given(st.text(max_size=40))
def test_any_accept_header_is_handled(accept: str) -> None:
    assert preferred_media_type(accept, (JSON, GRAPHQL)) in (JSON, GRAPHQL, None)
    content_type(accept)


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("Application/JSON", ContentType(JSON)),
        ("application/json;charset=UTF-8", ContentType(JSON, "utf-8")),
        ('application/json ; boundary=x; charset="utf-8"', ContentType(JSON, "utf-8")),
        ("", ContentType("")),
    ],
)
def test_a_content_type_is_parsed(header: str, read: ContentType) -> None:
    assert content_type(header) == read


@pytest.mark.parametrize(
    ("header", "yes"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('application/json; charset="UTF8"', True),
        ("application/json; charset=us-ascii", True),
        ("application/json; charset=utf-16", False),
        ("application/json; charset=nope", False),
        ("text/plain", False),
        ("application/problem+json", False),
        ("", False),
        (None, False),
    ],
)
def test_json_is_recognised_by_its_content_type(header: str | None, yes: bool) -> None:
    assert is_utf8_json(header) is yes
