"""The schedule: what is measured in which order, which depends on the seed only."""

from collections import Counter
from dataclasses import replace as replace_plan

import pytest
from msgspec.structs import replace

from bench import connections
from bench import schedule as planning
from bench.load_models import ClosedLoad, OpenLoad
from bench.plan import Addresses, Matrix, RunPlan, Version
from bench.spec import CellKey
from consumers.aiohttp_session import IDLE_S
from consumers.target import Target
from producers import registry
from producers.registry import PRODUCERS, Implementation, flags_for
from producers.settings import Limits
from tests.support.plans import DEFAULT, SIXTEEN, plan_of, with_values

MANY_FILES = 1 << 20


def test_the_estimate_includes_network_round_trips() -> None:
    combination, one = CellKey(protocol="http", tls=True), ClosedLoad(concurrency=1)
    far = replace(combination, load=one, network="rtt=100ms", connection="new")
    assert planning.round_trips(far) == 3
    assert planning.estimated_slice_ns(far, plan_of()) == 3 * 3 * 100_000_000
    assert planning.estimated_slice_ns(replace(combination, load=one), plan_of()) == 12_000_000
    matrix = with_values(network=("intercontinental",))
    assert planning.estimated_seconds(plan_of(matrix, rounds=4)) > 100


def rounds_of(plan: RunPlan, count: int) -> list[list[CellKey]]:
    shares, turns = planning.blocks_of(plan.matrix.cells(), plan), planning.Turns()
    return [planning.order_of_round(turns.next_round(shares), plan, 0, number) for number in range(count)]


def test_extra_cells_run_in_some_rounds_and_clients_in_every_round() -> None:
    one = ClosedLoad(concurrency=1)
    beside = Matrix({**DEFAULT.values, "load": (one,)}, [{"client": "raw", "load": one}])
    equal = with_values(load=(one,), client=("library", "raw"))
    extra, always = rounds_of(plan_of(beside), 8), rounds_of(plan_of(equal), 8)
    for number in range(8):
        assert len(extra[number]) == (48 if number % planning.OTHERS_EVERY == 0 else 24)
        assert len(always[number]) == 48


def test_every_round_has_every_latency_cell_once_in_its_own_order() -> None:
    orders = []
    for number, order in enumerate(rounds_of(plan_of(), 8)):
        assert all(count == 1 for count in Counter(cell.label for cell in order).values())
        assert sum(cell.measures_latency for cell in order) == 24
        assert len(order) == (48 if number % planning.OTHERS_EVERY == 0 else 24)
        orders.append([cell.label for cell in order if cell.measures_latency])
    assert len({tuple(order) for order in orders}) == 8


def test_cells_that_are_compared_are_neighbours_in_an_order_of_their_own() -> None:
    versions = with_values(version=("base", "head"))
    for plan, size in ((plan_of(), 3), (plan_of(versions), 6)):
        orders = set()
        for order in rounds_of(plan, 8):
            for start in range(0, len(order), size):
                block = order[start : start + size]
                assert len({cell.without("protocol", "version", "dialect") for cell in block}) == 1
                orders.add(tuple((cell.version, cell.protocol) for cell in block))
        assert len(orders) > size


def test_without_latency_cells_every_round_has_them_all() -> None:
    plan = plan_of(with_values(load=(SIXTEEN,)))
    assert [len(order) for order in rounds_of(plan, 4)] == [24] * 4


def test_a_block_takes_part_in_its_share_of_the_rounds() -> None:
    half, most = ((CellKey(protocol="http", tls=tls),) for tls in (False, True))
    turns = planning.Turns()
    taken = Counter(block for _ in range(100) for block in turns.next_round({half: 0.5, most: 0.9}))
    assert taken[half] == 50
    assert 89 <= taken[most] <= 91


def test_a_sweep_visits_every_instance_once_in_its_own_order() -> None:
    orders = [planning.order_of_sweep(range(10), plan_of(), sweep) for sweep in range(5)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5


@pytest.mark.parametrize(
    ("remaining", "instance_bytes", "available_bytes", "expected"),
    [
        (10, 400, 100_000, 10),
        (10, 400, 4_000, 5),
        (13, 400, 6_500, 7),
        (10, 400, 100, 1),
        (10, 400, None, 4),
        (10, None, 4_000, 4),
        (1, None, None, 1),
    ],
)
def test_as_many_instances_live_at_the_same_time_as_half_of_the_memory_holds(
    remaining: int, instance_bytes: int | None, available_bytes: int | None, expected: int
) -> None:
    plan = plan_of(with_values(load=(ClosedLoad(concurrency=1),)))
    assert planning.instances_at_once(plan, remaining, instance_bytes, available_bytes, MANY_FILES) == expected


def test_a_plan_that_is_content_with_fewer_gets_as_many_as_fit() -> None:
    plan = plan_of(with_values(load=(ClosedLoad(concurrency=1),)), instances_at_least=6)
    assert planning.instances_at_once(plan, 13, 400, 6_500, MANY_FILES) == 9
    assert planning.instances_at_once(plan, 13, 400, 2_000, MANY_FILES) == 3


def test_fewer_instances_live_at_the_same_time_when_a_sweep_takes_long() -> None:
    far = plan_of(with_values(network=("rtt=200ms",)))
    assert planning.instances_at_once(far, 10, 1, 1_000_000, MANY_FILES) == 1


def test_every_order_depends_on_the_seed_only() -> None:
    assert rounds_of(plan_of(seed=7), 3) == rounds_of(plan_of(seed=7), 3)
    assert rounds_of(plan_of(seed=7), 3) != rounds_of(plan_of(seed=8), 3)
    assert planning.order_of_sweep(range(10), plan_of(seed=7), 1) != planning.order_of_sweep(
        range(10), plan_of(seed=8), 1
    )
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
    assert "instances: 3, each with producers of its own; 8 rounds in each" in text
    assert "grpc-list20-gzip-tls-c16" in text
    target = plan_of(versions=(Version(targets={"http": Addresses(Target("x", 1))}),), rounds=None)
    assert "against producers that are already running; as many rounds as fit" in planning.describe(target)
    assert not target.restarts


def test_a_cell_that_the_implementation_cannot_serve_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = Implementation(title="a server", at="nowhere:Nothing", lacks={"gzip": "it has no compression"})
    monkeypatch.setitem(registry.PRODUCERS, "http", {**PRODUCERS["http"], "other": lacking})
    plan = plan_of(with_values(protocol=("http",), implementation=("default", "other")))
    reasons = {cell: planning.why_unsupported(cell, plan) for cell in plan.matrix.cells()}
    unsupported = {cell for cell, reason in reasons.items() if reason == "a server: it has no compression"}
    assert unsupported == {cell for cell in reasons if cell.implementation == "other" and cell.gzip}
    # It is started for what it can serve.
    other = CellKey(protocol="http", implementation="other")
    assert planning.served(other, plan) == [
        cell for cell in reasons if cell.implementation == "other" and cell not in unsupported
    ]
    # What a target offers is found out by asking it, except for an address that was not given.
    target = plan_of(plan.matrix, versions=(Version(targets={"http": Addresses(Target("x", 1))}),))
    assert all(planning.why_unsupported(cell, target) is None for cell in reasons if not cell.tls)
    assert all("http=https://" in str(planning.why_unsupported(cell, target)) for cell in reasons if cell.tls)


def test_a_producer_gets_flags_for_dialects_that_are_off_by_default() -> None:
    assert flags_for("graphql", ["", "persisted"]) == ["--persisted-queries"]
    assert flags_for("graphql", [""]) == flags_for("http", ["protobuf"]) == []
    persisted = [CellKey(protocol="graphql", dialect=dialect) for dialect in ("document", "persisted", "persisted")]
    assert connections.producer_flags(persisted) == ["--persisted-queries"]
    assert connections.producer_flags(persisted[:1]) == connections.producer_flags([]) == []


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


def test_connections_are_visited_before_consumers_give_them_up_and_producers_close_them() -> None:
    assert planning.UNVISITED_S_AT_MOST < IDLE_S < Limits().keep_alive_s


def test_a_plan_of_which_nothing_can_be_measured_has_a_reason() -> None:
    plain = (Version(targets={"http": Addresses(Target("x", 1))}),)
    mixed = plan_of(with_values(protocol=("http",), tls=(False, True)), versions=plain)
    assert planning.why_nothing(mixed) is None
    assert "unsupported: its target has no address with TLS" in planning.describe(mixed)
    nothing = plan_of(with_values(protocol=("http",), tls=(True,)), versions=plain)
    assert planning.why_nothing(nothing) == "its target has no address with TLS; add --target http=https://…"


def test_the_instances_that_verdicts_need_are_started_while_that_takes_less_than_half_of_the_time() -> None:
    plan = plan_of(rounds=None, seconds=20.0, instances=24, instances_at_least=6)
    two_s, half_ns, more_ns = 2e9, 10e9, 4e9
    assert planning.may_start(plan, 5, half_ns - two_s - 1, two_s, more_ns)
    assert not planning.may_start(plan, 5, half_ns - two_s, two_s, more_ns)
    assert planning.may_start(plan, 6, more_ns - 1, two_s, more_ns)
    assert not planning.may_start(plan, 6, more_ns, two_s, more_ns)
    explicit = replace_plan(plan, instances_at_least=None)
    assert planning.may_start(explicit, 5, 100 * half_ns, two_s, more_ns)


def test_a_short_time_is_said_before() -> None:
    default = plan_of(rounds=None, seconds=14.0, instances=24, instances_at_least=6)
    assert "takes about 14 s" in planning.describe(default)
    assert "--seconds 36 is needed" in planning.describe(default)
    assert "short" not in planning.describe(replace_plan(default, seconds=175.0))
    assert planning.estimated_seconds(replace_plan(default, instances_at_least=None)) == 72.0
