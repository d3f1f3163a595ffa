"""Errors by who saw them, new connections for each request, and streams: with the real programs."""

import pytest

from bench.fronts.errors import INCIDENTS, ErrorsFound
from bench.protocols import PROTOCOLS
from bench.runner.front_errors import CARRIED_OUT, ErrorsTrial
from bench.runner.front_reuse import ReuseTrial
from bench.runner.front_streams import StreamsTrial
from bench.runner.front_trials import try_all
from tests.support.fronts import installed
from tests.support.measuring import job_with


async def observed(protocol: str, name: str, incident: str) -> ErrorsFound:
    installed(name)
    (found,) = await try_all(
        job_with(protocol), [ErrorsTrial(protocol=protocol, front=name, incident=INCIDENTS[incident])], 0.6
    )
    assert not found.trouble
    assert found.requests > 0
    return found


def test_every_incident_is_carried_out() -> None:
    assert CARRIED_OUT.keys() == INCIDENTS.keys()


@pytest.mark.parametrize(
    ("protocol", "name", "seen_by_front", "seen_as_status"),
    [("http", "nginx", True, True), ("graphql", "haproxy", False, False), ("grpc", "envoy", False, False)],
)
async def test_an_unknown_recipe_is_an_error_to_consumer_and_producer_and_to_some_fronts(
    protocol: str, name: str, seen_by_front: bool, seen_as_status: bool
) -> None:
    found = await observed(protocol, name, "unknown")
    assert 0 < found.consumer < found.requests
    assert found.producer_errors == found.consumer
    assert found.front_errors == (found.consumer if seen_by_front else 0)
    assert found.producer_statuses == (found.consumer if seen_as_status else 0)


@pytest.mark.parametrize(
    ("protocol", "name", "incident", "sent", "reported"),
    [
        ("grpc", "nginx", "hanging", "504 Gateway Timeout without grpc-status", "UNAVAILABLE"),
        ("graphql", "haproxy", "gone", "503 Service Unavailable", "status 503"),
        ("grpc", "haproxy", "killed", "RST_STREAM REFUSED_STREAM", "UNAVAILABLE"),
    ],
)
async def test_what_a_front_makes_of_a_producer_that_fails(
    protocol: str, name: str, incident: str, sent: str, reported: str
) -> None:
    found = await observed(protocol, name, incident)
    assert found.consumer == found.requests
    assert (found.ways[0].sent, found.ways[0].reported) == (sent, reported)


async def test_a_front_without_kept_connections_opens_one_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    installed("haproxy")
    monkeypatch.setattr("bench.runner.front_reuse.SLICE_S", 0.03)
    (found,) = await try_all(job_with("http"), [ReuseTrial(protocol="http", front="haproxy")], 0.0)
    assert not found.trouble
    assert found.kept is not None
    assert found.new is not None
    assert (found.kept.connections, found.kept.failed, found.new.failed) == (0, 0, 0)
    assert found.new.connections == found.new.requests > 0


async def test_calls_beyond_the_streams_of_a_connection_wait_and_none_fails() -> None:
    installed("haproxy")
    protocol = next(row.name for row in PROTOCOLS.values() if row.http2)
    (found,) = await try_all(
        job_with(protocol), [StreamsTrial(protocol=protocol, front="haproxy", streams=4, at="front")], 0.0
    )
    assert not found.trouble
    assert [level.in_flight for level in found.levels] == [2, 4, 8, 16]
    assert not any(level.failed for level in found.levels)
    below, above = found.levels[0], found.levels[-1]
    assert below.p50_ms is not None
    assert above.p50_ms is not None
    # Four turns of a round trip each; a busy machine only adds to them.
    assert below.p50_ms >= found.round_trip_ms
    assert above.p50_ms >= 3 * found.round_trip_ms
