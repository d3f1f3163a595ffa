"""What a hop costs, from slices in which it is known."""

import numpy as np
import pytest
from msgspec.structs import replace

from bench.load_models import ClosedLoad
from bench.results import Cell, Estimate, Quantiles
from bench.slices import Slice, Slices
from bench.stats.estimates import LATENCY
from bench.stats.hops import hops
from bench.stats.ratios import paired
from bench.workloads import Workload

INSTANCES, ROUNDS = 6, 40


def cell(front: str, added_ns: float, *, seed: int, concurrency: int = 1) -> Cell:
    """A cell whose machine drifts over rounds and differs from instance to instance, with noise of its own."""
    noise = np.random.default_rng(seed)
    slices = Slices(
        Slice(
            instance=instance,
            round=number,
            started_ns=(instance * ROUNDS + number) * 1_000_000,
            duration_ns=1_000_000,
            ok=10,
            p50_ns=200_000 + 900 * number + 4_000 * instance + added_ns + noise.normal(0, 5_000),
        )
        for instance in range(INSTANCES)
        for number in range(ROUNDS)
    )
    key = Cell(
        id="",
        protocol="http",
        workload=Workload(name="get"),
        load=ClosedLoad(concurrency=concurrency),
        front=front,
        slices=slices,
        latency_ns=Quantiles(p99=Estimate(value=500_000 + 2 * added_ns)),
    )
    return replace(key, id=key.key.label)


def test_an_injected_delay_is_found() -> None:
    """300 µs, to a tenth, on a machine that drifts by more than a tenth of that."""
    (hop,) = hops([cell("none", 0, seed=1), cell("haproxy", 300_000, seed=2)])
    assert (hop.alone.front, hop.behind.front) == ("none", "haproxy")
    assert hop.added_p50_ns is not None
    assert hop.added_p50_ns.value == pytest.approx(300_000, rel=0.1)
    assert hop.added_p50_ns.low is not None
    assert hop.added_p50_ns.high is not None
    assert 270_000 < hop.added_p50_ns.low < 300_000 < hop.added_p50_ns.high < 330_000
    assert hop.added_p99_ns == pytest.approx(600_000)


@pytest.mark.parametrize("seed", range(5))
def test_a_front_that_adds_nothing_is_not_found(seed: int) -> None:
    (hop,) = hops([cell("none", 0, seed=100 + seed), cell("haproxy", 0, seed=200 + seed)])
    assert hop.added_p50_ns is not None
    assert hop.added_p50_ns.low is not None
    assert hop.added_p50_ns.high is not None
    assert hop.added_p50_ns.low < 2_000
    assert hop.added_p50_ns.high > -2_000


def test_throughput_has_no_latency_to_add() -> None:
    (hop,) = hops([cell("none", 0, seed=1, concurrency=16), cell("haproxy", 0, seed=2, concurrency=16)])
    assert (hop.added_p50_ns, hop.added_p99_ns) == (None, None)


def test_a_front_is_compared_with_nothing_else_than_its_cell_without_one() -> None:
    alone, behind = cell("none", 0, seed=1), cell("haproxy", 0, seed=2)
    assert hops([behind]) == []
    assert hops([alone, replace(behind, status="failed")]) == []
    assert hops([replace(alone, gzip=True), behind]) == []
    placed = replace(behind, gzip=True, gzip_at="front", replicas=2)
    (hop,) = hops([alone, replace(alone, gzip=True), placed])
    assert hop.alone.gzip
    assert paired(hop.behind.slices, hop.alone.slices, LATENCY) is not None
