"""Whether the load kept to its schedule."""

from bench.request_log import LoggedRequest
from bench.stats.send_lag import LATE_NS, lag_p99_ns, what_delayed, why_behind
from tests.support.logs import MS, request


def sent(late: int) -> list[LoggedRequest]:
    """1,000 requests, so many of them late."""
    return [request(number, 100, late_ms=LATE_NS / MS + 1 if number < late else 0.1) for number in range(1000)]


def test_a_load_that_is_late_now_and_then_can_be_trusted() -> None:
    assert why_behind(sent(late=100), 70 * MS) is None
    assert what_delayed(sent(late=10), 70 * MS) is None
    assert why_behind([], 0) is None
    assert what_delayed([], 0) is None


def test_a_load_that_is_late_for_more_than_the_slowest_percent_makes_these() -> None:
    reason = what_delayed(sent(late=11), 70 * MS)
    assert reason is not None
    assert "1.1 % of the requests left more than 50 ms after they were due" in reason
    assert "70 ms" in reason


def test_a_load_that_is_often_late_cannot_be_trusted() -> None:
    reason = why_behind(sent(late=101), 70 * MS)
    assert reason is not None
    assert "10 % of the requests left more than 50 ms after they were due" in reason
    assert "--rate" in reason
    assert what_delayed(sent(late=101), 70 * MS) is None


def test_how_late_requests_left() -> None:
    requests = [request(number, 100, late_ms=number) for number in range(1, 101)]
    assert lag_p99_ns(requests) == 99 * MS
    assert lag_p99_ns([]) is None
