"""Standard errors with their degrees of freedom, and the one that is due to when slices were measured.

Instances that are alive together see the machine at the same times. Their spread shows how starting producers anew
moves a value, and nothing of what all of them share: a machine that was slow for a while. That part is found by leaving
out one stretch of the run at a time (the delete-a-group jackknife: Kott 2001, "The delete-a-group jackknife"). Both
parts add up, as they do in a sample that is clustered in two ways (Cameron, Gelbach & Miller 2011, "Robust inference
with multiway clustering"). What the noise of single slices adds to both is counted twice, so the sum errs on the wide
side. Stretches have to last longer than the machine's regimes, so there are few, and fewer in a short run.

Ratios need none of this: their slices are paired, and what both share cancels. Simulations: decision 20.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""An array of floats; every function states its shape."""

STRETCHES_AT_LEAST = 3
STRETCHES_AT_MOST = 6
"""Into how many stretches of equal time a run is cut."""
STRETCH_NS = 10_000_000_000
"""How long they last where there is time for that."""


@cache
def special() -> Any:
    """scipy.special, imported on first use: it takes longer to import than most commands take to run."""
    return import_module("scipy.special")


def student_t(degrees_of_freedom: float | Floats, confidence: float) -> Any:
    """Half the width of a two-sided Student-t interval, in standard errors."""
    return special().stdtrit(degrees_of_freedom, (1 + confidence) / 2)


@dataclass(frozen=True, slots=True)
class StandardError:
    """How far an estimate may be from the truth, in its unit."""

    size: float
    degrees_of_freedom: float

    def half_width(self, confidence: float) -> float:
        """Half the width of a Student-t interval."""
        return float(student_t(self.degrees_of_freedom, confidence)) * self.size


def added(errors: Sequence[StandardError]) -> StandardError:
    """The error of a sum or difference of independent estimates.

    Its degrees of freedom are those of Welch (1947, "The generalization of 'Student's' problem when several different
    population variances are involved").
    """
    variance = sum(error.size**2 for error in errors)
    weighted = sum(error.size**4 / error.degrees_of_freedom for error in errors)
    freedom = variance**2 / weighted if weighted else sum(error.degrees_of_freedom for error in errors)
    return StandardError(math.sqrt(variance), freedom)


def at_least_pooled(errors: Sequence[StandardError | None]) -> list[StandardError | None]:
    """Errors that are due to time, of values of one run: each at least as large as the root mean square of all.

    The machine's speed moves all values of a run, but each error is known from a few stretches only. By chance some are
    far too small, and of many values those would give the verdicts. An error is None where a value has so few slices
    that they do not show it; the others do.
    """
    known = [error for error in errors if error is not None]
    if not known:
        return list(errors)
    pooled = StandardError(
        math.sqrt(float(np.mean([error.size**2 for error in known]))), min(error.degrees_of_freedom for error in known)
    )
    return [pooled if error is None or error.size < pooled.size else error for error in errors]


def over_time(
    started_ns: Sequence[Sequence[int]], estimate: Callable[[Sequence[NDArray[np.bool_]]], float]
) -> StandardError | None:
    """The error of an estimate that is due to the time at which its slices were measured.

    `started_ns`: for each instance, when its slices started. `estimate`: the estimate from some of the slices; it gets
    one mask for each instance. None where instances followed each other, so that their spread shows what time does.
    """
    spans = sorted((min(starts), max(starts)) for starts in started_ns)
    if len(spans) < 2 or all(before[1] < after[0] for before, after in pairwise(spans)):
        return None
    begin_ns, end_ns = spans[0][0], max(end for _, end in spans)
    if begin_ns == end_ns:
        return None
    count = min(STRETCHES_AT_MOST, max(STRETCHES_AT_LEAST, (end_ns - begin_ns) // STRETCH_NS))
    stretches = [
        np.minimum((np.asarray(starts) - begin_ns) * count // (end_ns - begin_ns), count - 1) for starts in started_ns
    ]
    without = np.asarray([estimate([of_slices != left_out for of_slices in stretches]) for left_out in range(count)])
    return StandardError(math.sqrt((count - 1) * float(without.var())), count - 1)
