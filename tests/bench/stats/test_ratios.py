"""Ratios: pairing, both levels, and how often a difference is reported where there is none."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.results import Cell
from bench.slices import Slices
from bench.stats.estimates import LATENCY, THROUGHPUT, Levels
from bench.stats.ratios import Baseline, PairedRatio, family, paired, ratios_of
from bench.stats.verdicts import confidences
from tests.bench.stats.noise import matrix, slices_of


def one(logs: Levels | None, confidence: float = 0.99) -> PairedRatio:
    assert logs is not None
    return family([logs], [confidence])[0]


def test_pairs_share_instance_and_round() -> None:
    baseline = Slices.of(instance=[0, 0, 1, 1], round=[0, 1, 0, 1], p50_ns=[100.0, 10.0, 1.0, 5.0])
    cell = Slices.of(instance=[1, 0, 0, 1], round=[1, 1, 0, 0], p50_ns=[10.0, 20.0, 200.0, 2.0])
    found = one(paired(cell, baseline, LATENCY))
    assert found.value == pytest.approx(2.0)
    assert found.precision is not None
    assert found.precision.instances == 2


def test_a_slice_missing_on_one_side_drops_the_pair() -> None:
    baseline = Slices.of(instance=[0, 0, 0], round=[0, 1, 2], p50_ns=[100.0, None, 100.0])
    cell = Slices.of(instance=[0, 0, 0], round=[0, 1, 3], p50_ns=[300.0, 9.0, 9.0])
    assert one(paired(cell, baseline, LATENCY)).value == pytest.approx(3.0)
    assert paired(cell, Slices(), LATENCY) is None


def test_throughput_is_successful_requests_over_time() -> None:
    baseline = Slices.of(instance=[0], round=[0], p50_ns=[None], ok=[10], duration_ns=[1_000_000])
    cell = Slices.of(instance=[0], round=[0], p50_ns=[None], ok=[10], duration_ns=[2_000_000])
    assert one(paired(cell, baseline, THROUGHPUT)).value == pytest.approx(0.5)


def test_one_instance_has_no_verdict() -> None:
    rng = np.random.default_rng(1)
    cell, baseline = (slices_of(factor * np.exp(0.01 * rng.standard_normal((1, 60)))) for factor in (2e5, 1e5))
    found = one(paired(cell, baseline, LATENCY))
    assert found.corrected is not None
    assert found.corrected[0] > 1.9
    assert found.estimate(LATENCY, restarted=True).verdict == "inconclusive"


def test_several_instances_without_restarts_have_no_verdict() -> None:
    rng = np.random.default_rng(1)
    cell, baseline = (slices_of(factor * np.exp(0.01 * rng.standard_normal((8, 20)))) for factor in (2e5, 1e5))
    found = one(paired(cell, baseline, LATENCY))
    assert found.estimate(LATENCY, restarted=True).verdict == "slower"
    assert found.estimate(LATENCY, restarted=False).verdict == "inconclusive"


def test_too_few_slices_have_a_value_and_no_interval() -> None:
    found = one(paired(slices_of(np.full((1, 3), 2e5)), slices_of(np.full((1, 3), 1e5)), LATENCY))
    estimate = found.estimate(LATENCY, restarted=True)
    assert estimate.value == pytest.approx(2.0)
    assert (estimate.low, estimate.high, estimate.low_95, estimate.high_95) == (None, None, None, None)


def test_the_corrected_interval_contains_the_plain_one() -> None:
    rng = np.random.default_rng(2)
    logs = [
        paired(slices_of(np.exp(rng.normal(12, 0.1, (g, 9)))), slices_of(np.exp(rng.normal(12, 0.1, (g, 9)))), LATENCY)
        for g in (2, 2, 2, 2, 2, 5, 5, 5, 5, 5)
    ]
    found = family([each for each in logs if each is not None], [0.99] * 10)
    for ratio in found:
        assert ratio.corrected is not None
        assert ratio.plain_95 is not None
        assert ratio.corrected[0] <= ratio.plain_95[0] < ratio.value < ratio.plain_95[1] <= ratio.corrected[1]
    assert [ratio.precision.instances for ratio in found if ratio.precision] == [2] * 5 + [5] * 5


def medians_of(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Levels:
    return Levels(tuple(range(values.size)), tuple(values[:, None]), values)


@pytest.mark.no_cover
@pytest.mark.parametrize(("instances", "wide"), [(5, 3.0), (6, 1.0), (8, 1.0), (12, 0.5)])
def test_equal_cells_have_a_difference_in_at_most_one_run_of_a_hundred(instances: int, wide: float) -> None:
    """A default run: three protocols, eight cells each, an effect of every restart, some cells noisier."""
    rng, runs, wrong, held, intervals = np.random.default_rng(7), 500, 0, 0, 0
    noise = 0.01 * np.exp(wide * 0.4 * rng.standard_normal((3, 8)))
    for _ in range(runs):
        process = 0.008 * rng.standard_normal((instances, 3, 1))
        cells = process + noise * rng.standard_normal((instances, 3, 8))
        headline = [cells[:, p, c] - cells[:, 0, c] for p in (1, 2) for c in range(8)]
        others = [cells[:, p, c] - cells[:, 0, c - c % 4] for p in range(3) for c in range(8) if c % 4]
        shares = confidences([True] * len(headline) + [False] * len(others))
        found = [
            *family([medians_of(values) for values in headline], shares[: len(headline)]),
            *family([medians_of(values) for values in others], shares[len(headline) :]),
        ]
        verdicts = [ratio.estimate(LATENCY, restarted=True).verdict for ratio in found]
        wrong += "faster" in verdicts or "slower" in verdicts
        held += sum(ratio.plain_95 is not None and ratio.plain_95[0] <= 1 <= ratio.plain_95[1] for ratio in found)
        intervals += len(found)
    assert wrong / runs <= 0.01
    assert 0.93 <= held / intervals <= 0.97


@pytest.mark.parametrize("noise_of_others", [0.001, 0.2])
def test_headline_intervals_do_not_depend_on_the_noise_of_other_ratios(noise_of_others: float) -> None:
    rng = np.random.default_rng(3)

    def noisy(cells: Sequence[Cell], noise: float, rounds: int) -> list[Cell]:
        return [replace(cell, slices=slices_of(2e5 * np.exp(rng.normal(0, noise, (8, rounds))))) for cell in cells]

    headline = noisy(matrix(), 0.01, 20)
    others = noisy([replace(cell, id=f"{cell.id}-raw", client="raw") for cell in matrix()], noise_of_others, 3)
    alone, together = (ratios_of(cells, Baseline("alpha"), restarts=True) for cells in (headline, headline + others))
    of_alpha = [cell for cell in headline if cell.protocol != "alpha"]
    assert len(of_alpha) == 16
    for cell in of_alpha:
        precise, beside = alone[cell.id].to_baseline, together[cell.id].to_baseline
        assert precise is not None
        assert beside is not None
        assert precise.latency_ns_p50 == beside.latency_ns_p50


COLUMN = st.lists(st.floats(1e3, 1e9), min_size=12, max_size=12)


@settings(max_examples=40)
@given(COLUMN, COLUMN)
def test_swapping_cell_and_baseline_inverts_the_ratio(above: list[float], below: list[float]) -> None:
    cell, baseline = (slices_of(np.asarray(values).reshape(3, 4)) for values in (above, below))
    there, back = one(paired(cell, baseline, LATENCY)), one(paired(baseline, cell, LATENCY))
    assert there.value == pytest.approx(1 / back.value)
    assert there.corrected is not None
    assert back.corrected is not None
    # Compared as logarithms: two instances that disagree wildly overflow otherwise.
    assert np.log(there.corrected[0] + 1e-300) == pytest.approx(-np.log(back.corrected[1]), abs=1e-6, rel=1e-6)


@settings(max_examples=40)
@given(COLUMN, st.permutations(range(12)))
def test_the_order_of_slices_does_not_matter(values: list[float], order: list[int]) -> None:
    cell, baseline = slices_of(np.asarray(values).reshape(3, 4)), slices_of(np.full((3, 4), 1e5))
    shuffled = Slices.of(
        instance=[cell.instance[index] for index in order],
        round=[cell.round[index] for index in order],
        p50_ns=[cell.p50_ns[index] for index in order],
    )
    assert one(paired(shuffled, baseline, LATENCY)) == one(paired(cell, baseline, LATENCY))
