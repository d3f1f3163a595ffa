"""How a front reacts to a replica that fails: what was lost until then, and when a new one has its share."""

import pytest

from bench.stats.reactions import (
    DELAYED_NS,
    CallCounts,
    Observed,
    Reaction,
    last_call_ns,
    reaction_of,
    share_reached_ns,
    shares,
)
from tests.support.logs import MS, REFUSED, request


def counted(*rows: tuple[int | None, ...], every_ms: int = 100) -> list[CallCounts]:
    return [CallCounts(at_ns=number * every_ms * MS, calls=list(row)) for number, row in enumerate(rows)]


def reaction(requests: list[object] = [], **given: object) -> Reaction:  # noqa: B006 - it is not changed
    settings = {
        "fault": "killed",
        "slot": 1,
        "at_ns": 1000 * MS,
        "undone_ns": 3000 * MS,
        "ready_ns": 3500 * MS,
        "ended_ns": 5000 * MS,
        "out_counts": [],
        "back_counts": [],
    }
    return reaction_of(requests, Observed(**{**settings, **given}), 2)  # type: ignore[arg-type]


def test_what_was_in_flight_is_counted_apart_from_what_was_sent_later() -> None:
    found = reaction(
        [
            request(900, 50, REFUSED),  # over before
            request(990, 20, REFUSED),  # in flight
            request(995, 10),
            request(1000, 1, REFUSED),
            request(1400, 1, REFUSED),
            request(1500, 1),
            request(3001, 1, REFUSED),  # after the observation
        ]
    )
    assert (found.in_flight_failed, found.later_failed, found.delayed) == (1, 2, 0)
    assert found.failing_for_ns == 400 * MS
    assert [(cause.text, cause.count) for cause in found.causes] == [("connection refused", 3)]


def test_a_request_that_was_answered_late_was_delayed() -> None:
    late_ms = DELAYED_NS / MS + 1
    found = reaction([request(950, late_ms), request(1200, late_ms), request(1300, 1), request(900, late_ms - 1)])
    assert (found.delayed, found.in_flight_failed, found.later_failed) == (2, 0, 0)
    assert found.failing_for_ns is None


def test_a_fault_that_hurts_nothing_affects_nothing() -> None:
    found = reaction([request(1100, 1)])
    assert found.failing_for_ns is None
    assert found.causes == []


def test_the_last_call_is_seen_when_the_count_last_grew() -> None:
    counts = counted((0, 5), (10, 9), (20, 12), (30, 12), (40, None), (50, 12))
    assert last_call_ns(counts, 1, 0) == 200 * MS
    assert last_call_ns(counts, 1, 200 * MS) is None
    assert last_call_ns(counts, 0, 0) == 500 * MS


@pytest.mark.parametrize(("last", "still"), [(12, False), (13, True)])
def test_a_replica_that_is_called_until_the_end_was_not_taken_out(last: int, *, still: bool) -> None:
    counts = counted((0, 5), (10, 12), (20, 12), (30, 12), (40, 12), (50, last), every_ms=1000)
    found = reaction(at_ns=0, undone_ns=5100 * MS, out_counts=counts)
    assert found.called_for_ns == (5000 * MS if still else 1000 * MS)
    assert found.still_in is still


@pytest.mark.parametrize(("due_ms", "still"), [(2400, False), (2600, True)])
def test_a_replica_that_hurts_until_the_end_was_not_taken_out(due_ms: int, *, still: bool) -> None:
    found = reaction([request(1100, 1, REFUSED), request(due_ms, 2000, REFUSED)])
    assert found.failing_for_ns == (due_ms - 1000) * MS
    assert found.still_in is still


def test_shares_are_those_between_two_readings() -> None:
    counts = counted((0, 0), (100, 0), (200, 100), (200, 100), (None, 150), (400, 200))
    assert shares(counts, 1) == [(100 * MS, 0.0), (200 * MS, 0.5)]


def test_a_share_counts_once_it_stays() -> None:
    found = [(0, 0.0), (1, 0.5), (2, 0.1), (3, 0.4), (4, 0.45), (5, 0.6), (6, 0.5)]
    assert share_reached_ns(found, 0.5) == 3
    assert share_reached_ns(found[:5], 0.5) is None


def test_a_new_replica_has_its_share_after_a_while() -> None:
    rows = [
        CallCounts(at_ns=(3500 + 100 * number) * MS, calls=[10 * number, 10 * max(0, number - 4)])
        for number in range(10)
    ]
    found = reaction(back_counts=rows)
    assert found.share_after_ns == 500 * MS
    assert found.share_at_end == 0.5
    assert found.share_watched_ns == 1500 * MS


def test_a_new_replica_that_gets_nothing_never_has_its_share() -> None:
    rows = [CallCounts(at_ns=(3500 + 100 * number) * MS, calls=[10 * number, 0]) for number in range(10)]
    found = reaction(back_counts=rows)
    assert found.share_after_ns is None
    assert found.share_at_end == 0.0
