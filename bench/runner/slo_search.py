"""Objectives, such as `p99<20ms`, and the search for the highest rate that meets them. Pure.

The search first brackets the answer, by doubling from a guess or by ever larger steps down. Then it narrows the bracket
by its geometric mean. Then the lower end has to be met again, twice. A disturbance of the machine can make a probe
fail, but not succeed: so a rate is missed only when it was missed twice, and one that was met by luck is found out when
it is confirmed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
UNITS_NS: Mapping[str, float] = {"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
ERRORS = "errors"
SAMPLES_BEYOND = 10
"""A percentile needs so many responses beyond it."""
_FORM = re.compile(r"\s*(\S+?)\s*<\s*(\d+(?:\.\d+)?)\s*(\S+)\s*")


class BadObjective(ValueError):
    """A text that is not an objective. The message says what would be one."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`measure` has to stay below `limit`: nanoseconds for a percentile, a share for `errors`."""

    measure: str
    limit: float
    text: str

    @property
    def samples_needed(self) -> int:
        """How many responses are needed to decide whether it was met."""
        quantile = QUANTILES.get(self.measure, 0.0)
        if quantile == 1.0:
            return SAMPLES_BEYOND
        return round(SAMPLES_BEYOND / (min(self.limit, 1.0) if self.measure == ERRORS else 1 - quantile))

    def implied_by(self, other: "Objective") -> bool:
        """Whether it is met whenever the other one is."""
        if ERRORS in (self.measure, other.measure):
            return self.measure == other.measure and self.limit >= other.limit
        return QUANTILES[self.measure] <= QUANTILES[other.measure] and self.limit >= other.limit

    def missed_by(self, latency_ns: Mapping[str, float], error_share: float) -> str | None:
        """How it was missed, in words; None where it was met. `latency_ns`: by the names in QUANTILES."""
        if self.measure == ERRORS:
            return None if error_share < self.limit else f"{error_share * 100:.2g} % errors"
        found_ns = latency_ns.get(self.measure)
        if found_ns is None:
            return "no request was successful"
        return None if found_ns < self.limit else f"{self.measure} {found_ns / 1e6:.3g} ms"


def parse(text: str) -> Objective:
    """The objective in a text such as `p99<20ms` or `errors<0.1%`. Raises BadObjective."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadObjective(f"{text!r} is not like 'p99<20ms' or 'errors<0.1%'")
    measure, number, unit = found.groups()
    if float(number) == 0:
        raise BadObjective(f"{text!r}: the limit must be above 0")
    if measure == ERRORS and unit == "%":
        if float(number) > 100:
            raise BadObjective(f"{text!r}: there are never more than 100% errors")
        return Objective(measure, float(number) / 100, f"{measure}<{number}%")
    if measure in QUANTILES and unit in UNITS_NS:
        return Objective(measure, float(number) * UNITS_NS[unit], f"{measure}<{number}{unit}")
    raise BadObjective(f"{text!r} names none of {', '.join(QUANTILES)} with us, ms or s, nor errors with %")


def without_effect(objectives: Sequence[Objective], timeout_s: float) -> str | None:
    """Why one of them can never be missed while the others are met, in words; None where each can be."""
    for one in objectives:
        if one.measure != ERRORS and one.limit > timeout_s * 1e9:
            return f"{one.text} is met by every response within the timeout of {timeout_s:g} s; use a longer --timeout"
        for other in objectives:
            if other is not one and one.implied_by(other):
                return f"{one.text} has no effect beside {other.text}; leave it out"
    return None


def missed(objectives: Sequence[Objective], latency_ns: Mapping[str, float], error_share: float) -> str | None:
    """How the first one that was missed was missed, in words; None where all were met."""
    return next((why for one in objectives if (why := one.missed_by(latency_ns, error_share)) is not None), None)


LOWEST_HZ = 5.0
HIGHEST_HZ = 1_000_000.0
PRECISION = 1.05
"""The bracket is narrow enough when its ends differ by this factor."""
CONFIRMATIONS = 2


@dataclass(slots=True)
class RateSearch:
    """Try `next_rate` and `record` whether it was met, until there is no next rate."""

    guess_hz: float
    met_hz: float | None = None
    """The highest rate known to be met."""
    missed_hz: float | None = None
    """The lowest rate known to be missed."""
    confirmed: int = 0
    """How often `met_hz` was met again since the bracket was narrow."""
    probes: list[tuple[float, bool]] = field(default_factory=list)
    _missed_once: bool = False

    def __post_init__(self) -> None:
        self.guess_hz = min(max(self.guess_hz, LOWEST_HZ), HIGHEST_HZ)

    def next_rate(self) -> float | None:
        """The rate to try, or None when the answer is known: `met_hz`, or that there is none."""
        if self.met_hz is None:
            if self.missed_hz is None:
                return self.guess_hz
            # What is missed far below the guess seldom depends on the rate, so the lowest rate is tried soon.
            step = self.guess_hz / self.missed_hz * 2
            return max(self.missed_hz / step, LOWEST_HZ) if self.missed_hz > LOWEST_HZ else None
        if self.missed_hz is None:
            if self.met_hz < HIGHEST_HZ:
                return min(self.met_hz * 2, HIGHEST_HZ)
        elif self.missed_hz / self.met_hz > PRECISION:
            return float((self.met_hz * self.missed_hz) ** 0.5)
        return self.met_hz if self.confirmed < CONFIRMATIONS else None

    def record(self, rate_hz: float, *, met: bool) -> None:
        """Whether the rate that `next_rate` returned was met."""
        self.probes.append((rate_hz, met))
        if not met and not self._missed_once:
            self._missed_once = True
            return
        self._missed_once = False
        if met and rate_hz == self.met_hz:
            self.confirmed += 1
        elif met:
            self.met_hz, self.confirmed = rate_hz, 0
        elif rate_hz == self.met_hz:
            # It was met by luck: step down, and confirm that instead.
            self.missed_hz, self.confirmed = rate_hz, 0
            self.met_hz = None if rate_hz <= LOWEST_HZ else max(rate_hz / PRECISION, LOWEST_HZ)
        else:
            self.missed_hz = rate_hz
