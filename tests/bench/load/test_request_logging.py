"""The log of an open loop on virtual time: every request, when it was due, and how it ended."""

from collections.abc import Iterable, Sequence
from itertools import cycle, pairwise

import pytest

from bench.clients.library import LibraryClient
from bench.load.open_loop import run_open
from bench.load.recorder import UNANSWERED, UNSENT, SliceRecord
from bench.load.request_logging import OpenLog
from bench.request_log import LoggedRequest, RequestLog
from bench.workloads import GetQuestion
from consumers.errors import ProducerUnreachable
from tests.support import virtual_time
from tests.support.fake_client import FakeClient

MS = 1_000_000
ASKED = [GetQuestion(number, None) for number in range(1, 101)]


def logged(
    monkeypatch: pytest.MonkeyPatch, client: FakeClient, offsets_ns: Iterable[int], *, answers_within_ns: int = 10**10
) -> RequestLog:
    log = OpenLog()
    loop = run_open(
        LibraryClient("http", client.settings, client),
        cycle(ASKED),
        due_offsets_ns=iter(offsets_ns),
        duration_ns=100 * MS,
        answers_within_ns=answers_within_ns,
        record=SliceRecord(),
        log=log,
    )
    virtual_time.run(monkeypatch, loop)
    return log.closed(0, 100 * MS, 10**18, (UNANSWERED, "none"), 7)


def kinds(log: RequestLog) -> Sequence[str | None]:
    return [None if each.cause is None else each.cause.kind for each in log.requests()]


def test_every_request_is_in_the_log_in_the_order_in_which_it_was_due(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first is answered last.
    log = logged(monkeypatch, FakeClient(lambda call: 0.05 if call == 1 else 0.0), [0, 1 * MS, 2 * MS])
    requests: list[LoggedRequest] = list(log.requests())
    assert len(log) == 3
    assert [after.due_ns - before.due_ns for before, after in pairwise(requests)] == [MS, MS]
    assert all(each.due_ns <= each.sent_ns <= each.ended_ns for each in requests)
    assert requests[0].ended_ns > requests[2].ended_ns
    assert requests[0].latency_ns >= 50 * MS
    assert kinds(log) == [None, None, None]
    assert log.different_causes == []


def test_failures_have_their_causes(monkeypatch: pytest.MonkeyPatch) -> None:
    def before(call: int) -> float | Exception:
        return ProducerUnreachable("refused", producer="nowhere") if call > 1 else 0.0

    log = logged(monkeypatch, FakeClient(before), [0, 1, 2])
    assert kinds(log) == [None, "unreachable", "unreachable"]
    (cause,) = log.different_causes
    assert (cause.kind, cause.count) == ("unreachable", 2)


def test_requests_without_a_response_end_when_the_loop_stops_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    log = logged(monkeypatch, FakeClient(lambda _: 60.0), [0, 1], answers_within_ns=MS)
    assert kinds(log) == [UNANSWERED, UNANSWERED]
    assert [each.ended_ns for each in log.requests()] == [10**18, 10**18]


def test_requests_that_are_not_sent_are_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.load.open_loop.IN_FLIGHT_AT_MOST", 1)
    log = logged(monkeypatch, FakeClient(lambda _: 0.02), [0, 1, 2])
    assert kinds(log) == [None, UNSENT, UNSENT]


def test_different_causes_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def before(call: int) -> Exception:
        return ProducerUnreachable(f"cause {call}")

    log = logged(monkeypatch, FakeClient(before), range(40))
    assert len(log) == 40
    assert len(log.different_causes) <= 13
    assert sum(cause.count for cause in log.different_causes) == 40
