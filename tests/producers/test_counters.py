"""What producers count: each call once, by route and outcome, and the connections that calls came over."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.runner.producer_counts import counts_at
from consumers.client import ClientSettings, RecipeClient
from consumers.registry import client
from consumers.target import parse_target
from producers.counters import OK, Counters, Ended
from producers.registry import PRODUCERS
from producers.settings import CallLimits, Limits, ProducerSettings
from recipes.errors import RecipeError, RecipeNotFound
from recipes.model import RecipeDraft
from tests.support.books import PatientBook, small_book
from tests.support.implementations import servers
from tests.support.programs import assert_one_line_error, listening, run, run_here
from tests.support.raw_http import request
from tests.support.serving import serving
from tests.support.single_requests import until

COUNTING = ProducerSettings(metrics_port=0)
each_server = pytest.mark.parametrize("server", servers())
Server = tuple[str, str, bool]
GET: Mapping[str, tuple[str, int, str]] = {
    "http": ("GET /recipes/{id}", 404, "not_found"),
    "graphql": ("POST /graphql", 200, "NOT_FOUND"),
    "grpc": ("/recipe.RecipeService/GetRecipe", 200, "NOT_FOUND"),
}
"""Of each protocol: what a call for one recipe is counted as, and its HTTP status and outcome for an unknown one."""


async def all_ended(counters: Counters) -> None:
    """Wait until each call is counted as ended. One that fails is counted just after its caller has the response."""
    await until(lambda: counters.in_flight == 0)


async def get_some(consumer: RecipeClient) -> None:
    for _ in range(3):
        await consumer.get(42)
    with pytest.raises(RecipeNotFound):
        await consumer.get(999)


@each_server
async def test_each_call_is_counted_once_with_what_a_proxy_and_a_caller_see(server: Server) -> None:
    protocol, name, strict = server
    settings = replace(COUNTING, strict_calls=strict)
    method, status, outcome = GET[protocol]
    async with serving(protocol, small_book(), settings=settings, implementation=name) as served:
        counters = served.producer.counters
        assert counters is not None
        async with served.client() as first, served.client() as second:
            await get_some(first)
            await get_some(second)
            await all_ended(counters)
            assert counters.calls == {Ended(method, 200, OK): 6, Ended(method, status, outcome): 2}
            assert (counters.connections_open(), counters.connections_accepted()) == (2, 2)
        async with served.client() as third:
            await third.get(42)
            assert counters.connections_accepted() == 3
        assert counters.ready
    assert not counters.ready


@each_server
async def test_a_call_is_in_flight_until_it_ends(server: Server) -> None:
    book = PatientBook()
    protocol, name, strict = server
    settings = replace(COUNTING, strict_calls=strict)
    async with (
        serving(protocol, book, settings=settings, implementation=name) as served,
        served.client() as consumer,
    ):
        counters = served.producer.counters
        assert counters is not None
        call = asyncio.create_task(consumer.get(42))
        await book.asked.wait()
        assert (counters.in_flight, counters.calls) == (1, {})
        book.released.set()
        await call
        await all_ended(counters)


def test_nothing_is_counted_without_a_metrics_port() -> None:
    for protocol in PRODUCERS:
        assert ProducerSettings().metrics_port is None, protocol


async def test_health_checks_and_unknown_paths_are_counted_apart() -> None:
    async with serving("http", small_book(), settings=COUNTING) as served:
        counters = served.producer.counters
        assert counters is not None
        for path in ("/health", "/health?x=1", "/nowhere", "/recipes/1/2"):
            await request(served.address, "GET", path)
        await request(served.address, "DELETE", "/recipes/1")
        assert counters.health_checks == {"ready": 2}
        assert counters.calls == {
            Ended("unknown", 404, "not_found"): 2,
            Ended("unknown", 405, "method_not_allowed"): 1,
        }


async def test_calls_over_the_limit_of_grpc_are_counted_as_refused() -> None:
    """The server refuses them itself; no handler sees them."""
    book = PatientBook()
    limits = Limits(calls=CallLimits(concurrent=1))
    async with (
        serving("grpc", book, limits=limits, settings=COUNTING) as served,
        served.client() as consumer,
    ):
        call = asyncio.create_task(consumer.get(42))
        await book.asked.wait()
        for _ in range(3):
            with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
                await consumer.get(42)
        book.released.set()
        await call
        counters = served.producer.counters
        assert counters is not None
        method, status, _ = GET["grpc"]
        assert counters.calls == {Ended(method, status, "RESOURCE_EXHAUSTED"): 3, Ended(method, status, OK): 1}


async def test_a_connection_over_the_limit_is_counted_as_refused() -> None:
    limits = Limits(connections=1)
    async with serving("http", small_book(), limits=limits, settings=COUNTING) as served, served.client() as consumer:
        await consumer.get(42)
        assert (await request(served.address, "GET", "/pid")).status == 503
        counters = served.producer.counters
        assert counters is not None
        assert counters.calls[Ended("unknown", 503, "unavailable")] == 1


@pytest.mark.parametrize("workers", [1, 2])
async def test_each_process_shows_its_own_counts_on_a_port_of_its_own(workers: int) -> None:
    flags = ("--port", "0", "--recipes", "generated:50", "--metrics-port", "0", "--workers", str(workers))
    with listening("producers", "graphql", *flags, ports=1 + workers) as producer:
        address, *metrics = producer.addresses
        pids = {int(line.rpartition("pid=")[2]) for line in producer.lines[1:]}
        async with client("graphql", ClientSettings(target=parse_target(address))) as consumer:
            await get_some(consumer)
            pid = await consumer.pid()
            if workers > 1:
                with pytest.raises(RecipeError):
                    await consumer.create(RecipeDraft("new"))
        counts = {each.pid: each for each in [await counts_at(where) for where in metrics]}
        assert set(counts) == pids
        assert counts[pid].total == 5 + (workers > 1)
        assert counts[pid].failed == 1 + (workers > 1)
        assert all(each.total == 0 for number, each in counts.items() if number != pid)
        assert producer.end() == 0
    for where in metrics:
        socket.create_server(("127.0.0.1", parse_target(where).port)).close()


def test_a_busy_metrics_port_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line_error(
            run("producers", "http", "--port", "0", "--metrics-port", port), 2, "--metrics-port", port
        )


def test_ports_for_the_counts_of_all_workers_have_to_exist() -> None:
    assert_one_line_error(
        run_here("producers", "http", "--port", "0", "--metrics-port", "65535", "--workers", "2"), 2, "--metrics-port"
    )


def test_counts_between_two_readings() -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from bench.runner.producer_counts import counts_in
    from producers.metrics import CountersCollector

    counters = Counters()
    registry = CollectorRegistry()
    registry.register(CountersCollector(counters, protocol="http", implementation="default"))
    served, missing = Ended('GET "/a\\b"', 200, OK), Ended("GET /b", 404, "not_found")
    counters.begin()
    counters.end(served)
    counters.health_checked()
    before = counts_in(generate_latest(registry).decode())
    counters.begin()
    counters.begin()
    counters.end(missing)
    counters.ready = False
    counters.health_checked()
    after = counts_in(generate_latest(registry).decode())
    assert before.calls == {served: 1}
    assert after.since(before).calls == {missing: 1}
    assert (after.since(before).health_checks, after.in_flight, after.ready, before.ready) == (1, 1, False, True)
