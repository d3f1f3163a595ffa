"""Quantiles of the distributions that intervals are built from, and the special functions behind them."""

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""An array of floats; every function states its shape."""


@cache
def _special() -> Any:
    """scipy.special, imported on first use: it takes longer to import than most commands take to run."""
    return import_module("scipy.special")


def student_t(degrees_of_freedom: float | Floats, confidence: float) -> Any:
    """Half the width of a two-sided Student-t interval, in standard errors."""
    return _special().stdtrit(degrees_of_freedom, (1 + confidence) / 2)


def trigamma(value: float) -> float:
    """The second derivative of log Γ. At half a χ² variable's degrees of freedom: the variance of its logarithm."""
    return float(_special().polygamma(1, value))


def inverse_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value > 0, by Newton's method on the reciprocal (Smyth 2004, appendix)."""
    estimate = 0.5 + 1 / value
    for _ in range(50):
        found = trigamma(estimate)
        step = found * (1 - found / value) / float(_special().polygamma(2, estimate))
        estimate += step
        if abs(step) < 1e-9 * estimate:
            break
    return estimate


def order_ranks(count: int, quantile: float, confidence: float) -> tuple[int, int] | None:
    """The ranks that enclose a quantile among `count` independent values, whatever their distribution.

    Returns two 0-based ranks in ascending order. Each side misses the quantile with a probability of at most
    (1 − confidence) / 2, by the binomial distribution. None when there are too few values.
    """
    tail = (1 - confidence) / 2
    middle, half = count * quantile, 10 * (count * quantile * (1 - quantile)) ** 0.5 + 10
    below = np.arange(max(0, int(middle - half)), min(count, int(middle + half) + 1))
    at_most = np.asarray(_special().bdtr(below.astype(np.float64), count, quantile))
    low, high = below[at_most <= tail], below[at_most >= 1 - tail]
    if not low.size or not high.size or high[0] >= count:
        return None
    return int(low[-1]), int(high[0])
