"""Flags of the producers that have no effect beside others, or on a protocol, are refused."""

import pytest

from producers.without_effect import WITHOUT_EFFECT
from tests.support.programs import assert_one_line_error, run_here

REFUSED = [
    ("--cert", "http --cert x.pem"),
    ("--key", "graphql --key x.pem"),
    ("--client-ca", "grpc --client-ca x.pem"),
    ("--gzip-level", "http --gzip-level 6"),
    ("--no-introspection", "http --no-introspection"),
    ("--no-suggestions", "grpc --no-suggestions"),
    ("--persisted-queries", "http --persisted-queries"),
    ("--strict-calls", "http --strict-calls"),
    ("--strict-calls", "graphql --strict-calls"),
]


@pytest.mark.parametrize(("flag", "arguments"), REFUSED, ids=lambda value: value)
def test_a_flag_without_effect_is_refused(flag: str, arguments: str) -> None:
    assert_one_line_error(run_here("producers", *arguments.split()), 2, f"{flag} has no effect")


def test_every_row_of_the_table_has_a_case() -> None:
    assert {flag for row in WITHOUT_EFFECT for flag in row.flags} == {flag for flag, _ in REFUSED}


@pytest.mark.parametrize(
    ("protocol", "limit"), [("http", "calls.concurrent=5"), ("http", "document.depth=5"), ("grpc", "header_count=5")]
)
def test_a_limit_of_another_protocol_is_refused(protocol: str, limit: str) -> None:
    done = run_here("producers", protocol, "--limit", limit)
    assert_one_line_error(done, 2, f"--limit '{limit}': {protocol} does not enforce it; it enforces body_bytes, ")
