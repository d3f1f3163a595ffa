"""Advice: the recommendation, the parts of the latency, break-evens, and limits of the prediction."""

import dataclasses
from datetime import UTC, datetime

import pytest

from bench.model.choices import Choices, Conditions
from bench.model.parts import parts_of
from bench.model.predict import blend
from bench.network.profile import parse
from bench.report import advice
from bench.report.document import Finding
from bench.results import RunWarning
from bench.spec import NEW, PERSISTENT, Connection
from tests.support.model_runs import Asked, known_run
from tests.support.runs import set_fields

PARTS = parts_of(known_run())


def said(payload: float, link: str, *, tls: bool = True, connection: Connection = PERSISTENT) -> dict[str, str]:
    found = advice.statements(Choices(PARTS), conditions(payload, link, tls=tls, connection=connection))
    return {statement.topic: statement.text for statement in found}


def conditions(payload: float, link: str, *, tls: bool = True, connection: Connection = PERSISTENT) -> Conditions:
    return Conditions(at=blend(PARTS, payload), link=parse(link), tls=tls, connection=connection)


def test_the_conditions_are_listed() -> None:
    assert said(20_000, "rtt=40ms,down=20mbit,up=5mbit")["Conditions"] == (
        "20.0 kB response (as HTTP/JSON), RTT 40.0 ms, 20.0 Mbit/s downlink, 5.00 Mbit/s uplink, TLS, "
        "keep-alive connection."
    )
    text = said(20_000, "rtt=40ms", tls=False, connection=NEW)["Conditions"]
    assert "unlimited bandwidth, no TLS, new connection per request." in text
    asymmetric = said(20_000, "rtt=40ms,down=20mbit")["Conditions"]
    assert "20.0 Mbit/s downlink, unlimited uplink" in asymmetric


def test_the_fastest_option_is_named_with_its_numbers() -> None:
    text = said(50_000, "rtt=100us,down=10gbit,up=10gbit")["Recommendation"]
    assert text.startswith("HTTP/JSON, with a predicted latency of 510 µs (507–514). All others are slower: gRPC by 2")
    assert "GraphQL with gzip 9" in text
    assert "×" in text


def test_options_without_a_difference_are_called_equivalent() -> None:
    assert "All others are equivalent (within 3 %)." in said(1_000, "rtt=1s")["Recommendation"]


def test_without_restarts_no_difference_is_shown() -> None:
    parts = parts_of(known_run(Asked(instances=1)))
    asked = Conditions(at=blend(parts, 1_000), link=parse("rtt=1ms"), tls=True)
    _, recommendation, *_ = advice.statements(Choices(parts), asked)
    assert "No significant difference from HTTP/JSON with gzip, gRPC, " in recommendation.text
    assert "lower" not in recommendation.text


@pytest.mark.parametrize(
    ("payload", "link", "connection", "words"),
    [
        (1_000, "rtt=100ms", PERSISTENT, "RTT dominates: batch requests or move the server closer."),
        (1_000, "rtt=100ms", NEW, "3 round trips dominate: keep connections open to save all but one."),
        (
            100_000,
            "rtt=1ms,down=1mbit,up=1mbit",
            PERSISTENT,
            "Transfer dominates: send fewer bytes, mainly in the resp",
        ),
        (
            1_000,
            "rtt=1ms,down=10gbit,up=10kbit",
            PERSISTENT,
            "Transfer dominates: send fewer bytes, mainly in the req",
        ),
        (100_000, "rtt=0ms", PERSISTENT, "The server dominates: a faster network would hardly help."),
        (100_000, "rtt=115us", PERSISTENT, "The server dominates."),
    ],
)
def test_the_largest_part_of_the_time_is_named(payload: float, link: str, connection: Connection, words: str) -> None:
    assert words in said(payload, link, connection=connection)["Where the time goes"]


def test_gzip_pays_costs_or_makes_no_difference() -> None:
    assert "gzip helps HTTP/JSON on links slower than 27" in said(20_000, "rtt=40ms,down=20mbit,up=20mbit")["gzip"]
    assert " Here it saves 5." in said(20_000, "rtt=40ms,down=20mbit,up=20mbit")["gzip"]
    assert "Here it costs 4" in said(20_000, "rtt=1ms,down=10gbit,up=10gbit")["gzip"]
    assert "Here it changes less than 3 %." in said(1_000, "rtt=400ms")["gzip"]


def test_break_evens_between_protocols_are_listed() -> None:
    text = said(20_000, "rtt=1ms,down=10gbit,up=10gbit")["Break-even"]
    assert "gRPC without gzip is faster than HTTP/JSON without gzip on links slower than " in text
    assert text.endswith("GraphQL without gzip is never faster than HTTP/JSON without gzip.")
    assert "RTT" not in text, "over open connections all take one round trip"


def test_over_new_connections_there_is_a_break_even_round_trip() -> None:
    """gRPC takes one more round trip, which the bytes it saves have to outweigh."""
    text = said(20_000, "rtt=1ms,down=1mbit,up=1mbit", connection=NEW)["Break-even"]
    assert "HTTP/JSON with gzip is faster than gRPC with gzip on links faster than 9.38 Mbit/s (9.34–9.42)." in text
    assert "At this bandwidth: with RTT above 16.5 ms (" in text


def test_there_is_a_break_even_payload() -> None:
    text = said(20_000, "rtt=1ms,down=300mbit,up=300mbit", tls=False)["Break-even"]
    assert "HTTP/JSON without gzip is faster than gRPC without gzip on links faster than 331 Mbit/s " in text
    assert "Over this link: with responses below 18.1 kB (" in text


@pytest.mark.parametrize("link", ["rtt=0ms", "rtt=1ms", "rtt=40ms,down=20mbit,up=5mbit"])
@pytest.mark.parametrize("worked", [1.0, 5.0])
def test_the_parts_of_a_latency_are_not_more_than_the_latency(link: str, worked: float) -> None:
    """CPU times of both sides can be: they work at the same time."""
    for each in Choices(PARTS).ranked(conditions(20_000, link)):
        found = dataclasses.replace(
            each.prediction,
            producer_ns=worked * each.prediction.producer_ns,
            consumer_ns=worked * each.prediction.consumer_ns,
        )
        parts = advice.parts_of_latency(found)
        assert sum(parts.values()) <= found.latency_ns.value * (1 + 1e-9)
        ratio = found.producer_ns / found.consumer_ns
        assert parts[advice.Part.SERVER] == pytest.approx(ratio * parts[advice.Part.CLIENT])


def test_every_option_has_a_row_with_its_verdict() -> None:
    table = advice.table(Choices(PARTS), conditions(20_000, "rtt=1ms,down=10gbit,up=10gbit"))
    assert len(table.rows) == 6
    assert table.rows[0].entries[-1].whole == "1"
    assert {row.entries[-1].verdict for row in table.rows[1:]} == {"slower"}


def test_a_short_round_trip_does_not_dominate() -> None:
    """At 70 % of the time it is the largest part, but not a dominant one."""
    assert "dominate" not in said(1_000, "rtt=300us")["Where the time goes"]


def test_a_good_run_gives_no_findings() -> None:
    assert list(advice.findings(known_run(), PARTS, [], new=True)) == []


def test_findings_name_the_limits_of_a_prediction() -> None:
    once = known_run(Asked(instances=1, connections=("persistent",)))
    set_fields(once, warnings=[RunWarning(code=code, text="…") for code in ("few_samples_in_tail", "busy_machine")])
    parts = parts_of(once)
    machine, restarts, setup, own = advice.findings(once, parts, ["CPU model: x, then y"], new=True)
    assert "(CPU model: x, then y), so the prediction may not hold here" in machine.text
    assert "started only once" in restarts.text
    assert "counts as 0" in setup.text
    assert own == Finding("note", "The measurements have warnings of their own: busy_machine.")
    assert len(list(advice.findings(once, parts, [], new=False))) == 2


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC), "just now"),
        (datetime(2026, 1, 1, 0, 1, tzinfo=UTC), "1 minute ago"),
        (datetime(2026, 1, 1, 5, 30, tzinfo=UTC), "5 hours ago"),
        (datetime(2026, 1, 4, 5, 30, tzinfo=UTC), "3 days ago"),
    ],
)
def test_the_origin_of_the_measurements(now: datetime, age: str) -> None:
    assert advice.origin("reports/x.json", known_run(), now, []) == (
        f"Based on reports/x.json, measured {age} on this machine, 8 instances."
    )
    assert "measured at an unknown time on here" in advice.origin("x.json", known_run(started_at="?"), now, ["CPU"])
