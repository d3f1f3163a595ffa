"""Sizes with real processes: a row for each combination, every byte accounted for, nothing left running."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.load.messages import SizesRead
from bench.load_models import ClosedLoad
from bench.plan import Addresses, Matrix, RunPlan, Version
from bench.report import terminal
from bench.report.anatomy import category_tables, connection_tables, stacks
from bench.results import Run
from bench.run_file import decode, encode
from bench.runner.measure import Measurement
from bench.runner.session import Stopped
from bench.runner.sizes import REQUESTS as REQUESTS_BY_DEFAULT
from bench.runner.sizes import Sizing, requests_for, size_up, sizes_run, unknown_sizes
from bench.spec import CellKey
from bench.wire.anatomy import check_phases
from bench.wire.reading import NOTHING_KNOWN
from bench.workloads import Workload
from consumers.registry import ALL_DIALECTS, dialects
from consumers.target import parse_target
from producers import certificates
from producers.registry import PRODUCERS
from tests.support.books import CHICKEN
from tests.support.foreign_producers import FOREIGN
from tests.support.measuring import HEADER, job_of
from tests.support.programs import nothing_left_running

REQUESTS = 12
DIALECTS = sum(len(dialects(protocol)) for protocol in PRODUCERS)
GET, LIST, FIELDS = Workload(name="get"), Workload(name="list", page_size=20), Workload(name="fields")


def plan_of(**changes: Any) -> RunPlan:
    settings: dict[str, Any] = {
        "matrix": Matrix(
            {
                "protocol": tuple(PRODUCERS),
                "gzip": (False, True),
                "tls": (False, True),
                "workload": (GET, LIST, FIELDS),
                "load": (ClosedLoad(concurrency=1),),
                "dialect": ALL_DIALECTS,
            }
        ),
        "recipes": "generated:60",
        **changes,
    }
    return RunPlan(instances=1, rounds=0, seconds=1.0, slice_ns=0, seed=3, **settings)


async def sized(plan: RunPlan, authority: Path | None = None, ids: range = range(1, 61)) -> Sizing:
    with nothing_left_running():
        return await size_up(job_of(plan, ids=ids, certificates=authority), REQUESTS)


def written(sizing: Sizing, plan: RunPlan) -> Run:
    return decode(encode(sizes_run(sizing, plan, HEADER)))


async def test_every_combination_sums_exactly_and_is_shown(tmp_path: Path) -> None:
    plan = plan_of()
    run = written(await sized(plan, certificates.write(tmp_path).directory), plan)
    assert run.warnings == []
    assert len(run.cells) == DIALECTS * 2 * 2 * 3
    assert {(cell.protocol, cell.dialect) for cell in run.cells} == {
        (protocol, dialect) for protocol in PRODUCERS for dialect in dialects(protocol)
    }
    for cell in run.cells:
        assert (cell.status, cell.load) == ("measured", None)
        assert cell.anatomy is not None
        check_phases(cell.anatomy)
        assert cell.anatomy.requests == REQUESTS
        assert (cell.tls_session is not None) == cell.tls
        if cell.tls_session is not None:
            assert cell.tls_session.cipher == "TLS_AES_128_GCM_SHA256"
    messages = {
        (cell.protocol, cell.dialect, cell.workload.name): cell.bytes.response.message_bytes
        for cell in run.cells
        if cell.bytes is not None and not cell.gzip and not cell.tls
    }
    for workload in ("get", "list"):
        for dialect in ("json", "protobuf"):
            assert messages["http", dialect, workload] == messages["grpc", dialect, workload], "the very same message"
        assert messages["graphql", "document", workload] == messages["graphql", "persisted", workload]
    bars = stacks(run)
    assert len(bars) == 2 * len(run.cells)
    for bar in bars:
        anatomy = next(cell.anatomy for cell in run.cells if cell.id == bar.cell)
        assert anatomy is not None
        steady_bytes = sum(getattr(anatomy.steady, bar.direction).values())
        assert sum(bar.bytes_by_category.values()) == pytest.approx(steady_bytes / anatomy.steady_requests)
    tables = [*category_tables(run), *connection_tables(run)]
    assert [len(table.rows) for table in tables] == [DIALECTS * 12] * 4 + [DIALECTS * 6]
    with Console(width=110, record=True, quiet=True) as console:
        terminal.print_blocks(tables, console)
    gzip_notes = " ".join(tables[-1].notes)
    assert "gzip makes responses larger in " in gzip_notes
    assert "http-fields-gzip" in gzip_notes
    (unsent,) = (note for note in tables[-1].notes if note.startswith("Some responses were not compressed in "))
    assert "grpc-fields-gzip" in unsent
    assert "http" not in unsent


async def test_unsupported_combinations_have_no_sizes() -> None:
    async with FOREIGN["http"](CHICKEN) as address:
        matrix = Matrix({"protocol": ("http",), "workload": (GET, LIST), "load": (ClosedLoad(concurrency=1),)})
        versions = (Version(targets={"http": Addresses(parse_target(address))}),)
        plan = plan_of(matrix=matrix, versions=versions)
        get, list_ = written(await sized(plan, ids=range(42, 43)), plan).cells
    assert list_.status == "unsupported"
    assert list_.reason
    assert list_.anatomy is None
    assert get.status == "failed" or get.anatomy is not None


async def test_a_producer_that_does_not_start_fails_its_cells_with_the_reason() -> None:
    matrix = Matrix({"protocol": ("http",), "workload": (GET, LIST), "load": (ClosedLoad(concurrency=1),)})
    plan = plan_of(matrix=matrix, recipes="no-such-file.json")
    run = written(await sized(plan), plan)
    assert {cell.status for cell in run.cells} == {"failed"}
    assert all("no-such-file.json" in (cell.reason or "") for cell in run.cells)
    assert {warning.code for warning in run.warnings} == {"process_trouble"}
    assert category_tables(run) == connection_tables(run) == []


async def test_cancelling_leaves_nothing_running() -> None:
    def on_progress(_: float, __: str) -> None:
        sizing.cancel()

    with nothing_left_running():
        sizing = asyncio.create_task(size_up(job_of(plan_of(), on_progress=on_progress), REQUESTS))
        with pytest.raises(asyncio.CancelledError):
            await sizing


async def test_a_stop_ends_it_at_the_next_combination_and_leaves_nothing_running() -> None:
    stop = asyncio.Event()
    seen: list[str] = []

    def on_progress(_: float, text: str) -> None:
        seen.append(text)
        stop.set()

    with nothing_left_running(), pytest.raises(Stopped):
        await size_up(job_of(plan_of(), on_progress=on_progress, stop=stop), REQUESTS)
    assert 1 <= len(seen) <= len(PRODUCERS)


@pytest.mark.parametrize(
    ("page_size", "wanted", "given"), [(0, 100, 100), (20, 100, 100), (100, 100, 40), (1000, 100, 12), (1000, 5, 5)]
)
def test_large_pages_are_requested_less_often(page_size: int, wanted: int, given: int) -> None:
    assert requests_for(page_size, wanted) == given


def test_sizes_that_are_not_known_are_noted_with_the_cells_that_lack_them() -> None:
    latency, rate = (CellKey(protocol="http", load=ClosedLoad(concurrency=each)) for each in (1, 16))
    read = {latency.message: SizesRead(bytes=NOTHING_KNOWN, warnings=("one question takes several requests",))}
    (note,) = unknown_sizes(read, [latency, rate, CellKey(protocol="grpc", load=ClosedLoad(concurrency=1))])
    assert (note.grade, note.cells) == ("note", [latency.label, rate.label])
    assert note.text.endswith("are not known and left out: one question takes several requests.")


async def test_run_and_sizes_count_the_same_bytes(tmp_path: Path) -> None:
    matrix = Matrix(
        {
            "protocol": tuple(PRODUCERS),
            "tls": (False, True),
            "workload": (LIST,),
            "load": (ClosedLoad(concurrency=1),),
        }
    )
    plan = replace(plan_of(matrix=matrix), rounds=1, slice_ns=1_000_000, seconds=60.0)
    job = job_of(plan, ids=range(1, 61), certificates=certificates.write(tmp_path).directory)
    with nothing_left_running():
        sizing = await size_up(job, REQUESTS_BY_DEFAULT)
        measured = await Measurement(job).run()
    assert len(measured.sizes) == len(sizing.combinations) == 6
    for combination, of_run in measured.sizes.items():
        of_sizes = sizing.combinations[combination].found
        assert of_sizes is not None
        assert of_run.anatomy is None
        assert of_run.tls_session == of_sizes.tls_session
        # The response to get over HTTP has the producer's pid, and a page has nothing that differs between producers.
        assert of_run.bytes.request.message_bytes == of_sizes.bytes.request.message_bytes
        one, other = of_run.bytes.response, of_sizes.bytes.response
        assert one.framed_bytes is not None
        # gRPC sends pings and window updates at any time, and they are on the wire, too.
        assert (one.message_bytes, one.compressed_bytes, one.framed_bytes) == (
            other.message_bytes,
            other.compressed_bytes,
            other.framed_bytes,
        )
