"""Instructions per request: from windows to an estimate, and from two versions to a verdict.

Windows of one process hardly differ, but some processes have a few that do: where several threads share the work, other
processes decide how often they wake each other. So an estimate is a median, and its interval comes from ranks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
less (docs/instructions.md)."""

ChangeVerdict = Literal["more", "fewer", "same", "inconclusive"]


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
            by = ratio(old.windows, new.windows)
            found.append(Change(cell.key, old, new, by, _verdict(by, threshold)))
    return found


def _of_producer(cell: Cell) -> InstructionCount | None:
    return None if cell.instructions is None else cell.instructions.producer


def _verdict(found: Estimate, threshold: float) -> ChangeVerdict:
    assert found.low is not None
    assert found.high is not None
    if found.low > 1 and found.value > 1 + threshold:
        return "more"
    if found.high < 1 and found.value < 1 / (1 + threshold):
        return "fewer"
    return "same" if found.low >= 1 / (1 + threshold) and found.high <= 1 + threshold else "inconclusive"


def ratio(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """By how many times windows of one version have more instructions than those of another, counted in turns.

    Each window is compared with its neighbour, so that what disturbed both does not count.
    """
    pairs = zip(before, after, strict=False)
    return estimate([new / old for old, new in pairs], CHANGE_CONFIDENCE)


def is_decided(before: Sequence[float], after: Sequence[float], threshold: float) -> bool:
    """Whether there is a verdict, so that no more windows are needed."""
    return _verdict(ratio(before, after), threshold) != "inconclusive"


def outcome(found: Sequence[Change], *, complete: bool) -> Outcome:
    """Whether there is a regression, none, or neither was shown. `complete`: every cell was counted."""
    verdicts = {change.verdict for change in found}
    if "more" in verdicts:
        return "regression"
    return "none" if found and complete and "inconclusive" not in verdicts else "inconclusive"
