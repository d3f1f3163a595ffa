"""A cell whose load generator was the limit has no result; a slow client library has one, with a warning."""

import pytest

from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.results import Cell
from bench.slices import Slices
from bench.stats import generator
from bench.stats.estimates import requests_per_second
from bench.workloads import Workload

CLOSED, OPEN = ClosedLoad(concurrency=16), OpenLoad(rate_hz=1000)


def cell(
    load: Load,
    client: str = "raw",
    *,
    load_share: float = 0.5,
    producer_share: float | None = 0.5,
    lag_ns: float | None = None,
    ended: int | None = None,
) -> Cell:
    """Two slices of a second each, with 1,000 requests of 1 ms."""
    producer_ns = None if producer_share is None else int(producer_share * 1e9)
    return Cell(
        id="x",
        protocol="alpha",
        gzip=False,
        tls=False,
        workload=Workload(name="get"),
        client=client,
        load=load,
        slices=Slices.of(
            instance=[0, 0],
            round=[0, 1],
            started_ns=[0, 10**9],
            duration_ns=[10**9] * 2,
            ok=[1000] * 2,
            failed=[0] * 2,
            p50_ns=[1e6] * 2,
            producer_cpu_ns=[producer_ns] * 2,
            consumer_cpu_ns=[int(load_share * 1e9)] * 2,
            send_lag_p50_ns=[lag_ns] * 2,
            window_ns=[10**9] * 2,
            second_half_due=[None if ended is None else 500] * 2,
            second_half_ended=[ended] * 2,
        ),
    )


@pytest.mark.parametrize("client", ["raw", "another"])
def test_a_client_that_found_its_own_limit_instead_of_the_producers(client: str) -> None:
    reason = generator.reason(cell(CLOSED, client, load_share=0.97))
    assert reason is not None
    assert "97 % of its core" in reason


@pytest.mark.parametrize(
    "fine",
    [
        cell(CLOSED, load_share=0.97, producer_share=0.9),
        cell(CLOSED, load_share=0.85),
        cell(CLOSED, "library", load_share=0.97),
        cell(ClosedLoad(concurrency=1), load_share=0.97),
        cell(OPEN, lag_ns=4e5, ended=500),
        cell(OPEN, load_share=0.97, ended=500),
        cell(OPEN, load_share=0.5, ended=400),
        cell(OPEN, load_share=0.97, producer_share=0.99, ended=400),
        cell(OPEN, load_share=0.97, ended=None),
    ],
)
def test_cells_whose_limit_was_not_the_generator(fine: Cell) -> None:
    assert generator.reason(fine) is None


@pytest.mark.parametrize("client", ["raw", "library"])
def test_open_loop_latency_that_was_mostly_delay_before_sending(client: str) -> None:
    reason = generator.reason(cell(OPEN, client, lag_ns=6e5, ended=500))
    assert reason is not None
    assert "60 %" in reason


@pytest.mark.parametrize("producer_share", [0.5, None])
def test_a_rate_that_the_generator_could_not_reach(producer_share: float | None) -> None:
    reason = generator.reason(cell(OPEN, "library", load_share=0.97, producer_share=producer_share, ended=400))
    assert reason is not None
    assert "80 % of the requested rate" in reason


def test_the_rate_of_an_open_loop_is_that_of_the_second_half() -> None:
    reached = cell(OPEN, ended=450).slices
    assert generator.rate_reached(reached) == pytest.approx(0.9)
    assert requests_per_second(reached) == [900.0, 900.0]
    reached = reached.with_columns(failed=[1000, 0])
    assert requests_per_second(reached) == [450.0, 900.0]
    reached = reached.with_columns(second_half_ended=[None, None])
    assert generator.rate_reached(cell(CLOSED).slices) is None
    assert requests_per_second(reached) == [1000.0, 1000.0]
