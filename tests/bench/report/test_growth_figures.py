"""Latency over throughput as load grows: which charts are drawn, and where the knee is said to be."""

import re

from bench.report.grouping import arranged
from bench.report.growth_figures import growth_figures
from bench.report.html import render
from bench.results import Cell, Estimate, Quantiles
from bench.spec import ClosedLoad
from tests.support.runs import cell, run

LOADS = (1, 4, 16, 64)


def growing(protocol: str, rates: tuple[float, ...], latencies_us: tuple[float, ...]) -> list[Cell]:
    return [
        cell(
            protocol,
            load=ClosedLoad(concurrency=concurrency),
            requests_per_second=Estimate(value=rate),
            latency_ns=Quantiles(p50=Estimate(value=latency_us * 1e3)),
        )
        for concurrency, rate, latency_us in zip(LOADS, rates, latencies_us, strict=True)
    ]


def test_protocols_stand_side_by_side_with_their_knees() -> None:
    told = run(
        [
            *growing("http", (1000, 4000, 8000, 8100), (1000, 1000, 2000, 8000)),
            *growing("grpc", (500, 1000, 1500, 2500), (2000, 2100, 2200, 2300)),
        ]
    )
    (figure,) = growth_figures(told, arranged(told))
    assert figure.alternative == "HTTP: knee at 4 in flight; gRPC: no knee within the loads measured"
    assert "get: one recipe, plain, library client" in figure.caption
    assert "a ring marks the knee" in figure.caption
    assert figure.svg.startswith("<svg")
    assert {"1", "4", "16", "64"} <= set(re.findall(r">([\d.]+)</text>", figure.svg))
    page = render(told).decode()
    assert "Across workloads" in page
    assert figure.alternative in page


def test_two_loads_are_no_growth() -> None:
    told = run(growing("http", (1000, 4000, 8000, 8100), (1000, 1000, 2000, 8000))[:2])
    assert growth_figures(told, arranged(told)) == []
    assert "Across workloads" not in render(told).decode()
