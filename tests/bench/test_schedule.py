"""The schedule: what is measured in which order, which depends on the seed only."""

from collections import Counter

import pytest
from msgspec.structs import replace

from bench import schedule as planning
from bench.spec import CellKey, ClosedLoad, Matrix, OpenLoad, Target, Version
from producers.registry import flags_for
from tests.support.plans import DEFAULT, SIXTEEN, plan_of, with_values


def test_the_estimate_includes_network_round_trips() -> None:
    combination, one = CellKey(protocol="http", tls=True), ClosedLoad(concurrency=1)
    far = replace(combination, load=one, network="rtt=100ms", connection="new")
    assert planning.round_trips(far) == 3
    assert planning.estimated_slice_ns(far, plan_of()) == 3 * 3 * 100_000_000
    assert planning.estimated_slice_ns(replace(combination, load=one), plan_of()) == 12_000_000
    matrix = with_values(network=("intercontinental",))
    assert planning.estimated_seconds(plan_of(matrix, rounds=None, seconds=10.0)) > 100
    assert planning.estimated_seconds(plan_of(matrix, rounds=None, seconds=10_000.0)) == 10_000


def test_extra_cells_run_in_some_rounds_and_clients_in_every_round() -> None:
    one = ClosedLoad(concurrency=1)
    beside = Matrix({**DEFAULT.values, "load": (one,)}, [{"client": "raw", "load": one}])
    equal = with_values(load=(one,), client=("library", "raw"))
    for number in range(8):
        extra = planning.cells_of_round(beside.cells(), plan_of(beside), 0, number)
        assert len(extra) == (48 if number % planning.THROUGHPUT_EVERY == 0 else 24)
        assert len(planning.cells_of_round(equal.cells(), plan_of(equal), 0, number)) == 48


def test_every_round_has_every_latency_cell_once_in_its_own_order() -> None:
    plan, cells = plan_of(), DEFAULT.cells()
    orders = []
    for number in range(8):
        order = planning.cells_of_round(cells, plan, 0, number)
        assert all(count == 1 for count in Counter(cell.label for cell in order).values())
        assert sum(cell.measures_latency for cell in order) == 24
        assert len(order) == (48 if number % planning.THROUGHPUT_EVERY == 0 else 24)
        orders.append([cell.label for cell in order if cell.measures_latency])
    assert len({tuple(order) for order in orders}) == 8


def test_without_latency_cells_every_round_has_them_all() -> None:
    matrix = with_values(load=(SIXTEEN,))
    for number in range(4):
        assert len(planning.cells_of_round(matrix.cells(), plan_of(matrix), 0, number)) == 24


def test_every_order_depends_on_the_seed_only() -> None:
    cells = DEFAULT.cells()
    same, other = plan_of(seed=7), plan_of(seed=8)
    assert planning.cells_of_round(cells, same, 1, 2) == planning.cells_of_round(cells, plan_of(seed=7), 1, 2)
    assert planning.cells_of_round(cells, same, 1, 2) != planning.cells_of_round(cells, other, 1, 2)
    starts = {tuple(planning.start_order(plan_of(), g)) for g in range(40)}
    assert len(starts) == 6


def test_protocols_share_the_requests_of_a_round_and_rounds_differ() -> None:
    plan, cells = plan_of(), DEFAULT.cells()
    for workload in ("get", "list20"):
        for load in DEFAULT["load"]:
            seeds = {
                planning.slice_seed(cell, plan, 0, 3)
                for cell in cells
                if cell.workload.label == workload and cell.load == load
            }
            assert len(seeds) == 1
    assert planning.slice_seed(cells[0], plan, 0, 3) != planning.slice_seed(cells[0], plan, 0, 4)
    assert planning.slice_seed(cells[0], plan, 0, 3) != planning.slice_seed(cells[0], plan, 1, 3)


def test_slices_are_short_and_long_enough_for_slow_cells() -> None:
    combination = CellKey(protocol="http")
    latency = replace(combination, load=ClosedLoad(concurrency=1))
    throughput = replace(combination, load=ClosedLoad(concurrency=16))
    arrivals = replace(combination, load=OpenLoad(rate_hz=10))
    assert planning.requests_at_least(latency) == planning.LATENCY_REQUESTS_AT_LEAST
    assert planning.requests_at_least(throughput) == 16
    assert planning.slice_ns(latency, plan_of()) == 12_000_000
    assert planning.slice_ns(arrivals, plan_of()) == planning.OPEN_SLICE_NS


def test_ids_are_a_seeded_sample_or_the_given_ones() -> None:
    ids = list(range(1, 1001))
    sampled = planning.sample_ids(ids, plan_of(), 256)
    assert len(set(sampled)) == 256
    assert set(sampled) <= set(ids)
    assert sampled == planning.sample_ids(ids, plan_of(), 256)
    assert planning.sample_ids(ids, plan_of(ids=(42,)), 256) == [42]


def test_the_estimate_is_the_time_given_or_follows_from_the_rounds() -> None:
    assert planning.estimated_seconds(plan_of(rounds=None, seconds=77.0)) == 77.0
    short, long = (planning.estimated_seconds(plan_of(rounds=rounds)) for rounds in (4, 40))
    assert 0 < short < long


def test_the_plan_is_described() -> None:
    text = planning.describe(plan_of())
    assert "48 cells: every combination of" in text
    assert "load: 1 in flight, 16 in flight\n" in text
    assert "instances: 3, all producers are restarted for each; 8 rounds in each" in text
    assert "grpc-list20-gzip-tls-c16" in text
    target = plan_of(versions=(Version(targets={"http": Target("http://x:1", None)}),), rounds=None)
    assert "against producers that are already running; as many rounds as fit" in planning.describe(target)
    assert not target.restarts


def test_a_producer_gets_flags_for_dialects_that_are_off_by_default() -> None:
    assert flags_for("graphql", ["", "persisted"]) == ["--persisted-queries"]
    assert flags_for("graphql", [""]) == flags_for("http", ["protobuf"]) == []


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({}, {"a": 1.0}, True),
        ({"a": 100.0}, {"a": 100.0}, True),
        ({"a": 100.0}, {"a": 99.0}, True),
        ({"a": 100.0}, {"a": 97.0}, False),
        ({"a": 100.0}, {"a": 150.0}, True),
        ({"a": 100.0, "b": 10.0, "c": 1.0}, {"a": 50.0, "b": 10.0, "c": 1.01}, True),
        ({"a": 100.0, "b": 10.0, "c": 1.0}, {"a": 90.0, "b": 9.0, "c": 2.0}, False),
        ({"a": 100.0}, {"b": 1.0}, True),
    ],
)
def test_intervals_settle_when_they_change_little(
    before: dict[str, float], now: dict[str, float], expected: bool
) -> None:
    assert planning.settled(before, now) is expected
