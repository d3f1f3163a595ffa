"""Limits set by name on the command line."""

import pytest

from producers.settings import BadLimit, CallLimits, DocumentLimits, Limits, named, with_limits
from tests.support.programs import assert_one_line_error, listening, run_here
from tests.support.raw_http import request


def test_every_limit_has_a_name() -> None:
    names = dict(named(Limits()))
    assert names["body_bytes"] == Limits().body_bytes
    assert names["calls.connections"] == CallLimits().connections
    assert names["document.depth"] == DocumentLimits().depth
    assert all(value > 0 for value in names.values())
    assert with_limits(Limits(), [f"{name}={value}" for name, value in names.items()]) == Limits()


def test_only_the_given_limits_are_changed() -> None:
    given = ["body_timeout_s=2.5", "connections=7", "calls.connections=8", "document.depth=9"]
    assert with_limits(Limits(), given) == Limits(
        body_timeout_s=2.5, connections=7, calls=CallLimits(connections=8), document=DocumentLimits(depth=9)
    )


@pytest.mark.parametrize(
    "given",
    [
        "",
        "depth",
        "depth=5",
        "calls=5",
        "connections",
        "connections=",
        "connections=0",
        "connections=-1",
        "connections=1.5",
        "connections=99999999999",
        "body_timeout_s=0",
        "body_timeout_s=nan",
        "body_timeout_s=inf",
        "body_timeout_s=soon",
    ],
)
def test_an_unknown_or_invalid_limit_is_named(given: str) -> None:
    with pytest.raises(BadLimit) as caught:
        with_limits(Limits(), [given])
    assert repr(given) in str(caught.value)


def test_a_bad_limit_is_bad_usage() -> None:
    assert_one_line_error(
        run_here("producers", "grpc", "--limit", "depth=5", "--port", "0"), 2, "--limit 'depth=5'", "calls."
    )


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_limits_reach_every_serving_process(workers: str) -> None:
    flags = ("--port", "0", "--recipes", "generated:50", "--workers", workers, "--limit", "request_line_bytes=100")
    with listening("producers", "http", *flags, "--limit", "header_count=20") as producer:
        address = producer.addresses[0]
        assert (await request(address, "GET", "/recipes/" + "9" * 200)).status == 414
        assert (await request(address, "GET", "/pid", {f"X{number}": "y" for number in range(30)})).status == 431
        assert (await request(address, "GET", "/recipes/42")).status == 200
        assert producer.end() == 0
