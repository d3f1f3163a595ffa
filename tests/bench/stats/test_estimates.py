"""Two levels: known answers, and how often intervals hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.stats.estimates import levels, logarithms, median_interval, positive_estimate
from tests.bench.stats.noise import Noise, slice_logs


def test_a_instance_is_its_median_and_the_interval_is_student_t_between_them() -> None:
    found = levels([0, 0, 0, 1, 1, 1, 2, 2, 2], [1.0, 2.0, 99.0, 2.0, 3.0, 98.0, 3.0, 4.0, 97.0])
    assert found is not None
    assert found.medians.tolist() == [2.0, 3.0, 4.0]
    assert found.value == 3.0
    interval = found.interval(0.95)
    assert interval is not None
    assert interval[1] - 3.0 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert interval[0] + interval[1] == pytest.approx(6.0)


def test_positive_quantities_are_reckoned_on_the_log_scale() -> None:
    estimate = positive_estimate([0, 1], [1.0, 4.0])
    assert estimate is not None
    assert estimate.value == pytest.approx(2.0)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low * estimate.high == pytest.approx(4.0)


def test_one_instance_has_the_interval_of_its_order_statistics() -> None:
    found = levels([7] * 6, [6.0, 1.0, 5.0, 2.0, 4.0, 3.0])
    assert found is not None
    assert found.value == 3.5
    assert found.interval(0.95) == (1.0, 6.0)
    assert found.interval(0.99) is None


def test_five_slices_carry_no_interval() -> None:
    assert median_interval(np.arange(5.0), 0.95) is None


def test_slices_without_a_value_are_left_out() -> None:
    assert levels([0, 0], [None, None]) is None
    assert levels([], []) is None
    found = levels([0, 0, 1], [None, 1.0, 2.0])
    assert found is not None
    assert found.n_slices == 2
    assert positive_estimate([0], [None]) is None
    assert logarithms([0.0, -1.0, None, 1.0]) == [None, None, None, 0.0]


def test_a_instance_that_was_cut_short_is_left_out() -> None:
    instance = [0] * 20 + [1] * 20 + [2] * 4
    found = levels(instance, [1.0] * 40 + [5.0] * 4)
    assert found is not None
    assert found.instances == (0, 1)


@pytest.mark.parametrize(("instances", "rounds", "spoiled"), [(4, 40, 0.1), (6, 30, 0.2), (8, 20, 0.3), (12, 15, 0.3)])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent(instances: int, rounds: int, spoiled: float) -> None:
    """Paired log ratios of two cells that are equal: restarts move both, and slices of either are spoiled."""
    rng, noise, held, runs = np.random.default_rng(20), Noise(spoiled=spoiled), 0, 1200
    restart = math.hypot(noise.restart, noise.luck)
    quiet = np.zeros((instances, rounds))
    instance = np.repeat(np.arange(instances), rounds).tolist()
    for _ in range(runs):
        one, other = (slice_logs(rng, 0.0, restart * rng.standard_normal(instances), quiet, noise) for _ in range(2))
        found = levels(instance, (one - other).ravel().tolist())
        assert found is not None
        interval = found.interval(0.95)
        assert interval is not None
        held += interval[0] <= 0 <= interval[1]
    assert 0.93 <= held / runs <= 0.97


@pytest.mark.parametrize("slices", [12, 30, 101])
def test_within_one_instance_the_median_is_held(slices: int) -> None:
    """Order statistics are discrete, so their coverage is at least, not exactly, what is asked for."""
    rng, runs = np.random.default_rng(21), 2000
    found = [median_interval(rng.exponential(1.0, slices), 0.95) for _ in range(runs)]
    held = sum(interval is not None and interval[0] <= math.log(2) <= interval[1] for interval in found)
    assert 0.94 <= held / runs <= 0.99


FIGURES = st.lists(st.floats(0.1, 1e9), min_size=12, max_size=12)


@settings(max_examples=50)
@given(FIGURES, st.floats(1e-3, 1e3))
def test_another_unit_scales_the_estimate(values: list[float], factor: float) -> None:
    instance = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    one = positive_estimate(instance, list(values))
    other = positive_estimate(instance, [value * factor for value in values])
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value * factor)
    assert other.low == pytest.approx((one.low or 0) * factor)
    assert other.high == pytest.approx((one.high or 0) * factor, rel=1e-6)


@settings(max_examples=50)
@given(FIGURES, st.permutations(range(12)))
def test_the_order_of_slices_does_not_matter(values: list[float], order: list[int]) -> None:
    instance = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    shuffled = positive_estimate([instance[index] for index in order], [values[index] for index in order])
    assert shuffled == positive_estimate(instance, list(values))
