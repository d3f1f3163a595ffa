"""How much of the difference between two protocols depends on the libraries that serve them. Pure.

Where protocols were measured in several implementations, one protocol against another is as many ratios as there are
pairs of implementations. How far these lie apart is what the choice of libraries makes of the difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.clients.registry import LIBRARY
from bench.load_models import ClosedLoad
from bench.results import Cell, Estimate
from bench.spec import CellKey, own_dialect
from bench.stats.estimates import LATENCY, from_logarithms
from bench.stats.ratios import paired
from producers.registry import DEFAULT

Measured = Literal["latency", "server CPU", "server instructions"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One implementation of a protocol against one of the baseline protocol, all else being equal."""

    cell: CellKey
    baseline: CellKey
    ratios: dict[Measured, Estimate]
    """What a request takes, as a ratio. The interval of latency is that of paired samples; the others have none."""

    @property
    def between_defaults(self) -> bool:
        """Whether both are the default implementations."""
        return self.cell.implementation == self.baseline.implementation == DEFAULT


@dataclass(frozen=True, slots=True)
class Difference:
    """A protocol against the baseline protocol in one configuration, over all pairs of implementations."""

    pairs: tuple[Pair, ...]
    """Those between defaults first, where both were measured."""

    @property
    def configuration(self) -> CellKey:
        """The cell of the first pair."""
        return self.pairs[0].cell

    def spread(self, measured: Measured) -> tuple[float | None, float, float] | None:
        """The ratio between defaults, and the lowest and highest of all pairs; None where it was not measured."""
        values = [
            (pair.between_defaults, pair.ratios[measured].value) for pair in self.pairs if measured in pair.ratios
        ]
        if not values:
            return None
        usual = next((value for between_defaults, value in values if between_defaults), None)
        return usual, min(value for _, value in values), max(value for _, value in values)


def differences(cells: Sequence[Cell]) -> list[Difference]:
    """Every protocol against the first, in each configuration with one request in flight. Empty unless a protocol was
    measured in more than one implementation."""
    usable = [cell for cell in cells if _is_usable(cell)]
    if len({cell.implementation for cell in usable}) < 2:
        return []
    first = usable[0].protocol
    found: dict[tuple[object, ...], list[Pair]] = {}
    for cell in usable:
        if cell.protocol == first:
            continue
        for baseline in usable:
            if baseline.protocol == first and _elsewise(cell) == _elsewise(baseline):
                found.setdefault((cell.protocol, *_elsewise(cell)), []).append(_pair(cell, baseline))
    return [
        Difference(tuple(sorted(pairs, key=lambda pair: not pair.between_defaults)))
        for pairs in found.values()
        if len(pairs) > 1
    ]


def _is_usable(cell: Cell) -> bool:
    one_in_flight = cell.load is None or cell.load == ClosedLoad(concurrency=1)
    return cell.status == "measured" and one_in_flight and cell.client == LIBRARY and own_dialect(cell)


def _elsewise(cell: Cell) -> tuple[object, ...]:
    return cell.without("protocol", "implementation", "dialect")


def _pair(cell: Cell, baseline: Cell) -> Pair:
    ratios: dict[Measured, Estimate] = {}
    latency = from_logarithms(paired(cell.slices, baseline.slices, LATENCY))
    if latency is not None:
        ratios["latency"] = latency
    for name, value_of in _VALUES.items():
        above, below = value_of(cell), value_of(baseline)
        if above and below:
            ratios[name] = Estimate(value=above / below)
    return Pair(cell.key, baseline.key, ratios)


def _cpu_us(cell: Cell) -> float | None:
    found = cell.cpu_us_per_request
    return None if found is None or found.producer is None else found.producer.value


def _instructions(cell: Cell) -> float | None:
    found = cell.instructions
    return None if found is None or found.producer is None else found.producer.per_request.value


_VALUES: dict[Measured, Callable[[Cell], float | None]] = {
    "server CPU": _cpu_us,
    "server instructions": _instructions,
}
