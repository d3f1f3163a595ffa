"""How much longer one option takes than another on loopback, with intervals. Pure.

Two options share every disturbance of the rounds in which both were measured. Their difference therefore comes from the
ratios paired within rounds (bench.stats.ratios) and is more precise than either latency. What a network adds to both is
added to it. The corrected intervals of all differences of a run are right at once with 99 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.model.parts import Parts
from bench.model.payload import Blend
from bench.spec import CellKey
from bench.stats.estimates import LATENCY, Interval
from bench.stats.ratios import family, paired
from bench.stats.verdicts import family_confidence
from bench.workloads import Workload


@dataclass(frozen=True, slots=True)
class Difference:
    """In nanoseconds; positive where the first option takes longer. An interval is None where there are too few
    slices."""

    value: float
    plain_95: Interval | None
    corrected: Interval | None

    def plus(self, value: float, interval: Interval) -> "Difference":
        """This difference plus a value with its interval."""
        return Difference(self.value + value, _plus(self.plain_95, interval), _plus(self.corrected, interval))

    def reversed(self) -> "Difference":
        """The difference of the second option to the first."""
        return Difference(-self.value, _negative(self.plain_95), _negative(self.corrected))


class Differences:
    """Between all options given, at the measured payloads and interpolated between them."""

    def __init__(self, parts: Parts, options: Sequence[CellKey]) -> None:
        self._measured = _measured(parts, options)

    def between(self, option: CellKey, other: CellKey, at: Blend) -> Difference | None:
        """The difference at a payload. None when the two were not measured in the same rounds."""
        if option == other:
            return Difference(0.0, (0.0, 0.0), (0.0, 0.0))
        if (other, option) in self._measured:
            found = self.between(other, option, at)
            return None if found is None else found.reversed()
        measured = self._measured.get((option, other), {})
        if not at.linear.keys() <= measured.keys():
            return None
        return Difference(
            at.mean({workload: each.value for workload, each in measured.items()}),
            _blended(at, {workload: measured[workload].plain_95 for workload in at.linear}),
            _blended(at, {workload: measured[workload].corrected for workload in at.linear}),
        )


def _measured(parts: Parts, options: Sequence[CellKey]) -> dict[tuple[CellKey, CellKey], dict[Workload, Difference]]:
    keys, logs = [], []
    for option, other in combinations(options, 2):
        for workload, exchange in parts.exchanges[option].items():
            found = paired(exchange.cell.slices, parts.exchanges[other][workload].cell.slices, LATENCY)
            if found is not None:
                keys.append((option, other, workload))
                logs.append(found)
    confidence = family_confidence(len(logs))
    differences: dict[tuple[CellKey, CellKey], dict[Workload, Difference]] = {}
    for (option, other, workload), ratio in zip(keys, family(logs, [confidence] * len(logs)), strict=True):
        base_ns = parts.exchanges[other][workload].latency_ns.value
        differences.setdefault((option, other), {})[workload] = Difference(
            base_ns * (ratio.value - 1), _in_ns(ratio.plain_95, base_ns), _in_ns(ratio.corrected, base_ns)
        )
    return differences


def _in_ns(ratio: Interval | None, base_ns: float) -> Interval | None:
    return None if ratio is None else (base_ns * (ratio[0] - 1), base_ns * (ratio[1] - 1))


def _blended(at: Blend, intervals: Mapping[Workload, Interval | None]) -> Interval | None:
    known = {workload: interval for workload, interval in intervals.items() if interval is not None}
    return at.interval(known) if known.keys() == intervals.keys() else None


def _plus(interval: Interval | None, added: Interval) -> Interval | None:
    return None if interval is None else (interval[0] + added[0], interval[1] + added[1])


def _negative(interval: Interval | None) -> Interval | None:
    return None if interval is None else (-interval[1], -interval[0])
