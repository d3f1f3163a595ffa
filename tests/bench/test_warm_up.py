"""Warm-up is over when latencies no longer fall, all cells together."""

import pytest

from bench.schedule import settled


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {"a": 1.0}, True),
        ({"a": 100.0}, {"a": 100.0}, True),
        ({"a": 100.0}, {"a": 99.0}, True),
        ({"a": 100.0}, {"a": 97.0}, False),
        ({"a": 100.0}, {"a": 150.0}, True),
        ({"a": 100.0, "b": 10.0, "c": 1.0}, {"a": 50.0, "b": 10.0, "c": 1.01}, True),
        ({"a": 100.0, "b": 10.0, "c": 1.0}, {"a": 90.0, "b": 9.0, "c": 2.0}, False),
        ({"a": 100.0}, {"b": 1.0}, True),
    ],
)
def test_settled(before: dict[str, float], now: dict[str, float], expected: bool) -> None:
    assert settled(before, now) is expected
