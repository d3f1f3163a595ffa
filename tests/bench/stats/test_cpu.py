"""CPU per request: a mean over all answers, with an interval."""

import numpy as np
import pytest

from bench.stats.cpu import cpu_us_per_request


def test_rare_work_is_counted() -> None:
    found = cpu_us_per_request([0] * 4, [10_000, 10_000, 10_000, 70_000], [10, 10, 10, 20], [0] * 4)
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert found.low is not None
    assert found.low < 2.0


def test_instances_are_the_replicates() -> None:
    found = cpu_us_per_request([0, 0, 1], [1_000_000, 3_000_000, 1_000_000], [1000, 3000, 1000], [0] * 3)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0)


def test_failing_slices_are_left_out_where_there_are_others() -> None:
    found = cpu_us_per_request([0, 0], [1_000_000, 900_000_000], [1000, 1], [0, 50])
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low is None
    only = cpu_us_per_request([0], [2_000_000], [1000], [3])
    assert only is not None
    assert only.value == pytest.approx(2.0)


def test_nothing_is_known_without_a_clock_or_an_answer() -> None:
    assert cpu_us_per_request([0, 0], [None, None], [5, 5], [0, 0]) is None
    assert cpu_us_per_request([0], [1_000], [0], [0]) is None
    assert cpu_us_per_request([], [], [], []) is None


@pytest.mark.parametrize("instances", [1, 6])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent(instances: int) -> None:
    rng, held, runs, slices = np.random.default_rng(9), 0, 800, 40
    for _ in range(runs):
        luck = np.repeat(0.01 * rng.standard_normal(instances) * (instances > 1), slices)
        ok = rng.integers(20, 60, instances * slices)
        cpu = ok * 100_000 * np.exp(luck + 0.05 * rng.standard_normal(ok.size) - 0.05**2 / 2)
        instance = np.repeat(np.arange(instances), slices).tolist()
        found = cpu_us_per_request(instance, cpu.astype(int).tolist(), ok.tolist(), [0] * ok.size)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 100 <= found.high
    assert 0.93 <= held / runs <= 0.97
