"""Numbers as text: one unit for a whole column, three significant digits, intervals in the unit of their value."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bench.results import Estimate, RatioEstimate

DIGITS = 3
EXACT_BELOW = 10_000_000
"""Sizes are counted, not estimated, so they are shown to the byte up to seven digits."""
WHOLE_FROM = 100
"""A mean or median of sizes has a tenth below, which would say nothing above."""
RATIO_DECIMALS_AT_MOST = 5
FAR = 10.0
"""An end of an interval that is this many times larger or smaller than its value is rounded on its own."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`size`: how many of the base unit it holds."""

    symbol: str
    size: float


DURATIONS_NS = (Unit("ns", 1), Unit("µs", 1e3), Unit("ms", 1e6), Unit("s", 1e9))
SIZES_BYTES = (Unit("B", 1), Unit("kB", 1e3), Unit("MB", 1e6), Unit("GB", 1e9))
RATES_BPS = (Unit("bit/s", 1), Unit("kbit/s", 1e3), Unit("Mbit/s", 1e6), Unit("Gbit/s", 1e9))
PER_SECOND = Unit("requests/s", 1)


def chosen(units: Sequence[Unit], values: Iterable[float | None]) -> Unit:
    """The unit, out of some in ascending order, in which the values are easiest to read together.

    It is the largest that does not exceed their geometric mean of smallest and largest, so both ends stay readable.
    """
    known = [value for value in values if value is not None and 0 < value < math.inf]
    if not known:
        return units[0]
    middle = math.sqrt(min(known)) * math.sqrt(max(known))
    return max((unit for unit in units if unit.size <= middle), key=lambda unit: unit.size, default=units[0])


def number(value: float | None, unit: Unit) -> str:
    """A value of the base unit, in `unit`, without its symbol: `153`, `0.264`, `10,800`; empty for None."""
    return "" if value is None else significant(value / unit.size)


def significant(value: float) -> str:
    """Three significant digits, thousands apart, and an exponent only for very small and very large values."""
    if value == 0:
        return "0"
    if not 1e-6 <= abs(value) < 1e12:
        return f"{value:.{DIGITS - 1}e}"
    return _rounded(value, _decimals(value))


def estimate(found: Estimate | None, unit: Unit) -> str:
    """`153 (140–207)`; the value alone where no interval is known; empty for None."""
    if found is None:
        return ""
    return number(found.value, unit) + _parenthesis(found.low, found.high, unit, found.value)


def difference(found: Estimate | None, unit: Unit) -> str:
    """`+118 (+115 to +121)`; empty for None."""
    if found is None:
        return ""
    text = signed(found.value, unit)
    if found.low is None or found.high is None:
        return f"{text} (no interval)"
    return f"{text} ({signed(found.low, unit)} to {signed(found.high, unit)})"


def signed(value: float, unit: Unit) -> str:
    """`+118`, `−3.2`."""
    return f"{sign(value)}{number(abs(value), unit)}"


def sign(value: float) -> str:
    """Before the absolute value of a difference; empty for 0."""
    return "−" if value < 0 else "+" if value > 0 else ""


def bound(text: str, *, is_bound: bool) -> str:
    """The text of a value, marked where the true one may be larger: `≥ 5,720`."""
    return f"≥ {text}" if text and is_bound else text


def with_symbol(found: Estimate, unit: Unit) -> str:
    """Within a sentence: `153 µs (140–207)`."""
    return f"{number(found.value, unit)} {unit.symbol}{_parenthesis(found.low, found.high, unit, found.value)}"


def byte_unit(values: Iterable[float | None]) -> Unit:
    """The unit of a column of sizes: bytes, unless one has more than seven digits."""
    known = [value for value in values if value is not None]
    return SIZES_BYTES[0] if max(known, default=0) < EXACT_BELOW else chosen(SIZES_BYTES, known)


def size(value: float | None, unit: Unit) -> str:
    """A size in `unit`: whole bytes, or three digits of something larger; empty for None."""
    if value is None:
        return ""
    if unit.size > 1:
        return number(value, unit)
    return f"{value:,.0f}" if value == round(value) or value >= WHOLE_FROM else f"{value:,.1f}"


def ratio(found: RatioEstimate) -> str:
    """`2.88 (2.26–3.67)`: the corrected interval."""
    return f"{ratio_value(found)}{ratio_interval(found)}"


def ratio_value(found: RatioEstimate) -> str:
    """The ratio alone, with as many decimals as its interval needs."""
    return _as_ratio(found.value, _ratio_decimals(found))


def factor(value: float) -> str:
    """A ratio at a glance: `2.5×`, `11×`, `0.86×`, `1.04×`: two digits, and as many as distinguish it from 1."""
    decimals = 0 if value >= 9.95 else 1 if value >= 1.095 else 2
    while decimals < RATIO_DECIMALS_AT_MOST and value not in (0, 1) and round(value, decimals) in (0, 1):
        decimals += 1
    return f"{_as_ratio(value, decimals)}×"


def factors(values: Sequence[float]) -> str:
    """The range of some ratios: `1.4–2.2×`, or `1.7×` where they look alike."""
    low, high = factor(min(values)), factor(max(values))
    return low if low == high else f"{low.removesuffix('×')}–{high}"


def inverse(found: RatioEstimate) -> RatioEstimate:
    """The reciprocal of a positive ratio, with its intervals turned round; an end at 0 has no reciprocal."""

    def of(end: float | None) -> float | None:
        return 1 / end if end else None

    return replace(
        found,
        value=1 / found.value,
        low=of(found.high),
        high=of(found.low),
        low_95=of(found.high_95),
        high_95=of(found.low_95),
    )


def ratio_interval(found: RatioEstimate) -> str:
    """` (2.26–3.67)`, or that it is unknown."""
    if found.low is None or found.high is None:
        return " (no interval)"
    decimals = _ratio_decimals(found)
    ends = [
        _as_ratio(end, decimals) if found.value / FAR < end < found.value * FAR else significant(end)
        for end in (found.low, found.high)
    ]
    return f" ({ends[0]}–{ends[1]})"


def change(before: float, after: float) -> str:
    """By how much something grew or shrank: `−54 %`, `+3.1 %`."""
    if not before:
        return "from nothing"
    share = (after / before - 1) * 100
    text = f"{abs(share):.0f}" if abs(share) >= 10 else f"{abs(share):.1f}"
    return f"{'−' if share < 0 else '+'}{text} %"


def _ratio_decimals(found: RatioEstimate) -> int:
    """Enough that no end of the interval is rounded onto 1, because that is where the verdict is decided."""
    decimals = max(0, min(RATIO_DECIMALS_AT_MOST, _decimals(found.value))) if found.value > 0 else 2
    ends = [end for end in (found.low, found.high) if end is not None and end != 1]
    while decimals < RATIO_DECIMALS_AT_MOST and any(round(end, decimals) == 1 for end in ends):
        decimals += 1
    return decimals


def _as_ratio(value: float, decimals: int) -> str:
    return _rounded(value, decimals) if 1e-3 <= value < 1e4 else significant(value)


def _parenthesis(low: float | None, high: float | None, unit: Unit, value: float) -> str:
    if low is None or high is None:
        return ""
    ends = (_end(low / unit.size, value / unit.size), _end(high / unit.size, value / unit.size))
    return f" ({ends[0]}–{ends[1]})"


def _end(value: float, beside: float) -> str:
    """An end of an interval, as precise as the value that it belongs to, unless nothing would be left of it."""
    if not 1e-6 <= abs(value) < 1e12 or beside == 0:
        return significant(value)
    text = _rounded(value, _decimals(beside))
    return text if any(digit in text for digit in "123456789") else significant(value)


def _decimals(value: float) -> int:
    """How many decimals make three significant digits; negative left of the point. A carry is taken into account."""
    if math.isinf(value):
        return 0
    decimals = DIGITS - 1 - math.floor(math.log10(abs(value)))
    carried = round(value, decimals)
    return DIGITS - 1 - math.floor(math.log10(abs(carried)))


def _rounded(value: float, decimals: int) -> str:
    return f"{round(value, decimals):,.{max(0, decimals)}f}"
