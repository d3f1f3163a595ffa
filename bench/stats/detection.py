"""What an interval could have shown: the smallest change that it would have detected, and whether more data would help.

Both follow from the standard error behind a corrected interval. A change of the true ratio, on the log scale, is
detected when the interval excludes 1. The estimate over its standard error then has a noncentral Student-t
distribution, whose noncentrality is the change over the standard error. The detectable change is the one for which it
exceeds the interval's half-width with the probability POWER.
"""

import math
from dataclasses import dataclass

from bench.results import Undecided
from bench.stats.standard_error import special, student_t
from bench.stats.verdicts import MARGIN

POWER = 0.9
"""The probability with which a detectable change is detected."""
MORE = 4
"""With so many times the instances, what is now inconclusive because of too few is probably decided."""
BEYOND_ANY_USE = math.log(1e6)
"""Two instances can make a detectable change of any size; from this on, on the log scale, it is left out."""
ENOUGH_INSTANCES = 6
"""With fewer, their spread is hardly known, and few ratios get a verdict (docs/decisions/0003-intervals.md)."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How precisely a ratio is known, on the log scale."""

    error: float
    """Standard error of its logarithm."""
    degrees_of_freedom: float
    half_width: float
    """Of the corrected interval."""
    confidence: float
    """Of the corrected interval."""
    instances: int
    """Behind the standard error; of two runs, those of the shorter."""

    @property
    def detectable_change(self) -> float | None:
        """The smallest slowdown, as a share, that would have been detected; None where it has no useful size."""
        if self.error == 0:
            return 0.0
        critical = self.half_width / self.error
        change = float(special().nctdtrinc(self.degrees_of_freedom, 1 - POWER, critical)) * self.error
        return math.expm1(change) if change < BEYOND_ANY_USE else None

    def undecided(self, log_ratio: float) -> Undecided:
        """Why a ratio of this size, which is inconclusive, is so."""
        if self.instances < ENOUGH_INSTANCES:
            return "too_few"
        # Narrow enough to exclude 1, or to lie within the margin around it.
        needed = max(abs(log_ratio), math.log1p(MARGIN) - abs(log_ratio))
        freedom = MORE * (self.degrees_of_freedom + 1) - 1
        reached = float(student_t(freedom, self.confidence)) * self.error / math.sqrt(MORE)
        return "too_few" if reached <= needed else "too_noisy"


def undecided(ratio: float, precision: Precision | None, *, restarted: bool) -> Undecided:
    """Why an inconclusive ratio is so. `precision` None: there was a single instance."""
    if not restarted:
        return "not_restarted"
    return "too_few" if precision is None or ratio <= 0 else precision.undecided(math.log(ratio))
