"""Published claims, tested on a run: ratios of cells with intervals, and the verdicts that these carry. Pure.

A claim says within which bounds ratios lie. It `holds` where every interval lies within them, it `does not hold` where
one lies outside, and else the run is inconclusive. Intervals of all measured ratios of all claims are right at once
with 99 %, as in `bench.stats.verdicts`. Sizes are counted, so they are compared as they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bench.results import Cell, Run
from bench.slices import Slices
from bench.spec import CellKey
from bench.stats.estimates import LATENCY, THROUGHPUT, Interval, Levels, levels
from bench.stats.generator import is_bound
from bench.stats.ratios import by_round, family
from bench.stats.verdicts import family_confidence

ClaimVerdict = Literal["holds", "does not hold", "inconclusive", "not tested"]
NOT_TESTED: Literal["not tested"] = "not tested"


class Quantity(StrEnum):
    """What a claim is about, and what it is called."""

    LATENCY = "median latency"
    RATE = "requests/s"
    SERVER_CPU = "server CPU per request"
    MESSAGE = "response message, bytes"
    COMPRESSED = "response after gzip, bytes"
    WIRE = "response on the wire, bytes"

    @property
    def is_counted(self) -> bool:
        """Whether its values are exact, so that they have no interval."""
        return self in _SIZES


@dataclass(frozen=True, slots=True)
class Quotient:
    """Cells divided by cells. Two on each side make a ratio of ratios."""

    above: tuple[CellKey, ...]
    below: tuple[CellKey, ...]

    @property
    def keys(self) -> tuple[CellKey, ...]:
        """All of its cells."""
        return (*self.above, *self.below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody published. `quotients` empty: the lab cannot test it, and `needs` says why."""

    name: str
    """Stable, for tools and tests."""
    text: str
    source: str
    set_up: str
    """How the source found it, or what would make it true."""
    quantity: Quantity = Quantity.LATENCY
    quotients: tuple[Quotient, ...] = ()
    """All of them have to lie within the bounds. Those that a run did not measure are left out."""
    at_least: float = 0.0
    at_most: float = math.inf
    needs: str
    """The command whose run can test it; without quotients, why none can."""


@dataclass(frozen=True, slots=True)
class CheckedRatio:
    """A ratio as found. `interval` None: nothing is known about how restarts move it."""

    quotient: Quotient
    value: float
    interval: Interval | None
    verdict: ClaimVerdict


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim, and what the run says about it. `ratios` is empty where it could not be tested."""

    claim: Claim
    ratios: tuple[CheckedRatio, ...]
    verdict: ClaimVerdict


def verdict_of(interval: Interval | None, claim: Claim) -> ClaimVerdict:
    """What an interval says about the bounds of a claim."""
    if interval is None:
        return "inconclusive"
    low, high = interval
    if claim.at_least <= low and high <= claim.at_most:
        return "holds"
    return "does not hold" if high < claim.at_least or low > claim.at_most else "inconclusive"


def checked_claims(run: Run, claims: Sequence[Claim]) -> list[CheckedClaim]:
    """Every claim, in the order given, with its verdict in this run."""
    cells = {cell.key: cell for cell in run.cells if cell.status == "measured"}
    asked = {(claim.quantity, quotient) for claim in claims for quotient in claim.quotients}
    measured: dict[tuple[Quantity, Quotient], Levels] = {}
    found: dict[tuple[Quantity, Quotient], tuple[float, Interval | None]] = {}
    for quantity, quotient in asked:
        if not all(key in cells for key in quotient.keys):
            continue
        if quantity.is_counted:
            size = _size_ratio(quantity, quotient, cells)
            if size is not None:
                found[quantity, quotient] = (size, (size, size))
        elif (logs := _logarithms(quantity, quotient, cells)) is not None:
            measured[quantity, quotient] = logs
    restarted = not run.environment.get("foreign_target")
    found |= _with_intervals(measured, cells, restarted=restarted)
    return [_checked(claim, found) for claim in claims]


def _checked(claim: Claim, found: Mapping[tuple[Quantity, Quotient], tuple[float, Interval | None]]) -> CheckedClaim:
    ratios = tuple(
        CheckedRatio(each, *ratio, verdict_of(ratio[1], claim))
        for each in claim.quotients
        if (ratio := found.get((claim.quantity, each))) is not None
    )
    verdicts = {each.verdict for each in ratios}
    if not verdicts:
        return CheckedClaim(claim, (), NOT_TESTED)
    if "does not hold" in verdicts:
        return CheckedClaim(claim, ratios, "does not hold")
    return CheckedClaim(claim, ratios, "inconclusive" if "inconclusive" in verdicts else "holds")


def _with_intervals(
    measured: Mapping[tuple[Quantity, Quotient], Levels], cells: Mapping[CellKey, Cell], *, restarted: bool
) -> dict[tuple[Quantity, Quotient], tuple[float, Interval | None]]:
    """The ratios with their corrected intervals, which are those of a run with restarts only."""
    confidence = family_confidence(len(measured))
    found: dict[tuple[Quantity, Quotient], tuple[float, Interval | None]] = {}
    for quantity in dict.fromkeys(quantity for quantity, _ in measured):
        quotients = [quotient for each, quotient in measured if each is quantity]
        ratios = family([measured[quantity, each] for each in quotients], [confidence] * len(quotients))
        for quotient, ratio in zip(quotients, ratios, strict=True):
            usable = restarted and ratio.precision is not None
            interval = ratio.corrected if usable else None
            if interval is not None and quantity is Quantity.RATE:
                interval = _bounded(interval, quotient, cells)
            found[quantity, quotient] = (ratio.value, interval)
    return found


def _bounded(interval: Interval, quotient: Quotient, cells: Mapping[CellKey, Cell]) -> Interval:
    """Where the client was the limit, the server's rate may be any higher one, so one end is not known."""
    low, high = interval
    if any(is_bound(cells[key]) for key in quotient.below):
        low = 0.0
    if any(is_bound(cells[key]) for key in quotient.above):
        high = math.inf
    return low, high


def _logarithms(quantity: Quantity, quotient: Quotient, cells: Mapping[CellKey, Cell]) -> Levels | None:
    """The logarithms of the ratio, paired by instance and round; of CPU by instance. None where nothing is paired."""
    above, below = (
        [_by_place(quantity, cells[key].slices) for key in keys] for keys in (quotient.above, quotient.below)
    )
    shared = sorted(set.intersection(*(set(each) for each in (*above, *below))))
    values = [sum(each[place] for each in above) - sum(each[place] for each in below) for place in shared]
    return levels([instance for instance, _ in shared], values)


def _by_place(quantity: Quantity, slices: Slices) -> dict[tuple[int, int], float]:
    if quantity is Quantity.SERVER_CPU:
        return _cpu_by_instance(slices)
    return by_round(slices, THROUGHPUT if quantity is Quantity.RATE else LATENCY)


def _cpu_by_instance(slices: Slices) -> dict[tuple[int, int], float]:
    """The logarithm of the CPU time per successful request, over all slices of an instance without a failure."""
    sums: dict[int, tuple[int, int]] = {}
    for each in slices:
        if each.producer_cpu_ns is not None and each.ok and not each.failed:
            cpu_ns, requests = sums.get(each.instance, (0, 0))
            sums[each.instance] = cpu_ns + each.producer_cpu_ns, requests + each.ok
    return {(instance, 0): math.log(cpu_ns / requests) for instance, (cpu_ns, requests) in sums.items() if cpu_ns}


_SIZES: dict[Quantity, str] = {
    Quantity.MESSAGE: "message_bytes",
    Quantity.COMPRESSED: "compressed_bytes",
    Quantity.WIRE: "wire_bytes",
}
"""Quantities that are counted, and their fields of Sizes."""


def _size_ratio(quantity: Quantity, quotient: Quotient, cells: Mapping[CellKey, Cell]) -> float | None:
    def product(keys: Sequence[CellKey]) -> float | None:
        sizes = [cells[key].bytes for key in keys]
        values = [getattr(each.response, _SIZES[quantity]) for each in sizes if each is not None]
        known = [float(each) for each in values if each]
        return math.prod(known) if len(known) == len(keys) else None

    above, below = product(quotient.above), product(quotient.below)
    return above / below if above and below else None
