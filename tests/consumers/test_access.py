"""Headers as they are given, where secret values come from, and that no record or error has them."""

from pathlib import Path

import pytest

from consumers.access import (
    REDACTED,
    Access,
    BadHeader,
    Header,
    read_headers,
    redacted_arguments,
    without_values,
)

PROTOCOLS = ("http", "graphql", "grpc")
SECRET = "s3cret-t0ken"


def read(*texts: str) -> list[tuple[str, str, str, bool]]:
    found = read_headers(texts, PROTOCOLS)
    return [(each.protocol, each.name, each.value, each.on_command_line) for each in found]


def test_values_come_from_the_command_line_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", f"{SECRET}\n")
    (tmp_path / "value").write_text(f"Basic {SECRET}\n")
    (tmp_path / "headers").write_text("X-Team: @red\n\nAuthorization: env:TOKEN\n")
    assert read("X-Team: red: 1") == [("", "X-Team", "red: 1", True)]
    assert read("Authorization: env:TOKEN") == [("", "Authorization", SECRET, False)]
    assert read("Authorization:Bearer env:TOKEN") == [("", "Authorization", f"Bearer {SECRET}", False)]
    assert read(f"grpc:authorization: @{tmp_path}/value") == [("grpc", "authorization", f"Basic {SECRET}", False)]
    from_file = [("http", "X-Team", "@red", False), ("http", "Authorization", "env:TOKEN", False)]
    assert read(f"http:@{tmp_path}/headers") == from_file


def test_a_header_of_one_protocol_comes_before_one_of_all() -> None:
    access = Access(headers=read_headers(["X-A: 1", "grpc:x-a: 2", "http:X-B: 3", "grpc: 4"], PROTOCOLS))
    assert {each.name: each.value for each in access.headers_of("grpc")} == {"x-a": "2", "grpc": "4"}
    assert {each.name: each.value for each in access.headers_of("http")} == {"X-A": "1", "X-B": "3", "grpc": "4"}
    assert [each.label for each in access.headers] == ["x-a", "grpc:x-a", "http:x-b", "grpc"]


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        ([SECRET], "before a colon"),
        ([f"X Y: {SECRET}"], "before a colon"),
        ([f":authority: {SECRET}"], "before a colon"),
        (["X:"], "X has no value"),
        ([f"X: {SECRET}\nY: 1"], "printable ASCII"),
        ([f"X: {SECRET}\N{SNOWMAN}"], "printable ASCII"),
        ([f"Host: {SECRET}"], "Host is set by the clients"),
        ([f"accept-encoding: {SECRET}"], "set by the clients"),
        ([f"grpc-timeout: {SECRET}"], "set by the clients"),
        ([f"x-bin: {SECRET}"], "binary metadata"),
        ([f"soap:X: {SECRET}"], "'soap' is none of http, graphql, grpc"),
        ([f"X: {SECRET}", "x: 2"], "x is given twice"),
        (["X: env:NOWHERE_SET"], "NOWHERE_SET is not set"),
        (["X: Bearer env:a-b"], "a-b is not set"),
        (["X: @/nowhere"], "/nowhere: No such file"),
        (["@/dev/zero"], "/dev/zero is larger than 64 KiB"),
        (["X: @/dev/null"], "has 0 lines"),
    ],
)
def test_invalid_headers_are_refused_without_their_values(texts: list[str], word: str) -> None:
    with pytest.raises(BadHeader) as raised:
        read(*texts)
    assert word in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_value_is_in_no_representation() -> None:
    assert SECRET not in repr(Access(headers=read_headers([f"X: {SECRET}"], PROTOCOLS)))


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        (["--header", f"Authorization: Bearer {SECRET}"], ["--header", f"Authorization: {REDACTED} {REDACTED}"]),
        ([f"--header=grpc:x:{SECRET}"], [f"--header=grpc:x: {REDACTED}"]),
        (["--header", "Authorization: Bearer env:TOKEN"], ["--header", "Authorization: Bearer env:TOKEN"]),
        (["--header", f"Authorization: {SECRET} @file"], ["--header", f"Authorization: {REDACTED} @file"]),
        (["--header", "@file", "--seed", "1"], ["--header", "@file", "--seed", "1"]),
        (["--header", SECRET], ["--header", REDACTED]),
    ],
)
def test_a_recorded_command_has_no_values(given: list[str], recorded: list[str]) -> None:
    assert redacted_arguments(given) == recorded


def test_values_and_their_words_are_replaced_in_texts() -> None:
    values = (f"Bearer {SECRET}", "lettersonly", "1")
    headers = [Header(name="x", value=value) for value in values]
    assert without_values(f"Bearer 1: no {SECRET}, lettersonly", headers) == f"Bearer 1: no {REDACTED}, {REDACTED}"
