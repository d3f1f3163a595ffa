"""Whether the load kept to its schedule."""

from bench.stats.send_lag import LATE_NS, lag_p99_ns, why_behind
from tests.support.logs import MS, request


def sent(late: int, of: int) -> list[str | None]:
    requests = [request(number, 100, late_ms=LATE_NS / MS + 1 if number < late else 0.1) for number in range(of)]
    return [why_behind(requests, 70 * MS)]


def test_a_load_that_is_late_now_and_then_can_be_trusted() -> None:
    assert sent(late=10, of=1000) == [None]
    assert why_behind([], 0) is None


def test_a_load_that_is_often_late_cannot() -> None:
    (reason,) = sent(late=11, of=1000)
    assert reason is not None
    assert "1.1 % of the requests left more than 50 ms after they were due" in reason
    assert "70 ms" in reason
    assert "--rate" in reason


def test_how_late_requests_left() -> None:
    requests = [request(number, 100, late_ms=number) for number in range(1, 101)]
    assert lag_p99_ns(requests) == 99 * MS
    assert lag_p99_ns([]) is None
