"""Parsing the addresses of producers, and the errors of invalid ones."""

import pytest

from consumers.registry import target_for
from consumers.target import BadTarget, Target, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("localhost:4000", Target("localhost", 4000)),
        ("http://127.0.0.1:1", Target("127.0.0.1", 1)),
        ("https://example.test:443", Target("example.test", 443, True)),
        ("grpc://h:5", Target("h", 5)),
        ("GRPCS://h:5", Target("h", 5, True)),
        ("http://h", Target("h", 80)),
        ("https://h", Target("h", 443, True)),
        ("grpc://h", Target("h", 80)),
        ("grpcs://h", Target("h", 443, True)),
        ("http://h:5/graphql", Target("h", 5, path="/graphql")),
        ("http://h:5/", Target("h", 5, path="/")),
        ("https://h/api/v1/", Target("h", 443, True, "/api/v1/")),
        ("h:5/a%2fb//../ü", Target("h", 5, path="/a%2fb//../%C3%BC")),
        ("http://bücher.example", Target("xn--bcher-kva.example", 80)),
        ("http://my_service.:5", Target("my_service.", 5)),
        ("http://1.2.3.4", Target("1.2.3.4", 80)),
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
        ("a b:1", "not an address"),
        ("4101", "use localhost:4101"),
        ("127.1:80", "not an IPv4 address"),
        ("0x7f000001:80", "not an IPv4 address"),
        ("1.2.3.256:80", "not an IPv4 address"),
        ("h..x:1", "not a host name"),
        ("h,i:1", "not a host name"),
        ("\N{SNOWMAN}.\N{SNOWMAN}.:x", "not an address"),
    ],
)
def test_invalid_addresses_are_refused(text: str, word: str) -> None:
    with pytest.raises(BadTarget, match=word) as raised:
        parse_target(text)
    assert repr(text) in str(raised.value)


@pytest.mark.parametrize(
    ("text", "shown", "word"),
    [
        ("http://user:secret@h:1/a", "http://…@h:1/a", "user name"),
        ("user:secret@h:1", "…@h:1", "user name"),
        ("http://user:sec#ret@h:1", "http://…@h:1", "not an address"),
        ("http://h:1/a?key=secret", "http://h:1/a", "a query"),
        ("http://h:1#secret", "http://h:1", "a fragment"),
    ],
)
def test_what_may_be_secret_in_an_address_is_not_repeated(text: str, shown: str, word: str) -> None:
    with pytest.raises(BadTarget, match=word) as raised:
        parse_target(text)
    assert repr(shown) in str(raised.value)
    assert "sec" not in str(raised.value)


@pytest.mark.parametrize("text", ["h:1", "http://h/api/", "grpcs://[::1]:5"])
def test_a_target_is_parsed_from_its_url(text: str) -> None:
    target = parse_target(text)
    assert parse_target(target.url) == target


def test_only_protocols_with_paths_take_one() -> None:
    assert target_for("graphql", "http://h/").path == "/"
    assert target_for("grpc", "grpc://h/").path == "/"
    with pytest.raises(BadTarget, match="the path /v1"):
        target_for("grpc", "grpc://h/v1")


def test_authorities() -> None:
    assert Target("h", 1).authority == "h:1"
    assert Target("::1", 1).authority == "[::1]:1"
