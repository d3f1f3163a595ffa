"""Each warning about single cells appears when its condition holds, and only then."""

import pytest
from msgspec.structs import replace

from bench.load import latency_histogram
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.results import Cause, Cell, Estimate, InFlight, Quantiles, Status
from bench.stats.generator import busy_share, in_flight
from bench.stats.warnings import warnings_of
from bench.wire.results import Bytes, SetupSizes, Sizes, TlsSession
from consumers import causes
from tests.bench.stats.noise import with_columns
from tests.bench.stats.warning_runs import codes, only, run, with_cells


def test_failed_requests_are_counted_by_kind() -> None:
    failing = run()
    outcomes = ({"ok": 97, "timeout": 2, "unreachable": 1}, {"ok": 98, "timeout": 2})
    cells = [replace(cell, outcomes=each) for cell, each in zip(failing.cells, outcomes, strict=False)]
    warning = only(with_cells(failing, *cells))
    assert (warning.code, warning.grade) == ("errors_seen", "warning")
    assert warning.cells == [cell.id for cell in cells]
    assert warning.text.startswith("Failed requests: timeout × 4, unreachable × 1, of 200 requests in 2 config")


def test_causes_of_failed_requests_come_first_with_what_helps() -> None:
    failing = run()
    limited = Cause(kind="unexpected_answer", text="429 Too Many Requests", count=200, detail="slow down")
    gone = Cause(kind="unreachable", text=causes.NO_PORT_LEFT, count=7)
    cells = [
        replace(failing.cells[0], outcomes={"ok": 97, "unexpected_answer": 200}, causes=[limited]),
        replace(
            failing.cells[1], outcomes={"ok": 96, "unexpected_answer": 200, "unreachable": 7}, causes=[gone, limited]
        ),
    ]
    warning = only(with_cells(failing, *cells))
    first = f"Failed requests: 429 Too Many Requests × 400, {causes.NO_PORT_LEFT} × 7, of 600 requests in "
    assert warning.text.startswith(first)
    assert "The producer limits how much it serves" in warning.text
    assert "This machine ran out of local ports, not the producer" in warning.text


def test_cells_that_failed_for_the_same_cause_at_other_addresses_share_one_warning() -> None:
    some = run()
    refused = [Cause(kind="unreachable", text=causes.REFUSED, count=1)]
    cells = [
        replace(cell, status="failed", reason=f"127.0.0.1:{port}: {causes.REFUSED}", causes=refused, latency_ns=None)
        for port, cell in enumerate(some.cells[:3], 1)
    ]
    warning = only(with_cells(some, *cells))
    assert warning.text.startswith(f"No result, {causes.REFUSED}: 3 configurations (")
    assert "Nothing accepts connections at that address" in warning.text
    assert warning.cells == [cell.id for cell in cells]


def test_cells_without_a_result_state_the_reason_and_have_no_other_warning() -> None:
    some = run()
    statuses: tuple[Status, ...] = ("failed", "generator_limited", "unsupported", "failed")
    cells = [
        replace(
            cell,
            status=status,
            reason="a response was wrong" if status == "failed" else None,
            latency_ns=None,
            ratio=None,
            outcomes={"ok": 0, "wrong_answer": 1},
        )
        for cell, status in zip(some.cells, statuses, strict=False)
    ]
    failed, limited = warnings_of(with_cells(some, *cells))
    assert (failed.code, limited.code) == ("cells_failed", "generator_limited")
    assert "a response was wrong" in failed.text
    assert (failed.cells, limited.cells) == ([cells[0].id, cells[3].id], [cells[1].id])
    assert (failed.grade, limited.grade) == ("warning", "warning")


def test_cells_with_the_same_reason_share_one_warning() -> None:
    few = run()
    warning = only(with_cells(few, *(replace(cell, latency_ns=None) for cell in few.cells[:6])))
    assert (warning.code, warning.grade) == ("few_samples", "note")
    assert warning.cells == [cell.id for cell in few.cells[:6]]
    assert "available for 18 of 24 configurations" in warning.text
    assert "6 configurations (" in warning.text
    assert "and 2 more" in warning.text


def test_missing_high_percentiles_are_no_reason_for_a_warning() -> None:
    few = run()
    assert codes(with_cells(few, replace(few.cells[0], latency_ns=Quantiles(p50=Estimate(value=2e5))))) == []


def with_cpu(cell: Cell, *, consumer: float, producer: float) -> Cell:
    """The cell with these shares of a core."""
    return with_columns(
        cell,
        consumer_cpu_ns=[int(duration * consumer) for duration in cell.slices.duration_ns],
        producer_cpu_ns=[int(duration * producer) for duration in cell.slices.duration_ns],
    )


def test_a_busy_client_of_an_idle_producer_was_the_bottleneck() -> None:
    limited = run(ClosedLoad(concurrency=16))
    warning = only(with_cells(limited, with_cpu(limited.cells[0], consumer=0.97, producer=0.5)))
    assert (warning.code, warning.grade) == ("client_cpu_saturated", "note")
    assert warning.text.startswith(f"Throughput of {limited.cells[0].id} is a lower bound, shown with ≥: ")
    assert "97 %" in warning.text
    assert codes(with_cells(limited, with_cpu(limited.cells[0], consumer=0.97, producer=0.9))) == []


def test_without_a_cpu_clock_the_share_of_a_core_is_unknown() -> None:
    slices = run().cells[0].slices
    assert busy_share(slices, [None] * len(slices.ok)) is None


def with_rate_reached(cell: Cell, ended: int) -> Cell:
    count = len(cell.slices.ok)
    return with_columns(cell, second_half_due=[2500] * count, second_half_ended=[ended] * count)


def test_a_missed_rate_gives_a_warning() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    reached = replace(slow, cells=[with_rate_reached(cell, 2495) for cell in slow.cells])
    assert codes(reached) == []
    warning = only(with_cells(reached, with_rate_reached(slow.cells[0], 2250)))
    assert warning.code == "rate_not_reached"
    assert "missed by up to 10 %" in warning.text


def test_late_requests_give_a_warning() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    late = with_columns(slow.cells[0], send_lag_p50_ns=[60_000.0] * len(slow.cells[0].slices.ok))
    assert only(with_cells(slow, late)).code == "generator_lag"


def test_a_saturated_producer_gives_a_warning() -> None:
    slow = run(OpenLoad(rate_hz=5000.0))
    assert only(with_cells(slow, with_cpu(slow.cells[0], consumer=0.5, producer=0.98))).code == "producer_saturated"


def with_stalls(cell: Cell, *stalls_ns: int) -> Cell:
    """The cell with these stalls, repeated over its slices."""
    return with_columns(cell, loop_stall_ns=[stalls_ns[row % len(stalls_ns)] for row in range(len(cell.slices.ok))])


def test_a_blocked_load_process_gives_a_warning_where_it_may_decide_p99() -> None:
    some = run()
    cell = with_columns(some.cells[0], ok=[10] * len(some.cells[0].slices))
    warning = only(with_cells(some, with_stalls(cell, 12_000_000, *[500_000] * 8)))
    assert warning.code == "event_loop_stalls"
    assert "Up to 1.1 % of the responses were timed late" in warning.text
    assert codes(with_cells(some, with_stalls(cell, 8_000_000))) == []
    many = with_columns(cell, ok=[100] * len(cell.slices))
    assert codes(with_cells(some, with_stalls(many, 12_000_000, *[500_000] * 8))) == []
    untailed = replace(cell, latency_ns=Quantiles(p50=Estimate(value=2e5)))
    assert codes(with_cells(some, with_stalls(untailed, 12_000_000))) == []


def test_in_open_loop_a_stall_delays_what_falls_due_meanwhile() -> None:
    some = run(OpenLoad(rate_hz=5000.0))
    cell = with_columns(some.cells[0], duration_ns=[1_000_000_000] * len(some.cells[0].slices))
    assert "Up to 1.2 % of" in only(with_cells(some, with_stalls(cell, 12_000_000))).text
    assert codes(with_cells(some, with_stalls(cell, 12_000_000, 0, 0))) == []


def test_reconnects_give_a_warning() -> None:
    some = run()
    reopening = with_columns(some.cells[0], connections_opened=[25] * len(some.cells[0].slices.ok))
    warning = only(with_cells(some, reopening))
    assert warning.code == "connections_opened"
    assert "50 % of a connection" in warning.text
    assert codes(with_cells(some, replace(reopening, connection="new"))) == []
    unknown = with_columns(reopening, connections_opened=[None] * len(reopening.slices.ok))
    assert codes(with_cells(some, unknown)) == []


def with_requests(cell: Cell, latency_ns: int, duration_ns: int, each: int) -> Cell:
    """The cell with slices of this duration, each with this number of requests that took this long."""
    count = len(cell.slices.ok)
    histogram = latency_histogram.new_histogram()
    histogram.record_value(latency_ns, each * count)
    cell = with_columns(cell, ok=[each] * count, duration_ns=[duration_ns] * count)
    return replace(cell, latency_histogram=latency_histogram.encode(histogram))


def with_in_flight(cell: Cell, mean: float) -> Cell:
    """The cell with this mean number of requests in flight before draining, by the load process's timestamps."""
    count = len(cell.slices.ok)
    return with_columns(cell, in_flight=[mean] * count, window_ns=[12_000_000] * count)


@pytest.mark.parametrize(("concurrency", "mean"), [(16, 15.9), (16, 16.0), (1, 0.985)])
def test_the_number_in_flight_may_differ_a_little(concurrency: int, mean: float) -> None:
    some = run(ClosedLoad(concurrency=concurrency))
    assert codes(with_cells(some, with_in_flight(some.cells[0], mean))) == []


@pytest.mark.parametrize(("concurrency", "mean"), [(16, 15.6), (16, 16.4), (1, 0.97), (57, 1.1)])
def test_another_number_in_flight_fails_the_concurrency_check(concurrency: int, mean: float) -> None:
    some = run(ClosedLoad(concurrency=concurrency))
    assert only(with_cells(some, with_in_flight(some.cells[0], mean))).code == "littles_law"


def queueing(cell: Cell, load: Load, found: InFlight, mean_ns: int = 1_000_000) -> Cell:
    """The cell with what was counted on the wire, and with this mean latency."""
    return replace(with_requests(cell, mean_ns, 12_000_000, each=100), load=load, in_flight=found)


def test_a_concurrency_that_was_not_reached_gives_a_warning_with_its_cells() -> None:
    load = ClosedLoad(concurrency=16)
    some = run(load)
    found = InFlight(wanted=16, reached=4, streams_at_most=4, queued_ns=750_000)
    warning = only(with_cells(some, *(queueing(cell, load, found) for cell in some.cells[:2])))
    assert (warning.code, warning.grade) == ("concurrency_not_reached", "warning")
    assert warning.cells == [cell.id for cell in some.cells[:2]]
    assert warning.text.startswith("16 requests in flight were wanted and 4 reached in 2 configurations")
    assert "the producer allows 4 on a connection" in warning.text
    assert "up to 75 % of the mean latency" in warning.text
    assert "--concurrency 4 or less" in warning.text
    reached = queueing(some.cells[0], load, InFlight(wanted=16, reached=16, streams_at_most=16))
    assert codes(with_cells(some, reached)) == []
    unknown = queueing(some.cells[0], load, InFlight(wanted=16, reached=5))
    text = only(with_cells(some, unknown)).text
    assert "allows" not in text
    assert "%" not in text


def test_time_in_the_clients_queue_gives_a_warning_in_open_loop_where_it_matters() -> None:
    load = OpenLoad(rate_hz=500)
    some = run()
    for queued_ns, expected in ((None, []), (5_000, []), (300_000, ["queued_in_client"])):
        found = InFlight(wanted=256, reached=100, streams_at_most=100, queued_ns=queued_ns)
        assert codes(with_cells(some, queueing(some.cells[0], load, found))) == expected
    assert "30 % of the mean latency" in only(with_cells(some, queueing(some.cells[0], load, found))).text


def test_the_turnaround_of_the_load_process_explains_why_fewer_were_in_flight() -> None:
    """With one in flight and responses in 100 µs, 4 µs of work between two requests are 4 %."""
    some = run()
    fewer = with_in_flight(some.cells[0], 0.96)
    assert only(with_cells(some, fewer)).code == "littles_law"
    explained = with_columns(fewer, turnaround_ns=[480_000] * len(fewer.slices))
    assert codes(with_cells(some, explained)) == []
    partly = with_columns(fewer, turnaround_ns=[120_000] * len(fewer.slices))
    assert only(with_cells(some, partly)).code == "littles_law"


def test_recorded_latencies_must_not_show_more_in_flight_than_there_were() -> None:
    some = run(ClosedLoad(concurrency=16))
    stamped = with_in_flight(some.cells[0], 16.0)
    right = with_requests(stamped, latency_ns=1_600_000, duration_ns=20_000_000, each=200)
    assert in_flight(right) == pytest.approx(16.0, rel=2e-3)
    assert codes(with_cells(some, right)) == []
    longer = with_requests(stamped, latency_ns=1_700_000, duration_ns=20_000_000, each=200)
    assert only(with_cells(some, longer)).code == "littles_law"


def test_draining_explains_why_fewer_were_in_flight_over_whole_slices() -> None:
    """Sixteen requests answered one by one: the first waits for one service, the last for sixteen."""
    some = run(ClosedLoad(concurrency=16))
    drained = with_requests(with_in_flight(some.cells[0], 16.0), latency_ns=8_500_000, duration_ns=16_000_000, each=16)
    assert in_flight(drained) == pytest.approx(8.5, rel=2e-3)
    assert codes(with_cells(some, drained)) == []


def test_the_concurrency_check_needs_requests_that_did_not_fail() -> None:
    some = run()
    cell = with_in_flight(with_requests(some.cells[0], latency_ns=100_000, duration_ns=20_000_000, each=3), 0.5)
    failing = with_columns(cell, failed=[1, *cell.slices.failed[1:]])
    assert in_flight(failing) is None
    assert codes(with_cells(some, failing)) == []
    empty = replace(cell, latency_histogram=latency_histogram.encode(latency_histogram.new_histogram()))
    assert in_flight(empty) is None


def test_unapplied_gzip_gives_a_warning() -> None:
    some = run()
    mixed = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes(), coding="mixed")
    assert only(with_cells(some, replace(some.cells[0], gzip=True, bytes=mixed))).code == "gzip_not_applied"


def test_responses_checked_by_status_only_give_a_warning() -> None:
    some = run()
    assert only(with_cells(some, replace(some.cells[0], checked="status"))).code == "checked_by_status"


def test_different_tls_sessions_give_a_warning() -> None:
    def session(cell: Cell) -> TlsSession | None:
        cipher = "TLS_AES_256_GCM_SHA384" if cell.protocol == "gamma" else "TLS_AES_128_GCM_SHA256"
        return TlsSession(version="TLSv1.3", cipher=cipher) if cell.tls else None

    some = run()
    warning = only(replace(some, cells=[replace(cell, tls_session=session(cell)) for cell in some.cells]))
    assert warning.code == "tls_differs"
    assert "TLS_AES_256_GCM_SHA384 in gamma" in warning.text
