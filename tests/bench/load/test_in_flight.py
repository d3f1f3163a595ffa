"""What a client has in flight is counted on the wire, whatever client it is, and the rest is time in its queue."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from rich.console import Console

from bench import schedule as planning
from bench.clients.base import LoadClient
from bench.clients.registry import CLIENTS, load_client, why_unusable
from bench.load.in_flight import count_in_flight
from bench.load.messages import InFlightCounted
from bench.load_models import ClosedLoad, OpenLoad
from bench.plan import Matrix
from bench.protocols import protocol as row
from bench.report import terminal
from bench.report.run_document import document_of
from bench.results import InFlight
from bench.runner.assemble import run_of
from bench.runner.recording import CellRecording, RunRecording
from bench.slices import Slice
from bench.stats.generator import queued_share
from bench.workloads import GetQuestion
from consumers.target import Target
from producers.registry import PRODUCERS
from producers.settings import CallLimits, Limits
from tests.support.books import small_book
from tests.support.measuring import HEADER, known, measured, plan_of
from tests.support.serving import Served, serving

ALLOWED = 4


@asynccontextmanager
async def limited(protocol: str) -> AsyncIterator[Served]:
    """A producer that allows ALLOWED requests on one connection, where its protocol has such a limit."""
    async with serving(protocol, small_book(), limits=Limits(calls=CallLimits(streams=ALLOWED))) as served:
        yield served


async def counted(
    served: Served, client: str, wanted: int, recipe_id: int = 1, patience_s: float = 30
) -> InFlightCounted:
    def connect(target: Target) -> LoadClient:
        settings = replace(served.client_settings, target=target, connections=wanted)
        return load_client(client, served.protocol, settings)

    return await count_in_flight(
        connect,
        [GetQuestion(recipe_id, None)],
        producer=served.client_settings.target,
        codec=row(served.protocol).codec(),
        wanted=wanted,
        patience_s=patience_s,
    )


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("protocol", PRODUCERS)
async def test_what_a_client_has_in_flight_is_counted(protocol: str, client: str) -> None:
    if why_unusable(client, open_loop=False, new_connections=False):
        pytest.skip(f"{client} is not installed")
    async with limited(protocol) as served:
        few, many = await counted(served, client, 3), await counted(served, client, 16)
    limit = ALLOWED if row(protocol).multiplexes else None
    assert few == InFlightCounted(wanted=3, reached=3, streams_at_most=limit)
    assert many == InFlightCounted(wanted=16, reached=limit or 16, streams_at_most=limit)


async def test_nothing_is_counted_where_requests_fail() -> None:
    async with limited("http") as served:
        assert (await counted(served, "library", 2, recipe_id=999_999)).reached is None
    assert (await counted(served, "library", 2)).reached is None, "it serves no longer"


async def test_nothing_is_counted_where_time_does_not_suffice() -> None:
    async with limited("http") as served:
        assert (await counted(served, "library", 2, patience_s=0)).reached is None


@pytest.mark.parametrize("client", ["library", "raw"])
async def test_a_run_shows_what_was_in_flight_and_the_time_in_the_queue(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A producer that answers after 5 ms and allows 4 requests on a connection, with 16 given to the client."""
    # Its delay makes latencies alike from the first round on.
    monkeypatch.setattr(planning, "DISCARDED_AT_MOST", 0)
    async with known("grpc", "--delay-ms", "5", "--streams", str(ALLOWED)) as producer:
        loads = (ClosedLoad(concurrency=2), ClosedLoad(concurrency=16), OpenLoad(rate_hz=1000))
        plan = plan_of(("grpc",), loads, {"grpc": producer.addresses}, rounds=2, slice_ns=30_000_000)
        plan = replace(plan, matrix=Matrix({**plan.matrix.values, "client": (client,)}))
        run = await measured(plan)
    two, sixteen, opened = run.cells
    assert two.in_flight == InFlight(wanted=2, reached=2, streams_at_most=ALLOWED)
    for cell in (sixteen, opened):
        assert cell.in_flight is not None
        assert (cell.in_flight.reached, cell.in_flight.streams_at_most) == (ALLOWED, ALLOWED)
        share = queued_share(cell)
        assert share is not None
        assert 0.5 < share < 1, "three quarters in a closed loop, more in an open loop far above capacity"
    warnings = {warning.code: warning for warning in run.warnings}
    reached = warnings["concurrency_not_reached"]
    assert reached.cells == [sixteen.id]
    assert "16 requests in flight were wanted and 4 reached" in reached.text
    assert "the producer allows 4 on a connection" in reached.text
    if opened.status == "measured":
        assert warnings["queued_in_client"].cells == [opened.id]
    shown = io.StringIO()
    terminal.render(document_of(run), Console(width=110, file=shown))
    assert "16 requests in flight were wanted and 4 reached" in " ".join(shown.getvalue().split())


def test_what_could_not_be_counted_is_noted() -> None:
    plan = plan_of(("http",), (ClosedLoad(concurrency=2), ClosedLoad(concurrency=16)))
    recording = RunRecording([CellRecording(key, slices=[Slice(ok=1, p50_ns=1.0)]) for key in plan.matrix.cells()])
    two, sixteen = recording.cells
    recording.in_flight[two.key.sender] = InFlightCounted(wanted=2, reached=2)
    recording.in_flight[sixteen.key.sender] = InFlightCounted(wanted=16)
    run = run_of(recording, plan, HEADER)
    assert [cell.in_flight for cell in run.cells] == [InFlight(wanted=2, reached=2), None]
    (note,) = (warning for warning in run.warnings if warning.code == "in_flight_unknown")
    assert (note.grade, note.cells) == ("note", [sixteen.key.label])
