"""Empirical-Bayes shrinkage of variances: the spread of one ratio between few instances, steadied by the others.

Six instances give a variance five degrees of freedom, and an interval corrected for dozens of verdicts is then ten
standard errors wide to either side. The comparable ratios of one run have similar spreads, though, because the same
restarts move them. Smyth (2004, "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments"; the moderated t of limma) shrinks each variance towards their common one, by as much as the
ratios agree, and adds the degrees of freedom gained. Three departures are needed here:

- Ratios share processes, so their variances agree more than independent ones would. Squared correlations between them
  correct both the prior's degrees of freedom and the most that pooling can give.
- The prior counts at most twice as much as a ratio's own instances.
- A ratio's own variance is never shrunk downwards: a ratio that is noisier than the others keeps its noise.

Simulations: docs/decisions/0003-intervals.md.
"""

from dataclasses import dataclass

import numpy as np

from bench.stats.standard_error import Floats, special

MIN_RATIOS = 4
"""With fewer ratios, how far their variances agree is not known."""
MAX_PRIOR = 2.0
"""The prior's degrees of freedom, in multiples of a ratio's own."""
_AGREEMENT = 1e-3
"""Excess spread of the log variances below which the ratios are taken to agree entirely."""


@dataclass(frozen=True, slots=True, eq=False)
class Spreads:
    """What the Student-t interval of each ratio is computed from, in the order given."""

    spread: Floats
    """Standard deviation between instances."""
    degrees_of_freedom: Floats


def own(values: Floats) -> Spreads:
    """Each ratio's own spread. `values`: instances × ratios, two instances or more."""
    instances, ratios = values.shape
    return Spreads(values.std(axis=0, ddof=1), np.full(ratios, instances - 1.0))


def shrunk(values: Floats) -> Spreads:
    """Spreads after shrinkage. `values`: instances × comparable ratios, as logarithms.

    The same as `own` with fewer than `MIN_RATIOS` ratios, or when one does not vary.
    """
    unshrunk = own(values)
    instances, ratios = values.shape
    freedom = instances - 1.0
    variances = unshrunk.spread**2
    if ratios < MIN_RATIOS or not np.all(variances > 0):
        return unshrunk
    squared = np.corrcoef(values, rowvar=False) ** 2
    shared = (float(squared.sum()) - ratios) / (ratios * (ratios - 1))
    by_chance = trigamma(freedom / 2) * (1 - shared)
    excess = float(np.log(variances).var(ddof=1)) - by_chance
    agreeing = 2 * inverse_trigamma(excess) if excess > _AGREEMENT else np.inf
    prior = min(agreeing, MAX_PRIOR * freedom)
    towards_common = (prior * variances.mean() + freedom * variances) / (prior + freedom)
    pooled = max(freedom, freedom / float(squared.mean()))
    return Spreads(np.sqrt(np.maximum(towards_common, variances)), np.full(ratios, min(prior + freedom, pooled)))


def trigamma(value: float) -> float:
    """The second derivative of log Γ. At half a χ² variable's degrees of freedom: the variance of its logarithm."""
    return float(special().polygamma(1, value))


def inverse_trigamma(value: float) -> float:
    """The x > 0 with trigamma(x) = value > 0, by Newton's method on the reciprocal (Smyth 2004, appendix)."""
    estimate = 0.5 + 1 / value
    for _ in range(50):
        found = trigamma(estimate)
        step = found * (1 - found / value) / float(special().polygamma(2, estimate))
        estimate += step
        if abs(step) < 1e-9 * estimate:
            break
    return estimate
