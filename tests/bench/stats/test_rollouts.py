"""What a rollout cost, from its log."""

from typing import Any

import pytest
from msgspec.structs import replace

from bench.load_models import OpenLoad
from bench.spec import CellKey
from bench.stats.restarts import Restart
from bench.stats.rollouts import Rollout, RolloutKey, regressions, rollout_of
from tests.support.logs import MS, REFUSED, log_of, request

KEY = RolloutKey(
    cell=CellKey(protocol="http", load=OpenLoad(rate_hz=100), front="haproxy", replicas=2),
    order="stop-first",
    stop_notice_s=None,
    check_interval_s=0.5,
)


def restart(replica: int, began_ms: int, ended_ms: int) -> Restart:
    times: dict[str, Any] = dict.fromkeys(("stopped_ns", "gone_ns", "ready_ns"), began_ms * MS)
    return Restart(replica=replica, began_ns=began_ms * MS, ended_ns=ended_ms * MS, **times)


def test_the_id_of_a_rollout_names_what_is_not_usual() -> None:
    assert KEY.id == "http-get-r100-haproxy-x2-check0.5"
    cell = CellKey(protocol="grpc", load=OpenLoad(rate_hz=100), tls=True, tls_at="both", front="nginx", replicas=3)
    changed = replace(KEY, cell=cell, order="start-first", stop_notice_s=2.0)
    assert changed.id == "grpc-get-tls-at-both-r100-nginx-x3-start-first-notice2-check0.5"
    assert replace(KEY, cell=replace(cell, front="none", cores="default")).id == "grpc-get-tls-r100"


RESTARTS = [restart(1, 1000, 1500), restart(2, 2000, 2500)]


def test_latency_is_that_of_requests_due_before_and_while_a_restart_went_on() -> None:
    requests = [
        request(0, 2),
        request(999, 3),
        request(1000, 40),
        request(1500, 50),
        request(1700, 900),  # between the restarts
        request(2200, 60),
        request(2300, 5000, REFUSED),
    ]
    found = rollout_of(KEY, log_of(requests, window_ms=3000), RESTARTS, "2.6")
    assert (found.requests, found.failed, found.lost_per_restart) == (7, 1, [0, 1])
    assert found.before_p99_ns == 3 * MS
    assert (found.during_p99_ns, found.during_max_ns) == (60 * MS, 60 * MS)
    assert sum(each.due for each in found.intervals) == 7
    assert len(found.intervals) == 12
    assert found.untrusted is None


def lost(*per_restart: int, late_ms: float = 0.0) -> Rollout:
    requests = [
        request(1000 * (number + 1), 100, REFUSED, late_ms=late_ms)
        for number, count in enumerate(per_restart)
        for _ in range(count)
    ]
    return rollout_of(KEY, log_of([request(0), *requests], window_ms=3000), RESTARTS, "")


@pytest.mark.parametrize(
    ("at_most", "counts", "is_one"), [(0, (0, 0), False), (0, (0, 1), True), (3, (3, 3), False), (3, (4, 0), True)]
)
def test_a_regression_is_a_restart_that_loses_more_than_allowed(
    at_most: int, counts: tuple[int, int], *, is_one: bool
) -> None:
    assert bool(regressions([lost(*counts)], at_most)) == is_one


def test_nothing_is_made_of_a_rollout_under_a_load_that_fell_behind() -> None:
    found = lost(5, 5, late_ms=90)
    assert found.untrusted is not None
    assert regressions([found], 0) == []
