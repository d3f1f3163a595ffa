"""What is cut short where a producer is slow and the run has to end."""

from typing import Any

from bench import schedule as planning
from bench.load_models import ClosedLoad
from bench.pace import SIZES_REQUESTS_AT_LEAST, Pace
from bench.spec import CellKey
from tests.support.plans import plan_of

S = 1_000_000_000
ONE, SIXTEEN = (CellKey(protocol="http", load=ClosedLoad(concurrency=number)) for number in (1, 16))


def pace(request_s: float, **given: Any) -> Pace:
    settings: dict[str, Any] = {"rounds": None, "seconds": 20.0, **given}
    made = Pace(plan_of(**settings), began_ns=100 * S)
    for key in (ONE, SIXTEEN):
        made.learn(key, request_s * S)
    return made


def test_nothing_is_cut_short_for_a_fast_producer() -> None:
    fast = pace(0.001)
    assert fast.requests_at_least(ONE) == planning.requests_at_least(ONE) == 3
    late_ns = 500 * S
    assert fast.slice_fits(ONE, late_ns)
    assert fast.may_prepare(SIXTEEN, late_ns)
    assert fast.sizes_requests(ONE, 50, late_ns) == 50


def test_a_slow_producer_gets_no_slice_that_would_not_end_in_time() -> None:
    slow = pace(2.0)
    assert slow.is_very_slow(ONE)
    assert slow.requests_at_least(ONE) == 1
    assert slow.requests_at_least(SIXTEEN) == 16
    assert slow.slice_fits(ONE, 118 * S)
    assert not slow.slice_fits(ONE, 118 * S + 1)
    assert slow.slice_fits(SIXTEEN, 118 * S)


def test_bytes_of_a_slow_producer_are_counted_over_as_many_requests_as_fit() -> None:
    slow = pace(1.0)
    assert slow.sizes_requests(ONE, 50, 100 * S) == SIZES_REQUESTS_AT_LEAST
    assert slow.sizes_requests(ONE, 50, 105 * S) == 0


def test_no_cell_is_verified_that_could_not_be_measured() -> None:
    slow = pace(2.0)
    assert slow.may_verify(None, 1000 * S)
    assert slow.may_verify(ONE, 108 * S)
    assert not slow.may_verify(ONE, 109 * S)
    other = CellKey(protocol="grpc")
    assert slow.may_verify(other, 1000 * S)
    slow.learn_as(other, ONE)
    assert not slow.may_verify(other, 109 * S)
    assert pace(0.001).may_verify(ONE, 1000 * S)
    assert slow.verify_within_s(100 * S, 2) == 4.0
    assert slow.verify_within_s(115 * S, 2) == 2.0


def test_shares_are_those_of_the_time_that_is_left_once_the_processes_have_started() -> None:
    slow = pace(2.0)
    slow.ready(110 * S)
    slow.ready(115 * S)
    assert slow.may_verify(ONE, 113 * S)
    assert not slow.may_verify(ONE, 113 * S + 1)
    assert slow.verify_within_s(110 * S, 1) == 4.0


def test_rounds_are_measured_however_long_they_take() -> None:
    endless = pace(2.0, rounds=4)
    assert endless.ends_ns is None
    assert endless.requests_at_least(ONE) == 3
    assert endless.slice_fits(ONE, 10_000 * S)
    assert endless.may_verify(ONE, 10_000 * S)
    assert endless.verify_within_s(10_000 * S, 1) is None


def test_a_network_with_a_long_round_trip_keeps_its_requests_in_a_long_run() -> None:
    assert pace(0.6, seconds=175.0).requests_at_least(ONE) == 3
