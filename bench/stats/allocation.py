"""Where measuring time goes: to blocks by what it does for the headline ratios. Pure.

A headline ratio is a mean of differences between slices of one block, so its variance is about σ²/n after n rounds,
where σ is the spread of one difference. With a given time in all, the sum of these variances is smallest when n is
proportional to σ/√c, where c is the time that the block takes in a round (Neyman's allocation with costs: Cochran 1977,
"Sampling techniques", section 5.5). Rounds are given by spread and cost only, never by the values of ratios, so that
where time goes does not move what is found.
"""

from collections.abc import Mapping

import numpy as np

from bench.schedule import Block
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats.estimates import LATENCY
from bench.stats.ratios import Baseline, paired
from bench.stats.standard_error import Floats
from bench.stats.verdicts import is_headline

SHARE_AT_LEAST = 0.5
"""A block with headline ratios takes part in at least this share of the rounds: spreads change during a run."""
PAIRS_AT_LEAST = 12
"""With fewer differences, their spread is not known well enough to give time by it."""
MAD_TO_SD = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""


def shares_by_need(
    shares: Mapping[Block, float], slices: Mapping[CellKey, Slices], baseline: Baseline
) -> dict[Block, float]:
    """In which share of the coming rounds each block takes part.

    `shares`: those of the schedule. They are changed for blocks with headline ratios only, of which the neediest keeps
    its share. `slices`: what was recorded so far.
    """
    needs: dict[Block, float] = {}
    for block in shares:
        spreads = [
            _spread(slices[cell], slices[below])
            for cell in block
            if (below := baseline.of(cell)) in block
            and below != cell
            and is_headline(cell, below)
            and len(slices[cell])
            and len(slices[below])
        ]
        known = [spread for spread in spreads if spread is not None]
        if not spreads:
            continue
        if len(known) < len(spreads):
            return dict(shares)
        cost_ns = sum(float(np.mean(slices[cell].duration_ns)) for cell in block if len(slices[cell]))
        needs[block] = float(np.sqrt(sum(spread**2 for spread in known) / cost_ns))
    most = max(needs.values(), default=0.0)
    return {
        block: share * max(SHARE_AT_LEAST, needs[block] / most) if most and block in needs else share
        for block, share in shares.items()
    }


def _spread(cell: Slices, baseline: Slices) -> float | None:
    """The standard deviation of one log difference within an instance, as robustly as the median over slices is.

    None when too few are known.
    """
    found = paired(cell, baseline, LATENCY)
    if found is None:
        return None
    deviations: Floats = np.concatenate(
        [np.abs(values - median) for values, median in zip(found.slices, found.medians, strict=True)]
    )
    return MAD_TO_SD * float(np.median(deviations)) if len(deviations) >= PAIRS_AT_LEAST else None
