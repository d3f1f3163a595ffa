"""Limits of fronts, with the real programs: what is sent when one is reached, and what the consumers report."""

import asyncio

import pytest

from bench.fronts.limits import LimitFound
from bench.runner.front_keep_alive import KeepAliveTrial
from bench.runner.front_limits import limit_trials
from bench.runner.front_trials import try_all
from tests.support.fronts import installed
from tests.support.measuring import job_with


async def tried(protocol: str, name: str, limit: str, seconds: float = 1.0) -> LimitFound:
    installed(name)
    (found,) = await try_all(job_with(protocol), limit_trials([protocol], [name], [limit]), seconds)
    assert not found.trouble
    return found


@pytest.mark.parametrize(
    ("protocol", "name", "sent", "reported"),
    [
        ("http", "nginx", "429 Too Many Requests", "status 429"),
        ("grpc", "haproxy", "429 Too Many Requests without grpc-status", "UNAVAILABLE"),
        ("grpc", "envoy", "200 OK, grpc-status UNAVAILABLE", "UNAVAILABLE"),
    ],
)
async def test_consumers_over_http_alone_learn_that_a_rate_was_exceeded(
    protocol: str, name: str, sent: str, reported: str
) -> None:
    found = await tried(protocol, name, "rate")
    assert [(way.sent, way.reported) for way in found.ways] == [(sent, reported)]
    assert 0 < found.ways[0].requests == found.requests - found.answered


async def test_requests_that_wait_for_too_long_are_refused_with_503() -> None:
    found = await tried("http", "haproxy", "queue-time")
    assert [way.sent for way in found.ways] == ["503 Service Unavailable"]
    assert 0 < found.answered < found.requests


async def test_nginx_has_no_queue() -> None:
    installed("nginx")
    (found,) = await try_all(job_with("http"), limit_trials(["http"], ["nginx"], ["queue-length"]), 1.0)
    assert not found.measured
    assert "queue" in found.unsupported


def around_1_s(protocol: str, name: str, producer_s: float) -> KeepAliveTrial:
    """Idle times around 1 s, with a network so slow that requests are under way while the producer closes."""
    return KeepAliveTrial(
        protocol=protocol, front=name, producer_s=producer_s, front_s=60, network="rtt=300ms", idle_s=1.0, burst=3
    )


@pytest.mark.parametrize(("protocol", "name"), [("http", "haproxy"), ("graphql", "nginx")])
async def test_a_keep_alive_of_1_s_behind_60_s_fails_and_one_of_75_s_does_not(protocol: str, name: str) -> None:
    installed(name)
    async with asyncio.TaskGroup() as trying:
        tasks = [
            trying.create_task(try_all(job_with(protocol), [around_1_s(protocol, name, producer_s)], 9.0))
            for producer_s in (1, 75)
        ]
    ((short,), (long,)) = (task.result() for task in tasks)
    assert not short.trouble
    assert not long.trouble
    assert 0 < short.around.failed < short.around.requests
    assert long.around.requests > 0 == long.around.failed
