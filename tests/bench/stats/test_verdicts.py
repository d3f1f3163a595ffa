"""Verdicts follow from intervals alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results import Verdict
from bench.stats.verdicts import FAMILY_ERROR, confidences, family_confidence, verdict


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.80, 0.90, "faster"),
        (1.10, 1.20, "slower"),
        (0.98, 1.02, "same"),
        (0.98, 1.04, "inconclusive"),
        (0.90, 1.10, "inconclusive"),
        (1.01, 1.02, "slower"),
        (0.985, 0.995, "faster"),
        (1.0, 1.02, "same"),
        (None, None, "inconclusive"),
        (0.5, None, "inconclusive"),
    ],
)
def test_latency(low: float | None, high: float | None, expected: Verdict) -> None:
    assert verdict(low, high) == expected


def test_more_requests_per_second_are_faster() -> None:
    assert verdict(1.1, 1.2, lower_is_better=False) == "faster"
    assert verdict(0.8, 0.9, lower_is_better=False) == "slower"


def test_without_restarts_every_verdict_is_inconclusive() -> None:
    assert verdict(0.5, 0.6, restarted=False) == "inconclusive"


MIRRORED = {"faster": "slower", "slower": "faster", "same": "same", "inconclusive": "inconclusive"}


@given(st.floats(0.5, 2.0), st.floats(1.0, 1.5))
def test_swapping_the_sides_swaps_the_verdict(low: float, factor: float) -> None:
    # The ends themselves are excluded: rounding may move 1 / x across them.
    if any(abs(end * edge - 1) < 1e-9 for end in (low, low * factor) for edge in (1, 1.03, 1 / 1.03)):
        return
    assert verdict(1 / (low * factor), 1 / low) == MIRRORED[verdict(low, low * factor)]


def test_the_family_error_is_split_between_all_verdicts() -> None:
    assert family_confidence(1) == pytest.approx(0.99)
    assert family_confidence(10) == pytest.approx(0.999)
    found = confidences([True, True, False, False, False])
    assert sum(1 - confidence for confidence in found) == pytest.approx(FAMILY_ERROR)
    assert found[0] == pytest.approx(1 - FAMILY_ERROR / 4)
    assert confidences([False, False]) == pytest.approx([0.995, 0.995])
    assert confidences([]) == []
