"""Quantiles from histograms: known answers, too few samples, coverage."""

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from bench.load import latency_histogram
from bench.stats.quantiles import quantiles


def histogram_of(values: NDArray[np.float64]) -> HdrHistogram:
    histogram = latency_histogram.new_histogram()
    latency_histogram.record_all(histogram, (int(value) for value in values))
    return histogram


def test_figures_are_those_of_the_pooled_histogram() -> None:
    rng = np.random.default_rng(1)
    samples = [rng.lognormal(12, 0.3, 4000) for _ in range(3)]
    found = quantiles([histogram_of(values) for values in samples])
    pooled = histogram_of(np.concatenate(samples))
    assert found is not None
    for percentile, figure in ((50, found.p50), (90, found.p90), (99, found.p99), (99.9, found.p999)):
        assert figure is not None
        assert figure.value == pooled.get_value_at_percentile(percentile)
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high
    assert found.max is not None
    assert found.max.value == pooled.get_max_value()
    assert found.max.low is None


def test_histograms_that_were_written_and_read_give_the_same() -> None:
    histogram = histogram_of(np.random.default_rng(2).lognormal(12, 0.3, 500))
    again = latency_histogram.decode(latency_histogram.encode(histogram))
    assert quantiles([again, histogram]) == quantiles([histogram, histogram])


def test_a_quantile_needs_ten_samples_beyond_it() -> None:
    values = np.arange(1.0, 1001.0)
    found = quantiles([histogram_of(values[:999])])
    assert found is not None
    assert found.p99 is None
    found = quantiles([histogram_of(values)])
    assert found is not None
    assert found.p99 is not None
    assert found.p999 is None
    few = quantiles([histogram_of(values[:19])])
    assert few is not None
    assert few.p50 is None
    assert few.max is not None


def test_without_samples_there_is_nothing() -> None:
    assert quantiles([]) is None
    assert quantiles([latency_histogram.new_histogram()]) is None


def test_one_instance_has_the_interval_of_its_order_statistics() -> None:
    found = quantiles([histogram_of(np.arange(1.0, 101.0))])
    assert found is not None
    assert found.p50 is not None
    assert (found.p50.value, found.p50.low, found.p50.high) == (50.0, 40.0, 61.0)


def test_an_interval_beyond_the_last_sample_is_null() -> None:
    rng = np.random.default_rng(3)
    calm = [histogram_of(rng.lognormal(12, 0.1, 1000)) for _ in range(2)]
    found = quantiles([*calm, histogram_of(rng.lognormal(14, 0.1, 1000) * np.linspace(1, 3, 1000))])
    assert found is not None
    assert found.p99 is not None
    assert found.p99.low is None
    assert found.p99.high is None


@pytest.mark.no_cover
@pytest.mark.parametrize(("instances", "samples"), [(4, 1200), (8, 600)])
def test_95_percent_intervals_hold_the_truth_in_93_to_97_percent(instances: int, samples: int) -> None:
    """Restarts shift whole instances. Samples are written as counts, as recording each in Python takes too long."""
    rng, runs = np.random.default_rng(6), 400
    truth = np.quantile(
        np.concatenate([rng.normal(0, 0.3, 5000) + shift for shift in rng.normal(0, 0.03, 400)]), [0.5, 0.9, 0.99]
    )
    held = np.zeros(3)
    for _ in range(runs):
        filled = []
        for shift in rng.normal(0, 0.03, instances):
            histogram = HdrHistogram(1, 10_000_000, 3)
            logs = rng.normal(0, 0.3, samples) + shift
            index, counts = np.unique((np.exp(logs) * 1000).astype(int), return_counts=True)
            for value, count in zip(index.tolist(), counts.tolist(), strict=True):
                histogram.record_value(value, count)
            filled.append(histogram)
        found = quantiles(filled)
        assert found is not None
        for position, figure in enumerate((found.p50, found.p90, found.p99)):
            assert figure is not None
            if figure.low is not None and figure.high is not None:
                held[position] += figure.low <= np.exp(truth[position]) * 1000 <= figure.high + 1
    assert np.all(held / runs >= 0.93), held / runs
    assert np.all(held / runs <= 0.97), held / runs
