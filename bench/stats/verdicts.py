"""Verdicts: what the interval of a ratio shows. Which ratios are headline ratios, and which are regressions.

`faster` or `slower`: the corrected interval excludes 1. `same`: it lies within the margin around 1. `inconclusive`:
neither. All verdicts of a run are right at once with 99 %.
"""

import math
from collections.abc import Sequence

from bench.clients.registry import LIBRARY
from bench.results import Cell, RatioEstimate, Verdict
from bench.spec import CellKey, usual_series

MARGIN = 0.03
"""How far from 1 a ratio may lie and still be called the same, as a share."""
FAMILY_ERROR = 0.01
"""The largest probability of any false `faster` or `slower` in a whole run."""
THRESHOLD = 0.02
"""By default, a cell that is slower by more than this share is a regression."""


def family_confidence(verdicts: int, share: float = 1.0) -> float:
    """The confidence of each of `verdicts` intervals that use up a share of the family error together (Bonferroni).

    It holds however the ratios depend on each other. They do depend: they share baselines and processes.
    """
    return 1 - share * FAMILY_ERROR / max(1, verdicts)


def confidences(headline: Sequence[bool]) -> list[float]:
    """The confidence of each interval of a run, in the order given, so that all are right at once.

    Half of the family error goes to the headline ratios, which are few, and half to all others. Where there is only one
    kind, it gets everything.
    """
    headlines = headline.count(True)
    others = len(headline) - headlines
    share = 0.5 if headlines and others else 1.0
    return [family_confidence(headlines if one else others, share) for one in headline]


def verdict(low: float | None, high: float | None, *, lower_is_better: bool = True, restarted: bool = True) -> Verdict:
    """The verdict that the corrected interval of a ratio supports, about the cell in the numerator.

    An interval can both exclude 1 and lie within the margin. The verdict is then `faster` or `slower`: a difference was
    shown, and the interval shows that it is small. The margin is a factor, so that swapping the two sides swaps the
    verdict. Without restarts (`restarted` false) the verdict is `inconclusive` whatever the interval.
    """
    if not restarted or low is None or high is None:
        return "inconclusive"
    if high < 1:
        return "faster" if lower_is_better else "slower"
    if low > 1:
        return "slower" if lower_is_better else "faster"
    return "same" if within_margin(low, high) else "inconclusive"


def within_margin(low: float, high: float) -> bool:
    """Whether an interval lies between 1 / (1 + MARGIN) and 1 + MARGIN."""
    return low >= 1 / (1 + MARGIN) and high <= 1 + MARGIN


def is_headline(cell: CellKey, baseline: CellKey) -> bool:
    """Whether this ratio is a headline ratio: one that most readers come for, and that measuring time goes to first.

    That is the latency of another protocol or version, all else being equal, through the client library, each protocol
    in its own dialect and implementation. Others explain the headline ratios and are not part of them.
    """
    return (
        is_usual(cell)
        and (cell.protocol, cell.version) != (baseline.protocol, baseline.version)
        and cell.of_series(baseline) == baseline.key
    )


def is_usual(cell: CellKey) -> bool:
    """Whether it is latency through the library client, the protocol in its own dialect and usual implementation."""
    return cell.measures_latency and cell.client == LIBRARY and usual_series(cell)


def compared_by(cell: Cell) -> RatioEstimate | None:
    """The estimate of the cell's ratio to its baseline, by the one measure that it has; None without a baseline."""
    return None if cell.ratio is None else cell.ratio.latency_ns_p50 or cell.ratio.requests_per_second


def headline_cells(cells: Sequence[Cell]) -> list[Cell]:
    """The cells whose `ratio` is a headline ratio."""
    by_id = {cell.id: cell for cell in cells}
    return [
        cell
        for cell in cells
        if cell.ratio is not None
        and cell.ratio.latency_ns_p50 is not None
        and cell.ratio.baseline in by_id
        and is_headline(cell, by_id[cell.ratio.baseline])
    ]


def headline_half_width(cell: Cell) -> float | None:
    """Half the width of the corrected interval of a latency ratio, as a share: 0.03 means ±3 %.

    None without an interval, or with a single instance, whose interval does not cover restarts.
    """
    found = cell.ratio.latency_ns_p50 if cell.ratio else None
    if found is None or found.low is None or found.high is None or len(set(cell.slices.instance)) < 2:
        return None
    return math.sqrt(found.high / found.low) - 1


def all_within(cells: Sequence[Cell], half_width: float) -> bool:
    """Whether there are headline ratios, and the intervals of all are at most `half_width` (a share) to either side."""
    widths = [headline_half_width(cell) for cell in headline_cells(cells)]
    return bool(widths) and all(width is not None and width <= half_width for width in widths)


def regressed(ratio: RatioEstimate, threshold: float, *, lower_is_better: bool) -> bool:
    """Whether the ratio is `slower`, and by more than `threshold`, a share: 0.02 for 2 %."""
    cost = ratio.value if lower_is_better else 1 / ratio.value
    return ratio.verdict == "slower" and cost > 1 + threshold
