"""Producers that fail in the middle of a run: real processes. Every failure is counted and never timed.

The run goes on, slices are marked, failures are counted by kind, a warning says so, and no failed request is part of
a latency.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from bench import schedule as planning
from bench.load import messages
from bench.load_models import ClosedLoad, Load, OpenLoad
from bench.results import Cell, Run
from bench.runner import assemble
from bench.runner.processes import Child, LoadProcess
from bench.runner.session import RunningProducer, Session
from producers.registry import PRODUCERS
from tests.support import measuring

SLICE_NS = 1
"""So short that a slice sends the minimum of 4 requests on any machine."""
AFTER_WARM_UP = 125
"""More questions than verifying, reading sizes and the longest warm-up ask (80, and 6 rounds of 4), so that what goes
wrong later goes wrong in a recorded slice."""
HTTP_1_AND_2 = ("http", "grpc")
"""For faults of connections. GraphQL has those of HTTP/1.1."""


async def run_with(
    behaviour: dict[str, Sequence[str]], monkeypatch: pytest.MonkeyPatch, load: Load | None = None, **given: Any
) -> Run:
    """A run in which the lab itself starts these producers, by protocol, with this behaviour."""

    async def start(session: Session, protocol: str, **_: object) -> RunningProducer:
        return await measuring.start_known(session, protocol, behaviour[protocol])

    monkeypatch.setattr(Session, "start_producer", start)
    settings = {"timeout_s": 5.0, "slice_ns": SLICE_NS, **given}
    plan = measuring.plan_of(list(behaviour), [load or ClosedLoad(concurrency=1)], **settings)
    return await measuring.measured(plan)


def faulty(fault: str, after: int = AFTER_WARM_UP, times: int | None = None) -> Sequence[str]:
    some = () if times is None else ("--times", str(times))
    return ("--delay-ms", "1", "--fault", fault, "--after", str(after), *some)


def codes(run: Run) -> set[str]:
    return {warning.code for warning in run.warnings}


def assert_no_figures(cell: Cell) -> None:
    assert cell.latency_ns is None
    assert cell.requests_per_second is None
    assert cell.cpu_us_per_request is None
    assert cell.latency_histogram is None
    assert cell.ratio is None


def assert_marked(cell: Cell, *kinds: str) -> None:
    """Assert that some slices are complete and others have these failures, and that failures are in no latency."""
    slices = cell.slices
    marked = [failure for failure in slices.failure if failure is not None]
    assert marked
    assert set(marked) <= set(kinds)
    assert [failed > 0 for failed in slices.failed] == [failure is not None for failure in slices.failure]
    assert sum(cell.outcomes.get(kind, 0) for kind in kinds) >= len(marked)
    assert sum(slices.ok) == cell.outcomes["ok"]
    assert all((p50_ns is None) == (ok == 0) for p50_ns, ok in zip(slices.p50_ns, slices.ok, strict=True))


@pytest.mark.parametrize("protocol", HTTP_1_AND_2)
async def test_a_producer_that_dies_within_a_slice_is_counted(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with({protocol: faulty("dies")}, monkeypatch, rounds=40, instances=2, timeout_s=1.0)
    (cell,) = run.cells
    assert_marked(cell, "unreachable", "timeout")
    assert set(cell.slices.instance) == {0, 1}
    assert {"errors_seen", "process_trouble"} <= codes(run)
    assert any(f"the {protocol} producer ended" in warning.text for warning in run.warnings)
    assert run.plan.instances_done == 2
    assert assemble.untrusted(run)


async def test_a_producer_that_hangs_is_skipped_after_some_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with({"http": faulty("hangs")}, monkeypatch, rounds=1000, timeout_s=1.0)
    (cell,) = run.cells
    assert_marked(cell, "timeout")
    assert len(cell.slices.ok) < 100
    assert any("answered nothing in 3 slices in a row" in warning.text for warning in run.warnings)
    assert assemble.untrusted(run)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [("garbage", ("unexpected_answer", "unreachable")), ("closes", ("unreachable", "unexpected_answer"))],
)
@pytest.mark.parametrize("protocol", HTTP_1_AND_2)
async def test_garbage_and_truncated_responses_are_counted(
    protocol: str, fault: str, kinds: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await run_with({protocol: faulty(fault, times=1)}, monkeypatch, rounds=40)
    (cell,) = run.cells
    assert_marked(cell, *kinds)
    assert cell.status == "measured"
    assert cell.slices.failure[-1] is None
    assert "errors_seen" in codes(run)
    assert assemble.untrusted(run)


@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_errors_within_a_slice_are_counted(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with({protocol: faulty("errors", times=2)}, monkeypatch, rounds=40)
    (cell,) = run.cells
    assert_marked(cell, "unexpected_answer", "error_answer")
    assert cell.status == "measured"
    assert "errors_seen" in codes(run)
    assert assemble.untrusted(run)
    (cause,) = cell.causes
    assert cause.count == 2
    assert any(f"Failed requests: {cause.text} × 2, of " in warning.text for warning in run.warnings)


@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_errors_now_and_then_take_no_result(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when they come while responses are verified, nor while bytes are counted."""
    run = await run_with({protocol: faulty("errors", after=1, times=1)}, monkeypatch, rounds=4)
    (cell,) = run.cells
    assert cell.status == "measured"
    assert sum(cause.count for cause in cell.causes) == 1
    assert cell.latency_ns is not None or sum(cell.slices.ok) > 0
    run = await run_with({protocol: faulty("errors", after=30, times=1)}, monkeypatch, rounds=4)
    assert run.cells[0].bytes is not None
    assert run.cells[0].bytes.response.wire_bytes is not None


async def test_a_producer_that_refuses_everything_is_named_with_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with({"http": faulty("errors", after=0)}, monkeypatch)
    (cell,) = run.cells
    assert cell.status == "failed"
    assert [cause.text for cause in cell.causes] == ["500 Internal Server Error"]
    assert any("500 Internal Server Error" in warning.text for warning in run.warnings)


@pytest.mark.parametrize(
    ("protocol", "fault"),
    [("http", "another_recipe"), *((protocol, "altered_recipe") for protocol in PRODUCERS)],
)
async def test_a_wrong_recipe_leaves_the_cell_without_results(
    protocol: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await run_with({protocol: faulty(fault)}, monkeypatch, rounds=80)
    (cell,) = run.cells
    assert cell.status == "failed"
    assert cell.outcomes["wrong_answer"] >= 1
    assert_no_figures(cell)
    assert "cells_failed" in codes(run)
    assert assemble.untrusted(run)


async def test_a_producer_that_dies_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with({"http": faulty("dies"), "graphql": ("--delay-ms", "1")}, monkeypatch, rounds=40)
    dead, sound = run.cells
    assert_marked(dead, "unreachable", "timeout")
    assert set(sound.outcomes) == {"ok"}
    assert len(sound.slices.ok) == 40
    assert sound.latency_ns is not None
    assert not any(sound.id in warning.cells and warning.code == "errors_seen" for warning in run.warnings)


async def test_an_open_loop_counts_every_request_to_a_hung_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await run_with(
        {"http": faulty("hangs", after=200)}, monkeypatch, load=OpenLoad(rate_hz=200), rounds=1, timeout_s=0.4
    )
    (cell,) = run.cells
    assert cell.outcomes["timeout"] >= 50
    assert_marked(cell, "timeout")
    for due, ok, failed in zip(cell.slices.due, cell.slices.ok, cell.slices.failed, strict=True):
        # One more question a slice compares a whole answer.
        assert due is not None
        assert due <= ok + failed <= due + 1


async def test_a_lost_load_process_loses_only_its_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = 0
    real: Callable[..., Any] = LoadProcess.order

    async def killed_later(self: LoadProcess, order: Any, timeout_s: float) -> Any:
        nonlocal recorded
        recorded += isinstance(order, messages.RunSlice) and order.recorded
        if recorded == 3:
            self.child.kill()
        return await real(self, order, timeout_s)

    monkeypatch.setattr(LoadProcess, "order", killed_later)
    monkeypatch.setattr(planning, "DISCARDED_AT_MOST", 0)
    run = await run_with({"http": ("--delay-ms", "1")}, monkeypatch, instances=2)
    (cell,) = run.cells
    assert_marked(cell, "process_lost")
    assert cell.outcomes["process_lost"] == 1
    assert set(cell.slices.instance) == {0, 1}
    assert "process_trouble" in codes(run)
    assert assemble.untrusted(run)


async def test_no_process_is_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Child] = []
    real = Child.start.__func__  # type: ignore[attr-defined]

    async def remembered(cls: type[Child], *given: Any) -> Child:
        child: Child = await real(cls, *given)
        started.append(child)
        return child

    monkeypatch.setattr(Child, "start", classmethod(remembered))
    await run_with({"http": faulty("dies"), "grpc": faulty("hangs")}, monkeypatch, timeout_s=0.5)
    assert sum(child.name.endswith((" producer", *PRODUCERS)) for child in started) == 4
    await asyncio.gather(*(child.process.wait() for child in started))
