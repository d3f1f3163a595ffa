"""What counts as a regression: what a gate fails for."""

from collections.abc import Sequence

from bench.results import Cell, RatioEstimate
from bench.stats.measures import measure_of

THRESHOLD = 0.02
"""A cell that is slower by more than this share is a regression, unless told otherwise."""


def regressed(ratio: RatioEstimate, threshold: float, *, lower_is_better: bool) -> bool:
    """Whether the ratio is `slower`, and by more than `threshold`, a share: 0.02 for 2 %."""
    cost = ratio.value if lower_is_better else 1 / ratio.value
    return ratio.verdict == "slower" and cost > 1 + threshold


def regressions(cells: Sequence[Cell], threshold: float) -> list[Cell]:
    """The cells of a run whose `ratio` is a regression; of use where the run compares two versions."""
    found = []
    for cell in cells:
        if cell.ratio is None:
            continue
        ratio = cell.ratio.latency_ns_p50 or cell.ratio.requests_per_second
        if ratio is not None and regressed(ratio, threshold, lower_is_better=measure_of(cell).lower_is_better):
            found.append(cell)
    return found
