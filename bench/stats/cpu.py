"""CPU time per request.

The figure is a mean: all CPU time over all right answers, because work that is done only now and then (collecting
garbage, flushing) is work, which a median over slices would hide. Slices with a failed request are left out where there
are others, because what failing costs is not what answering costs.
"""

from collections.abc import Sequence

import numpy as np

from bench.results import Estimate
from bench.stats.distributions import Floats
from bench.stats.estimates import CONFIDENCE, half_width, in_unit, levels


def cpu_us_per_request(
    instance: Sequence[int], cpu_ns: Sequence[int | None], ok: Sequence[int], failed: Sequence[int]
) -> Estimate | None:
    """Microseconds of CPU per right answer with the 95 % interval; columns of equal length, one entry per slice.

    Two or more instances: each gives its sum of CPU over its sum of answers, and the interval is that between them.
    One: the interval is that of a ratio of sums over slices (Cochran 1977, "Sampling techniques", ch. 6), within the
    run. None where no CPU clock could be read or no request was answered.
    """
    rows = [row for row in zip(instance, cpu_ns, ok, failed, strict=True) if row[1] is not None and row[2]]
    rows = [row for row in rows if not row[3]] or rows
    sums: dict[int, tuple[int, int]] = {}
    for number, cpu, answers, _ in rows:
        cpu_so_far, answers_so_far = sums.get(number, (0, 0))
        sums[number] = cpu_so_far + (cpu or 0), answers_so_far + answers
    sums = {number: both for number, both in sums.items() if both[0] > 0}
    if not sums:
        return None
    if len(sums) == 1:
        return _within(np.asarray([row[1] for row in rows], float), np.asarray([row[2] for row in rows], float))
    found = levels(list(sums), [float(np.log(cpu / answers / 1e3)) for cpu, answers in sums.values()])
    assert found is not None
    return in_unit(found.value, found.interval(CONFIDENCE))


def _within(cpu_ns: Floats, answers: Floats) -> Estimate:
    mean_us = float(cpu_ns.sum() / answers.sum()) / 1e3
    if cpu_ns.size < 2:
        return Estimate(value=mean_us)
    residual_us = cpu_ns / 1e3 - mean_us * answers
    relative = float(residual_us.std(ddof=1)) / float(answers.mean()) / mean_us
    half = half_width(relative, cpu_ns.size - 1, cpu_ns.size, CONFIDENCE)
    centre = float(np.log(mean_us))
    return in_unit(centre, (centre - half, centre + half))
