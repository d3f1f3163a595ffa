"""Spread between few instances, steadied by what the comparable ratios of the same run say.

Six instances give a variance five degrees of freedom, and an interval corrected for dozens of verdicts then reaches
ten standard errors to either side. The comparable ratios of one run spread alike, though, because the same restarts
move them. Smyth (2004, "Linear models and empirical Bayes methods for assessing differential expression in microarray
experiments", the moderated t of limma) shrinks each variance towards their common one, by as much as the ratios agree,
and adds the degrees of freedom so won. Three departures make it hold here:

- Ratios share processes, so their variances agree more than independent ones would. Squared correlations between them
  correct both the prior's degrees of freedom and the most that pooling can give.
- The prior counts at most twice as much as a ratio's own instances.
- A ratio's own variance is never shrunk downwards: one that is truly noisier than the others keeps its noise.

What simulation says about it: docs/decisions/0003-intervals.md.
"""

from dataclasses import dataclass

import numpy as np

from bench.stats.distributions import Floats, inverse_trigamma, trigamma

RATIOS_AT_LEAST = 4
"""Fewer ratios say too little about how far their variances agree."""
PRIOR_AT_MOST = 2.0
"""The prior's degrees of freedom, in multiples of a ratio's own."""
_AGREEMENT = 1e-3
"""Excess spread of the log variances below which the ratios are taken to agree entirely."""


@dataclass(frozen=True, slots=True, eq=False)
class Spreads:
    """For each ratio, in the order given: what its Student-t interval is made of."""

    spread: Floats
    """Standard deviation between instances."""
    degrees_of_freedom: Floats


def plain(values: Floats) -> Spreads:
    """Each ratio's own spread. `values`: instances × ratios, two instances or more."""
    instances, ratios = values.shape
    return Spreads(values.std(axis=0, ddof=1), np.full(ratios, instances - 1.0))


def moderated(values: Floats) -> Spreads:
    """Spreads that borrow strength from each other. `values`: instances × comparable ratios, as logarithms.

    Falls back to `plain` where there is nothing to borrow: fewer than four ratios, or one that does not vary.
    """
    own = plain(values)
    instances, ratios = values.shape
    freedom = instances - 1.0
    variances = own.spread**2
    if ratios < RATIOS_AT_LEAST or not np.all(variances > 0):
        return own
    squared = np.corrcoef(values, rowvar=False) ** 2
    shared = (float(squared.sum()) - ratios) / (ratios * (ratios - 1))
    by_chance = trigamma(freedom / 2) * (1 - shared)
    excess = float(np.log(variances).var(ddof=1)) - by_chance
    agreeing = 2 * inverse_trigamma(excess) if excess > _AGREEMENT else np.inf
    prior = min(agreeing, PRIOR_AT_MOST * freedom)
    shrunk = (prior * variances.mean() + freedom * variances) / (prior + freedom)
    pooled = max(freedom, freedom / float(squared.mean()))
    return Spreads(np.sqrt(np.maximum(shrunk, variances)), np.full(ratios, min(prior + freedom, pooled)))
