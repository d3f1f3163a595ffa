"""Small runs with real producers and load processes. Results are counted; no test depends on speed."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import schedule as planning
from bench.load import latency_histogram, messages
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.plan import Addresses, Matrix, RunPlan, Version
from bench.protocols import PROTOCOLS
from bench.results import Run
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.runner.processes import LoadProcess
from bench.runner.recording import RunRecording
from bench.runner.session import Session
from bench.workloads import Workload
from consumers.target import Target, parse_target
from producers import certificates
from producers.registry import PRODUCERS
from tests.support.books import CHICKEN
from tests.support.foreign_producers import FOREIGN
from tests.support.measuring import HEADER, job_of
from tests.support.programs import nothing_left_running

GET, FIELDS, CREATE, LIST = (
    Workload(name="get"),
    Workload(name="fields"),
    Workload(name="create"),
    Workload(name="list", page_size=5),
)
ONE: Load = ClosedLoad(concurrency=1)
SEVERAL: Load = ClosedLoad(concurrency=4)


def plan_of(matrix: Matrix, **changes: Any) -> RunPlan:
    plan = RunPlan(
        matrix=matrix,
        instances=1,
        rounds=1,
        seconds=60.0,
        slice_ns=2_000_000,
        seed=7,
        recipes="generated:60",
    )
    return replace(plan, **changes)


def matrix_of(
    protocols: Sequence[str] = tuple(PRODUCERS),
    *,
    workloads: Sequence[Workload] = (GET,),
    loads: Sequence[Load] = (ONE,),
    variants: Sequence[bool] = (False,),
) -> Matrix:
    return Matrix({"protocol": protocols, "gzip": variants, "tls": variants, "workload": workloads, "load": loads})


async def recorded(
    plan: RunPlan,
    *,
    authority: Path | None = None,
    ids: Sequence[int] = range(1, 61),
    on_progress: Callable[[float, str], None] = lambda *_: None,
    stop: asyncio.Event | None = None,
) -> RunRecording:
    job = job_of(plan, ids=ids, certificates=authority, on_progress=on_progress, stop=stop)
    with nothing_left_running():
        return await Measurement(job).run()


def assembled(recording: RunRecording, plan: RunPlan) -> Run:
    return assemble.run_of(recording, plan, HEADER)


async def test_every_combination_of_every_workload(tmp_path: Path) -> None:
    matrix = matrix_of(workloads=(GET, LIST, FIELDS, CREATE), loads=(ONE, SEVERAL), variants=(False, True))
    plan = plan_of(matrix)
    recording = await recorded(plan, authority=certificates.write(tmp_path).directory)
    assert recording.problems == []
    assert (recording.instances_done, recording.interrupted) == (1, False)
    assert set(recording.sizes) == set(matrix.messages())
    assert {key.protocol for key in recording.memory} == set(PRODUCERS)
    run = assembled(recording, plan)
    assert len(run.cells) == len(PRODUCERS) * 2 * 2 * 4 * 2
    for cell in run.cells:
        assert (cell.status, set(cell.outcomes)) == ("measured", {"ok"}), cell
        assert cell.slices.instance == [0]
        assert sum(cell.slices.ok) == cell.outcomes["ok"] > 0
        assert cell.bytes is not None
        allowed = {"gzip" if cell.gzip else "identity"}
        if cell.gzip and len(PROTOCOLS[cell.protocol].gzip_levels) == 1 and cell.workload.name != "list":
            # Such a library sends content uncompressed when gzip does not shrink it, as with the shortest recipes.
            allowed |= {"mixed", "identity"}
        assert cell.bytes.coding in allowed
        assert (cell.tls_session is not None) == cell.tls
        assert cell.memory_bytes is not None
        assert cell.memory_bytes.producer_peak is not None
        assert cell.latency_histogram
        if cell.load == ONE:
            assert min(cell.slices.ok) >= 3
    assert not assemble.untrusted(run)


async def test_implementations_are_measured_in_processes_of_their_own() -> None:
    """And what one does not offer is unsupported."""
    names = ("default", "grpcio-threads")
    plan = plan_of(Matrix({**matrix_of(["grpc"], loads=(ONE, SEVERAL)).values, "implementation": names}))
    recording = await recorded(plan)
    assert recording.problems == []
    assert {key.implementation for key in recording.memory} == set(names)
    cells = assembled(recording, plan).cells
    assert [(cell.implementation, cell.status, set(cell.outcomes)) for cell in cells] == [
        (name, "measured", {"ok"}) for name in names for _ in range(2)
    ]
    # Both are compared with the default.
    ratios = [cell.ratio for cell in cells if cell.implementation != "default"]
    assert [ratio and ratio.baseline for ratio in ratios] == ["grpc-get-c1", "grpc-get-c4"]


async def test_every_instance_is_recorded() -> None:
    plan = plan_of(matrix_of(["http"]), instances=2, rounds=2)
    recording = await recorded(plan)
    (cell,) = assembled(recording, plan).cells
    assert recording.instances_done == 2
    assert recording.instances_at_once == 2
    # A sweep visits both.
    assert cell.slices.round == [0, 0, 1, 1]
    assert sorted(cell.slices.instance[:2]) == sorted(cell.slices.instance[2:]) == [0, 1]
    assert sum(cell.slices.ok) == cell.outcomes["ok"] > 0


async def test_open_arrivals_are_timed_from_when_they_were_due() -> None:
    load = OpenLoad(rate_hz=60, arrivals="constant")
    plan = plan_of(matrix_of(["grpc"], loads=(load,)))
    recording = await recorded(plan)
    for cell in assembled(recording, plan).cells:
        assert cell.outcomes == {"ok": 60}
        assert cell.latency_ns is not None
        assert cell.service_ns is not None
        assert cell.latency_ns.p50 is not None
        assert cell.service_ns.p50 is not None
        assert cell.latency_ns.p50.value >= cell.service_ns.p50.value
        assert None not in cell.slices.send_lag_p50_ns


async def test_targets_are_measured_for_what_they_support() -> None:
    matrix = matrix_of(workloads=(GET, LIST, FIELDS, CREATE))
    async with AsyncExitStack() as stack:
        targets = {
            name: Addresses(parse_target(await stack.enter_async_context(FOREIGN[name](CHICKEN)))) for name in PRODUCERS
        }
        plan = plan_of(matrix, versions=(Version(targets=targets),), ids=(42,), recipes="generated:60")
        run = assembled(await recorded(plan, ids=[42]), plan)
    status = {(cell.protocol, cell.workload.name): cell.status for cell in run.cells}
    reasons = {(cell.protocol, cell.workload.name): cell.reason for cell in run.cells}
    for protocol in PRODUCERS:
        assert status[protocol, "get"] == "measured"
        for workload in ("list", "create"):
            assert status[protocol, workload] == "unsupported", reasons[protocol, workload]
    # GraphQL selects whatever the server is; the others need a server that knows how.
    assert [status[protocol, "fields"] for protocol in PRODUCERS] == ["unsupported", "measured", "unsupported"]
    assert all(cell.reason for cell in run.cells if cell.status != "measured")
    assert not assemble.untrusted(run)


@pytest.mark.parametrize(("known", "status"), [(True, "failed"), (False, "measured")])
async def test_responses_are_compared_with_the_recipes_unless_none_are_expected(known: bool, status: str) -> None:
    async with AsyncExitStack() as stack:
        other = replace(CHICKEN, steps="Order a pizza.")
        targets = {
            name: Addresses(parse_target(await stack.enter_async_context(FOREIGN[name](other)))) for name in PRODUCERS
        }
        plan = plan_of(matrix_of(), versions=(Version(targets=targets),), ids=(42,), known=known)
        run = assembled(await recorded(plan, ids=[42]), plan)
    assert {cell.status for cell in run.cells} == {status}
    if known:
        assert all(cell.outcomes["wrong_answer"] for cell in run.cells)
        assert all(cell.latency_ns is None for cell in run.cells)
        assert assemble.untrusted(run)


async def test_a_file_of_any_order_is_listed_by_id(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(f'{{"id": {i}, "name": "recipe {i}"}}\n' for i in (9, 3, 7, 1, 5)))
    plan = plan_of(matrix_of(["http"], workloads=(GET, Workload(name="list", page_size=2))), recipes=str(file))
    run = assembled(await recorded(plan, ids=[1, 3, 5, 7, 9]), plan)
    assert {cell.status for cell in run.cells} == {"measured"}


async def test_a_gzip_level_that_a_library_lacks_makes_only_its_gzip_cells_unsupported() -> None:
    matrix = Matrix({"protocol": tuple(PRODUCERS), "gzip": (False, True), "workload": (LIST,), "load": (ONE,)})
    plan = plan_of(matrix, gzip_level=9)
    recording = await recorded(plan)
    run = assembled(recording, plan)
    for cell in run.cells:
        fixed = cell.gzip and len(PROTOCOLS[cell.protocol].gzip_levels) == 1
        assert cell.status == ("unsupported" if fixed else "measured"), cell.reason
        assert not fixed or "level 6 only, and 9 was requested" in (cell.reason or "")
    assert recording.problems == []
    assert not assemble.untrusted(run)


async def test_a_batch_in_one_request_and_in_several() -> None:
    names = ("batch", "batch-one-by-one", "batch-at-once")
    matrix = matrix_of(workloads=[Workload(name=name, page_size=5) for name in names])
    plan = plan_of(Matrix({**matrix.values, "client": ("library", "raw")}))
    recording = await recorded(plan)
    for cell in assembled(recording, plan).cells:
        several = cell.workload.name != "batch"
        expected = "unsupported" if several and cell.client == "raw" else "measured"
        assert cell.status == expected, cell.reason
        if cell.client == "library":
            assert cell.bytes is not None
            assert (cell.bytes.response.wire_bytes is None) == several


async def test_sweeps_before_latencies_have_stopped_falling_are_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False])
    monkeypatch.setattr(planning, "settled", lambda *_: next(answers, True))
    plan = plan_of(matrix_of(["http"]), instances=2, rounds=3)
    recording = await recorded(plan)
    (cell,) = assembled(recording, plan).cells
    assert recording.warm_up_rounds == [5, 5]
    assert cell.slices.round == [0, 0, 1, 1, 2, 2]
    assert sum(cell.slices.ok) == cell.outcomes["ok"]
    assert cell.latency_histogram is not None
    assert latency_histogram.decode(cell.latency_histogram).total_count == cell.outcomes["ok"]


async def test_cores_are_awake_for_the_cells_that_want_it_only(monkeypatch: pytest.MonkeyPatch) -> None:
    awake, sent = [False], []
    real: Callable[..., Any] = LoadProcess.order

    async def keep_awake(_: Session, wanted: bool) -> None:
        awake[0] = wanted

    async def noted(self: LoadProcess, order: Any, timeout_s: float) -> Any:
        if isinstance(order, messages.RunSlice):
            sent.append((order.recorded, order.cell, awake[0]))
        return await real(self, order, timeout_s)

    monkeypatch.setattr(Session, "keep_awake", keep_awake)
    monkeypatch.setattr(LoadProcess, "order", noted)
    matrix = Matrix({**matrix_of(["http"]).values, "cores": ("awake", "default")})
    recording = await recorded(plan_of(matrix, rounds=3))
    assert {(cell, on) for was_recorded, cell, on in sent if was_recorded} == {
        ("http-get-c1", True),
        ("http-get-c1-default-cores", False),
    }
    assert not any(on for was_recorded, _, on in sent if not was_recorded)
    assert [len(cell.slices) for cell in recording.cells] == [3, 3]


async def test_instances_that_do_not_fit_into_the_memory_are_measured_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planning, "MEMORY_SHARE", 0.0)
    recording = await recorded(plan_of(matrix_of(["http"]), instances=2, rounds=2))
    (cell,) = recording.cells
    assert (recording.instances_at_once, recording.instances_done) == (1, 2)
    assert [each.instance for each in cell.slices] == [0, 0, 1, 1]


async def test_no_more_instances_are_started_than_there_is_time_for() -> None:
    plan = plan_of(matrix_of(["http"]), instances=4, instances_at_least=2, rounds=None, seconds=0.1)
    recording = await recorded(plan)
    assert (recording.instances, recording.instances_done) == (1, 1)
    assert {each.instance for each in recording.cells[0].slices} == {0}


async def test_instances_that_were_asked_for_are_started_however_long_that_takes() -> None:
    plan = plan_of(matrix_of(["http"]), instances=2, rounds=None, seconds=0.1)
    recording = await recorded(plan)
    assert recording.instances == 2


async def test_a_stop_keeps_the_rounds_that_are_finished() -> None:
    stop = asyncio.Event()

    def in_the_third_round(_: float, text: str) -> None:
        if ", round 3/" in text:
            stop.set()

    plan = plan_of(matrix_of(["http", "graphql"]), rounds=1000)
    recording = await recorded(plan, on_progress=in_the_third_round, stop=stop)
    assert (recording.interrupted, recording.instances_done) == (True, 1)
    run = assembled(recording, plan)
    for cell in run.cells:
        assert cell.status == "measured"
        assert cell.slices.round == [0, 1]
        assert cell.latency_ns is not None
    assert "interrupted" in {warning.code for warning in run.warnings}


async def test_a_stop_keeps_the_slice_that_has_just_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = asyncio.Event()
    real: Callable[..., Any] = LoadProcess.order

    async def stopped_after_a_recorded_slice(self: LoadProcess, order: Any, timeout_s: float) -> Any:
        answer = await real(self, order, timeout_s)
        if isinstance(order, messages.RunSlice) and order.recorded:
            stop.set()
        return answer

    monkeypatch.setattr(LoadProcess, "order", stopped_after_a_recorded_slice)
    plan = plan_of(matrix_of(["http"]), rounds=1000)
    recording = await recorded(plan, stop=stop)
    (cell,) = assembled(recording, plan).cells
    assert (recording.interrupted, recording.instances_done) == (True, 1)
    assert cell.slices.round == [0]
    assert cell.latency_ns is not None


@pytest.mark.parametrize(
    "moment", ["starting", "verifying responses", "counting bytes", "warming up", "instance 1/1, round 2/1000"]
)
async def test_a_run_that_is_cancelled_leaves_nothing_running(moment: str) -> None:
    def cancel(_: float, text: str) -> None:
        if text.endswith(moment):
            running.cancel()

    running = asyncio.create_task(recorded(plan_of(matrix_of(["http"]), rounds=1000), on_progress=cancel))
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("moment", ["starting", "verifying responses", "counting bytes", "warming up"])
async def test_a_stop_before_any_measurement_interrupts_every_cell(moment: str) -> None:
    stop = asyncio.Event()
    plan = plan_of(matrix_of(["http"]))
    recording = await recorded(
        plan, on_progress=lambda _, text: stop.set() if text.endswith(moment) else None, stop=stop
    )
    assert (recording.interrupted, recording.instances_done) == (True, 0)
    assert {cell.status for cell in recording.cells} == {"interrupted"}


async def test_a_producer_that_does_not_start_fails_its_cells_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(matrix_of(["http", "grpc"]), recipes="no-such-file.json")
    recording = await recorded(plan)
    run = assembled(recording, plan)
    assert {cell.status for cell in run.cells} == {"failed"}
    assert all("no-such-file.json" in (cell.reason or "") for cell in run.cells)
    assert assemble.untrusted(run)


async def test_a_run_without_measurable_cells_ends_immediately() -> None:
    reported: list[str] = []
    async with FOREIGN["http"](replace(CHICKEN, steps="Order a pizza.")) as address:
        targets = {"http": Addresses(parse_target(address))}
        endless = {"rounds": None, "seconds": 3600.0}
        plan = plan_of(matrix_of(["http"]), versions=(Version(targets=targets),), ids=(42,), **endless)
        recording = await recorded(plan, ids=[42], on_progress=lambda _, text: reported.append(text))
    assert [cell.status for cell in recording.cells] == ["failed"]
    assert not any("round" in text for text in reported)


async def test_an_unreachable_target_fails_its_cells() -> None:
    targets = {"http": Addresses(Target("127.0.0.1", 1))}
    plan = plan_of(matrix_of(["http"]), versions=(Version(targets=targets),))
    (cell,) = assembled(await recorded(plan), plan).cells
    assert cell.status == "failed"
    assert cell.outcomes == {"ok": 0, "unreachable": 1}
