"""Break-evens of known lines: always, never, open intervals, and what the interval of a break-even covers."""

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.model.break_even import (
    EVERYWHERE,
    INCONCLUSIVE,
    NOWHERE,
    BreakEven,
    payload_break_even,
    rate_break_even,
    round_trip_break_even,
)
from bench.results import Estimate
from bench.stats.estimates import Interval


def test_fewer_bits_are_faster_below_a_rate() -> None:
    # 4,000 bits fewer for 50 µs: 80 Mbit/s.
    assert rate_break_even(50_000, (40_000, 62_500), -4_000) == BreakEven(
        "below", Estimate(value=80e6, low=64e6, high=100e6)
    )


def test_more_bits_are_faster_above_a_rate() -> None:
    assert rate_break_even(-50_000, (-62_500, -40_000), 4_000) == BreakEven(
        "above", Estimate(value=80e6, low=64e6, high=100e6)
    )


@pytest.mark.parametrize(
    ("fixed_ns", "interval_ns", "more_bits", "found"),
    [
        (-10, (-20, -5), -4_000, EVERYWHERE),
        (10, (5, 20), 4_000, NOWHERE),
        (-10, (-20, -5), 0, EVERYWHERE),
        (10, (5, 20), 0, NOWHERE),
        (0, (-5, 5), 0, INCONCLUSIVE),
        (-10, (-20, 0), -4_000, EVERYWHERE),
        (10, (0, 20), 4_000, NOWHERE),
    ],
)
def test_always_and_never(
    fixed_ns: float, interval_ns: tuple[float, float], more_bits: float, found: BreakEven
) -> None:
    assert rate_break_even(fixed_ns, interval_ns, more_bits) == found


def test_an_interval_that_includes_0_has_an_open_end() -> None:
    found = rate_break_even(10_000, (-10_000, 40_000), -4_000)
    assert found == BreakEven("below", Estimate(value=400e6, low=100e6, high=None))
    assert rate_break_even(-10_000, (-30_000, 40_000), -4_000) == BreakEven(
        "below", Estimate(value=math.inf, low=100e6, high=None)
    )
    assert rate_break_even(10_000, (-40_000, 30_000), 4_000) == BreakEven(
        "above", Estimate(value=math.inf, low=100e6, high=None)
    )


def test_round_trips_break_even_at_a_time() -> None:
    assert round_trip_break_even(3e6, (2e6, 4e6), -2) == BreakEven("above", Estimate(value=1.5e6, low=1e6, high=2e6))
    assert round_trip_break_even(-3e6, (-4e6, -2e6), 1) == BreakEven("below", Estimate(value=3e6, low=2e6, high=4e6))


@given(
    st.floats(-1e9, 1e9),
    st.floats(0, 1e6),
    st.floats(-1e7, 1e7).filter(lambda bits: abs(bits) > 1),
    st.floats(1e3, 1e11),
)
@example(-5e-324, 0.0, 2.0, 1e3)
def test_outside_the_interval_of_a_break_even_one_is_faster(
    fixed_ns: float, reach: float, more_bits: float, rate: float
) -> None:
    found = rate_break_even(fixed_ns, (fixed_ns - reach, fixed_ns + reach), more_bits)
    gap_ns = fixed_ns + more_bits * 1e9 / rate
    if found.kind in ("always", "never"):
        assert gap_ns <= 1e-3 if found.kind == "always" else gap_ns >= -1e-3
        return
    assert found.at is not None
    below, above = found.at.low is not None and rate < found.at.low, found.at.high is not None and rate > found.at.high
    if below or above:
        faster = below == (found.kind == "below")
        assert gap_ns <= 1e-3 if faster else gap_ns >= -1e-3


def line(fixed_ns: float, ns_per_byte: float, reach_ns: float) -> Callable[[float], tuple[float, Interval]]:
    """A gap that is linear in the payload, with an interval of `reach_ns` to either side."""

    def gap(payload: float) -> tuple[float, Interval]:
        value = fixed_ns + ns_per_byte * payload
        return value, (value - reach_ns, value + reach_ns)

    return gap


@pytest.mark.parametrize(("sign", "kind"), [(1, "below"), (-1, "above")])
def test_a_gap_is_0_at_a_break_even_payload(sign: int, kind: str) -> None:
    found = payload_break_even(line(-10_000 * sign, 2.0 * sign, 1_000), 100, 100_000)
    assert found is not None
    assert found.kind == kind
    assert found.at is not None
    assert (found.at.value, found.at.low, found.at.high) == pytest.approx((5_000, 4_500, 5_500))


@pytest.mark.parametrize(
    ("gap", "found"),
    [
        (line(-10_000, 0.01, 100), EVERYWHERE),
        (line(10_000, 0.01, 100), NOWHERE),
        (line(10, 0.0, 100), INCONCLUSIVE),
        (lambda payload: (math.sin(payload), (-1.0, 1.0)), INCONCLUSIVE),
        (lambda payload: None, None),
    ],
)
def test_a_payload_break_even_may_be_always_never_or_inconclusive(
    gap: Callable[[float], tuple[float, Interval] | None], found: BreakEven | None
) -> None:
    assert payload_break_even(gap, 100, 10_000) == found


def test_a_gap_that_is_never_significant_has_an_open_interval() -> None:
    found = payload_break_even(line(-10_000, 2.0, 9_900), 100, 7_000)
    assert found is not None
    assert found.at is not None
    assert found.at.value == pytest.approx(5_000)
    assert (found.at.low, found.at.high) == (None, None)
