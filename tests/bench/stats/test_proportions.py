"""The share of failed requests: known intervals, and bursts whose requests fail together."""

from math import comb
from random import Random

import pytest

from bench.stats.proportions import Burst, bounds, proportion, single_requests


def at_most(count: int, requests: int, share: float) -> float:
    """The probability that so many requests fail, or fewer."""
    return sum(comb(requests, k) * share**k * (1 - share) ** (requests - k) for k in range(count + 1))


@pytest.mark.parametrize(("failed", "requests"), [(0, 10), (1, 10), (5, 10), (10, 10), (3, 400)])
def test_at_the_bounds_what_was_found_has_a_probability_of_one_in_forty(failed: int, requests: int) -> None:
    low, high = bounds(failed / requests, requests)
    assert low == 0 if failed == 0 else 1 - at_most(failed - 1, requests, low) == pytest.approx(0.025)
    assert high == 1 if failed == requests else at_most(failed, requests, high) == pytest.approx(0.025)


def test_requests_of_a_burst_that_fail_together_count_as_one() -> None:
    bursts = [Burst(10, 10 if number < 4 else 0) for number in range(20)]
    # The variance of 4 in 20 is estimated from the bursts, with n - 1.
    assert single_requests(bursts) == pytest.approx(19)


def test_requests_that_fail_by_themselves_count_each() -> None:
    random = Random(1)
    bursts = [Burst(10, sum(random.random() < 0.3 for _ in range(10))) for _ in range(2000)]
    assert single_requests(bursts) == pytest.approx(20_000, rel=0.1)


def test_bursts_without_a_failure_count_as_one_request_each() -> None:
    found = proportion([Burst(50, 0)] * 10)
    assert (found.requests, found.failed, found.low) == (500, 0, 0.0)
    assert found.high == pytest.approx(bounds(0, 10)[1])


def test_bursts_that_are_all_alike_count_each_request() -> None:
    assert single_requests([Burst(2, 1)] * 30) == 60


def test_without_requests_nothing_is_known() -> None:
    found = proportion([])
    assert (found.share, found.low, found.high) == (None, 0.0, 1.0)


def test_interval_covers_the_true_share_of_requests_in_bursts() -> None:
    random = Random(2)
    covered = 0
    for _ in range(400):
        bursts = [Burst(8, 8 if random.random() < 0.2 else 0) for _ in range(60)]
        found = proportion(bursts)
        covered += found.low <= 0.2 <= found.high
    assert covered >= 370
