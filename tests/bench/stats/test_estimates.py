"""Estimates: known results, too few samples, and how often intervals contain the true value."""

import math

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.load import latency_histogram
from bench.results import Estimate, Quantiles
from bench.stats.estimates import (
    cpu_us_per_request,
    levels,
    logarithms,
    median_interval,
    order_ranks,
    positive_estimate,
    quantiles,
)
from bench.stats.standard_error import student_t
from tests.bench.stats.noise import Noise, slice_logs

MEDIAN = Estimate(value=1.0)


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


def test_an_instance_is_its_median_and_the_interval_is_student_t_between_them() -> None:
    found = levels([0, 0, 0, 1, 1, 1, 2, 2, 2], [1.0, 2.0, 99.0, 2.0, 3.0, 98.0, 3.0, 4.0, 97.0])
    assert found is not None
    assert found.medians.tolist() == [2.0, 3.0, 4.0]
    assert found.value == 3.0
    interval = found.interval(0.95)
    assert interval is not None
    assert interval[1] - 3.0 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert interval[0] + interval[1] == pytest.approx(6.0)


def test_positive_quantities_are_computed_on_the_log_scale() -> None:
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


def test_five_slices_have_no_interval() -> None:
    assert median_interval(np.arange(5.0), 0.95) is None


def test_slices_without_a_value_are_left_out() -> None:
    assert levels([0, 0], [None, None]) is None
    assert levels([], []) is None
    found = levels([0, 0, 1], [None, 1.0, 2.0])
    assert found is not None
    assert [values.size for values in found.slices] == [1, 1]
    assert positive_estimate([0], [None]) is None
    assert logarithms([0.0, -1.0, None, 1.0]) == [None, None, None, 0.0]


def test_an_instance_that_was_cut_short_is_left_out() -> None:
    instance = [0] * 20 + [1] * 20 + [2] * 4
    found = levels(instance, [1.0] * 40 + [5.0] * 4)
    assert found is not None
    assert found.instances == (0, 1)


@pytest.mark.no_cover
@pytest.mark.parametrize(("instances", "rounds", "spoiled"), [(4, 40, 0.1), (6, 30, 0.2), (8, 20, 0.3), (12, 15, 0.3)])
def test_95_percent_intervals_contain_the_true_value(instances: int, rounds: int, spoiled: float) -> None:
    """Paired log ratios of two cells that are equal: restarts move both, and slices of either are disturbed."""
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


@pytest.mark.no_cover
@pytest.mark.parametrize("slices", [12, 30, 101])
def test_the_interval_within_one_instance_contains_the_median(slices: int) -> None:
    """Order statistics are discrete, so their coverage is at least the requested one."""
    rng, runs = np.random.default_rng(21), 2000
    found = [median_interval(rng.exponential(1.0, slices), 0.95) for _ in range(runs)]
    held = sum(interval is not None and interval[0] <= math.log(2) <= interval[1] for interval in found)
    assert 0.94 <= held / runs <= 0.99


VALUES = st.lists(st.floats(0.1, 1e9), min_size=12, max_size=12)


@pytest.mark.no_cover
@settings(max_examples=50)
@given(VALUES, st.floats(1e-3, 1e3))
def test_another_unit_scales_the_estimate(values: list[float], factor: float) -> None:
    instance = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    one = positive_estimate(instance, list(values))
    other = positive_estimate(instance, [value * factor for value in values])
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value * factor)
    assert other.low == pytest.approx((one.low or 0) * factor)
    assert other.high == pytest.approx((one.high or 0) * factor, rel=1e-6)


@pytest.mark.no_cover
@settings(max_examples=50)
@given(VALUES, st.permutations(range(12)))
def test_the_order_of_slices_does_not_matter(values: list[float], order: list[int]) -> None:
    instance = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    shuffled = positive_estimate([instance[index] for index in order], [values[index] for index in order])
    assert shuffled == positive_estimate(instance, list(values))


def test_rare_work_is_part_of_cpu_per_request() -> None:
    found = cpu_us_per_request([0] * 4, [10_000, 10_000, 10_000, 70_000], [10, 10, 10, 20], [0] * 4)
    assert found is not None
    assert found.value == pytest.approx(2.0)
    assert found.low is not None
    assert found.low < 2.0


def test_instances_are_the_replicates_of_cpu_per_request() -> None:
    found = cpu_us_per_request([0, 0, 1], [1_000_000, 3_000_000, 1_000_000], [1000, 3000, 1000], [0] * 3)
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0)


def test_slices_with_failures_are_left_out_of_cpu_where_there_are_others() -> None:
    found = cpu_us_per_request([0, 0], [1_000_000, 900_000_000], [1000, 1], [0, 50])
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert found.low is None
    only = cpu_us_per_request([0], [2_000_000], [1000], [3])
    assert only is not None
    assert only.value == pytest.approx(2.0)


def test_cpu_is_unknown_without_a_clock_or_a_successful_request() -> None:
    assert cpu_us_per_request([0, 0], [None, None], [5, 5], [0, 0]) is None
    assert cpu_us_per_request([0], [1_000], [0], [0]) is None
    assert cpu_us_per_request([], [], [], []) is None


@pytest.mark.no_cover
@pytest.mark.parametrize("instances", [1, 6])
def test_95_percent_intervals_of_cpu_contain_the_true_value(instances: int) -> None:
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


def histogram_of(values: NDArray[np.float64]) -> HdrHistogram:
    histogram = latency_histogram.new_histogram()
    latency_histogram.record_all(histogram, (int(value) for value in values))
    return histogram


def test_percentiles_are_those_of_the_pooled_histogram() -> None:
    rng = np.random.default_rng(1)
    samples = [rng.lognormal(12, 0.3, 4000) for _ in range(3)]
    found = quantiles([histogram_of(values) for values in samples], MEDIAN)
    pooled = histogram_of(np.concatenate(samples))
    assert found is not None
    assert found.p50 == MEDIAN
    for percentile, estimate in ((90, found.p90), (99, found.p99), (99.9, found.p999)):
        assert estimate is not None
        assert estimate.value == pooled.get_value_at_percentile(percentile)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
    assert found.max is not None
    assert found.max.value == pooled.get_max_value()
    assert found.max.low is None


def test_written_histograms_give_the_same_percentiles() -> None:
    histogram = histogram_of(np.random.default_rng(2).lognormal(12, 0.3, 500))
    again = latency_histogram.decode(latency_histogram.encode(histogram))
    assert quantiles([again, histogram], None) == quantiles([histogram, histogram], None)


def test_a_percentile_needs_ten_samples_beyond_it() -> None:
    values = np.arange(1.0, 1001.0)
    found = quantiles([histogram_of(values[:999])], None)
    assert found is not None
    assert found.p99 is None
    found = quantiles([histogram_of(values)], None)
    assert found is not None
    assert found.p99 is not None
    assert found.p999 is None
    few = quantiles([histogram_of(values[:99])], None)
    assert few is not None
    assert few.p90 is None
    assert few.max is not None


def test_without_samples_there_are_no_percentiles() -> None:
    assert quantiles([], None) is None
    assert quantiles([latency_histogram.new_histogram()], None) is None
    assert quantiles([], MEDIAN) == Quantiles(p50=MEDIAN)


def test_a_percentile_below_the_median_is_null() -> None:
    """One instance is fast and has most of the requests; the median is the mean of both instances."""
    fast, slow = histogram_of(np.full(10_000, 100.0)), histogram_of(np.full(100, 900.0))
    found = quantiles([fast, slow], Estimate(value=300.0))
    assert found is not None
    assert found.p50 is not None
    assert (found.p50.value, found.p90, found.p99) == (300.0, None, None)
    assert found.p999 is not None
    assert found.p999.value == pytest.approx(900, rel=2e-3)


def test_percentiles_of_one_instance_have_the_interval_of_their_order_statistics() -> None:
    found = quantiles([histogram_of(np.arange(1.0, 101.0))], None)
    assert found is not None
    assert found.p90 is not None
    assert (found.p90.value, found.p90.low, found.p90.high) == (90.0, 84.0, 96.0)


def test_an_interval_beyond_the_last_sample_is_null() -> None:
    rng = np.random.default_rng(3)
    calm = [histogram_of(rng.lognormal(12, 0.1, 1000)) for _ in range(2)]
    found = quantiles([*calm, histogram_of(rng.lognormal(14, 0.1, 1000) * np.linspace(1, 3, 1000))], None)
    assert found is not None
    assert found.p99 is not None
    assert found.p99.low is None
    assert found.p99.high is None


@pytest.mark.no_cover
@pytest.mark.parametrize(("instances", "samples"), [(4, 1200), (8, 600)])
def test_95_percent_intervals_of_percentiles_contain_the_true_value(instances: int, samples: int) -> None:
    """Restarts shift whole instances. Samples are written as counts, as recording each in Python takes too long."""
    rng, runs = np.random.default_rng(6), 400
    truth = np.quantile(
        np.concatenate([rng.normal(0, 0.3, 5000) + shift for shift in rng.normal(0, 0.03, 400)]), [0.9, 0.99]
    )
    held = np.zeros(2)
    for _ in range(runs):
        filled = []
        for shift in rng.normal(0, 0.03, instances):
            histogram = HdrHistogram(1, 10_000_000, 3)
            logs = rng.normal(0, 0.3, samples) + shift
            index, counts = np.unique((np.exp(logs) * 1000).astype(int), return_counts=True)
            for value, count in zip(index.tolist(), counts.tolist(), strict=True):
                histogram.record_value(value, count)
            filled.append(histogram)
        found = quantiles(filled, None)
        assert found is not None
        for position, estimate in enumerate((found.p90, found.p99)):
            assert estimate is not None
            if estimate.low is not None and estimate.high is not None:
                held[position] += estimate.low <= np.exp(truth[position]) * 1000 <= estimate.high + 1
    assert np.all(held / runs >= 0.93), held / runs
    assert np.all(held / runs <= 0.97), held / runs
