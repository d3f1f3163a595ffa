"""The smallest detectable change is detected as often as it says, and reasons of inconclusive verdicts."""

import math

import numpy as np
import pytest

from bench.stats.detection import ENOUGH_INSTANCES, MORE, POWER, Precision, undecided
from bench.stats.standard_error import student_t

CONFIDENCE = 0.999


def precision(error: float, instances: int = 12, confidence: float = CONFIDENCE) -> Precision:
    half = float(student_t(instances - 1, confidence)) * error
    return Precision(error, instances - 1, half, confidence, instances)


def test_a_change_of_the_detectable_size_is_detected_nine_times_in_ten() -> None:
    rng, runs, instances = np.random.default_rng(1), 4000, 12
    error = 0.01 / math.sqrt(instances)
    change = precision(error).detectable_change
    assert change is not None
    found = rng.normal(math.log1p(change), 0.01, (runs, instances))
    half = float(student_t(instances - 1, CONFIDENCE)) * found.std(axis=1, ddof=1) / math.sqrt(instances)
    assert float(np.mean(found.mean(axis=1) - half > 0)) == pytest.approx(POWER, abs=0.04)


def test_a_change_without_a_useful_size_is_left_out() -> None:
    assert precision(2.0, instances=2).detectable_change is None
    assert precision(0.0).detectable_change == 0.0


@pytest.mark.parametrize(
    ("ratio", "error", "reason"),
    [
        (1.0, 0.008, "too_few"),  # now ±3.6 %, with four times the instances ±1.4 %
        (1.0, 0.05, "too_noisy"),
        (1.2, 0.05, "too_few"),  # far from 1: a wide interval is enough
        (1.03, 0.05, "too_noisy"),
    ],
)
def test_too_few_is_what_four_times_the_length_would_settle(ratio: float, error: float, reason: str) -> None:
    found = precision(error)
    assert undecided(ratio, found, restarted=True) == reason
    longer = precision(error / math.sqrt(MORE), instances=12 * MORE)
    settled = longer.half_width <= max(abs(math.log(ratio)), math.log(1.03) - abs(math.log(ratio)))
    assert settled is (reason == "too_few")


def test_a_few_instances_are_too_few_whatever_their_spread() -> None:
    assert undecided(1.0, precision(0.5, ENOUGH_INSTANCES - 1), restarted=True) == "too_few"
    assert undecided(1.0, precision(0.5, ENOUGH_INSTANCES), restarted=True) == "too_noisy"
    assert undecided(1.0, None, restarted=True) == "too_few"
    assert undecided(0.0, precision(0.5), restarted=True) == "too_few"
    assert undecided(1.0, precision(0.5), restarted=False) == "not_restarted"
