"""Which media type an answer gets, and what a body claims to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.media_types import JSON, ContentType, content_type, is_utf8_json, preferred

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
    assert preferred(accept, (JSON, GRAPHQL)) == chosen


@given(st.text(max_size=40))
def test_no_header_breaks_it(accept: str) -> None:
    assert preferred(accept, (JSON, GRAPHQL)) in (JSON, GRAPHQL, None)
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
def test_a_content_type_is_read(header: str, read: ContentType) -> None:
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
def test_json_is_known_by_its_content_type(header: str | None, yes: bool) -> None:
    assert is_utf8_json(header) is yes
