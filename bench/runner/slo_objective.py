"""What a service promises: `p99<20ms`, `errors<0.1%`. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
UNITS_NS: Mapping[str, float] = {"us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
ERRORS = "errors"
SAMPLES_BEYOND = 10
"""As many answers as this should lie beyond a quantile for it to be told."""
_FORM = re.compile(r"\s*(\S+?)\s*<\s*(\d+(?:\.\d+)?)\s*(\S+)\s*")


class BadObjective(ValueError):
    """A text that promises nothing the lab can test. The message says what would do."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`measure` has to stay below `limit`: nanoseconds for a quantile, a share for `errors`."""

    measure: str
    limit: float
    text: str

    @property
    def samples_needed(self) -> int:
        """Answers that it takes to tell whether it was met."""
        quantile = QUANTILES.get(self.measure, 0.0)
        if quantile == 1.0:
            return SAMPLES_BEYOND
        return round(SAMPLES_BEYOND / (min(self.limit, 1.0) if self.measure == ERRORS else 1 - quantile))

    def missed_by(self, latency_ns: Mapping[str, float], error_share: float) -> str | None:
        """What broke the promise, in words; None where it was kept. `latency_ns`: by the names in QUANTILES."""
        if self.measure == ERRORS:
            return None if error_share < self.limit else f"{error_share * 100:.2g} % errors"
        found_ns = latency_ns.get(self.measure)
        if found_ns is None:
            return "nothing was answered"
        return None if found_ns < self.limit else f"{self.measure} {found_ns / 1e6:.3g} ms"


def parse(text: str) -> Objective:
    """The objective in a text such as `p99<20ms` or `errors<0.1%`. Raises BadObjective."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadObjective(f"{text!r} is not like 'p99<20ms' or 'errors<0.1%'")
    measure, number, unit = found.groups()
    if float(number) == 0:
        raise BadObjective(f"{text!r}: nothing stays below 0")
    if measure == ERRORS and unit == "%":
        return Objective(measure, float(number) / 100, f"{measure}<{number}%")
    if measure in QUANTILES and unit in UNITS_NS:
        return Objective(measure, float(number) * UNITS_NS[unit], f"{measure}<{number}{unit}")
    raise BadObjective(f"{text!r} names none of {', '.join(QUANTILES)} with us, ms or s, nor errors with %")


def missed(objectives: Sequence[Objective], latency_ns: Mapping[str, float], error_share: float) -> str | None:
    """The first promise that was broken, in words; None where all were kept."""
    return next((why for one in objectives if (why := one.missed_by(latency_ns, error_share)) is not None), None)
