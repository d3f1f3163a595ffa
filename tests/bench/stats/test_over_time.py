"""Requests by the time at which they were due."""

import pytest

from bench.stats.over_time import Interval, intervals, quantile
from tests.support.logs import MS, REFUSED, request


def test_each_request_counts_in_the_interval_in_which_it_was_due() -> None:
    requests = [request(0, 1), request(10, 700), request(20, 3), request(499, 2, REFUSED), request(500, 4)]
    first, second = intervals(requests, 0.5, 1.0)
    assert first == Interval(begins_s=0.0, due=4, failed=1, p50_ns=3 * MS, p99_ns=700 * MS, max_ns=700 * MS)
    assert second == Interval(begins_s=0.5, due=1, failed=0, p50_ns=4 * MS, p99_ns=4 * MS, max_ns=4 * MS)


def test_an_interval_without_a_successful_request_has_no_latency() -> None:
    (only,) = intervals([request(0, 1, REFUSED)], 1.0, 1.0)
    assert only == Interval(begins_s=0.0, due=1, failed=1)


def test_the_last_interval_is_left_out_where_it_is_not_whole() -> None:
    assert [each.due for each in intervals([request(100), request(1900)], 1.0, 1.95)] == [1]


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_a_quantile_is_one_of_the_values(share: float, value: int) -> None:
    assert quantile(range(1, 101), share) == value
