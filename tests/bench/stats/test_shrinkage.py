"""Shrinkage makes intervals narrower, and the family error stays within its bound."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.stats.shrinkage import inverse_trigamma, own, shrunk, trigamma
from bench.stats.standard_error import student_t

RATIOS = 24


def ratios(
    rng: np.random.Generator, instances: int, spreads: NDArray[np.float64], shared: float = 1.0
) -> NDArray[np.float64]:
    """Ratios that are all 1: each half shares the noise of one process, and all share that of the baseline."""
    processes = rng.standard_normal((instances, 3))
    of_ratio = processes[:, 1 + np.arange(spreads.size) % 2] - processes[:, :1]
    return np.asarray(shared * of_ratio + spreads * rng.standard_normal((instances, spreads.size)))


def test_few_ratios_keep_their_own_spread() -> None:
    values = np.random.default_rng(1).standard_normal((6, 3))
    assert np.array_equal(shrunk(values).spread, own(values).spread)
    assert shrunk(values).degrees_of_freedom.tolist() == [5.0, 5.0, 5.0]


def test_with_a_ratio_that_does_not_vary_nothing_is_shrunk() -> None:
    values = np.random.default_rng(1).standard_normal((6, 8))
    values[:, 3] = 0.5
    assert np.array_equal(shrunk(values).spread, own(values).spread)


def test_a_spread_is_never_shrunk_downwards() -> None:
    values = np.random.default_rng(2).standard_normal((6, RATIOS))
    assert np.all(shrunk(values).spread >= own(values).spread)


def test_ratios_that_move_together_add_no_degrees_of_freedom() -> None:
    one = np.random.default_rng(3).standard_normal((6, 1))
    assert shrunk(one + np.arange(RATIOS)).degrees_of_freedom == pytest.approx(5.0)


def test_independent_ratios_of_equal_spread_add_twice_their_own_degrees_of_freedom() -> None:
    values = np.random.default_rng(4).standard_normal((6, RATIOS))
    assert np.all(shrunk(values).degrees_of_freedom > 12)


@pytest.mark.parametrize("value", [0.01, 0.5, 3.0, 200.0])
def test_inverse_trigamma_undoes_trigamma(value: float) -> None:
    assert trigamma(inverse_trigamma(value)) == pytest.approx(value, rel=1e-7)


def test_trigamma_of_one() -> None:
    assert trigamma(1.0) == pytest.approx(math.pi**2 / 6)


HETEROSCEDASTIC = np.exp(np.random.default_rng(0).normal(0, 0.7, RATIOS))
ONE_OUTLIER = np.where(np.arange(RATIOS) == 0, 8.0, 1.0)


@pytest.mark.no_cover
@pytest.mark.parametrize("instances", [4, 6, 10])
@pytest.mark.parametrize(
    "spreads", [np.ones(RATIOS), HETEROSCEDASTIC, ONE_OUTLIER], ids=["equal", "unequal", "outlier"]
)
def test_family_error_stays_within_bounds(instances: int, spreads: NDArray[np.float64]) -> None:
    """Of a thousand runs without a difference, at most one percent report one, whichever ratios are noisier."""
    rng, runs, wrong, narrower = np.random.default_rng(5), 1000, 0, []
    confidence = 1 - 0.01 / RATIOS
    for _ in range(runs):
        values = ratios(rng, instances, spreads)
        found, unshrunk = shrunk(values), own(values)
        reach = student_t(found.degrees_of_freedom, confidence) * found.spread / np.sqrt(instances)
        wrong += bool(np.any(np.abs(values.mean(axis=0)) > reach))
        plainly = student_t(unshrunk.degrees_of_freedom, confidence) * unshrunk.spread / np.sqrt(instances)
        narrower.append(float(np.median(reach) / np.median(plainly)))
    assert wrong / runs <= 0.01
    assert np.mean(narrower) < 1
