"""Verdicts: what an interval lets one say, and nothing else."""

from collections.abc import Sequence

from bench.results import Verdict

MARGIN = 0.03
"""How far from 1 a ratio may lie and still be called the same."""
FAMILY_ERROR = 0.01
"""The most that the chance of any false `faster` or `slower` in a whole run may be."""


def family_confidence(verdicts: int, share: float = 1.0) -> float:
    """The confidence of each of so many intervals that take up a share of the family error between them (Bonferroni).

    It holds however the ratios depend on each other, and they do: they share baselines and processes.
    """
    return 1 - share * FAMILY_ERROR / max(1, verdicts)


def confidences(headline: Sequence[bool]) -> list[float]:
    """The confidence of each interval of a run, in the order given, so that all are right at once.

    Half of the family error goes to the headline ratios, which are few, and half to all others; where there is one kind
    only, it gets everything.
    """
    among = headline.count(True)
    others = len(headline) - among
    share = 0.5 if among and others else 1.0
    return [family_confidence(among if one else others, share) for one in headline]


def verdict(
    low: float | None, high: float | None, *, margin: float = MARGIN, lower_is_better: bool = True, sure: bool = True
) -> Verdict:
    """What the (corrected) interval of a ratio says about the upper half of the fraction.

    `faster` or `slower` when the interval excludes 1, `same` when it lies between 1 / (1 + margin) and 1 + margin,
    `inconclusive` otherwise. An interval can do both: exclude 1 and stay within the margin. It is then `faster` or
    `slower`, because a difference was shown, and the interval says that it is small. The margin is a factor,
    so that swapping the two sides swaps the verdict. With `sure` false, as where nothing was restarted, the answer is
    `inconclusive` whatever the interval.
    """
    if not sure or low is None or high is None:
        return "inconclusive"
    if high < 1:
        return "faster" if lower_is_better else "slower"
    if low > 1:
        return "slower" if lower_is_better else "faster"
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "same"
    return "inconclusive"
