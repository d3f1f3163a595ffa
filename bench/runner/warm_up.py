"""When an instance has warmed up: detected from its own rounds, not guessed. Pure.

A process that was just started answers slower at first: caches are cold, the interpreter specializes its code, pools
fill. Rounds are thrown away until their latencies no longer fall against those of the round before. One slice is noisy,
so the question is asked of all cells together.
"""

import math
from collections.abc import Mapping
from statistics import median

ROUNDS_AT_LEAST = 2
"""The first round fills caches, and the second is needed to compare with it."""
ROUNDS_AT_MOST = 8
"""An instance that has not settled by then never will; the drift is then found in the run, and said."""
FALLS = 0.02
"""A share by which latencies may still fall from one round to the next."""


def settled(before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether latencies no longer fall. Both: the median latency of each cell, in any unit, by the cell's id.

    Cells that are not in both do not count; without any in both there is nothing to wait for.
    """
    changes = [math.log(now[cell] / before[cell]) for cell in now if cell in before]
    return not changes or median(changes) > -FALLS
