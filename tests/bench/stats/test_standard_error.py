"""Standard errors: how they add up, and what instances share because they were measured at the same times."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.slices import Slices
from bench.stats.estimates import LATENCY, levels, measured
from bench.stats.standard_error import (
    STRETCH_NS,
    STRETCHES_AT_LEAST,
    STRETCHES_AT_MOST,
    StandardError,
    added,
    at_least_pooled,
    over_time,
)

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("errors", "size", "freedom"),
    [
        ([StandardError(3.0, 5), StandardError(4.0, 5)], 5.0, 625 / (337 / 5)),
        ([StandardError(3.0, 7), StandardError(0.0, 2)], 3.0, 7),
        ([StandardError(0.0, 7), StandardError(0.0, 2)], 0.0, 9),
    ],
)
def test_variances_add_up_and_degrees_of_freedom_are_those_of_welch(
    errors: list[StandardError], size: float, freedom: float
) -> None:
    found = added(errors)
    assert found.size == pytest.approx(size)
    assert found.degrees_of_freedom == pytest.approx(freedom)


def test_errors_due_to_time_are_at_least_their_root_mean_square() -> None:
    found = at_least_pooled([StandardError(1.0, 4), None, StandardError(7.0, 3)])
    assert found == [StandardError(5.0, 3), StandardError(5.0, 3), StandardError(7.0, 3)]
    assert at_least_pooled([None, None]) == [None, None]


def mean(values: list[NDArray[np.float64]]) -> Any:
    return lambda masks: float(np.concatenate([v[mask] for v, mask in zip(values, masks, strict=True)]).mean())


def test_the_error_of_a_mean_of_stretches_is_that_of_their_spread() -> None:
    stretches = np.asarray([1.0, 5.0, 2.0, 8.0, 4.0, 3.0])
    starts = [[index * 60 * SECOND_NS // 59 for index in range(60)]] * 2
    found = over_time(starts, mean([np.repeat(stretches, 10)] * 2))
    assert found is not None
    assert found.size == pytest.approx(stretches.std(ddof=1) / math.sqrt(6), rel=1e-6)
    assert found.degrees_of_freedom == 5


@pytest.mark.parametrize(("seconds", "stretches"), [(1, STRETCHES_AT_LEAST), (45, 4), (3600, STRETCHES_AT_MOST)])
def test_stretches_last_ten_seconds_where_there_is_time(seconds: int, stretches: int) -> None:
    starts = [[0, seconds * SECOND_NS]] * 2
    found = over_time(starts, mean([np.asarray([1.0, 2.0])] * 2))
    assert found is not None
    assert found.degrees_of_freedom == stretches - 1
    assert STRETCH_NS == 10 * SECOND_NS


@pytest.mark.parametrize("starts", [[[0, 1], [2, 3], [4, 5]], [[0, 0], [0, 0]], [[0, 1, 2]]])
def test_instances_that_follow_each_other_share_no_time(starts: list[list[int]]) -> None:
    assert over_time(starts, lambda _: 0.0) is None


def slices(log: NDArray[np.float64]) -> Slices:
    """Of instances × rounds, alive together, of 60 s."""
    instances, rounds = log.shape
    return Slices.of(
        instance=[number for _ in range(rounds) for number in range(instances)],
        round=[number for number in range(rounds) for _ in range(instances)],
        started_ns=[index * 60 * SECOND_NS // log.size for index in range(log.size)],
        p50_ns=[float(value) for value in np.exp(12 + log.T.ravel())],
        ok=[10] * log.size,
    )


def test_a_machine_that_is_slow_for_a_while_widens_the_interval_of_a_cell() -> None:
    """All instances see it, so their spread does not show it."""
    log = 0.01 * np.random.default_rng(1).standard_normal((8, 48))
    steady = measured(slices(log), LATENCY)
    changing = measured(slices(log + 0.3 * (np.arange(48) % 20 < 10)), LATENCY)
    assert steady is not None
    assert changing is not None
    assert changing.spread < 3 * steady.spread
    assert changing.error.size > 10 * steady.error.size
    low, high = changing.interval(0.95) or (0, 0)
    assert high - low > 10 * changing.spread / math.sqrt(8)


def test_without_times_the_error_is_that_between_instances() -> None:
    found = levels([0, 0, 1, 1], [1.0, 1.0, 3.0, 3.0])
    assert found is not None
    assert found.error == StandardError(1.0, 1)


def test_an_instance_whose_slices_are_all_in_one_stretch_can_be_left_out() -> None:
    values = [1.0, 1.0, 1.0, 1.0, 2.0]
    found = levels([0, 0, 0, 0, 1], values, [0, 20 * SECOND_NS, 40 * SECOND_NS, 59 * SECOND_NS, 10 * SECOND_NS])
    assert found is not None
    assert math.isfinite(found.error.size)
