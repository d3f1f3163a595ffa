"""What each worker sends: together it is the whole load."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from bench.cluster.parts import parts_of, seed_of
from bench.load.open_loop import due_offsets_ns
from bench.load_models import ClosedLoad, Load, OpenLoad

SECOND_NS = 1_000_000_000


def concurrencies(parts: Sequence[Load | None]) -> list[int]:
    return [part.concurrency if isinstance(part, ClosedLoad) else 0 for part in parts]


@pytest.mark.parametrize(
    ("concurrency", "workers", "parts"),
    [(16, 3, [6, 5, 5]), (3, 3, [1, 1, 1]), (2, 3, [1, 1, 0]), (1, 3, [1, 0, 0]), (7, 1, [7])],
)
def test_a_concurrency_is_divided_in_whole_requests(concurrency: int, workers: int, parts: list[int]) -> None:
    assert concurrencies(parts_of(ClosedLoad(concurrency=concurrency), workers)) == parts


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_nothing_of_a_concurrency_is_lost_and_no_worker_has_two_more_than_another(number: int, workers: int) -> None:
    parts = concurrencies(parts_of(ClosedLoad(concurrency=number), workers))
    assert len(parts) == workers
    assert sum(parts) == number
    assert max(parts) - min(parts) <= 1


def test_a_rate_that_does_not_divide_evenly_keeps_its_sum() -> None:
    parts = [part for part in parts_of(OpenLoad(rate_hz=100), 3) if isinstance(part, OpenLoad)]
    assert sum(part.rate_hz for part in parts) == pytest.approx(100, rel=1e-12)
    assert len({part.rate_hz for part in parts}) == 1


@pytest.mark.parametrize("workers", [3, 100])
def test_the_arrivals_of_all_workers_are_a_poisson_process_at_the_whole_rate(workers: int) -> None:
    rate_hz, seconds = 1000.0, 20
    (part, *_) = parts_of(OpenLoad(rate_hz=rate_hz), workers)
    assert isinstance(part, OpenLoad)
    due_ns = np.sort(
        np.concatenate(
            [
                list(due_offsets_ns(part.rate_hz, seconds * SECOND_NS, "poisson", seed_of("1/get", worker)))
                for worker in range(workers)
            ]
        )
    )
    expected = rate_hz * seconds
    assert abs(len(due_ns) - expected) < 4 * expected**0.5
    gaps_s = np.diff(due_ns) / SECOND_NS
    assert stats.kstest(gaps_s, "expon", args=(0, 1 / rate_hz)).pvalue > 1e-3
    # In a Poisson process the number in one interval says nothing of the number in the next, and varies as much as its
    # mean: with one seed for all workers it would vary by as many times more as there are workers.
    counts = np.histogram(due_ns, bins=200, range=(0, seconds * SECOND_NS))[0]
    assert stats.kstest(np.sqrt(counts), "norm", args=(np.sqrt(expected / 200), 0.5)).pvalue > 1e-3


def test_workers_have_different_arrivals_and_the_same_ones_again() -> None:
    first, second, again = (
        list(due_offsets_ns(100, SECOND_NS, "poisson", seed_of("1/get", worker))) for worker in (0, 1, 0)
    )
    assert first == again
    assert not set(first) & set(second)
