"""The share of requests that failed, with its interval. Pure.

Requests that are sent together fail together, so a burst of them says less than as many single ones. The interval is
that of Clopper & Pearson (1934, "The use of confidence or fiducial limits illustrated in the case of the binomial") for
the number of single requests that would say as much (Korn & Graubard 1998, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.stats.standard_error import special

CONFIDENCE = 0.95


class Burst(NamedTuple):
    """Requests that were sent at the same time."""

    requests: int
    failed: int


@dataclass(frozen=True, slots=True)
class Proportion:
    """How many failed, and between which bounds the share lies."""

    requests: int
    failed: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        """The share that failed; None without requests."""
        return self.failed / self.requests if self.requests else None


def proportion(bursts: Sequence[Burst], confidence: float = CONFIDENCE) -> Proportion:
    """The share of failed requests, with its interval."""
    requests, failed = sum(each.requests for each in bursts), sum(each.failed for each in bursts)
    if not requests:
        return Proportion(0, 0, 0.0, 1.0)
    low, high = bounds(failed / requests, single_requests(bursts), confidence)
    return Proportion(requests, failed, low, high)


def single_requests(bursts: Sequence[Burst]) -> float:
    """How many single requests say as much about the share that failed as these bursts.

    Where none failed, or all did, the bursts do not show how alike the requests of one are: they count as one each.
    """
    sent = [each for each in bursts if each.requests]
    requests, failed = sum(each.requests for each in sent), sum(each.failed for each in sent)
    if failed in (0, requests) or len(sent) < 2:
        return float(len(sent))
    share = failed / requests
    # The variance of a ratio of sums over bursts (Cochran 1977, "Sampling Techniques", section 6.3).
    squares = sum((each.failed - share * each.requests) ** 2 for each in sent)
    variance = squares * len(sent) / (len(sent) - 1) / requests**2
    return min(float(requests), share * (1 - share) / variance) if variance else float(requests)


def bounds(share: float, requests: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of Clopper and Pearson. `requests` need not be a whole number."""
    failed, tail = share * requests, (1 - confidence) / 2
    low = 0.0 if failed <= 0 else float(special().betaincinv(failed, requests - failed + 1, tail))
    high = 1.0 if failed >= requests else float(special().betaincinv(failed + 1, requests - failed, 1 - tail))
    return low, high
