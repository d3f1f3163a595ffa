"""The closed and the open loop: what they send, when, and what they count."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import count, cycle
from time import perf_counter_ns, sleep
from typing import Any

import pytest

from bench.clients.library import LibraryClient
from bench.load.closed_loop import run_closed
from bench.load.open_loop import run_open
from bench.load.recorder import UNANSWERED, UNSENT, WRONG_ANSWER, SliceRecord, failures, sum_outcomes
from bench.load.timer import PreciseTimer
from bench.load.watch import LoopWatch
from bench.workloads import GetQuestion, Question
from consumers.errors import OperationUnsupported, ProducerTimeout, ProducerUnreachable, UnexpectedResponse
from recipes.errors import RecipeNotFound
from tests.support.fake_client import FakeClient


def questions(first: int = 1, last: int = 100) -> Iterator[Question[Any]]:
    return cycle([GetQuestion(i, None) for i in range(first, last + 1)])


def library(client: FakeClient) -> LibraryClient:
    return LibraryClient("http", client.settings, client)


async def opened(client: FakeClient, offsets_ns: Iterable[int], **given: Any) -> SliceRecord:
    record = SliceRecord()
    settings: dict[str, Any] = {"duration_ns": 60_000_000, "answers_within_ns": 10_000_000_000, **given}
    asked = settings.pop("questions", None) or questions()
    await run_open(library(client), asked, due_offsets_ns=iter(offsets_ns), record=record, **settings)
    return record


async def closed(client: FakeClient, **given: Any) -> SliceRecord:
    record = SliceRecord()
    settings: dict[str, Any] = {"concurrency": 1, "duration_ns": 1, "requests_at_least": 1, **given}
    asked = settings.pop("questions", None) or questions()
    duration_ns = await run_closed(library(client), asked, record=record, **settings)
    assert duration_ns > 0
    return record


async def test_a_closed_loop_sends_the_minimum_of_a_slow_cell() -> None:
    client = FakeClient()
    record = await closed(client, requests_at_least=5)
    assert record.outcomes == {"ok": 5}
    assert client.asked == [1, 2, 3, 4, 5]
    assert len(record.latency_ns) == 5


async def test_a_closed_loop_that_has_to_end_sends_fewer_than_the_minimum() -> None:
    client = FakeClient(lambda _: 0.01)
    record = await closed(client, requests_at_least=1000, within_ns=1)
    assert record.outcomes == {"ok": 1}
    record = await closed(client, requests_at_least=1000, within_ns=1, concurrency=4)
    assert record.outcomes["ok"] <= 4


async def test_a_closed_loop_runs_until_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0, 1_000_000)
    for reader in ("bench.load.closed_loop", "bench.clients.library"):
        monkeypatch.setattr(f"{reader}.perf_counter_ns", lambda: next(ticks))
    record = await closed(FakeClient(), duration_ns=20_000_000)
    # Three readings a request (sent, done, followed by the next), a millisecond each.
    assert record.outcomes == {"ok": 7}
    assert record.latency_ns == [1_000_000] * 7


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_a_closed_loop_keeps_its_concurrency(concurrency: int) -> None:
    client = FakeClient(lambda _: 0.001)
    record = await closed(client, concurrency=concurrency, requests_at_least=3 * concurrency)
    assert client.in_flight_most == concurrency
    assert client.in_flight == 0
    assert record.outcomes["ok"] == len(client.asked) >= 3 * concurrency


async def test_latency_is_the_waiting_time_of_the_caller() -> None:
    record = await closed(FakeClient(lambda _: 0.005), requests_at_least=10)
    assert min(record.latency_ns) >= 4_900_000


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProducerTimeout("slow"), "timeout"),
        (ProducerUnreachable("gone"), "unreachable"),
        (OperationUnsupported("no"), "unsupported"),
        (UnexpectedResponse("odd"), "unexpected_answer"),
        (RecipeNotFound(7), "error_answer"),
        (ValueError("a bug"), "client_error"),
    ],
)
async def test_failures_are_counted_by_kind_and_excluded_from_latencies(error: Exception, kind: str) -> None:
    client = FakeClient(lambda call: error if call % 2 else 0.0)
    record = await closed(client, requests_at_least=6)
    assert record.outcomes == {"ok": 3, kind: 3}
    assert len(record.latency_ns) == 3
    assert [(cause.kind, cause.count) for cause in record.causes.found()] == [(kind, 3)]
    assert str(error) in (record.causes.found()[0].text, record.causes.found()[0].detail)


async def test_a_closed_loop_that_only_fails_ends() -> None:
    client = FakeClient(lambda _: ProducerUnreachable("gone"))
    record = await closed(client, duration_ns=3_600_000_000_000, requests_at_least=4, concurrency=2)
    assert record.outcomes["ok"] == 0
    assert record.outcomes["unreachable"] <= 6


async def test_another_recipe_than_requested_is_a_wrong_response() -> None:
    class Stubborn(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            return await super().get(1)

    record = await closed(Stubborn(), requests_at_least=4)
    assert record.outcomes == {"ok": 1, WRONG_ANSWER: 3}


class Unreadable(GetQuestion):
    """A question whose check fails for every response."""

    def plausible(self, answer: Any) -> bool:
        raise KeyError("no such field")


async def test_a_check_that_raises_is_counted_as_an_error_of_the_client() -> None:
    asked = cycle([GetQuestion(1, None), Unreadable(2, None)])
    record = await closed(FakeClient(), requests_at_least=4, questions=asked)
    assert record.outcomes == {"ok": 2, "client_error": 2}
    asked = cycle([GetQuestion(1, None), Unreadable(2, None)])
    record = await opened(FakeClient(), [0, 1, 2, 3], questions=asked)
    assert record.outcomes == {"ok": 2, "client_error": 2}


async def test_a_bug_in_one_caller_stops_all_callers() -> None:
    """When the loop's own callback raises, which is a bug, the other callers must not continue to send."""

    class Breaking(SliceRecord):
        def fail(self, kind: str, text: str, detail: str = "") -> None:
            raise ZeroDivisionError

    client = FakeClient(lambda call: ProducerTimeout("slow") if call == 2 else 0.01)
    settings: dict[str, Any] = {"concurrency": 4, "duration_ns": 10**9, "requests_at_least": 1, "record": Breaking()}
    with pytest.raises(ExceptionGroup):
        await run_closed(library(client), questions(), **settings)
    assert client.in_flight == 0


async def test_an_error_in_the_callback_of_a_request_is_raised() -> None:
    ended = asyncio.Event()

    def broken(*_: object) -> None:
        ended.set()
        raise ZeroDivisionError

    client = library(FakeClient())
    client.begin(GetQuestion(1, None), broken)
    await ended.wait()
    with pytest.raises(ZeroDivisionError):
        await client.abandon()


async def test_an_open_loop_sends_on_schedule_despite_slow_responses() -> None:
    client = FakeClient(lambda _: 0.05)
    record = await opened(client, range(0, 20_000_000, 1_000_000))
    assert record.outcomes == {"ok": 20}
    assert client.in_flight_most == 20
    assert all(latency >= service for latency, service in zip(record.latency_ns, record.service_ns, strict=True))


async def test_an_open_loop_counts_a_stall_for_every_request_that_waited() -> None:
    """A server that handles one request at a time stalls once for 60 ms. Every request that is due meanwhile waits."""
    turn = asyncio.Lock()

    class OneAtATime(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            async with turn:
                return await super().get(recipe_id)

    def stall_once(call: int) -> float:
        return 0.06 if call == 1 else 0.0

    record = await opened(OneAtATime(stall_once), range(0, 60_000_000, 2_000_000))
    assert record.outcomes == {"ok": 30}
    waited_ns = sorted(record.latency_ns)
    assert waited_ns[15] > 20_000_000
    one_at_a_time = await closed(OneAtATime(stall_once), requests_at_least=30)
    assert sorted(one_at_a_time.latency_ns)[15] < 10_000_000


async def test_failures_in_an_open_loop_are_counted_by_kind() -> None:
    client = FakeClient(lambda call: ProducerTimeout("slow") if call > 2 else 0.0)
    record = await opened(client, [0, 1, 2, 3], questions=questions(100, 101))
    assert record.outcomes == {"ok": 1, "error_answer": 1, "timeout": 2}
    assert len(record.latency_ns) == len(record.service_ns) == 1
    assert len(record.lag_ns) == 4


async def test_requests_that_cannot_be_sent_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.open_loop.IN_FLIGHT_AT_MOST", 3)
    record = await opened(FakeClient(lambda _: 0.01), [0] * 10)
    assert record.outcomes == {"ok": 3, UNSENT: 7}
    assert record.due == 10


async def test_unanswered_requests_are_counted_without_waiting() -> None:
    client = FakeClient(lambda call: 3600.0 if call % 2 else 0.0)
    record = await opened(client, [0, 1, 2, 3, 4], duration_ns=1_000_000, answers_within_ns=20_000_000)
    assert record.outcomes == {"ok": 2, UNANSWERED: 3}
    assert client.in_flight == 0
    assert len(record.latency_ns) == 2


class SteppedClock:
    """A clock that only the test advances, so that results from timestamps are exact."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_the_concurrency_is_reached_before_draining(concurrency: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One response per millisecond whatever is in flight, so that the last ones drain one by one."""
    clock = SteppedClock()
    for reader in ("bench.load.closed_loop", "bench.clients.library"):
        monkeypatch.setattr(f"{reader}.perf_counter_ns", clock)
    turn = asyncio.Lock()

    class OneAtATime(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            async with turn:
                clock.now_ns += 1_000_000
                return await super().get(recipe_id)

    record = await closed(OneAtATime(), concurrency=concurrency, duration_ns=100_000_000)
    assert 80_000_000 < record.window_ns <= 100_000_000
    assert record.in_flight_ns == concurrency * record.window_ns
    assert sum(record.latency_ns) > record.in_flight_ns or concurrency == 1


async def test_the_work_between_a_response_and_the_next_request_is_turnaround(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedClock()
    for reader in ("bench.load.closed_loop", "bench.clients.library"):
        monkeypatch.setattr(f"{reader}.perf_counter_ns", clock)

    def slow_to_choose() -> Iterator[Question[Any]]:
        for question in questions():
            clock.now_ns += 4_000
            yield question

    def answer(_: int) -> float:
        clock.now_ns += 96_000
        return 0.0

    record = await closed(FakeClient(answer), duration_ns=2_000_000, questions=slow_to_choose())
    assert record.in_flight_ns / record.window_ns == pytest.approx(0.96, abs=0.01)
    # The first request was chosen after the window had opened, and followed no response.
    assert record.in_flight_ns + record.turnaround_ns == record.window_ns - 4_000


async def test_failed_requests_count_as_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteppedClock()
    for reader in ("bench.load.closed_loop", "bench.clients.library"):
        monkeypatch.setattr(f"{reader}.perf_counter_ns", clock)

    def fail_late(call: int) -> float | Exception:
        clock.now_ns += 1_000_000
        return ProducerTimeout("slow") if call % 2 else 0.0

    record = await closed(FakeClient(fail_late), duration_ns=10_000_000, requests_at_least=10)
    assert record.outcomes == {"ok": 5, "timeout": 5}
    assert record.in_flight_ns == record.window_ns == 10_000_000


async def test_at_a_reached_rate_the_second_half_ends_as_many_requests_as_fall_due() -> None:
    record = await opened(FakeClient(lambda _: 0.01), range(0, 100_000_000, 1_000_000), duration_ns=100_000_000)
    assert (record.due, record.second_half_due, record.window_ns) == (100, 50, 100_000_000)
    assert 0 < record.second_half_ended <= 90


async def test_a_backlog_is_visible_in_the_second_half() -> None:
    turn = asyncio.Lock()

    class OneAtATime(FakeClient):
        async def get(self, recipe_id: int, fields: Any = None) -> Any:
            async with turn:
                return await super().get(recipe_id)

    record = await opened(OneAtATime(lambda _: 0.004), range(0, 100_000_000, 1_000_000), duration_ns=100_000_000)
    assert record.outcomes == {"ok": 100}
    # At 4 ms each, at most 13 can end in 50 ms on any machine.
    assert record.second_half_ended <= 13


async def test_a_stall_of_the_event_loop_is_measured() -> None:
    with LoopWatch() as watch:
        await asyncio.sleep(0.01)
        sleep(0.05)  # noqa: ASYNC251 - the point of it
        await asyncio.sleep(0.01)
    assert watch.longest_stall_ns >= 45_000_000
    with LoopWatch() as at_the_end:
        sleep(0.03)  # noqa: ASYNC251
    assert at_the_end.longest_stall_ns >= 25_000_000


async def test_the_timer_wakes_callers_in_due_order() -> None:
    woken: list[int] = []

    async def wait(timer: PreciseTimer, due_ns: int, name: int) -> None:
        await timer.wait_until(due_ns)
        assert perf_counter_ns() >= due_ns
        woken.append(name)

    with PreciseTimer() as timer:
        # Late enough for all to wait by then: who comes after its time is not woken but goes on at once.
        first_ns = perf_counter_ns() + 300_000_000
        offsets_ns = [9_000_000, 3_000_000, 6_000_000, 3_000_000]
        waits = [wait(timer, first_ns + offset_ns, name) for name, offset_ns in enumerate(offsets_ns)]
        await asyncio.gather(*waits)
    assert woken == [1, 3, 2, 0]


async def test_the_timer_never_wakes_early() -> None:
    with PreciseTimer() as timer:
        for wait_ns in (0, 50_000, 300_000, 2_000_000):
            due_ns = perf_counter_ns() + wait_ns
            await timer.wait_until(due_ns)
            assert perf_counter_ns() >= due_ns


async def test_the_timer_works_without_timerfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with PreciseTimer() as timer:
        due_ns = perf_counter_ns() + 3_000_000
        await timer.wait_until(due_ns)
        assert perf_counter_ns() >= due_ns - 1_000_000


def test_outcomes_are_summed_by_kind() -> None:
    total = sum_outcomes([{"ok": 2, "timeout": 1}, {"ok": 3}, {"unreachable": 4}])
    assert total == {"ok": 5, "timeout": 1, "unreachable": 4}
    assert failures(total) == 5
