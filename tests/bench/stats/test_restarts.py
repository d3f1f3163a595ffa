"""Which restart a failed request belongs to."""

from typing import Any

import pytest

from bench.results import Cause
from bench.stats.restarts import Restart, blamed, lost_requests
from tests.support.logs import MS, REFUSED, request

RESET = Cause(kind="unreachable", text="connection reset", count=1)


def restart(replica: int, began_ms: int, ended_ms: int) -> Restart:
    times: dict[str, Any] = dict.fromkeys(("stopped_ns", "gone_ns", "ready_ns"), began_ms * MS)
    return Restart(replica=replica, began_ns=began_ms * MS, ended_ns=ended_ms * MS, **times)


RESTARTS = [restart(1, 1000, 2000), restart(2, 3000, 4000)]


@pytest.mark.parametrize(
    ("due_ms", "took_ms", "number"),
    [
        (900, 50, None),  # over before anything was done
        (900, 150, 0),  # in flight when the first began
        (1500, 1, 0),
        (1999, 500, 0),  # sent while the first went on, and failed later
        (1500, 2000, 0),  # a timeout that ends while the second goes on
        (2500, 1, 0),  # the first was over, and has left something behind
        (2990, 20, 1),  # in flight when the second began
        (3500, 1, 1),
        (9000, 1, 1),
    ],
)
def test_a_failure_belongs_to_the_first_restart_that_it_met(due_ms: int, took_ms: int, number: int | None) -> None:
    assert blamed(request(due_ms, took_ms, REFUSED), RESTARTS) == number


def test_failures_are_counted_by_restart_and_cause() -> None:
    requests = [
        request(100),
        request(1100, 1, REFUSED),
        request(1200, 1, RESET),
        request(1300, 1, RESET),
        request(3100, 1),
    ]
    first, second = lost_requests(requests, RESTARTS)
    assert (first.restart, first.count) == (1, 3)
    assert [(cause.text, cause.count) for cause in first.causes] == [("connection reset", 2), ("connection refused", 1)]
    assert (second.restart, second.count, second.causes) == (2, 0, [])


def test_failures_before_the_first_restart_are_named_as_such() -> None:
    before, *others = lost_requests([request(10, 1, REFUSED)], RESTARTS)
    assert (before.restart, before.count) == (None, 1)
    assert [each.count for each in others] == [0, 0]
