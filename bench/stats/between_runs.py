"""How far apart runs of the same code lie, and what several runs say together. Pure.

Only runs under the same conditions (recipes, settings, machine, versions) are put together. The interval of a value
covers how restarts moved it within one run and nothing of what changes from run to run. How much that is, is found
from pairs of runs that follow each other: by which factor they lie further apart than their own standard errors
explain. That is the Birge ratio (Birge 1932, "The calculation of errors by the method of least squares") in a robust
form: from the median of the distances of all series, so that the few that changed do not count. Where at least
SAME_CODE_AT_LEAST pairs ran the same commit (A/A), only those are used. The factor is at least 1.

What disturbs a run may move many of its series at once, so a pair with S series is worth between one and S degrees of
freedom. How many follows from how much the mean of the squared distances varies from pair to pair (Satterthwaite 1946,
"An approximate distribution of estimates of variance components").
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.clients.registry import LIBRARY
from bench.stats.estimates import measure_of
from bench.stats.snapshot import SeriesKey, Snapshot
from bench.stats.standard_error import Floats

SAME_CODE_AT_LEAST = 3
"""Pairs of runs of the same commit from which on the noise is that of these pairs only."""
PAIRS_AT_LEAST = 2
"""Pairs of runs that the noise can be known from."""
PAIRS_FOR_VARIANCE = 5
"""With fewer, each pair is taken for one degree of freedom."""
MEDIAN_OF_NORMAL = 0.6745
"""The median of the absolute value of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How far apart runs of the same code lie."""

    factor: float
    """By which standard errors within a run have to be multiplied; at least 1."""
    pairs: int
    """Of runs that it is known from."""
    degrees_of_freedom: float
    same_code: bool
    """Whether these ran the same commit. Else they are all pairs that followed each other."""


def groups(runs: Sequence[Snapshot]) -> list[list[int]]:
    """The runs under the same conditions, each group in the order of time."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for number, run in enumerate(runs):
        found[frozenset(run.conditions.items())].append(number)
    return list(found.values())


def pool(key: SeriesKey) -> Hashable:
    """Series whose noise is taken to be alike: latency and throughput apart, and the library client from others."""
    return measure_of(key.cell).name, key.cell.client == LIBRARY


def noises(runs: Sequence[Snapshot], groups: Sequence[Sequence[int]]) -> dict[Hashable, Noise]:
    """The noise between runs, of each pool of series that it is known of."""
    same_code = [pair for group in groups for members in _by_commit(runs, group) for pair in pairwise(members)]
    pairs = (
        same_code if len(same_code) >= SAME_CODE_AT_LEAST else [pair for group in groups for pair in pairwise(group)]
    )
    distances: dict[Hashable, dict[tuple[int, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for before, after in pairs:
        for key, later in runs[after].values.items():
            earlier = runs[before].values.get(key)
            if earlier is not None and earlier.error is not None and later.error is not None:
                distance = abs(math.log(later.value / earlier.value)) / math.hypot(earlier.error, later.error)
                distances[pool(key)][before, after].append(distance)
    return {
        which: Noise(
            factor=max(1.0, float(np.median(np.concatenate(list(found.values())))) / MEDIAN_OF_NORMAL),
            pairs=len(found),
            degrees_of_freedom=_degrees_of_freedom(list(found.values())),
            same_code=pairs is same_code,
        )
        for which, found in distances.items()
        if len(found) >= PAIRS_AT_LEAST
    }


def _degrees_of_freedom(distances: Sequence[Sequence[float]]) -> float:
    """Of the mean of all squared distances, given for each pair of runs."""
    pairs, most = len(distances), float(sum(map(len, distances)))
    if pairs < PAIRS_FOR_VARIANCE:
        return float(pairs)
    squares = np.asarray([float(np.mean(np.square(each))) for each in distances])
    variance = float(squares.var(ddof=1))
    return min(max(2 * pairs * float(squares.mean()) ** 2 / variance, float(pairs)), most) if variance else most


def _by_commit(runs: Sequence[Snapshot], group: Sequence[int]) -> list[list[int]]:
    """The runs of the group that ran exactly the same code."""
    found: dict[str, list[int]] = defaultdict(list)
    for number in group:
        commit = runs[number].clean_commit
        if commit is not None:
            found[commit].append(number)
    return list(found.values())


def measured(runs: Sequence[Snapshot], group: Sequence[int], key: SeriesKey) -> list[int]:
    """The runs of the group in which the series was measured with several instances."""
    return [number for number in group if key in runs[number].values and runs[number].values[key].error is not None]


@dataclass(frozen=True, slots=True)
class Mean:
    """The weighted mean of logarithms, and its standard error."""

    value: float
    error: float


def columns(runs: Sequence[Snapshot], members: Sequence[int], key: SeriesKey, factor: float) -> tuple[Floats, Floats]:
    """Logarithms and standard errors, the noise between runs included."""
    found = [runs[number].values[key] for number in members]
    values = np.asarray([math.log(each.value) for each in found])
    return values, factor * np.asarray([each.error for each in found], dtype=np.float64)


def mean(values: Floats, errors: Floats) -> Mean:
    """The mean of logarithms, each weighted by the inverse square of its standard error."""
    weights = 1 / errors**2
    return Mean(float(np.average(values, weights=weights)), float(1 / np.sqrt(weights.sum())))
