"""The search for a rate against producers whose capacity is known, noise included."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.runner.slo_search import CONFIRMATIONS, HIGHEST_HZ, LOWEST_HZ, PRECISION, RateSearch


def search(guess_hz: float, is_met: Callable[[float], bool], at_most: int = 200) -> RateSearch:
    found = RateSearch(guess_hz)
    for _ in range(at_most):
        rate_hz = found.next_rate()
        if rate_hz is None:
            return found
        assert LOWEST_HZ <= rate_hz <= HIGHEST_HZ
        found.record(rate_hz, met=is_met(rate_hz))
    raise AssertionError(f"no end after {at_most} probes: {found}")


@given(capacity_hz=st.floats(5.3, 900_000), guess_hz=st.floats(0.01, 2e6))
def test_the_highest_rate_is_found_from_any_first_guess(capacity_hz: float, guess_hz: float) -> None:
    found = search(guess_hz, lambda rate_hz: rate_hz <= capacity_hz)
    assert found.met_hz is not None
    assert capacity_hz / PRECISION - 1e-9 <= found.met_hz <= capacity_hz
    assert found.confirmed == CONFIRMATIONS
    assert [met for rate, met in found.probes if rate == found.met_hz] == [True] * (1 + CONFIRMATIONS)


def test_a_good_first_guess_needs_few_probes() -> None:
    assert len(search(2000, lambda rate_hz: rate_hz <= 3000).probes) <= 14


def test_when_no_rate_meets_the_objective_there_is_none() -> None:
    found = search(500, lambda _: False)
    assert found.met_hz is None
    assert found.missed_hz == LOWEST_HZ


def test_when_every_rate_meets_the_objective_the_highest_is_found() -> None:
    assert search(500, lambda _: True).met_hz == HIGHEST_HZ


@pytest.mark.parametrize("seed", range(20))
def test_single_disturbances_hardly_lower_the_rate_found(seed: int) -> None:
    """One probe in ten, at random, is disturbed by the machine."""
    random = Random(seed)
    found = search(100, lambda rate_hz: rate_hz <= 1000 and random.random() > 0.1)
    assert found.met_hz is not None
    assert found.met_hz <= 1000
    if seed not in {2, 11}:
        assert found.met_hz > 800


def test_a_rate_met_by_chance_is_not_confirmed() -> None:
    lucky = iter([True])
    found = search(2000, lambda rate_hz: rate_hz <= 1000 or next(lucky, False))
    assert found.met_hz is not None
    assert found.met_hz <= 1000


def test_a_rate_is_missed_only_when_missed_twice() -> None:
    once = RateSearch(100)
    once.record(100, met=False)
    assert once.next_rate() == 100
    once.record(100, met=True)
    assert (once.met_hz, once.missed_hz) == (100, None)
