"""The cost of a client library: differences between paired cells."""

import pytest

from bench.load_models import ClosedLoad
from bench.results import Cell
from bench.slices import Slice, Slices
from bench.stats.client_cost import client_costs
from bench.workloads import Workload
from tests.bench.stats.noise import with_columns

INSTANCES, ROUNDS = 4, 5


def cell(client: str, p50_us: float, cpu_us: int, *, concurrency: int = 1, every: int = 1, **given: object) -> Cell:
    """A cell with a drift over rounds that both clients share, and with differing instances."""
    slices = Slices(
        Slice(
            instance=instance,
            round=number,
            duration_ns=1_000_000,
            ok=10,
            p50_ns=(p50_us + 7 * number + instance) * 1000,
            consumer_cpu_ns=cpu_us * 10_000,
        )
        for instance in range(INSTANCES)
        for number in range(0, ROUNDS, every)
    )
    return Cell(
        id=f"http-get-{client}-c{concurrency}",
        protocol="http",
        gzip=False,
        tls=False,
        workload=Workload(name="get"),
        client=client,
        load=ClosedLoad(concurrency=concurrency),
        slices=slices,
        **given,  # type: ignore[arg-type]
    )


def test_the_difference_is_the_cost_of_the_library() -> None:
    (cost,) = client_costs([cell("library", 160, 90), cell("raw", 100, 30, every=2)])
    assert (cost.library, cost.raw) == ("http-get-library-c1", "http-get-raw-c1")
    assert cost.latency_ns_p50 is not None
    assert cost.latency_ns_p50.value == pytest.approx(60_000)
    assert (cost.latency_ns_p50.low, cost.latency_ns_p50.high) == pytest.approx((60_000, 60_000))
    assert cost.cpu_us_per_request is not None
    assert cost.cpu_us_per_request.value == pytest.approx(60)


def test_the_cost_of_a_library_can_be_negative() -> None:
    (cost,) = client_costs([cell("library", 90, 20), cell("raw", 100, 30)])
    assert cost.latency_ns_p50 is not None
    assert cost.latency_ns_p50.value == pytest.approx(-10_000)
    assert cost.cpu_us_per_request is not None
    assert cost.cpu_us_per_request.value == pytest.approx(-10)


def test_throughput_cells_have_no_latency_to_compare() -> None:
    (cost,) = client_costs([cell("library", 160, 90, concurrency=16), cell("raw", 100, 30, concurrency=16)])
    assert cost.latency_ns_p50 is None
    assert cost.cpu_us_per_request is not None


def test_only_measured_cells_that_differ_in_nothing_else_are_compared() -> None:
    consumer = cell("library", 160, 90)
    for other in (
        cell("raw", 100, 30, status="failed"),
        cell("raw", 100, 30, concurrency=2),
        cell("raw", 100, 30, network="lan"),
        cell("h2load", 100, 30),
    ):
        assert client_costs([consumer, other]) == []
    assert client_costs([cell("library", 1, 1, status="failed"), cell("raw", 1, 1)]) == []


def test_cells_that_share_no_round_are_not_compared() -> None:
    consumer, wire = cell("library", 160, 90), cell("raw", 100, 30)
    wire = with_columns(wire, round=[number + 100 for number in wire.slices.round])
    (cost,) = client_costs([consumer, wire])
    assert (cost.latency_ns_p50, cost.cpu_us_per_request) == (None, None)
