"""Advice in words: what to choose, what the time goes to, where it flips, and what makes it less than certain."""

from datetime import UTC, datetime

import pytest

from bench.model.choices import Choices, Conditions
from bench.model.parts import parts_of
from bench.model.payload import blend
from bench.network.profile import parse
from bench.report.advice import Advice, advice
from bench.report.advice_warnings import origin, warnings
from bench.results import RunWarning
from bench.spec import NEW, PERSISTENT, Connection
from tests.support.model_runs import Asked, known_run
from tests.support.runs import set_fields

PARTS = parts_of(known_run())


def said(payload: float, link: str, *, tls: bool = True, connection: Connection = PERSISTENT) -> dict[str, str]:
    return {statement.topic: statement.text for statement in advised(payload, link, tls, connection).statements}


def advised(payload: float, link: str, tls: bool = True, connection: Connection = PERSISTENT) -> Advice:
    asked = Conditions(at=blend(PARTS, payload), link=parse(link), tls=tls, connection=connection)
    return advice(Choices(PARTS), asked)


def test_conditions_are_repeated_as_they_were_understood() -> None:
    assert said(20_000, "rtt=40ms,down=20mbit,up=5mbit")["Asked"] == (
        "an answer of 20.0 kB as HTTP would say it, a round trip of 40.0 ms, 20.0 Mbit/s down, 5.00 Mbit/s up, "
        "with TLS, over an open connection."
    )
    text = said(20_000, "rtt=40ms", tls=False, connection=NEW)["Asked"]
    assert "down without a limit, up without a limit, without TLS, a new connection for each request" in text


def test_the_fastest_is_named_with_what_lies_behind_it() -> None:
    text = said(50_000, "rtt=100us,down=10gbit,up=10gbit")["Choose"]
    assert text.startswith("HTTP: 510 µs (507–514) predicted. All others are slower: gRPC by 2")
    assert "GraphQL with gzip 9" in text
    assert "times as slow" in text


def test_where_nothing_tells_them_apart_that_is_said() -> None:
    assert "All others do as well, to within 3 %." in said(1_000, "rtt=1s")["Choose"]


def test_without_restarts_no_difference_is_shown() -> None:
    parts = parts_of(known_run(Asked(instances=1)))
    found = advice(Choices(parts), Conditions(at=blend(parts, 1_000), link=parse("rtt=1ms"), tls=True))
    assert "No difference was shown to HTTP with gzip, gRPC, " in found.statements[1].text
    assert "lower" not in found.statements[1].text


@pytest.mark.parametrize(
    ("payload", "link", "connection", "words"),
    [
        (1_000, "rtt=100ms", PERSISTENT, "So the round trip decides: neither encoding nor protocol changes it"),
        (1_000, "rtt=100ms", NEW, "So 3 round trips decide: a connection that is kept open saves all but one."),
        (100_000, "rtt=1ms,down=1mbit,up=1mbit", PERSISTENT, "fewer bytes help, mostly those of the answer."),
        (1_000, "rtt=1ms,down=10gbit,up=10kbit", PERSISTENT, "fewer bytes help, mostly those of the request."),
        (100_000, "rtt=0ms", PERSISTENT, "So the producer's work decides: a faster network would hardly help."),
    ],
)
def test_what_decides_is_said(payload: float, link: str, connection: Connection, words: str) -> None:
    assert words in said(payload, link, connection=connection)["It goes to"]


def test_gzip_pays_costs_or_makes_no_difference() -> None:
    assert "HTTP: pays below 27" in said(20_000, "rtt=40ms,down=20mbit,up=20mbit")["gzip"]
    assert "down; here it saves 5." in said(20_000, "rtt=40ms,down=20mbit,up=20mbit")["gzip"]
    assert "here it costs 4" in said(20_000, "rtt=1ms,down=10gbit,up=10gbit")["gzip"]
    assert "here it makes less than 3 % of a difference" in said(1_000, "rtt=400ms")["gzip"]


def test_where_another_protocol_would_take_the_lead() -> None:
    text = said(20_000, "rtt=1ms,down=10gbit,up=10gbit")["Flips"]
    assert "gRPC would be faster than HTTP below " in text
    assert "GraphQL would be faster than HTTP at no rate down; over this link for answers of no size measured." in text
    assert "a round trip" not in text, "over open connections all take one"


def test_over_new_connections_it_flips_with_the_round_trip() -> None:
    """gRPC waits for one round trip more, so what it saves in bytes has to outweigh that."""
    text = said(20_000, "rtt=1ms,down=1mbit,up=1mbit", connection=NEW)["Flips"]
    assert "HTTP with gzip would be faster than gRPC with gzip above 9.38 Mbit/s (9.34–9.42) down; " in text
    assert "at these rates above a round trip of 16.5 ms (" in text


def test_it_flips_with_the_payload() -> None:
    text = said(20_000, "rtt=1ms,down=300mbit,up=300mbit", tls=False)["Flips"]
    assert "HTTP would be faster than gRPC above 331 Mbit/s " in text
    assert "over this link for answers of less than 18.1 kB (" in text


def test_every_arm_has_a_row_with_its_verdict() -> None:
    table = advised(20_000, "rtt=1ms,down=10gbit,up=10gbit").table
    assert len(table.rows) == 6
    assert table.rows[0].entries[-1].whole == "1"
    assert {row.entries[-1].verdict for row in table.rows[1:]} == {"slower"}


def test_nothing_is_doubted_where_all_is_as_it_should_be() -> None:
    assert warnings(known_run(), PARTS, [], new=True) == []


def test_warnings_say_what_limits_an_advice() -> None:
    once = known_run(Asked(instances=1, connections=("persistent",)))
    set_fields(once, warnings=[RunWarning(code=code, text="…") for code in ("few_samples_in_tail", "busy_machine")])
    found = warnings(once, parts_of(once), ["CPU model: x, then y"], new=True)
    assert len(found) == 4
    assert "(CPU model: x, then y), so they need not hold here" in found[0]
    assert "started once only" in found[1]
    assert "counts as nothing" in found[2]
    assert found[3].endswith("warnings of its own: busy_machine.")
    assert len(warnings(once, parts_of(once), [], new=False)) == 2


@pytest.mark.parametrize(
    ("now", "age"),
    [
        (datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC), "just now"),
        (datetime(2026, 1, 1, 0, 1, tzinfo=UTC), "1 minute ago"),
        (datetime(2026, 1, 1, 5, 30, tzinfo=UTC), "5 hours ago"),
        (datetime(2026, 1, 4, 5, 30, tzinfo=UTC), "3 days ago"),
    ],
)
def test_where_the_parts_come_from(now: datetime, age: str) -> None:
    assert origin("reports/x.json", known_run(), now, []) == (
        f"parts from reports/x.json, measured {age} on this machine, 8 instances"
    )
    assert "measured at an unknown time on here" in origin("x.json", known_run(started_at="?"), now, ["CPU"])
