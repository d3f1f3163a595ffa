"""Open-loop schedules depend on the seed only, and have the requested rate."""

from itertools import pairwise
from statistics import mean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.open_loop import due_offsets_ns


def test_constant_arrivals_are_equally_far_apart() -> None:
    assert list(due_offsets_ns(4, 1_000_000_000, "constant", "any")) == [0, 250_000_000, 500_000_000, 750_000_000]


def test_poisson_arrivals_have_the_rate_and_the_spread_of_the_exponential() -> None:
    offsets = list(due_offsets_ns(1000, 100_000_000_000, "poisson", "seed"))
    gaps = [later - earlier for earlier, later in pairwise(offsets)]
    assert len(offsets) == pytest.approx(100_000, rel=0.02)
    assert mean(gaps) == pytest.approx(1e6, rel=0.02)
    assert pstdev(gaps) == pytest.approx(mean(gaps), rel=0.02)


def test_the_schedule_depends_on_the_seed_only() -> None:
    def offsets(seed: str) -> list[int]:
        return list(due_offsets_ns(500, 1_000_000_000, "poisson", seed))

    assert offsets("a") == offsets("a")
    assert offsets("a") != offsets("b")


@given(
    rate_hz=st.floats(0.1, 10_000),
    duration_ns=st.integers(1, 200_000_000),
    arrivals=st.sampled_from(["poisson", "constant"]),
)
def test_offsets_ascend_within_the_slice(rate_hz: float, duration_ns: int, arrivals: str) -> None:
    offsets = list(due_offsets_ns(rate_hz, duration_ns, "constant" if arrivals == "constant" else "poisson", "s"))
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= duration_ns for offset in offsets)
