"""Whether the newest run of a history is a regression against the runs before it. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import RatioEstimate
from bench.spec import CellKey
from bench.stats.between_runs import PAIRS_AT_LEAST, Mean, Noise, columns, groups, mean, measured, noises, pool
from bench.stats.change_points import change_points, penalty
from bench.stats.detection import Precision, undecided
from bench.stats.estimates import CONFIDENCE, exponential, measure_of
from bench.stats.gate import Gate, GatedCell, gate
from bench.stats.snapshot import Measurement, SeriesKey, Snapshot
from bench.stats.standard_error import StandardError
from bench.stats.verdicts import confidences, is_usual, verdict
from bench.stats.wording import configurations, counted

RUNS_AT_LEAST = PAIRS_AT_LEAST + 1
"""Earlier runs that the newest can be compared with."""
HELP_HISTORY = "more runs of the same commit, so that the noise is known better; longer runs; a larger --threshold."


def gate_of_newest(runs: Sequence[Snapshot], last: int, threshold: float, missing: Sequence[str] = ()) -> Gate:
    """The newest run against the `last` runs before it under the same conditions, since each series last changed."""
    if not runs:
        return gate([], threshold, missing, remedy=HELP_HISTORY)
    newest, number = runs[-1], len(runs) - 1
    parts = groups(runs)
    earlier = next(group[:-1] for group in parts if group[-1] == number)
    gaps = [*missing, *(f"The newest run ({newest.name}): {gap}" for gap in newest.gaps)]
    if len(earlier) < RUNS_AT_LEAST:
        found = counted(len(earlier), "earlier run")
        gaps.append(f"{found} under the conditions of the newest ({newest.name}); {RUNS_AT_LEAST} are needed.")
        return gate([], threshold, gaps, remedy=HELP_HISTORY)
    # What the newest run is compared with must not depend on it.
    known = noises(runs, [[each for each in group if each != number] for group in parts])
    places = len(newest.values) * (len(earlier) - 1)
    references = {
        key: _reference(runs, measured(runs, earlier, key), key, known.get(pool(key)), last, penalty(places))
        for key in newest.values
    }
    lost = [key.cell.label for key in runs[earlier[-1]].values if key not in newest.values]
    gaps += [f"Measured before, but not in the newest run: {configurations(lost)}."] if lost else []
    lacking = [key.cell.label for key, reference in references.items() if reference is None]
    gaps += [f"Too few earlier values, or a single instance: {configurations(lacking)}."] if lacking else []
    usable = {key: reference for key, reference in references.items() if reference is not None}
    levels = confidences([is_usual(key.cell) for key in usable])
    compared = [
        GatedCell(key.cell, key.cell.label, _against(newest.values[key], reference, key.cell, confidence))
        for (key, reference), confidence in zip(usable.items(), levels, strict=True)
    ]
    return gate(compared, threshold, gaps, remedy=HELP_HISTORY)


@dataclass(frozen=True, slots=True)
class _Reference:
    """What a value of the newest run is compared with."""

    mean: Mean
    runs: int
    noise: Noise


def _reference(
    runs: Sequence[Snapshot],
    members: Sequence[int],
    key: SeriesKey,
    noise: Noise | None,
    last: int,
    cut_penalty: float,
) -> _Reference | None:
    """The last of these runs, since the series changed; None where there are too few."""
    if noise is None or len(members) < RUNS_AT_LEAST or runs[-1].values[key].error is None:
        return None
    values, errors = columns(runs, members, key, noise.factor)
    cuts = change_points(values, errors, cut_penalty)
    begin = max(cuts[-1] if cuts else 0, len(members) - last)
    return _Reference(mean(values[begin:], errors[begin:]), len(members) - begin, noise)


def _against(found: Measurement, reference: _Reference, cell: CellKey, confidence: float) -> RatioEstimate:
    """The value of the newest run divided by that of earlier ones."""
    assert found.error is not None
    difference = math.log(found.value) - reference.mean.value
    error = StandardError(
        math.hypot(reference.noise.factor * found.error, reference.mean.error), reference.noise.degrees_of_freedom
    )
    half, half_95 = error.half_width(confidence), error.half_width(CONFIDENCE)
    low, high = exponential((difference - half, difference + half)) or (None, None)
    low_95, high_95 = exponential((difference - half_95, difference + half_95)) or (None, None)
    precision = Precision(error.size, error.degrees_of_freedom, half, confidence, reference.runs)
    ratio = math.exp(difference)
    shown = verdict(low, high, lower_is_better=measure_of(cell).lower_is_better)
    return RatioEstimate(
        value=ratio,
        low=low,
        high=high,
        low_95=low_95,
        high_95=high_95,
        verdict=shown,
        undecided=undecided(ratio, precision, restarted=True) if shown == "inconclusive" else None,
        detectable_change=precision.detectable_change,
    )
