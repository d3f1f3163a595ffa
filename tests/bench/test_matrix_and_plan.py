"""The matrix and the plan: what is measured, in which order, drawn from the seed alone."""

from collections import Counter
from typing import Any

import pytest

from bench import schedule as planning
from bench.results import ClosedLoad, OpenLoad
from bench.schedule import RunPlan, Target, Version
from bench.spec import CellPlan, Combination, Matrix, spoken
from bench.workloads import WorkloadChoice
from producers.registry import flags_for

DEFAULT = Matrix(
    protocols=("http", "graphql", "grpc"),
    gzip=(False, True),
    tls=(False, True),
    workloads=(WorkloadChoice("get"), WorkloadChoice("list", 20)),
    loads=(ClosedLoad(concurrency=1), ClosedLoad(concurrency=16)),
)


def plan_of(matrix: Matrix = DEFAULT, **given: Any) -> RunPlan:
    settings: dict[str, Any] = {
        "instances": 3,
        "rounds": 8,
        "seconds": 100.0,
        "slice_ns": 12_000_000,
        "seed": 1,
        "recipes": "generated",
        **given,
    }
    return RunPlan(matrix=matrix, **settings)


def test_the_default_matrix_has_24_combinations_under_two_loads() -> None:
    assert len(list(DEFAULT.combinations())) == 24
    cells = DEFAULT.cells()
    assert len(cells) == 48
    assert len({cell.id for cell in cells}) == 48


def test_ids_tell_what_a_cell_is() -> None:
    combination = Combination("grpc", True, True, WorkloadChoice("list", 20))
    assert CellPlan(combination, ClosedLoad(concurrency=16)).id == "grpc-list20-gzip-tls-c16"
    plain = Combination("http", False, False, WorkloadChoice("get"))
    assert CellPlan(plain, OpenLoad(rate_hz=500)).id == "http-get-r500"


def test_ids_tell_the_network_and_the_kind_of_connection_where_they_are_not_the_usual_ones() -> None:
    combination, one = Combination("http", False, True, WorkloadChoice("get")), ClosedLoad(concurrency=1)
    assert CellPlan(combination, one, "wifi").id == "http-get-tls-c1-wifi"
    assert CellPlan(combination, one, "loopback", "new").id == "http-get-tls-c1-new"
    assert CellPlan(combination, one, "rtt=40ms,down=2.5mbit", "new").id == "http-get-tls-c1-rtt40ms-down2.5mbit-new"


def test_networks_and_kinds_of_connection_multiply_the_cells() -> None:
    matrix = Matrix(**_fields(DEFAULT), networks=("loopback", "lan"), connections=("persistent", "new"))
    cells = matrix.cells()
    assert len({cell.id for cell in cells}) == len(cells) == 4 * 48
    assert sum(cell.network == "lan" and cell.connection == "new" for cell in cells) == 48
    text = planning.describe(plan_of(matrix))
    assert "2 networks (loopback; lan: rtt=500us,down=1gbit,up=1gbit) × 2 kinds of connection (persistent, new)" in text


def test_the_estimate_knows_how_far_a_network_reaches() -> None:
    combination, one = Combination("http", False, True, WorkloadChoice("get")), ClosedLoad(concurrency=1)
    far = CellPlan(combination, one, "rtt=100ms", "new")
    assert planning.round_trips(far) == 3
    assert planning.estimated_slice_ns(far, plan_of()) == 3 * 3 * 100_000_000
    assert planning.estimated_slice_ns(CellPlan(combination, one), plan_of()) == 12_000_000
    matrix = Matrix(**_fields(DEFAULT), networks=("intercontinental",))
    assert planning.estimated_seconds(plan_of(matrix, rounds=None, seconds=10.0)) > 100
    assert planning.estimated_seconds(plan_of(matrix, rounds=None, seconds=10_000.0)) == 10_000


def test_clients_are_a_dimension_and_extra_arms_stand_beside_it() -> None:
    one = DEFAULT.loads[0]
    matrix = Matrix(**{**_fields(DEFAULT), "clients": ("library", "raw"), "extra_arms": (("h2load", one),)})
    cells = matrix.cells()
    assert Counter(cell.client for cell in cells) == {"library": 48, "raw": 48, "h2load": 24}
    assert {cell.load for cell in cells if cell.client == "h2load"} == {one}
    ids = [cell.id for cell in cells]
    assert len(set(ids)) == 120
    assert {"http-get-c1", "http-get-raw-c16", "grpc-list20-gzip-tls-h2load-c1"} <= set(ids)
    described = planning.describe(plan_of(matrix))
    assert "2 clients (library, raw) + 24 by the h2load client (1 in flight) = 120 cells" in described


def test_extra_arms_take_part_in_some_rounds_and_clients_in_every_one() -> None:
    one = ClosedLoad(concurrency=1)
    beside = Matrix(**{**_fields(DEFAULT), "loads": (one,), "extra_arms": (("raw", one),)})
    equal = Matrix(**{**_fields(DEFAULT), "loads": (one,), "clients": ("library", "raw")})
    for number in range(8):
        extra = planning.cells_of_round(beside.cells(), plan_of(beside), 0, number)
        assert len(extra) == (48 if number % planning.THROUGHPUT_EVERY == 0 else 24)
        assert len(planning.cells_of_round(equal.cells(), plan_of(equal), 0, number)) == 48


def test_latency_is_measured_with_one_in_flight_or_open_arrivals() -> None:
    combination = Combination("http", False, False, WorkloadChoice("get"))
    assert CellPlan(combination, ClosedLoad(concurrency=1)).measures_latency
    assert CellPlan(combination, OpenLoad(rate_hz=10)).measures_latency
    assert not CellPlan(combination, ClosedLoad(concurrency=2)).measures_latency


def test_every_round_has_every_latency_cell_once_in_an_order_of_its_own() -> None:
    plan, cells = plan_of(), DEFAULT.cells()
    orders = []
    for number in range(8):
        order = planning.cells_of_round(cells, plan, 0, number)
        assert all(count == 1 for count in Counter(cell.id for cell in order).values())
        assert sum(cell.measures_latency for cell in order) == 24
        assert len(order) == (48 if number % planning.THROUGHPUT_EVERY == 0 else 24)
        orders.append([cell.id for cell in order if cell.measures_latency])
    assert len({tuple(order) for order in orders}) == 8


def test_without_latency_cells_every_round_has_them_all() -> None:
    matrix = Matrix(**{**_fields(DEFAULT), "loads": (ClosedLoad(concurrency=16),)})
    for number in range(4):
        assert len(planning.cells_of_round(matrix.cells(), plan_of(matrix), 0, number)) == 24


def test_the_seed_decides_every_order() -> None:
    cells = DEFAULT.cells()
    same, other = plan_of(seed=7), plan_of(seed=8)
    assert planning.cells_of_round(cells, same, 1, 2) == planning.cells_of_round(cells, plan_of(seed=7), 1, 2)
    assert planning.cells_of_round(cells, same, 1, 2) != planning.cells_of_round(cells, other, 1, 2)
    starts = {tuple(planning.start_order(plan_of(), g)) for g in range(40)}
    assert len(starts) == 6


def test_in_a_round_every_protocol_is_asked_the_same_and_in_the_next_round_something_else() -> None:
    plan, cells = plan_of(), DEFAULT.cells()
    for workload in ("get", "list20"):
        for load in DEFAULT.loads:
            seeds = {
                planning.slice_seed(cell, plan, 0, 3)
                for cell in cells
                if cell.combination.workload.label == workload and cell.load == load
            }
            assert len(seeds) == 1
    assert planning.slice_seed(cells[0], plan, 0, 3) != planning.slice_seed(cells[0], plan, 0, 4)
    assert planning.slice_seed(cells[0], plan, 0, 3) != planning.slice_seed(cells[0], plan, 1, 3)


def test_slices_are_short_and_long_enough_for_slow_cells() -> None:
    combination = Combination("http", False, False, WorkloadChoice("get"))
    latency = CellPlan(combination, ClosedLoad(concurrency=1))
    throughput = CellPlan(combination, ClosedLoad(concurrency=16))
    arrivals = CellPlan(combination, OpenLoad(rate_hz=10))
    assert planning.requests_at_least(latency) == planning.LATENCY_REQUESTS_AT_LEAST
    assert planning.requests_at_least(throughput) == 16
    assert planning.slice_ns(latency, plan_of()) == 12_000_000
    assert planning.slice_ns(arrivals, plan_of()) == planning.OPEN_SLICE_NS


def test_ids_are_a_seeded_sample_or_the_ones_given() -> None:
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


def test_the_plan_in_words() -> None:
    text = planning.describe(plan_of())
    assert "24 combinations × 2 loads (1 in flight, 16 in flight) = 48 cells" in text
    assert "instances: 3, all producers started afresh for each; 8 rounds in each" in text
    assert "grpc-list20-gzip-tls-c16" in text
    target = plan_of(versions=(Version(targets={"http": Target("http://x:1", None)}),), rounds=None)
    assert "against producers that are running already; as many rounds as fit" in planning.describe(target)
    assert not target.restarts


@pytest.mark.parametrize("load", [ClosedLoad(concurrency=1), OpenLoad(rate_hz=2.5)])
def test_labels(load: ClosedLoad | OpenLoad) -> None:
    combination = Combination("http", False, False, WorkloadChoice("get"))
    assert CellPlan(combination, load).id in {"http-get-c1", "http-get-r2.5"}


def _fields(matrix: Matrix) -> dict[str, Any]:
    return {name: getattr(matrix, name) for name in ("protocols", "gzip", "tls", "workloads", "loads")}


def test_a_dialect_that_is_not_the_usual_one_stands_in_the_name() -> None:
    get = WorkloadChoice("get")
    matrix = Matrix(
        protocols=("http", "grpc"),
        gzip=(False,),
        tls=(True,),
        workloads=(get,),
        loads=(ClosedLoad(concurrency=1),),
        dialects=("json", "protobuf"),
    )
    assert [cell.id for cell in matrix.cells()] == [
        "http-get-tls-c1",
        "http-get-protobuf-tls-c1",
        "grpc-get-json-tls-c1",
        "grpc-get-tls-c1",
    ]


def test_each_protocol_takes_part_in_the_dialects_that_it_speaks() -> None:
    assert spoken("http", ("default", "json", "persisted")) == [""]
    assert spoken("http", ("protobuf", "default")) == ["protobuf", ""]
    assert spoken("graphql", ("json", "protobuf")) == []
    assert spoken("unheard-of", ("default", "json")) == [""]


def test_a_producer_is_told_to_speak_what_it_does_not_speak_unless_told() -> None:
    assert flags_for("graphql", ["", "persisted"]) == ["--persisted-queries"]
    assert flags_for("graphql", [""]) == flags_for("http", ["protobuf"]) == []
