"""One protocol against another, over all pairs of their implementations."""

from typing import Any

import pytest
from msgspec.structs import replace

from bench.results import Cell, CpuPerRequest, Estimate, InstructionCount, Instructions
from bench.slices import Slice, Slices
from bench.stats.implementations import Measured, differences
from tests.support.runs import SIXTEEN, cell

LATENCY_NS = {"aiohttp": 100_000, "granian": 80_000, "grpc.aio": 200_000, "threads": 160_000}


def of(protocol: str, implementation: str, latency_ns: int, **given: Any) -> Cell:
    """A cell with so many nanoseconds in every slice, half as much CPU time, and ten instructions for each."""
    slices = [
        Slice(instance=instance, round=number, started_ns=number, duration_ns=10**7, ok=50, p50_ns=latency_ns)
        for instance in range(3)
        for number in range(4)
    ]
    made: dict[str, Any] = {
        "implementation": implementation,
        "slices": Slices(slices),
        "cpu_us_per_request": CpuPerRequest(producer=Estimate(value=latency_ns / 2e3)),
        "instructions": counted(10.0 * latency_ns),
    }
    found = cell(protocol, **(made | given))
    return replace(found, id=found.key.label)


def counted(per_request: float) -> Instructions:
    count = InstructionCount(
        per_request=Estimate(value=per_request), system_calls=1, by_library={}, windows=[], requests_per_window=1
    )
    return Instructions(producer=count)


def four() -> list[Cell]:
    return [
        of("http", "default", LATENCY_NS["aiohttp"]),
        of("http", "granian", LATENCY_NS["granian"]),
        of("grpc", "default", LATENCY_NS["grpc.aio"]),
        of("grpc", "grpcio-threads", LATENCY_NS["threads"]),
    ]


def test_every_pair_of_implementations_is_a_ratio() -> None:
    (found,) = differences(four())
    pairs = {(pair.cell.implementation, pair.baseline.implementation): pair.ratios for pair in found.pairs}
    latencies = {both: ratios["latency"].value for both, ratios in pairs.items()}
    assert latencies == {
        ("default", "default"): pytest.approx(2.0),
        ("default", "granian"): pytest.approx(2.5),
        ("grpcio-threads", "default"): pytest.approx(1.6),
        ("grpcio-threads", "granian"): pytest.approx(2.0),
    }
    assert found.pairs[0].between_defaults
    measures: tuple[Measured, ...] = ("latency", "server CPU", "server instructions")
    for measured in measures:
        assert list(found.spread(measured) or ()) == pytest.approx([2.0, 1.6, 2.5])


def test_what_was_not_measured_is_missing() -> None:
    cells = [replace(each, instructions=None, slices=Slices()) for each in four()]
    (found,) = differences(cells)
    assert found.spread("latency") is None
    assert found.spread("server instructions") is None
    assert found.spread("server CPU") == (2.0, 1.6, 2.5)


def test_without_the_defaults_there_is_no_usual_ratio() -> None:
    _, granian, grpc, threads = four()
    (found,) = differences([granian, grpc, threads])
    spread = found.spread("latency")
    assert spread is not None
    assert spread[0] is None
    assert list(spread[1:]) == pytest.approx([2.0, 2.5])


def test_configurations_are_apart() -> None:
    cells = [*four(), *(replace(each, gzip=True) for each in four())]
    found = differences(cells)
    assert [difference.configuration.gzip for difference in found] == [False, True]
    assert all(len(difference.pairs) == 4 for difference in found)


def test_only_latency_with_one_in_flight_counts() -> None:
    assert differences([replace(each, load=SIXTEEN) for each in four()]) == []
    assert differences([replace(each, client="raw") for each in four()]) == []


def test_a_run_with_the_defaults_only_has_none() -> None:
    http, _, grpc, _ = four()
    assert differences([http, grpc]) == []
    assert differences([]) == []
    # Nor has one of a single protocol.
    assert differences(four()[:2]) == []
