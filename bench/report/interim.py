"""Figures of a run that goes on: the ratios that most readers wait for, as far as they are known. Pure."""

import math
from collections.abc import Mapping, Sequence

from bench.report import names, units
from bench.slices import Slice, Slices
from bench.spec import CellKey
from bench.stats.estimates import CONFIDENCE, LATENCY, exponential, from_logarithms, measured
from bench.stats.ratios import Baseline, paired
from bench.stats.verdicts import is_headline
from bench.stats.wording import percent

SHOWN_AT_MOST = 3
"""How many ratios are shown."""
UNKNOWN_FROM = 1.0
"""Half a width, as a share, from which on an estimate is not worth its number."""


def figures(recorded: Mapping[CellKey, Sequence[Slice]], baseline: Baseline) -> str:
    """`get: GraphQL 2.5× ±4 %, gRPC 1.7× ±3 %`: headline ratios of the first configuration that is compared; where
    nothing is compared, the first median. Empty until something is known.

    `±` is half the width of the 95 % interval of that ratio alone. Corrected for all ratios of the run it is wider.
    """
    pairs = [(key, other) for key in recorded if is_headline(key, other := baseline.of(key)) and other in recorded]
    for first in dict.fromkeys(other for _, other in pairs):
        said = [_ratio(key, recorded[key], recorded[first]) for key, other in pairs if other == first]
        if known := list(filter(None, said))[:SHOWN_AT_MOST]:
            return f"{names.short_group(first)}: {', '.join(known)}"
    return "" if pairs else _median(recorded)


def _ratio(key: CellKey, own: Sequence[Slice], others: Sequence[Slice]) -> str:
    found = paired(Slices(own), Slices(others), LATENCY)
    interval = None if found is None else exponential(found.interval(CONFIDENCE))
    half_width = math.inf if interval is None else math.sqrt(interval[1] / interval[0]) - 1
    if found is None or half_width > UNKNOWN_FROM:
        return ""
    return f"{names.series(key.series)} {units.factor(math.exp(found.value))} ±{percent(half_width)}"


def _median(recorded: Mapping[CellKey, Sequence[Slice]]) -> str:
    for key, slices in recorded.items():
        found = from_logarithms(measured(Slices(slices), LATENCY)) if key.measures_latency else None
        if found is not None:
            return f"{key.label}: {units.with_symbol(found, units.chosen(units.DURATIONS_NS, [found.value]))}"
    return ""
