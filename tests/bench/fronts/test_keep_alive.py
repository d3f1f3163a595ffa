"""Idle times around a keep-alive limit, and which bursts may cross the end of a connection."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from bench.fronts.keep_alive import (
    ALL,
    CLOSED,
    CLOSING,
    MARGIN_S,
    OPEN,
    Band,
    IdleTimes,
    KeepAliveFound,
    answer,
    bands,
    burst_s,
    idle_bursts,
)
from bench.load.bursts import Bursts
from bench.request_log import LoggedRequest
from bench.results import Cause

LOST = Cause(kind="unreachable", text="closed", count=1)
MS = 1_000_000


def burst(due_ms: int, took_ms: int = 10, *, failed: int = 0, size: int = 4) -> list[LoggedRequest]:
    """Requests that are sent 1 ms apart, and answered as far apart."""
    return [
        LoggedRequest(due_ms * MS, (due_ms + i) * MS, (due_ms + took_ms + i) * MS, LOST if i < failed else None)
        for i in range(size)
    ]


def test_bursts_are_drawn_between_their_bounds_and_from_the_seed() -> None:
    bursts = Bursts(size=3, shortest_ns=5 * MS, longest_ns=9 * MS)
    due_ns = list(bursts.due_offsets_ns(200 * MS, "1"))
    starts = sorted(set(due_ns))
    assert due_ns == sorted(starts * 3)
    assert starts[0] == 0
    assert starts[-1] < 200 * MS
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert all(5 * MS <= gap <= 9 * MS for gap in gaps)
    assert len(set(gaps)) > 10
    assert due_ns == list(bursts.due_offsets_ns(200 * MS, "1"))
    assert due_ns != list(bursts.due_offsets_ns(200 * MS, "2"))


def test_idle_time_runs_from_response_to_request() -> None:
    found = list(idle_bursts([*burst(0), *burst(1000, failed=2), *burst(1500)]))
    assert [each.shortest_s for each in found] == pytest.approx([0.987, 0.487])
    assert [each.longest_s for each in found] == pytest.approx([0.993, 0.493])
    assert [each.failed for each in found] == [2, 0]


def test_half_of_the_idle_times_are_those_in_which_a_request_may_be_lost() -> None:
    idle = IdleTimes(1.0, round_trip_s=0.1)
    low, high = idle.closing_s
    assert [low, high] == pytest.approx([0.9 - MARGIN_S, 1.0 + MARGIN_S])
    shortest, longest = idle.range_s
    assert longest - shortest == pytest.approx(2 * (high - low))


def test_bands_by_the_connections_that_were_idle_for_the_shortest_and_the_longest_time() -> None:
    log = [*burst(0), *burst(500), *burst(1500, failed=4), *burst(2700, failed=1)]
    found = {band.name: band for band in bands(list(idle_bursts(log)), IdleTimes(1.0, 0.1))}
    assert {name: (band.bursts, band.requests, band.failed) for name, band in found.items()} == {
        OPEN: (1, 4, 0),
        CLOSING: (1, 4, 4),
        CLOSED: (1, 4, 1),
        ALL: (3, 12, 5),
    }
    assert found[OPEN].low == 0 < found[OPEN].high
    assert found[CLOSED].low < 0.25 < found[CLOSED].high


def test_a_burst_takes_until_its_last_response() -> None:
    assert burst_s([*burst(0, 10), *burst(100, 20), *burst(200, 30)]) == pytest.approx(0.023)


def found_with(*failed_by_band: tuple[str, int, int]) -> KeepAliveFound:
    return KeepAliveFound(
        protocol="http",
        front="haproxy",
        closed_by="producer",
        closed_after_s=1,
        kept_s=60,
        retries=0,
        idle_s=(0.9, 1.1),
        bands=tuple(
            Band(name=name, bursts=10, requests=requests, failed=failed, low=0, high=1)
            for name, requests, failed in failed_by_band
        ),
    )


def test_the_answer_is_per_10_000_requests_around_the_limit() -> None:
    some = found_with((CLOSING, 100, 3), (CLOSED, 100, 0), (ALL, 200, 3))
    assert (
        "HTTP/JSON, where the producer closes: of 10,000 requests after about 1 s without any, fail: HAProxy 150."
        in answer([some])
    )
    assert "HAProxy not known" in answer([found_with((ALL, 0, 0))])


def test_limits_are_named_where_there_are_several() -> None:
    short = found_with((ALL, 100, 50))
    text = answer([short, replace(short, closed_after_s=75.0, bands=found_with((ALL, 100, 0)).bands)])
    assert "HAProxy (closed after 1 s) 5,000; HAProxy (closed after 75 s) 0." in text


def test_each_side_that_closes_has_a_sentence() -> None:
    some = found_with((ALL, 100, 1))
    text = answer([some, replace(some, closed_by="front", bands=found_with((ALL, 100, 2)).bands)])
    assert "where the producer closes: of 10,000 requests after about 1 s without any, fail: HAProxy 100." in text
    assert "where the front closes: of 10,000 requests after about 1 s without any, fail: HAProxy 200." in text
