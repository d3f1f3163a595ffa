"""Estimates with intervals, from two levels: slices within an instance, and instances within a run.

The measure of a cell is its latency or its throughput, with one value for every slice. A slice is either clean or
disturbed by something else on the machine. An instance is therefore reduced to the median of its slices, which drops
the disturbed ones. Restarting a producer moves its results (memory layout, hashing, start order), so the instance is
the replicate. The interval comes from the spread between instances: Student's t on logarithms with one degree of
freedom less than there are instances. This is Kalibera & Jones (2013), "Rigorous benchmarking in reasonable time", with
medians at the lower level. Instances that are alive together see the same machine at the same times, so what time does
to a cell's own value is added (bench.stats.standard_error). A single instance cannot show how restarts move results:
its interval comes from the order statistics of its slices and covers noise within the run only.
docs/decisions/0003-intervals.md has the reasons and the simulations.

The median latency of a cell is such an estimate, and so is its throughput: the same value in the run file, in reports
and when runs are compared. It is not the median of all samples together, in which disturbed slices count.

Percentiles beyond the median come from HDR histograms, one per instance. The value is the percentile of all samples of
the cell together, so it can be checked against the histogram in the run file. Its interval is Woodruff's (1952,
"Confidence intervals for medians and other position measures"): the share of samples below the value is estimated as in
a cluster sample, with instances as the clusters, and the interval of that share is read off the distribution. The share
is computed as a logit, which keeps it between 0 and 1 in the far tail.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from bench.results import Estimate, Quantiles
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats.standard_error import Floats, StandardError, added, over_time, special, student_t

CONFIDENCE = 0.95
"""Of every interval that carries no verdict."""
COMPLETE = 0.25
"""An instance with fewer slices than this share of the median instance's was cut short and is left out."""
TOO_WIDE = 200.0
"""Width of an interval on the log scale from which on it has no useful ends. Two instances can give any width."""
SAMPLES_BEYOND = 10
"""A percentile is shown when at least so many samples lie beyond it."""
SAMPLES_FOR_MEDIAN = 2 * SAMPLES_BEYOND

PERCENTILES = {"p90": 0.9, "p99": 0.99, "p999": 0.999}
"""Those beyond the median, by the names of their fields in Quantiles."""

Interval = tuple[float, float]
"""Low and high end."""
Counts = NDArray[np.int64]

MeasureName = Literal["latency_ns_p50", "requests_per_second"]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a cell is compared by."""

    name: MeasureName
    lower_is_better: bool


LATENCY = Measure("latency_ns_p50", lower_is_better=True)
THROUGHPUT = Measure("requests_per_second", lower_is_better=False)


def measure_of(cell: CellKey) -> Measure:
    """Latency with one request in flight or in open loop; throughput in a closed loop with several in flight."""
    return LATENCY if cell.measures_latency else THROUGHPUT


def column(slices: Slices, measure: Measure) -> list[float | None]:
    """The measure of each slice, in nanoseconds or requests per second. None for a slice without a successful
    request."""
    return list(slices.p50_ns) if measure.name == "latency_ns_p50" else requests_per_second(slices)


def requests_per_second(slices: Slices) -> list[float | None]:
    """Successful requests per second of each slice; None where there was none.

    In open loop, where a slice begins and ends with nothing in flight, it is the rate of the slice's second half:
    requests that end in it, whenever they were due. That falls below the requested rate exactly when requests pile up.
    """
    halves = zip(slices.second_half_ended, slices.window_ns, slices.ok, slices.failed, strict=False)
    in_half = [
        ended / (window_ns / 2) * 1e9 * ok / (ok + failed) if ended and ok else None
        for ended, window_ns, ok, failed in halves
    ]
    if any(in_half):
        return in_half
    return [
        ok / duration_ns * 1e9 if ok and duration_ns > 0 else None
        for ok, duration_ns in zip(slices.ok, slices.duration_ns, strict=True)
    ]


def measured(slices: Slices, measure: Measure) -> "Levels | None":
    """The logarithms of a cell's measure at both levels. The one value of the cell is computed from them everywhere.

    None when no slice has a value, and for the median of fewer than SAMPLES_FOR_MEDIAN successful requests.
    """
    if measure.name == "latency_ns_p50" and sum(slices.ok) < SAMPLES_FOR_MEDIAN:
        return None
    return levels(slices.instance, logarithms(column(slices, measure)), slices.started_ns)


def order_ranks(count: int, quantile: float, confidence: float) -> tuple[int, int] | None:
    """The ranks that enclose a quantile among `count` independent values, whatever their distribution.

    Returns two 0-based ranks in ascending order. Each side misses the quantile with a probability of at most
    (1 − confidence) / 2, by the binomial distribution. None when there are too few values.
    """
    tail = (1 - confidence) / 2
    middle, half = count * quantile, 10 * (count * quantile * (1 - quantile)) ** 0.5 + 10
    below = np.arange(max(0, int(middle - half)), min(count, int(middle + half) + 1))
    at_most = np.asarray(special().bdtr(below.astype(np.float64), count, quantile))
    low, high = below[at_most <= tail], below[at_most >= 1 - tail]
    if not low.size or not high.size or high[0] >= count:
        return None
    return int(low[-1]), int(high[0])


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """The values of one quantity at both levels; natural logarithms, unless the function says otherwise."""

    instances: tuple[int, ...]
    """Ascending; those in which the quantity was measured."""
    slices: tuple[Floats, ...]
    """For each instance the values of its slices, of any length, in any order."""
    medians: Floats
    """For each instance the median of its slices."""
    over_time: StandardError | None = None
    """The part of the error that instances share because they were measured at the same times, where it is known."""

    @property
    def value(self) -> float:
        """The estimate: the mean over instances of the median over slices."""
        return float(self.medians.mean())

    @property
    def spread(self) -> float:
        """The standard deviation between instances. Needs two."""
        return float(self.medians.std(ddof=1))

    @property
    def error(self) -> StandardError:
        """The standard error of `value`. Needs two instances."""
        count = len(self.instances)
        between = StandardError(self.spread / float(np.sqrt(count)), count - 1)
        return between if self.over_time is None else added([between, self.over_time])

    def interval(self, confidence: float) -> Interval | None:
        """The interval of `value`: over instances and time, or within the run where there is only one.

        None when a single instance has too few slices for this confidence.
        """
        if len(self.instances) == 1:
            return median_interval(self.slices[0], confidence)
        half = self.error.half_width(confidence)
        return self.value - half, self.value + half

    def estimate(self) -> Estimate:
        """The value with its 95 % interval, on the scale of the values."""
        low, high = self.interval(CONFIDENCE) or (None, None)
        return Estimate(value=self.value, low=low, high=high)


def levels(
    instance: Sequence[int], values: Sequence[float | None], started_ns: Sequence[int] | None = None
) -> Levels | None:
    """Group the values of slices by instance. None when no slice has a value.

    `instance` and `values` are columns of equal length, one entry per slice; slices without a value are left out.
    `started_ns`: another such column, for values that depend on when they were measured.
    """
    by_instance: dict[int, list[float]] = {}
    starts: dict[int, list[int]] = {}
    for number, value, start_ns in zip(instance, values, started_ns or [0] * len(values), strict=True):
        if value is not None:
            by_instance.setdefault(number, []).append(value)
            starts.setdefault(number, []).append(start_ns)
    if not by_instance:
        return None
    enough = COMPLETE * float(np.median([len(slices) for slices in by_instance.values()]))
    kept = tuple(sorted(number for number, slices in by_instance.items() if len(slices) >= enough))
    slices = tuple(np.asarray(by_instance[number], dtype=np.float64) for number in kept)
    shared = over_time([starts[number] for number in kept], lambda masks: _mean_of_medians(slices, masks))
    return Levels(kept, slices, np.asarray([float(np.median(values)) for values in slices]), shared)


def _mean_of_medians(slices: Sequence[Floats], masks: Sequence[NDArray[np.bool_]]) -> float:
    """The estimate from some slices of each instance; instances without any are left out."""
    some = [values[mask] for values, mask in zip(slices, masks, strict=True)]
    return float(np.mean([np.median(values) for values in some if values.size]))


def half_width(spread: float, degrees_of_freedom: float, instances: int, confidence: float) -> float:
    """Half the width of a Student-t interval of a mean over instances."""
    return float(student_t(degrees_of_freedom, confidence)) * spread / float(np.sqrt(instances))


def median_interval(values: Floats, confidence: float) -> Interval | None:
    """The distribution-free interval of the median of independent values, from their order statistics.

    None when there are too few: 95 % needs 6.
    """
    ranks = order_ranks(values.size, 0.5, confidence)
    if ranks is None:
        return None
    ordered = np.sort(values)
    return float(ordered[ranks[0]]), float(ordered[ranks[1]])


def logarithms(values: Sequence[float | None]) -> list[float | None]:
    """The natural logarithm of every positive value; None for every other."""
    return [float(np.log(value)) if value is not None and value > 0 else None for value in values]


def positive_estimate(
    instance: Sequence[int], values: Sequence[float | None], started_ns: Sequence[int] | None = None
) -> Estimate | None:
    """The estimate of a positive quantity with its 95 % interval, computed on the log scale, in the unit of `values`.

    Columns as for `levels`. None when no slice has a value.
    """
    return from_logarithms(levels(instance, logarithms(values), started_ns))


def from_logarithms(found: Levels | None) -> Estimate | None:
    """The estimate with its 95 % interval, in the unit whose logarithms these are."""
    return None if found is None else _from_log(found.value, found.interval(CONFIDENCE))


def _from_log(log_value: float, log_interval: Interval | None) -> Estimate:
    low, high = exponential(log_interval) or (None, None)
    return Estimate(value=float(np.exp(log_value)), low=low, high=high)


def exponential(log_interval: Interval | None) -> Interval | None:
    """An interval on the log scale, in the unit itself; None where it is wider than `TOO_WIDE`."""
    if log_interval is None or log_interval[1] - log_interval[0] > TOO_WIDE:
        return None
    low, high = (float(np.exp(end)) for end in log_interval)
    return low, high


def cpu_us_per_request(
    instance: Sequence[int], cpu_ns: Sequence[int | None], ok: Sequence[int], failed: Sequence[int]
) -> Estimate | None:
    """Microseconds of CPU per successful request with the 95 % interval; columns of equal length, one entry per slice.

    The value is a mean: all CPU time over all successful requests. Work that is done only now and then (collecting
    garbage, flushing) counts, and a median over slices would hide it. Slices with a failed request are left out where
    there are others, because a failure does not cost what a success costs.

    Two or more instances: each gives its sum of CPU over its sum of requests, and the interval is that between them.
    One: the interval is that of a ratio of sums over slices (Cochran 1977, "Sampling techniques", ch. 6), within the
    run. None where no CPU clock could be read or no request succeeded.
    """
    rows = [row for row in zip(instance, cpu_ns, ok, failed, strict=True) if row[1] is not None and row[2]]
    rows = [row for row in rows if not row[3]] or rows
    sums: dict[int, tuple[int, int]] = {}
    for number, cpu, requests, _ in rows:
        cpu_so_far, requests_so_far = sums.get(number, (0, 0))
        sums[number] = cpu_so_far + (cpu or 0), requests_so_far + requests
    sums = {number: both for number, both in sums.items() if both[0] > 0}
    if not sums:
        return None
    if len(sums) == 1:
        return _ratio_of_sums(np.asarray([row[1] for row in rows], float), np.asarray([row[2] for row in rows], float))
    return positive_estimate(list(sums), [cpu / requests / 1e3 for cpu, requests in sums.values()])


def _ratio_of_sums(cpu_ns: Floats, requests: Floats) -> Estimate:
    mean_us = float(cpu_ns.sum() / requests.sum()) / 1e3
    if cpu_ns.size < 2:
        return Estimate(value=mean_us)
    residual_us = cpu_ns / 1e3 - mean_us * requests
    relative = float(residual_us.std(ddof=1)) / float(requests.mean()) / mean_us
    half = half_width(relative, cpu_ns.size - 1, cpu_ns.size, CONFIDENCE)
    centre = float(np.log(mean_us))
    return _from_log(centre, (centre - half, centre + half))


def quantiles(histograms: Collection[HdrHistogram], median: Estimate | None) -> Quantiles | None:
    """The median as given, and beyond it the percentiles over all samples, with 95 % intervals. None without either.

    `histograms`: in nanoseconds, one for each instance, all of the same range and precision. With a single one the
    interval is that of the order statistics of its samples, which covers noise within the run only. A percentile with
    fewer than `SAMPLES_BEYOND` samples beyond it is null, and so is an interval that reaches beyond the last sample.
    `max` has no interval.

    A percentile below the median is null, too. That happens where instances differ by more than their samples spread:
    all samples together are then mostly those of the faster instances, and the median is the mean of all instances.
    """
    filled = [histogram for histogram in histograms if histogram.get_total_count()]
    if not filled:
        return None if median is None else Quantiles(p50=median)
    columns = [counts_of(histogram) for histogram in filled]
    length = max(column.size for column in columns)
    counts = np.stack([np.pad(column, (0, length - column.size)) for column in columns])
    pooled = {name: _quantile(counts, quantile, filled[0]) for name, quantile in PERCENTILES.items()}
    at_least = 0.0 if median is None else median.value
    return Quantiles(
        p50=median,
        **{name: found for name, found in pooled.items() if found is not None and found.value >= at_least},
        max=Estimate(value=float(max(histogram.get_max_value() for histogram in filled))),
    )


def counts_of(histogram: HdrHistogram) -> Counts:
    """The number of samples in each of the histogram's buckets."""
    return np.asarray(np.ctypeslib.as_array(histogram.counts), dtype=np.int64)


def _quantile(counts: Counts, quantile: float, layout: HdrHistogram) -> Estimate | None:
    """`counts`: instances × buckets."""
    up_to = counts.sum(axis=0).cumsum()
    total = int(up_to[-1])
    if total * (1 - quantile) < SAMPLES_BEYOND - 1e-9:
        return None
    value = _at_rank(up_to, max(1, int(quantile * total + 0.5)), layout)
    ranks = _ranks(counts, up_to, quantile)
    if ranks is None:
        return Estimate(value=value)
    low, high = (_at_rank(up_to, rank, layout) for rank in ranks)
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def _ranks(counts: Counts, up_to: Counts, quantile: float) -> tuple[int, int] | None:
    """The 1-based ranks among all samples that bound the interval; None when one lies beyond the last sample."""
    instances, total = counts.shape[0], int(up_to[-1])
    if instances == 1:
        ranks = order_ranks(total, quantile, CONFIDENCE)
        return None if ranks is None else (ranks[0] + 1, ranks[1] + 1)
    bucket = int(np.searchsorted(up_to, max(1, int(quantile * total + 0.5))))
    of_each = counts.sum(axis=1)
    below = counts[:, : bucket + 1].sum(axis=1) - counts[:, bucket] / 2
    residual = below - of_each * (below.sum() / total)
    between = float((residual**2).sum()) * instances / (instances - 1) / total**2
    binomial = quantile * (1 - quantile) / total
    # Few samples can agree between instances by chance, so the interval is never narrower than the binomial one.
    widths = (
        float(student_t(instances - 1, CONFIDENCE)) * float(np.sqrt(between)),
        float(student_t(np.inf, CONFIDENCE)) * float(np.sqrt(binomial)),
    )
    half = max(widths) / (quantile * (1 - quantile))
    centre = np.log(quantile / (1 - quantile))
    low, high = (float(1 / (1 + np.exp(-(centre + side * half)))) for side in (-1, 1))
    if total * (1 - high) < 1 or total * low < 1:
        return None
    return max(1, int(low * total)), min(total, int(np.ceil(high * total)))


def _at_rank(up_to: Counts, rank: int, layout: HdrHistogram) -> float:
    """The value of the sample of this 1-based rank: the upper end of its bucket, as HdrHistogram reports it."""
    bucket = int(np.searchsorted(up_to, rank))
    return float(layout.get_highest_equivalent_value(layout.get_value_from_index(bucket)))
