"""Quantiles and special functions, compared with published tables."""

import math

import pytest

from bench.stats.distributions import inverse_trigamma, order_ranks, student_t, trigamma


@pytest.mark.parametrize(("freedom", "expected"), [(3, 3.1824), (5, 2.5706), (7, 2.3646), (math.inf, 1.9600)])
def test_student_t_is_that_of_the_tables(freedom: float, expected: float) -> None:
    assert float(student_t(freedom, 0.95)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("count", "expected"), [(5, None), (6, (0, 5)), (9, (1, 7)), (20, (5, 14)), (100, (39, 60))])
def test_ranks_around_the_median_are_those_of_the_sign_test(count: int, expected: tuple[int, int] | None) -> None:
    assert order_ranks(count, 0.5, 0.95) == expected


def test_ranks_in_the_tail() -> None:
    assert order_ranks(100, 0.99, 0.95) is None
    ranks = order_ranks(100_000, 0.999, 0.95)
    assert ranks is not None
    assert 99_870 < ranks[0] < 99_900 < ranks[1] < 99_930


@pytest.mark.parametrize("value", [0.01, 0.5, 3.0, 200.0])
def test_inverse_trigamma_undoes_trigamma(value: float) -> None:
    assert trigamma(inverse_trigamma(value)) == pytest.approx(value, rel=1e-7)


def test_trigamma_of_one() -> None:
    assert trigamma(1.0) == pytest.approx(math.pi**2 / 6)
