"""Every name that a parser gives is declared with its category, and no other name is accepted."""

import pytest

from bench.wire.parts import CATEGORIES, CATEGORY_OF, UnknownPart, bytes_by_category, category_of


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("body", "content"),
        ("data.message", "content"),
        ("data.body", "content"),
        ("request_line", "headers"),
        ("status_line", "headers"),
        ("trailers", "headers"),
        ("headers.hpack_block", "headers"),
        ("continuation.hpack_block", "headers"),
        ("chunk_framing", "framing"),
        ("headers.frame_header", "framing"),
        ("data.frame_header", "framing"),
        ("data.grpc_prefix", "framing"),
        ("data.padding", "framing"),
        ("headers.priority_fields", "framing"),
        ("preface", "connection"),
        ("settings.frame_header", "connection"),
        ("ping.payload", "connection"),
        ("window_update.payload", "connection"),
        ("unknown.payload", "connection"),
        ("connection_frames", "connection"),
        ("tls.record_header", "tls"),
        ("tls.inner_type_and_tag", "tls"),
        ("tls.padding", "tls"),
        ("tls.handshake", "handshake"),
        ("tls.clear", "handshake"),
        ("tls.alert", "handshake"),
        ("tls.undivided", "unknown"),
        ("unparsed", "unknown"),
    ],
)
def test_categories(name: str, category: str) -> None:
    assert category_of(name) == category


def test_the_categories_sum_to_the_parts() -> None:
    found = bytes_by_category({"body": 3, "data.message": 4, "unparsed": 5, "headers.frame_header": 9})
    assert list(found) == list(CATEGORIES)
    assert found == {**dict.fromkeys(CATEGORIES, 0), "content": 7, "unknown": 5, "framing": 9}


@pytest.mark.parametrize(
    "name", ["cookies", "data.cookies", "settings.cookies", "cookies.payload", "tls.cookies", "message", "payload", ""]
)
def test_a_name_that_is_not_declared_is_an_error(name: str) -> None:
    for categorize in (category_of, lambda unknown: bytes_by_category({"body": 1, unknown: 2})):
        with pytest.raises(UnknownPart) as raised:
            categorize(name)
        assert str(raised.value) == (
            f"{name!r} is not a declared part name; declare it in bench/wire/parts.py with its category"
        )


def test_every_name_has_one_of_the_categories() -> None:
    assert set(CATEGORY_OF.values()) == set(CATEGORIES)
