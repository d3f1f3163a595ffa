"""Parsing the addresses of producers, and the errors of invalid ones."""

import pytest

from consumers.target import BadTarget, Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("localhost:4000", Target("localhost", 4000)),
        ("http://127.0.0.1:1", Target("127.0.0.1", 1)),
        ("https://example.test:443", Target("example.test", 443, True)),
        ("grpc://h:5", Target("h", 5)),
        ("GRPCS://h:5", Target("h", 5, True)),
        ("http://h:5/graphql", Target("h", 5)),
        ("http://h:5/", Target("h", 5)),
        ("h", Target("h", 4000)),
        ("[::1]:7", Target("::1", 7)),
    ],
)
def test_valid_addresses_are_parsed(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ftp://h:1", "scheme ftp"),
        ("http://", "not an address"),
        ("", "not an address"),
        ("h:x", "not an address"),
        ("h:70000", "not an address"),
        ("h:0", "port 0"),
        ("http://h:1/recipes", "path /recipes"),
        ("http://u:p@h:1", "not an address"),
        ("http://h:1?x=1", "not an address"),
        ("a b:1", "not an address"),
    ],
)
def test_invalid_addresses_are_refused(text: str, word: str) -> None:
    with pytest.raises(BadTarget, match=word) as raised:
        parse_target(text)
    assert repr(text) in str(raised.value)


def test_authorities() -> None:
    assert Target("h", 1).authority == "h:1"
    assert Target("::1", 1).authority == "[::1]:1"
