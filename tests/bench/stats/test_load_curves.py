"""Load curves and their knee, against queues with known solutions; and their table."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.report.latency_tables import load_curve_table
from bench.results import Cell, Estimate, PlanUsed, Quantiles, RecipesUsed, Run
from bench.stats.load_curves import Curve, curves
from bench.workloads import Workload

CAPACITY_HZ = 1000.0


def cell(load: Load, rps: float, p50_ns: float, protocol: str = "alpha", status: str = "measured") -> Cell:
    name = f"c{load.concurrency}" if isinstance(load, ClosedLoad) else f"r{load.rate_hz:g}"
    return Cell(
        id=f"{protocol}-get-{name}",
        protocol=protocol,
        gzip=False,
        tls=False,
        workload=Workload(name="get"),
        load=load,
        status=status,  # type: ignore[arg-type]
        requests_per_second=Estimate(value=rps),
        latency_ns=Quantiles(p50=Estimate(value=p50_ns)),
    )


def saturating(loads: Sequence[int]) -> list[Cell]:
    """A producer that serves four requests in parallel, in 4 ms each; more have to wait."""
    return [cell(ClosedLoad(concurrency=n), min(n, 4) * 250.0, 4e6 * max(1.0, n / 4)) for n in loads]


def queue(rates: Sequence[float]) -> list[Cell]:
    """M/M/1: mean latency 1 / (capacity − rate), whose power is greatest at half of the capacity (Kleinrock)."""
    return [cell(OpenLoad(rate_hz=rate), rate, 1e9 / (CAPACITY_HZ - rate)) for rate in rates]


def only(cells: Sequence[Cell]) -> Curve:
    (curve,) = curves(cells)
    return curve


def test_the_knee_of_a_closed_loop_is_where_requests_begin_to_queue() -> None:
    curve = only(saturating([16, 1, 64, 4]))
    assert [point.requested for point in curve.points] == [1, 4, 16, 64]
    assert curve.knee == 1
    assert curve.key.label == "alpha-get"


def test_the_knee_of_an_open_queue_is_at_half_of_its_capacity() -> None:
    curve = only(queue([100, 300, 500, 700, 900]))
    assert curve.knee is not None
    assert curve.points[curve.knee].requested == 500


@pytest.mark.parametrize("cells", [saturating([4, 8, 16]), saturating([1, 2, 4])])
def test_a_knee_outside_of_the_loads_is_not_reported(cells: list[Cell]) -> None:
    assert only(cells).knee is None


def test_two_loads_give_no_curve_and_closed_and_open_loops_are_separate() -> None:
    assert curves(saturating([1, 16])) == []
    assert curves([*saturating([1, 16]), *queue([100])]) == []
    assert len(curves([*saturating([1, 4, 16]), *queue([100, 200, 300])])) == 2


def test_cells_without_a_result_are_left_out() -> None:
    limited, unknown, *others = saturating([1, 4, 16, 64])
    limited, unknown = replace(limited, status="generator_limited"), replace(unknown, latency_ns=None)
    assert curves([limited, unknown, *others]) == []


def test_the_table_marks_the_knee() -> None:
    cells = [*saturating([1, 4, 16]), cell(ClosedLoad(concurrency=1), 10.0, 1e6, protocol="beta")]
    run = Run(
        started_at="",
        duration_s=1.0,
        command="",
        seed=1,
        environment={},
        recipes=RecipesUsed(source="", count=1, digest=""),
        plan=PlanUsed(instances=1, rounds=1, seconds=None, slice_ms=12.0, instances_done=1),
        warnings=[],
        cells=cells,
    )
    table = load_curve_table(run)
    assert table is not None
    assert [row.entries[-1].text for row in table.rows] == ["", "← knee", ""]
    assert {row.headings[0] for row in table.rows} == {"alpha-get"}
    assert load_curve_table(replace(run, cells=cells[:2])) is None
