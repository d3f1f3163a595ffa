"""Measuring through fronts, with the real programs: what is recorded of them, and how calls are distributed."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.front_programs import why_not_installed
from bench.fronts.haproxy import HAProxy
from bench.fronts.registry import front
from bench.load import messages
from bench.load_models import ClosedLoad
from bench.machine import NOT_PINNED
from bench.plan import Matrix
from bench.results import Cell, Run
from bench.runner import assemble
from bench.runner.calls import count_calls
from bench.runner.measure import Measurement
from bench.runner.rig import Rig, order_to_verify, start_rigs
from bench.runner.session import Session
from bench.spec import CellKey
from producers.certificates import CertificateFiles
from tests.support.measuring import HEADER, job_of, plan_of
from tests.support.programs import nothing_left_running

ONE, FOUR = ClosedLoad(concurrency=1), ClosedLoad(concurrency=4)


def need(*names: str) -> None:
    """Skip where the program of one of these fronts is missing."""
    for name in names:
        if (reason := why_not_installed(front(name))) is not None:
            pytest.skip(reason)


async def run_of(certificates: Path | None = None, **values: Sequence[Any]) -> Run:
    """A run of one instance and one round, of the get workload."""
    matrix = {"load": [ONE], **values}
    plan = plan_of([], [], matrix=Matrix(matrix), rounds=1, slice_ns=2_000_000)
    with nothing_left_running():
        recording = await Measurement(job_of(plan, certificates=certificates)).run()
    assert recording.problems == []
    return assemble.run_of(recording, plan, HEADER)


def wire_bytes(cell: Cell) -> tuple[float | None, float | None, float | None, float | None]:
    """Of a request and its response: before the front, then behind it."""
    assert cell.bytes is not None
    assert cell.bytes_behind_front is not None
    both = (cell.bytes, cell.bytes_behind_front)
    before, behind = [(each.request.wire_bytes, each.response.wire_bytes) for each in both]
    return (*before, *behind)


async def test_a_front_is_measured_as_a_third_process_with_bytes_on_both_sides(
    own_certificates: CertificateFiles,
) -> None:
    need("haproxy")
    run = await run_of(
        own_certificates.directory,
        protocol=["http", "grpc"],
        front=["none", "haproxy"],
        gzip=[True],
        gzip_at=["producer", "front"],
        tls=[True],
    )
    cells = {cell.id: cell for cell in run.cells}
    assert {name: cell.status for name, cell in cells.items()} == {
        "http-get-gzip-tls-c1": "measured",
        "http-get-gzip-tls-c1-haproxy": "measured",
        "http-get-gzip-at-front-tls-c1-haproxy": "measured",
        "grpc-get-gzip-tls-c1": "measured",
        "grpc-get-gzip-tls-c1-haproxy": "measured",
        "grpc-get-gzip-at-front-tls-c1-haproxy": "unsupported",
    }
    assert "no front can compress gRPC" in (cells["grpc-get-gzip-at-front-tls-c1-haproxy"].reason or "")
    for cell in run.cells:
        if cell.status == "measured":
            assert cell.cpu_us_per_request is not None
            assert cell.memory_bytes is not None
            behind = cell.front != "none"
            assert (cell.cpu_us_per_request.front is not None) == behind
            assert (cell.memory_bytes.front_peak is not None) == behind
            assert (cell.bytes_behind_front is not None) == behind
            assert cell.memory_bytes.producer_peak
            assert set(cell.outcomes) == {"ok"}
    passed_on, compressed = (cells[f"http-get-gzip{place}-tls-c1-haproxy"] for place in ("", "-at-front"))
    # HTTP/1 goes through as it is, but for TLS, which ends at the front.
    asked, answered, asked_behind, answered_behind = map(float, wire_bytes(passed_on))  # type: ignore[arg-type]
    assert (asked - asked_behind, answered - answered_behind) == (22, 22)
    assert passed_on.bytes_behind_front is not None
    assert (passed_on.bytes_behind_front.coding, passed_on.bytes_behind_front.setup.sent_wire_bytes) == ("gzip", 0)
    # The front compresses what the producer has not.
    assert compressed.bytes is not None
    assert compressed.bytes_behind_front is not None
    assert (compressed.bytes.coding, compressed.bytes_behind_front.coding) == ("gzip", "identity")
    assert float(wire_bytes(compressed)[1] or 0) < float(wire_bytes(compressed)[3] or 0)


async def test_where_the_front_speaks_tls_to_the_producer(own_certificates: CertificateFiles) -> None:
    """With gRPC's client, whose bytes inside TLS are found through the same front without TLS before it."""
    need("haproxy", "haproxy-tcp")
    run = await run_of(
        own_certificates.directory,
        protocol=["grpc"],
        front=["haproxy", "haproxy-tcp"],
        tls=[True],
        tls_at=["producer", "both", "pass"],
    )
    cells = {(cell.front, cell.tls_at): cell for cell in run.cells}
    assert {place: cell.status for place, cell in cells.items()} == {
        ("haproxy", "producer"): "measured",
        ("haproxy", "both"): "measured",
        ("haproxy", "pass"): "unsupported",
        ("haproxy-tcp", "producer"): "measured",
        ("haproxy-tcp", "both"): "measured",
        ("haproxy-tcp", "pass"): "measured",
    }
    for cell in run.cells:
        if cell.status == "measured":
            assert (cell.tls_session is not None) == cell.client_tls
            assert all(wire_bytes(cell))
    passed = cells["haproxy-tcp", "pass"]
    assert wire_bytes(passed)[:2] == wire_bytes(passed)[2:]


async def counted(key: CellKey, calls: int, verified: int = 2) -> list[tuple[int, list[int], list[int] | None]]:
    """Calls sent, and how many each replica got by the producers' and the front's own counts."""
    names = ("protocol", "front", "replicas", "workers", "load")
    plan = plan_of([], [], matrix=Matrix({name: [getattr(key, name)] for name in names}))
    with nothing_left_running():
        async with Session(NOT_PINNED) as session:
            rigs: dict[CellKey, Rig] = await start_rigs(session, job_of(plan))
            assert session.problems == []
            rig = rigs[key.process]
            verification = await rig.order(order_to_verify(key, verified), 60)
            assert isinstance(verification, messages.Verification)
            assert verification.cause is None, verification.text
            found = await count_calls(rig, key, 0, calls)
            assert session.problems == []
    assert found is not None
    assert found.agree
    return [(found.sent, found.producers, found.front)]


@pytest.mark.parametrize(("name", "expected"), [("haproxy", [500, 500]), ("haproxy-tcp", [0, 1000])])
async def test_calls_over_one_http2_connection(name: str, expected: list[int]) -> None:
    """In HTTP mode the front distributes the calls, in TCP mode the connection."""
    need(name)
    key = CellKey(protocol="grpc", load=ONE, front=name, replicas=2)
    [(sent, producers, by_front)] = await counted(key, 1000)
    assert sent == 1000
    assert sorted(producers) == [pytest.approx(each, abs=1) for each in expected]
    assert by_front == (producers if name == "haproxy" else None)


async def test_workers_of_one_producer_are_counted_apart() -> None:
    [(sent, producers, by_front)] = await counted(CellKey(protocol="http", load=FOUR, workers=2), 100)
    assert sum(producers) == sent >= 100
    assert (len(producers), by_front) == (2, None)


async def test_a_front_that_ends_takes_its_rig_out() -> None:
    need("haproxy")
    plan = plan_of([], [], matrix=Matrix({"protocol": ["http"], "front": ["haproxy"], "load": [ONE]}))
    async with Session(NOT_PINNED) as session:
        rigs = await start_rigs(session, job_of(plan))
        rig = rigs[CellKey(protocol="http")]
        (running,) = rig.fronts.values()
        running.child.kill()
        await running.child.process.wait()
        key = CellKey(protocol="http", front="haproxy", load=ONE)
        await asyncio.wait_for(rig.order(order_to_verify(key, 1), 60), 60)
        assert rig.broken
        assert any("the front HAProxy ended" in problem for problem in session.problems)


async def test_a_front_that_cannot_be_started_takes_only_its_own_cells_out(monkeypatch: pytest.MonkeyPatch) -> None:
    need("haproxy")
    monkeypatch.setattr(HAProxy, "command", lambda *_: ["/bin/false"])
    matrix = Matrix({"protocol": ["http"], "front": ["none", "haproxy"], "load": [ONE]})
    plan = plan_of([], [], matrix=matrix, rounds=1, slice_ns=2_000_000)
    with nothing_left_running():
        recording = await Measurement(job_of(plan)).run()
    alone, behind = assemble.run_of(recording, plan, HEADER).cells
    assert (alone.status, behind.status) == ("measured", "failed")
    assert "the front HAProxy ended with 1 before it forwarded" in (behind.reason or "")
