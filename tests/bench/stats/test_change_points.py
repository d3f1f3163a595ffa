"""Change points against all possible cuts, on known changes, and on noise."""

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.change_points import AT_LEAST, change_points, cheapest_cuts, penalty
from bench.stats.standard_error import Floats

MEASUREMENTS = st.lists(
    st.tuples(st.integers(-5, 5).map(float), st.sampled_from([0.5, 1.0, 3.0])), min_size=1, max_size=9
)


def cost(values: Floats, errors: Floats, cuts: Sequence[int], cut_penalty: float) -> float:
    total = cut_penalty * len(cuts)
    for begin, end in zip([0, *cuts], [*cuts, len(values)], strict=True):
        weights = 1 / errors[begin:end] ** 2
        level = np.average(values[begin:end], weights=weights)
        total += float((weights * (values[begin:end] - level) ** 2).sum())
    return total


def all_cuts(count: int) -> Iterator[list[int]]:
    places = range(AT_LEAST, count - AT_LEAST + 1)
    for number in range(len(places) + 1):
        for cuts in combinations(places, number):
            if all(after - before >= AT_LEAST for before, after in pairwise(cuts)):
                yield list(cuts)


@given(measurements=MEASUREMENTS, cut_penalty=st.sampled_from([0.1, 1.0, 10.0]))
def test_no_other_cuts_are_better(measurements: list[tuple[float, float]], cut_penalty: float) -> None:
    values, errors = (np.asarray(column) for column in zip(*measurements, strict=True))
    found = cheapest_cuts(values, errors, cut_penalty)
    least = min(cost(values, errors, cuts, cut_penalty) for cuts in all_cuts(len(values)))
    assert cost(values, errors, found, cut_penalty) == pytest.approx(least, abs=1e-9)


def test_a_lasting_change_is_found_where_it_is_and_a_single_value_apart_is_none() -> None:
    errors = np.full(10, 0.01)
    steps = np.asarray([0.0] * 6 + [0.1] * 4)
    assert change_points(steps, errors, penalty(100)) == [6]
    for place in range(10):
        apart = np.where(np.arange(10) == place, 1.0, 0.0)
        assert change_points(apart, errors, penalty(100)) == []
    there_and_back = np.asarray([0.0] * 4 + [0.1] * 2 + [0.0] * 4)
    assert change_points(there_and_back, errors, penalty(100)) == [4, 6]


def test_an_imprecise_measurement_counts_less() -> None:
    values = np.asarray([0.0, 0.0, 0.0, 0.1, 0.1])
    assert change_points(values, np.full(5, 0.01), penalty(10)) == [3]
    assert change_points(values, np.asarray([0.01, 0.01, 0.01, 0.1, 0.1]), penalty(10)) == []


def test_far_from_zero_nothing_is_lost_to_rounding() -> None:
    steps = 1e6 + np.asarray([0.0] * 6 + [0.1] * 4)
    assert change_points(steps, np.full(10, 0.01), penalty(100)) == [6]


def test_too_few_measurements_have_no_change() -> None:
    for count in range(2 * AT_LEAST):
        assert change_points(np.arange(count, dtype=float), np.full(count, 0.01), 1.0) == []


def test_in_noise_changes_are_found_in_at_most_one_of_a_hundred_histories() -> None:
    generator = np.random.default_rng(1)
    series, runs, histories = 16, 20, 300
    cut_penalty = penalty(series * (runs - 1))
    wrong = sum(
        any(change_points(row, np.ones(runs), cut_penalty) for row in generator.normal(size=(series, runs)))
        for _ in range(histories)
    )
    assert wrong <= 3 + 3
