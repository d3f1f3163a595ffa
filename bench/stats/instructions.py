"""Instructions per request: from windows to an estimate, and from instances of two versions to a verdict.

Windows of one process hardly differ, but some processes have a few that do: where several threads share the work, other
processes decide how often they wake each other. So an estimate is a median, and its interval comes from ranks.

Processes of the same code may differ by more than windows of one of them, and no number of windows shows by how much.
So versions are compared by the spread between instances, which are fresh starts of both. Each has one value of either
version, what is typical of its windows, and the interval is Student's t of a trimmed mean over instances. They are
added in steps until there is a verdict. Every step is one more chance for a false one, so the family error is shared
out among steps and cells (Bonferroni), which holds however these depend on each other.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Literal

from bench.results import Cell, Estimate, InstructionCount, Run
from bench.spec import CellKey
from bench.stats.gate import Outcome
from bench.stats.standard_error import StandardError, added
from bench.stats.verdicts import family_confidence

CONFIDENCE = 0.95
INSTANCES = (4, 8, 12)
"""After so many, cells that have a verdict need no more. With fewer there is no verdict."""
TRIMMED = 1 / 6
"""Of the instances, on each side: none of 4, one of 8, two of 12."""
PRECISION = 0.005
"""The interval of an estimate is wide enough to need more windows when it is wider than this share of the value."""
OUTLIER = 0.01
"""A window further from the median than this share of it was disturbed, or holds a collection of all garbage."""
THRESHOLD = 0.01
"""By default, more instructions by more than this share are a regression."""

ChangeVerdict = Literal["more", "fewer", "same", "inconclusive"]
Windows = Mapping[int, Sequence[float]]
"""Instructions per request in the windows of each instance, by its number."""
Pairs = Sequence[tuple[float, float]]
"""Logarithms of what the earlier and the later version execute, for each instance."""


def estimate(windows: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The median over windows, and the ranks around it that hold the true one with this confidence.

    With too few windows no ranks do (fewer than six for 95 %, than eight for 99 %); then the interval is their range.
    """
    ordered = sorted(windows)
    outside = 0
    # The probability that the true median is below the lowest, or above the highest, of so many inner values.
    while 2 * _at_most(outside, len(ordered)) <= 1 - confidence:
        outside += 1
    left_out = max(0, outside - 1)
    return Estimate(value=median(ordered), low=ordered[left_out], high=ordered[-1 - left_out])


def _at_most(successes: int, tosses: int) -> float:
    """The probability of at most so many heads in so many tosses of a fair coin."""
    return float(sum(math.comb(tosses, count) for count in range(successes + 1)) / 2**tosses)


def typical(windows: Sequence[float]) -> float:
    """The mean over windows of one process, without those that are OUTLIER or more from their median.

    Where some windows hold one collection of garbage more than others, they take few different values, in an order that
    is the same in every process of a version. Their median is one of these, and not the same one of every version.
    """
    middle = median(windows)
    return fmean([window for window in windows if abs(window - middle) < OUTLIER * middle] or [middle])


def is_precise(windows: Sequence[float]) -> bool:
    """Whether no more windows are needed."""
    found = estimate(windows)
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low <= PRECISION * found.value


@dataclass(frozen=True, slots=True)
class Change:
    """Instructions per request of a cell, as a ratio to those of the same cell of the baseline version."""

    key: CellKey
    """Of the later version."""
    before: InstructionCount
    after: InstructionCount
    ratio: Estimate
    """Without ends where there is a single instance."""
    instances: int
    """In how many both versions were counted."""
    verdict: ChangeVerdict


def changes(run: Run) -> list[Change]:
    """Every cell of the later version against the same of the baseline, for the producer. Empty without versions."""
    threshold = run.plan.instruction_threshold
    return [] if threshold is None else changes_of(run.cells, threshold)


def changes_of(cells: Sequence[Cell], threshold: float) -> list[Change]:
    """The same of the cells of a run that compares versions, the baseline first."""
    baseline = cells[0].version if cells else None
    before = {cell.without("version"): _of_producer(cell) for cell in cells if cell.version == baseline}
    later = [cell for cell in cells if cell.version != baseline and cell.status != "unsupported"]
    found = []
    for cell in later:
        old, new = before.get(cell.without("version")), _of_producer(cell)
        if old is not None and new is not None:
            instances = of_both(by_instance(old), by_instance(new))
            by = ratio(instances, len(later))
            found.append(Change(cell.key, old, new, by, len(instances), verdict(by, len(instances), threshold)))
    return found


def _of_producer(cell: Cell) -> InstructionCount | None:
    return None if cell.instructions is None else cell.instructions.producer


def by_instance(count: InstructionCount) -> dict[int, list[float]]:
    """Its windows, by instance. All are of one in files that do not say."""
    found: dict[int, list[float]] = {}
    for instance, window in zip(count.instance or [1] * len(count.windows), count.windows, strict=True):
        found.setdefault(instance, []).append(window)
    return found


def of_both(before: Windows, after: Windows) -> Pairs:
    """Logarithms of what each version typically executes, a pair for each instance in which both were counted."""
    return [
        (math.log(typical(before[instance])), math.log(typical(after[instance])))
        for instance in sorted(before.keys() & after.keys())
    ]


def ratio(instances: Pairs, cells: int) -> Estimate:
    """The ratio of the later version to the earlier one, by their logarithms. A single instance has no interval.

    Where instances differ because of what moves both versions, the spread of their ratios is the smaller one. Where
    every process differs by itself, the spread of each version has more degrees of freedom. Both intervals are right,
    and the narrower one counts.

    All intervals of so many compared cells hold the true ratios at once, after any number of INSTANCES, with 99 %.
    """
    ratios = [new - old for old, new in instances]
    if len(instances) < 2:
        return Estimate(value=math.exp(fmean(ratios)))
    old, new = (trimmed_mean(values) for values in zip(*instances, strict=True))
    confidence = family_confidence(cells * len(INSTANCES) * len(("paired", "apart")))
    half, middle = min(
        (error.half_width(confidence), value)
        for value, error in (trimmed_mean(ratios), (new[0] - old[0], added([old[1], new[1]])))
    )
    return Estimate(value=math.exp(middle), low=math.exp(middle - half), high=math.exp(middle + half))


def trimmed_mean(values: Sequence[float]) -> tuple[float, StandardError]:
    """The mean of values without the most extreme ones, and its standard error. Needs two values.

    TRIMMED of them are left out on each side: in a few instances objects lie in memory so that a request costs percents
    more. The error is that of Yuen (1974, "The two-sample trimmed t for unequal population variances").
    """
    cut = int(TRIMMED * len(values))
    kept = sorted(values)[cut : len(values) - cut]
    winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
    size = stdev(winsorized) * math.sqrt((len(values) - 1) / (len(kept) * (len(kept) - 1)))
    return fmean(kept), StandardError(size, len(kept) - 1)


def verdict(found: Estimate, instances: int, threshold: float) -> ChangeVerdict:
    """What the interval of a ratio over so many instances shows."""
    if instances < INSTANCES[0] or found.low is None or found.high is None:
        return "inconclusive"
    if found.low > 1 and found.value > 1 + threshold:
        return "more"
    if found.high < 1 and found.value < 1 / (1 + threshold):
        return "fewer"
    return "same" if found.low >= 1 / (1 + threshold) and found.high <= 1 + threshold else "inconclusive"


def outcome(found: Sequence[Change], *, complete: bool) -> Outcome:
    """Whether there is a regression, none, or neither was shown. `complete`: every cell was counted."""
    verdicts = {change.verdict for change in found}
    if "more" in verdicts:
        return "regression"
    return "none" if found and complete and "inconclusive" not in verdicts else "inconclusive"
