"""Quantiles of latency from HDR histograms, one per instance.

The figure is the quantile of all samples of the cell together, so it can be checked against the histogram in the run
file. Its interval is Woodruff's (1952, "Confidence intervals for medians and other position measures"): the share of
samples below the figure is estimated as in a cluster sample, with instances as the clusters, and the interval of that
share is read off the distribution. The share is reckoned as a logit, which keeps it between 0 and 1 in the far tail.
"""

from collections.abc import Collection

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from bench.results import Estimate, Quantiles
from bench.stats.distributions import order_ranks, student_t
from bench.stats.estimates import CONFIDENCE

SAMPLES_BEYOND = 10
"""So many samples have to lie beyond a quantile for it to be told."""

Counts = NDArray[np.int64]


def quantiles(histograms: Collection[HdrHistogram]) -> Quantiles | None:
    """The quantiles over all samples, in the histograms' unit (ns), with 95 % intervals. None without any sample.

    `histograms`: one for each instance, all of the same range and precision. With a single one the interval is that
    of the order statistics of its samples, which holds within the run at best. A quantile that fewer than ten samples
    lie beyond is null, and so is an interval that reaches beyond the last sample. `max` has no interval.
    """
    filled = [histogram for histogram in histograms if histogram.get_total_count()]
    if not filled:
        return None
    columns = [counts_of(histogram) for histogram in filled]
    length = max(column.size for column in columns)
    counts = np.stack([np.pad(column, (0, length - column.size)) for column in columns])
    layout = filled[0]
    return Quantiles(
        p50=_quantile(counts, 0.5, layout),
        p90=_quantile(counts, 0.9, layout),
        p99=_quantile(counts, 0.99, layout),
        p999=_quantile(counts, 0.999, layout),
        max=Estimate(value=float(max(histogram.get_max_value() for histogram in filled))),
    )


def counts_of(histogram: HdrHistogram) -> Counts:
    """How many samples each of the histogram's buckets holds."""
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
    by_chance = quantile * (1 - quantile) / total
    # Few samples can fall alike in all instances by chance, so the interval is never narrower than theirs would be.
    widths = (
        float(student_t(instances - 1, CONFIDENCE)) * float(np.sqrt(between)),
        float(student_t(np.inf, CONFIDENCE)) * float(np.sqrt(by_chance)),
    )
    reach = max(widths) / (quantile * (1 - quantile))
    centre = np.log(quantile / (1 - quantile))
    low, high = (float(1 / (1 + np.exp(-(centre + side * reach)))) for side in (-1, 1))
    if total * (1 - high) < 1 or total * low < 1:
        return None
    return max(1, int(low * total)), min(total, int(np.ceil(high * total)))


def _at_rank(up_to: Counts, rank: int, layout: HdrHistogram) -> float:
    """The value of the sample of this 1-based rank, at its bucket's upper end as HdrHistogram tells it."""
    bucket = int(np.searchsorted(up_to, rank))
    return float(layout.get_highest_equivalent_value(layout.get_value_from_index(bucket)))
