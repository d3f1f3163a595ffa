"""The closed and the open loop: what they send, when, and what they count."""

import asyncio
from collections.abc import Iterator
from itertools import count, cycle
from time import perf_counter_ns
from typing import Any

import pytest

from bench.load import outcomes
from bench.load.closed_loop import run_closed
from bench.load.open_loop import run_open
from bench.load.precise_timer import PreciseTimer
from bench.load.record import SliceRecord
from bench.workloads import GetQuestion, Question
from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedAnswer
from recipes.errors import RecipeNotFound
from tests.support.fake_client import FakeClient


def questions(first: int = 1, last: int = 100) -> Iterator[Question[Any]]:
    return cycle([GetQuestion(i, None) for i in range(first, last + 1)])


async def closed(client: FakeClient, **given: Any) -> SliceRecord:
    record = SliceRecord()
    settings: dict[str, Any] = {"concurrency": 1, "duration_ns": 1, "requests_at_least": 1, **given}
    asked = settings.pop("questions", None) or questions()
    duration_ns = await run_closed(client, asked, record=record, **settings)
    assert duration_ns > 0
    return record


async def test_a_closed_loop_sends_what_a_slow_cell_needs() -> None:
    client = FakeClient()
    record = await closed(client, requests_at_least=5)
    assert record.outcomes == {"ok": 5}
    assert client.asked == [1, 2, 3, 4, 5]
    assert len(record.latency_ns) == 5


async def test_a_closed_loop_goes_on_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0, 1_000_000)
    monkeypatch.setattr("bench.load.closed_loop.perf_counter_ns", lambda: next(ticks))
    record = await closed(FakeClient(), duration_ns=20_000_000)
    # Three readings a request (is there time, sent, done), a millisecond each.
    assert record.outcomes == {"ok": 7}
    assert record.latency_ns == [1_000_000] * 7


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_a_closed_loop_keeps_so_many_in_flight(concurrency: int) -> None:
    client = FakeClient(lambda _: 0.001)
    record = await closed(client, concurrency=concurrency, requests_at_least=3 * concurrency)
    assert client.in_flight_most == concurrency
    assert client.in_flight == 0
    assert record.outcomes["ok"] == len(client.asked) >= 3 * concurrency


async def test_latency_is_what_the_caller_waits() -> None:
    record = await closed(FakeClient(lambda _: 0.005), requests_at_least=10)
    assert min(record.latency_ns) >= 4_900_000


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProducerTimeout("slow"), "timeout"),
        (ProducerUnreachable("gone"), "unreachable"),
        (OperationUnsupported("no"), "unsupported"),
        (UnexpectedAnswer("odd"), "unexpected_answer"),
        (RecipeNotFound(7), "error_answer"),
        (ValueError("a bug"), "client_error"),
    ],
)
async def test_failures_are_counted_by_kind_and_kept_out_of_latencies(error: Exception, kind: str) -> None:
    client = FakeClient(lambda call: error if call % 2 else 0.0)
    record = await closed(client, requests_at_least=6)
    assert record.outcomes == {"ok": 3, kind: 3}
    assert len(record.latency_ns) == 3
    assert record.first_failure == str(error)


async def test_a_closed_loop_that_only_fails_ends() -> None:
    client = FakeClient(lambda _: ProducerUnreachable("gone"))
    record = await closed(client, duration_ns=3_600_000_000_000, requests_at_least=4, concurrency=2)
    assert record.outcomes["ok"] == 0
    assert record.outcomes["unreachable"] <= 6


async def test_another_recipe_than_the_one_asked_for_is_a_wrong_answer() -> None:
    class Stubborn(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            return await super().get(1)

    record = await closed(Stubborn(), requests_at_least=4)
    assert record.outcomes == {"ok": 1, outcomes.WRONG_ANSWER: 3}


async def test_an_open_loop_sends_what_is_due_whatever_the_answers_do() -> None:
    client = FakeClient(lambda _: 0.05)
    record = SliceRecord()
    await run_open(client, questions(), due_offsets_ns=iter(range(0, 20_000_000, 1_000_000)), record=record)
    assert record.outcomes == {"ok": 20}
    assert client.in_flight_most == 20
    assert all(latency >= service for latency, service in zip(record.latency_ns, record.service_ns, strict=True))


async def test_an_open_loop_charges_a_stall_to_everybody_it_kept_waiting() -> None:
    """One that serves one request at a time stalls once for 60 ms: every request due meanwhile waits its share."""
    turn = asyncio.Lock()

    class OneAtATime(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            async with turn:
                return await super().get(recipe_id)

    def stall_once(call: int) -> float:
        return 0.06 if call == 1 else 0.0

    record = SliceRecord()
    await run_open(
        OneAtATime(stall_once), questions(), due_offsets_ns=iter(range(0, 60_000_000, 2_000_000)), record=record
    )
    assert record.outcomes == {"ok": 30}
    waited_ns = sorted(record.latency_ns)
    assert waited_ns[15] > 20_000_000
    one_at_a_time = await closed(OneAtATime(stall_once), requests_at_least=30)
    assert sorted(one_at_a_time.latency_ns)[15] < 10_000_000


async def test_failures_in_an_open_loop_are_counted_by_kind() -> None:
    client = FakeClient(lambda call: ProducerTimeout("slow") if call > 2 else 0.0)
    record = SliceRecord()
    await run_open(client, questions(100, 101), due_offsets_ns=iter([0, 1, 2, 3]), record=record)
    assert record.outcomes == {"ok": 1, "error_answer": 1, "timeout": 2}
    assert len(record.latency_ns) == len(record.lag_ns) == 1


async def test_what_cannot_be_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.open_loop.IN_FLIGHT_AT_MOST", 3)
    record = SliceRecord()
    await run_open(FakeClient(lambda _: 0.01), questions(), due_offsets_ns=iter([0] * 10), record=record)
    assert record.outcomes == {"ok": 3, outcomes.UNSENT: 7}


async def test_the_timer_never_wakes_early() -> None:
    with PreciseTimer() as timer:
        for wait_ns in (0, 50_000, 300_000, 2_000_000):
            due_ns = perf_counter_ns() + wait_ns
            await timer.wait_until(due_ns)
            assert perf_counter_ns() >= due_ns


async def test_the_timer_without_timerfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with PreciseTimer() as timer:
        due_ns = perf_counter_ns() + 3_000_000
        await timer.wait_until(due_ns)
        assert perf_counter_ns() >= due_ns - 1_000_000


def test_outcomes_add_up() -> None:
    total = outcomes.added([{"ok": 2, "timeout": 1}, {"ok": 3}, {"unreachable": 4}])
    assert total == {"ok": 5, "timeout": 1, "unreachable": 4}
    assert outcomes.failed(total) == 5
