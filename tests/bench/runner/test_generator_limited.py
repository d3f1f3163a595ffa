"""From slices to the run file: a cell limited by the load generator has a reason and no results."""

import pytest

from bench.load import latency_histogram, messages
from bench.load_models import OpenLoad
from bench.results import Run
from bench.runner import assemble
from bench.runner.recording import CellRecording, RunRecording
from bench.slices import Slice
from tests.support import measuring


def run_with_lag(lag_ns: float) -> Run:
    """An open-loop run of one cell, whose requests took 1 ms from the due time and were sent late."""
    plan = measuring.plan_of(["http"], [OpenLoad(rate_hz=1000)])
    (planned,) = plan.matrix.cells()
    cell = CellRecording(planned)
    histogram = latency_histogram.new_histogram()
    histogram.record_value(1_000_000, 3000)
    cell.latency[0] = histogram
    for number in range(3):
        measured = Slice(
            started_ns=number * 10**9,
            duration_ns=10**9,
            ok=1000,
            p50_ns=1e6,
            producer_cpu_ns=10**8,
            consumer_cpu_ns=10**8,
            window_ns=10**9,
            due=1000,
            second_half_due=500,
            second_half_ended=500,
            send_lag_p50_ns=lag_ns,
            connections_opened=0,
        )
        cell.add(0, number, 0, messages.SliceDone(slice=measured, outcomes={"ok": 1000}))
    return assemble.run_of(
        RunRecording([cell], instances_done=1),
        plan,
        measuring.HEADER,
    )


def test_a_generator_limited_cell_has_no_results_and_the_run_is_untrusted() -> None:
    run = run_with_lag(8e5)
    (cell,) = run.cells
    assert cell.status == "generator_limited"
    assert cell.reason is not None
    assert "80 % of the median latency" in cell.reason
    assert (cell.latency_ns, cell.service_ns, cell.requests_per_second, cell.ratio) == (None, None, None, None)
    assert (cell.latency_histogram, cell.bytes, cell.cpu_us_per_request, cell.memory_bytes) == (None, None, None, None)
    assert len(cell.slices.ok) == 3
    assert [warning.code for warning in run.warnings if cell.id in warning.cells] == ["generator_limited"]
    assert assemble.untrusted(run)


def test_a_generator_that_keeps_up_keeps_the_results() -> None:
    run = run_with_lag(2e4)
    (cell,) = run.cells
    assert cell.status == "measured"
    assert cell.latency_ns is not None
    assert cell.requests_per_second is not None
    assert cell.requests_per_second.value == pytest.approx(1000)
    assert not assemble.untrusted(run)
