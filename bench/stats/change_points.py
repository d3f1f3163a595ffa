"""Change points: where a series of measurements moves to another level and stays there. Pure.

The series is cut into stretches of one level each, so that the squared distances from the levels, in standard errors,
plus a penalty for each cut are least: optimal partitioning (Jackson et al. 2005, "An algorithm for optimal partitioning
of data on an interval"), which is what PELT (Killick et al. 2012) computes, too. It is exact, and every measurement
counts by its own standard error. What one cut saves is chi-squared with one degree of freedom where there is no change;
the penalty is the quantile that all places of all series exceed together in at most FAMILY_ERROR of histories
(Bonferroni). A cut also has to be worth its penalty without any one of the measurements beside it, so a single
measurement that lies apart is no change.

Why no library: docs/decisions/0026-change-points.md.
"""

import math

import numpy as np

from bench.stats.standard_error import Floats, special
from bench.stats.verdicts import FAMILY_ERROR

AT_LEAST = 2
"""Measurements on a level."""


def penalty(places: int) -> float:
    """What one cut has to save, where there are so many places for cuts in all series together."""
    return float(special().chdtri(1, FAMILY_ERROR / max(1, places)))


def change_points(values: Floats, errors: Floats, cut_penalty: float) -> list[int]:
    """The indices at which another level begins, ascending.

    `values`: in order. `errors`: the standard error of each, positive. `cut_penalty`: what one cut has to save.
    """
    cuts = cheapest_cuts(values, errors, cut_penalty)
    while cuts:
        bounds = [0, *cuts, len(values)]
        savings = [_least_saving(values, errors, bounds[place : place + 3]) for place in range(len(cuts))]
        weakest = int(np.argmin(savings))
        if savings[weakest] > cut_penalty:
            break
        del cuts[weakest]
    return cuts


def _least_saving(values: Floats, errors: Floats, bounds: list[int]) -> float:
    """What the cut at the middle bound saves between the outer ones, without the measurement that it owes most to."""
    begin, cut, end = bounds
    inside = np.arange(begin, end)
    savings = []
    for left_out in inside:
        kept = inside[inside != left_out]
        parts = (kept, kept[kept < cut], kept[kept >= cut])
        whole, before, after = (_distance(values[part], errors[part]) for part in parts)
        savings.append(whole - before - after)
    return min(savings)


def _distance(values: Floats, errors: Floats) -> float:
    """The sum of squared distances from the level, in standard errors."""
    weights = 1 / errors**2
    return float((weights * (values - np.average(values, weights=weights)) ** 2).sum())


def cheapest_cuts(values: Floats, errors: Floats, cut_penalty: float) -> list[int]:
    """The cuts for which squared distances and penalties together are least, ascending."""
    count = len(values)
    if count < 2 * AT_LEAST:
        return []
    weights = 1 / errors**2
    # Distances from the mean, so that sums of squares keep their digits.
    centred = values - np.average(values, weights=weights)
    sums = [np.concatenate([[0.0], np.cumsum(weights * centred**power)]) for power in (0, 1, 2)]
    best = np.full(count + 1, math.inf)
    best[0] = -cut_penalty
    begins = [0] * (count + 1)
    for end in range(AT_LEAST, count + 1):
        starts = np.asarray([0, *range(AT_LEAST, end - AT_LEAST + 1)])
        weight, first, second = (total[end] - total[starts] for total in sums)
        costs = best[starts] + second - first**2 / weight + cut_penalty
        chosen = int(np.argmin(costs))
        best[end], begins[end] = costs[chosen], int(starts[chosen])
    found = []
    end = count
    while begins[end] > 0:
        end = begins[end]
        found.append(end)
    return found[::-1]
