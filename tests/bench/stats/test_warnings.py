"""Each warning appears where its fact does, and only there."""

import re
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bench.load import latency_histogram
from bench.results import (
    Bytes,
    Cell,
    Estimate,
    PlanUsed,
    Quantiles,
    RecipesUsed,
    Run,
    RunWarning,
    SetupSizes,
    Sizes,
    TlsSession,
)
from bench.spec import ClosedLoad, Load, OpenLoad
from bench.stats.analysis import analyse
from bench.stats.cell_warnings import in_flight
from bench.stats.generator import busy_share
from bench.stats.ratios import Baseline
from bench.stats.warnings import warnings_of
from bench.stats.wording import counted, percent, some_of
from tests.bench.stats.noise import Noise, cells_with_noise, matrix

CALM = Noise(restart=0.001, luck=0.001, slice=0.01, spoiled=0.05, round=0.05)
GOOD_MACHINE = {
    "pinning": {"producer": [1], "load": [0], "apart": True},
    "cpu": {"model": "x", "count": 2, "governor": "performance"},
    "load_average_1min": 0.1,
    "foreign_target": False,
}


def run(
    load: Load = ClosedLoad(concurrency=1),  # noqa: B008 - frozen
    instances: int = 6,
    rounds: int = 18,
    noise: Noise = CALM,
    **environment: Any,
) -> Run:
    cells = cells_with_noise(
        np.random.default_rng(1), matrix(loads=(load,)), instances=instances, rounds=rounds, noise=noise
    )
    cells = analyse(cells, latency={}, baseline=Baseline("alpha"))
    for cell in cells:
        cell.outcomes = {"ok": sum(cell.slices.ok)}
        figure = Estimate(value=2e5)
        cell.latency_ns = Quantiles(p50=figure, p90=figure, p99=figure)
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        command="python -m bench run",
        seed=1,
        environment={**GOOD_MACHINE, **environment},
        recipes=RecipesUsed(source="generated", count=1000, digest="d"),
        plan=PlanUsed(instances=instances, rounds=18, seconds=None, slice_ms=12, instances_done=instances),
        warnings=[],
        cells=cells,
    )


def codes(run: Run) -> list[str]:
    return [warning.code for warning in warnings_of(run)]


def only(run: Run) -> RunWarning:
    """The one warning there is, in proper sentences."""
    (warning,) = warnings_of(run)
    assert re.fullmatch(r"[A-Za-z0-9].*\.", warning.text)
    assert "  " not in warning.text
    assert "{" not in warning.text
    return warning


def test_a_good_run_raises_none() -> None:
    assert codes(run()) == []


def test_an_interrupted_run_says_so() -> None:
    stopped = run()
    stopped.plan = replace(stopped.plan, interrupted=True, instances_done=4)
    warning = only(stopped)
    assert warning.code == "interrupted"
    assert "4 of 6 instances" in warning.text


def test_one_instance_or_a_target_has_no_verdicts() -> None:
    assert only(run(instances=1)).code == "one_instance"
    assert only(run(foreign_target=True)).code == "target_not_restarted"


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"pinning": {"producer": [], "load": [], "apart": False}}, "shared_core"),
        ({"cpu": {"count": 2, "governor": "powersave"}}, "frequency_scaling"),
        ({"load_average_1min": 1.7}, "busy_machine"),
        ({"stolen_share": 0.05}, "stolen_time"),
    ],
)
def test_the_machine(environment: dict[str, Any], code: str) -> None:
    assert only(run(**environment)).code == code


def test_a_machine_that_says_nothing_raises_nothing() -> None:
    silent = run()
    silent.environment = {}
    assert codes(silent) == []


def test_wide_intervals_name_the_worst() -> None:
    warning = only(run(instances=3, noise=Noise(restart=0.03)))
    assert warning.code == "wide_interval"
    assert "16 headline ratios" in warning.text


def test_warming_up_is_noticed_over_instances() -> None:
    cold = run()
    for cell in cold.cells:
        if cell.protocol == "beta":
            columns = cell.slices
            columns.p50_ns = [
                p50 and p50 * (1.15 if number < 6 else 1.0)
                for p50, number in zip(columns.p50_ns, columns.round, strict=True)
            ]
    warning = only(cold)
    assert warning.code == "warming_up"
    assert "beta answered 1" in warning.text
    assert "faster than in the first third" in warning.text
    few = run(instances=1)
    few.cells[0].slices = cold.cells[0].slices
    assert "warming_up" not in codes(few)


def test_a_few_rounds_tell_nothing_about_warming_up() -> None:
    cold = run(rounds=8)
    for cell in cold.cells:
        cell.slices.p50_ns = [
            p50 and p50 / (1 + number) for p50, number in zip(cell.slices.p50_ns, cell.slices.round, strict=True)
        ]
    assert "warming_up" not in codes(cold)


def test_failed_requests_are_counted_by_kind() -> None:
    failing = run()
    failing.cells[3].outcomes = {"ok": 97, "timeout": 2, "unreachable": 1}
    warning = only(failing)
    assert (warning.code, warning.cell) == ("errors_seen", failing.cells[3].id)
    assert "3 requests of 100" in warning.text
    assert "2 timeout, 1 unreachable" in warning.text


def test_cells_without_a_result_say_why_and_raise_nothing_else() -> None:
    failing = run()
    for cell, status in zip(failing.cells, ("failed", "generator_limited", "unsupported"), strict=False):
        cell.status, cell.latency_ns, cell.ratio = status, None, None  # type: ignore[assignment]
        cell.outcomes = {"ok": 0, "wrong_answer": 1}
    failing.cells[0].reason = "an answer was wrong"
    assert codes(failing) == ["cells_failed", "generator_limited"]
    assert "an answer was wrong" in warnings_of(failing)[0].text


def test_cells_with_one_reason_share_one_warning() -> None:
    few = run()
    for cell in few.cells[:6]:
        cell.latency_ns = None
    warning = only(few)
    assert warning.code == "few_samples"
    assert warning.cell is None
    assert "6 cells (" in warning.text
    assert "and 2 more" in warning.text


def test_a_missing_tail_is_a_warning_of_its_own() -> None:
    few = run()
    few.cells[0].latency_ns = Quantiles(p50=Estimate(value=2e5))
    warning = only(few)
    assert (warning.code, warning.cell) == ("few_samples_in_tail", few.cells[0].id)


def test_a_busy_consumer_before_an_idle_producer_was_the_limit() -> None:
    limited = run(ClosedLoad(concurrency=16))
    columns = limited.cells[0].slices
    columns.consumer_cpu_ns = [int(duration * 0.97) for duration in columns.duration_ns]
    columns.producer_cpu_ns = [int(duration * 0.5) for duration in columns.duration_ns]
    warning = only(limited)
    assert warning.code == "client_cpu_saturated"
    assert "97 %" in warning.text
    columns.producer_cpu_ns = [int(duration * 0.9) for duration in columns.duration_ns]
    assert codes(limited) == []
    assert busy_share(columns, [None] * len(columns.ok)) is None


def test_a_rate_that_was_missed_is_said_in_words() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    for cell in slow.cells:
        cell.slices.second_half_due = [2500] * len(cell.slices.ok)
        cell.slices.second_half_ended = [2495] * len(cell.slices.ok)
    assert codes(slow) == []
    slow.cells[0].slices.second_half_ended = [2250] * len(slow.cells[0].slices.ok)
    warning = only(slow)
    assert warning.code == "rate_not_reached"
    assert "missed by up to 10 %" in warning.text


def test_requests_that_left_late() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    slow.cells[1].slices.send_lag_p50_ns = [60_000.0] * len(slow.cells[1].slices.ok)
    assert only(slow).code == "generator_lag"


def test_a_producer_without_time_to_spare() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    columns = slow.cells[1].slices
    columns.producer_cpu_ns = [int(duration * 0.98) for duration in columns.duration_ns]
    assert only(slow).code == "producer_saturated"


def test_a_load_process_that_was_held_up() -> None:
    held = run()
    count = len(held.cells[0].slices.ok)
    held.cells[0].slices.loop_stall_ns = [12_000_000 if index % 10 == 0 else 500_000 for index in range(count)]
    warning = only(held)
    assert warning.code == "event_loop_stalls"
    assert "10 % of the slices" in warning.text
    held.cells[0].slices.loop_stall_ns = [8_000_000] * count
    assert codes(held) == []


def test_connections_that_were_to_be_kept() -> None:
    some = run()
    cell = some.cells[0]
    cell.slices.connections_opened = [25] * len(cell.slices.ok)
    warning = only(some)
    assert warning.code == "connections_opened"
    assert "50 % of a connection" in warning.text
    some.cells[0] = replace(cell, connection="new")
    assert codes(some) == []
    some.cells[0] = cell
    cell.slices.connections_opened = [None] * len(cell.slices.ok)
    assert codes(some) == []


def in_flight_of(cell: Cell, latency_ns: int, duration_ns: int, each: int) -> Cell:
    """The cell with slices of so many requests that took this long."""
    histogram = latency_histogram.new_histogram()
    histogram.record_value(latency_ns, each * len(cell.slices.ok))
    cell.latency_histogram = latency_histogram.encode(histogram)
    cell.slices.ok = [each] * len(cell.slices.ok)
    cell.slices.duration_ns = [duration_ns] * len(cell.slices.ok)
    return cell


def stamped(cell: Cell, in_flight_mean: float) -> Cell:
    """The cell with so many requests in flight before draining, by the load's own stamps."""
    cell.slices.in_flight = [in_flight_mean] * len(cell.slices.ok)
    cell.slices.window_ns = [12_000_000] * len(cell.slices.ok)
    return cell


@pytest.mark.parametrize(("concurrency", "found"), [(16, 15.9), (16, 16.0), (1, 0.985)])
def test_as_many_in_flight_as_were_asked_for(concurrency: int, found: float) -> None:
    some = run(ClosedLoad(concurrency=concurrency))
    stamped(some.cells[0], found)
    assert codes(some) == []


@pytest.mark.parametrize(("concurrency", "found"), [(16, 15.6), (16, 16.4), (1, 0.97), (57, 1.1)])
def test_requests_that_were_held_back_break_littles_law(concurrency: int, found: float) -> None:
    some = run(ClosedLoad(concurrency=concurrency))
    stamped(some.cells[0], found)
    assert only(some).code == "littles_law"


def test_recorded_latencies_must_not_show_more_in_flight_than_there_were() -> None:
    some = run(ClosedLoad(concurrency=16))
    honest = in_flight_of(stamped(some.cells[0], 16.0), latency_ns=1_600_000, duration_ns=20_000_000, each=200)
    assert in_flight(honest) == pytest.approx(16.0, rel=2e-3)
    assert codes(some) == []
    in_flight_of(some.cells[0], latency_ns=1_700_000, duration_ns=20_000_000, each=200)
    assert only(some).code == "littles_law"


def test_draining_explains_why_fewer_were_in_flight_over_whole_slices() -> None:
    """Sixteen requests answered one by one: the first waits for one service, the last for sixteen."""
    some = run(ClosedLoad(concurrency=16))
    drained = in_flight_of(stamped(some.cells[0], 16.0), latency_ns=8_500_000, duration_ns=16_000_000, each=16)
    assert in_flight(drained) == pytest.approx(8.5, rel=2e-3)
    assert codes(some) == []


def test_littles_law_says_nothing_where_requests_failed() -> None:
    some = run()
    cell = stamped(in_flight_of(some.cells[0], latency_ns=100_000, duration_ns=20_000_000, each=3), 0.5)
    cell.slices.failed[0] = 1
    assert in_flight(cell) is None
    assert codes(some) == []
    cell.slices.failed[0] = 0
    cell.latency_histogram = latency_histogram.encode(latency_histogram.new_histogram())
    assert in_flight(cell) is None


def test_gzip_that_was_not_applied() -> None:
    some = run()
    zipped = next(cell for cell in some.cells if cell.gzip)
    zipped.bytes = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes(), coding="mixed")
    assert only(some).code == "gzip_not_applied"


def test_tls_that_differs() -> None:
    some = run()
    for cell in some.cells:
        cipher = "TLS_AES_256_GCM_SHA384" if cell.protocol == "gamma" else "TLS_AES_128_GCM_SHA256"
        cell.tls_session = TlsSession(version="TLSv1.3", cipher=cipher) if cell.tls else None
    warning = only(some)
    assert warning.code == "tls_differs"
    assert "TLS_AES_256_GCM_SHA384 in gamma" in warning.text


def test_wording() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of(list("abcdef")) == "a, b, c, d and 2 more"
    assert (counted(1, "cell"), counted(2, "cell")) == ("1 cell", "2 cells")
    assert [percent(share) for share in (0.034, 0.12, 1.5)] == ["3.4 %", "12 %", "150 %"]
