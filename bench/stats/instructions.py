"""Instructions per request: from windows to an estimate, and from two versions to a verdict.

Windows of one process hardly differ, but some processes have a few that do: where several threads share the work, other
processes decide how often they wake each other. So an estimate is a median, and its interval comes from ranks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Literal

from bench.results import Cell, Estimate, InstructionCount, Run
from bench.spec import CellKey
from bench.stats.gate import Outcome

CONFIDENCE = 0.95
CHANGE_CONFIDENCE = 0.99
"""Of the interval of a change. What keeps a gate from failing by chance is the threshold above all."""
PRECISION = 0.005
"""The interval of an estimate is wide enough to need more windows when it is wider than this share of the value."""
THRESHOLD = 0.01
"""By default, more instructions by more than this share are a regression. Fresh processes of the same code differ by
0.4 % at most (docs/instructions.md)."""

ChangeVerdict = Literal["more", "fewer", "same", "inconclusive"]


def estimate(windows: Sequence[float]) -> Estimate:
    """The median over windows, and the ranks around it that hold the true one with CONFIDENCE.

    With fewer than six windows no ranks do; then the interval is their range.
    """
    ordered = sorted(windows)
    outside = 0
    # The probability that the true median is below the lowest, or above the highest, of so many inner values.
    while 2 * _at_most(outside, len(ordered)) <= 1 - CONFIDENCE:
        outside += 1
    left_out = max(0, outside - 1)
    return Estimate(value=median(ordered), low=ordered[left_out], high=ordered[-1 - left_out])


def _at_most(successes: int, tosses: int) -> float:
    """The probability of at most so many heads in so many tosses of a fair coin."""
    return float(sum(math.comb(tosses, count) for count in range(successes + 1)) / 2**tosses)


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
    value: float
    low: float
    high: float
    verdict: ChangeVerdict


def changes(run: Run) -> list[Change]:
    """Every cell of the later version against the same of the baseline, for the producer. Empty without versions."""
    threshold = run.plan.instruction_threshold
    if threshold is None:
        return []
    baseline = run.cells[0].version if run.cells else None
    before = {cell.without("version"): _of_producer(cell) for cell in run.cells if cell.version == baseline}
    found = []
    for cell in run.cells:
        old, new = before.get(cell.without("version")), _of_producer(cell)
        if cell.version != baseline and old is not None and new is not None:
            found.append(_change(cell.key, old, new, threshold))
    return found


def _of_producer(cell: Cell) -> InstructionCount | None:
    return None if cell.instructions is None else cell.instructions.producer


def _change(key: CellKey, before: InstructionCount, after: InstructionCount, threshold: float) -> Change:
    value = after.per_request.value / before.per_request.value
    low, high = ratio_interval(before.windows, after.windows)
    return Change(key, before, after, value, low, high, _verdict(value, low, high, threshold))


def _verdict(value: float, low: float, high: float, threshold: float) -> ChangeVerdict:
    if low > 1 and value > 1 + threshold:
        return "more"
    if high < 1 and value < 1 / (1 + threshold):
        return "fewer"
    return "same" if low >= 1 / (1 + threshold) and high <= 1 + threshold else "inconclusive"


def ratio_interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float]:
    """The interval of the ratio by which `after` lies above `before`, with CHANGE_CONFIDENCE.

    Ranks of all pairs' ratios, as they follow from the Mann-Whitney test (Hodges and Lehmann 1963; Hollander, Wolfe and
    Chicken, Nonparametric Statistical Methods, section 4.3). With too few windows for that, the range of all pairs.
    """
    ratios = sorted(new / old for old, new in product(before, after))
    left_out = 0
    tail = 0.0
    for count in _rank_sums(len(before), len(after)):
        tail += count
        if 2 * tail > 1 - CHANGE_CONFIDENCE:
            break
        left_out += 1
    left_out = max(0, left_out - 1)
    return ratios[left_out], ratios[-1 - left_out]


def _rank_sums(first: int, second: int) -> Iterator[float]:
    """The probabilities of 0, 1, 2, … pairs in the wrong order, where both groups are alike (Mann-Whitney's U)."""
    ways = [1] + [0] * (first * second)
    # Each step multiplies by (1 - x^(second + i)) / (1 - x^i): the Gaussian binomial coefficient.
    for step in range(1, first + 1):
        for place in range(len(ways) - 1, second + step - 1, -1):
            ways[place] -= ways[place - second - step]
        for place in range(step, len(ways)):
            ways[place] += ways[place - step]
    all_ways = math.comb(first + second, first)
    for count in ways:
        yield count / all_ways


def outcome(found: Sequence[Change], *, complete: bool) -> Outcome:
    """Whether there is a regression, none, or neither was shown. `complete`: every cell was counted."""
    verdicts = {change.verdict for change in found}
    if "more" in verdicts:
        return "regression"
    return "none" if found and complete and "inconclusive" not in verdicts else "inconclusive"
