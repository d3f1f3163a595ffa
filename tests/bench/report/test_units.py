"""Numbers as text."""

import pytest

from bench.report import units
from bench.report.units import DURATIONS_NS, PER_SECOND, SIZES_BYTES, Unit
from bench.results import Estimate
from tests.support.runs import ratio_estimate

NS, US, MS, S = DURATIONS_NS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "1.00"),
        (153.343, "153"),
        (0.26399, "0.264"),
        (9.999, "10.0"),
        (99.96, "100"),
        (999.6, "1,000"),
        (10839, "10,800"),
        (1234567, "1,230,000"),
        (-12.345, "-12.3"),
        (0.0000123, "0.0000123"),
        (1e-9, "1.00e-09"),
        (1.5e33, "1.50e+33"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert units.significant(value) == text


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        ([150e3, 529e3], US),
        ([150e3, 3819e3], US),
        ([264e3, 12e6], MS),
        ([12.0], NS),
        ([0.5], NS),
        ([5e9, 7e9], S),
        ([None, 0, -3.0], NS),
        ([1e-300, 1e300], NS),
        ([], NS),
    ],
)
def test_one_unit_for_a_column(values: list[float | None], unit: Unit) -> None:
    assert units.chosen(DURATIONS_NS, values) is unit


def test_an_interval_has_the_unit_and_the_decimals_of_its_value() -> None:
    assert units.estimate(Estimate(value=153343, low=140415, high=207487), US) == "153 (140–207)"
    assert units.estimate(Estimate(value=2.478e6, low=2.25e6, high=14.9e6), MS) == "2.48 (2.25–14.90)"
    assert units.with_symbol(Estimate(value=1950, low=840, high=4551), PER_SECOND) == "1,950 requests/s (840–4,550)"


def test_an_interval_that_would_round_to_nothing_keeps_its_digits() -> None:
    assert units.estimate(Estimate(value=100e3, low=3.0, high=2e5), US) == "100 (0.00300–200)"


def test_unknown_values_are_empty_text() -> None:
    assert units.estimate(None, US) == ""
    assert units.number(None, US) == ""
    assert units.size(None, SIZES_BYTES[0]) == ""
    assert units.estimate(Estimate(value=5e3), US) == "5.00"
    assert units.estimate(Estimate(value=5e3, low=1e3), US) == "5.00"


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 1203.0], ["0", "1,203"]),
        ([1240.5, 27_332.5], ["1,240", "27,332"]),
        ([35.5], ["35.5"]),
        ([9_999_999.0], ["9,999,999"]),
        ([12_345_678.0, 20e6], ["12.3", "20.0"]),
    ],
)
def test_sizes_are_shown_to_the_byte_up_to_seven_digits(values: list[float], texts: list[str]) -> None:
    unit = units.byte_unit(values)
    assert [units.size(value, unit) for value in values] == texts


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (2.88, 2.26, 3.67, "2.88 (2.26–3.67)"),
        (0.882, 0.524, 1.486, "0.882 (0.524–1.486)"),
        (10.68, 7.96, 14.4, "10.7 (8.0–14.4)"),
        (0.99, 0.98, 0.9996, "0.9900 (0.9800–0.9996)"),
        (1.01, 1.0004, 1.02, "1.0100 (1.0004–1.0200)"),
        (1.0, 1.0, 1.0, "1.00 (1.00–1.00)"),
        (1.5, 0.003, 83.548, "1.50 (0.00300–83.5)"),
        (3.0, 1e-30, 1e30, "3.00 (1.00e-30–1.00e+30)"),
    ],
)
def test_a_ratio_has_enough_digits_to_show_its_verdict(value: float, low: float, high: float, text: str) -> None:
    assert units.ratio(ratio_estimate(value, "inconclusive", low, high)) == text


def test_a_ratio_without_an_interval_is_marked() -> None:
    found = ratio_estimate(1.5, "inconclusive")
    without = type(found)(value=1.5, low=None, high=None, low_95=None, high_95=None, verdict="inconclusive")
    assert units.ratio(without) == "1.50 (no interval)"
    assert units.ratio(type(found)(value=0, low=0, high=0, low_95=0, high_95=0, verdict="inconclusive")) == "0 (0–0)"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(1370, 736, "−46 %"), (100, 103.14, "+3.1 %"), (0, 5, "from nothing"), (10, 10, "+0.0 %")],
)
def test_a_change_is_formatted_in_percent(before: float, after: float, text: str) -> None:
    assert units.change(before, after) == text
