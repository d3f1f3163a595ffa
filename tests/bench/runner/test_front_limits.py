"""Limits of fronts, with the real programs: what is sent when one is reached, and what the consumers report."""

import asyncio
from dataclasses import dataclass

import pytest

from bench.fronts.keep_alive import Closer, KeepAliveFound
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


@dataclass(frozen=True)
class Limits:
    """Of connections through a network so slow that requests are under way while one is closed."""

    protocol: str
    front: str
    idle_s: float
    rtt_ms: int
    seconds: float
    closed_by: Closer = "producer"

    async def tried(self, *, closed_after_s: float, kept_s: float) -> KeepAliveFound:
        """What becomes of requests after about `idle_s`."""
        trial = KeepAliveTrial(
            protocol=self.protocol,
            front=self.front,
            closed_by=self.closed_by,
            closed_after_s=closed_after_s,
            kept_s=kept_s,
            network=f"rtt={self.rtt_ms}ms",
            idle_s=self.idle_s,
            burst=3,
        )
        (found,) = await try_all(job_with(self.protocol), [trial], self.seconds)
        assert not found.trouble
        return found


@pytest.mark.parametrize(("protocol", "name"), [("http", "haproxy"), ("graphql", "nginx")])
async def test_a_keep_alive_of_1_s_behind_60_s_fails_and_one_of_75_s_does_not(protocol: str, name: str) -> None:
    installed(name)
    limits = Limits(protocol, name, idle_s=1.0, rtt_ms=300, seconds=9.0)
    async with asyncio.TaskGroup() as trying:
        short_of, long_of = [trying.create_task(limits.tried(closed_after_s=after_s, kept_s=60)) for after_s in (1, 75)]
    short, long = short_of.result(), long_of.result()
    assert 0 < short.around.failed < short.around.requests
    assert long.around.requests > 0 == long.around.failed


async def test_a_front_that_closes_before_its_consumers_loses_requests() -> None:
    installed("nginx")
    limits = Limits("http", "nginx", idle_s=0.5, rtt_ms=200, seconds=5.0, closed_by="front")
    async with asyncio.TaskGroup() as trying:
        first_of, last_of = [
            trying.create_task(limits.tried(closed_after_s=after_s, kept_s=kept_s))
            for after_s, kept_s in ((0.5, 60), (60, 0.5))
        ]
    first, last = first_of.result(), last_of.result()
    assert 0 < first.around.failed < first.around.requests
    assert [(way.sent, way.repeated_by_library) for way in first.ways] == [("closed connection", True)]
    assert last.around.requests > 0 == last.around.failed
