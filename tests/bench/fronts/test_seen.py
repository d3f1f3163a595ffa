"""What a failed request looks like from the consumer, by protocol: sent, reported, sent again."""

import pytest

from bench.fronts.seen import Seen
from bench.protocols import PROTOCOLS, protocol
from bench.results import Cause
from consumers import causes, grpc_rules, http_rules
from consumers.errors import CLOSED_EARLY


def seen(name: str, kind: str, text: str) -> Seen:
    return protocol(name).seen(Cause(kind=kind, text=text, count=1))


@pytest.mark.parametrize("status", [429, 503, 504])
def test_one_status_is_three_things_to_three_consumers(status: int) -> None:
    text = causes.of_status(status)
    get, post = (seen(name, "unexpected_answer", text) for name in ("http", "graphql"))
    call = seen("grpc", "unreachable", text)
    assert (get.sent, get.reported) == (post.sent, post.reported) == (text, f"status {status}")
    assert (get.repeated_by_policy, post.repeated_by_policy) == (True, False)
    assert (call.sent, call.reported, call.repeated_by_policy) == (f"{text} without grpc-status", "UNAVAILABLE", True)


def test_a_status_of_grpc_that_a_front_sent_is_reported_as_it_is() -> None:
    found = seen("grpc", "unexpected_answer", "RESOURCE_EXHAUSTED")
    assert (found.sent, found.reported) == ("200 OK, grpc-status RESOURCE_EXHAUSTED", "RESOURCE_EXHAUSTED")
    assert not found.repeated_by_policy


def test_a_closed_connection_is_repeated_by_the_library_for_get_only() -> None:
    found = {name: seen(name, "unreachable", CLOSED_EARLY) for name in PROTOCOLS}
    assert {name: each.repeated_by_library for name, each in found.items()} == {
        "http": True,
        "graphql": False,
        "grpc": False,
    }
    assert found["grpc"].reported == "UNAVAILABLE"


def test_calls_that_were_refused_with_goaway_are_repeated_by_grpc_itself() -> None:
    _, refused = grpc_rules.of_reset(7)
    _, cancelled = grpc_rules.of_reset(8)
    assert seen("grpc", "unreachable", http_rules.of_goaway(0)).repeated_by_library
    assert not seen("grpc", "unreachable", refused).repeated_by_library
    found = seen("grpc", "unexpected_answer", cancelled)
    assert (found.sent, found.reported, found.repeated_by_library) == ("RST_STREAM CANCEL", "CANCELLED", False)


def test_errors_of_graphql_are_successful_responses() -> None:
    sent = {name: seen(name, "error_answer", "no such recipe").sent for name in PROTOCOLS}
    assert sent == {
        "http": "404 Not Found",
        "graphql": "200 OK with errors",
        "grpc": "200 OK, grpc-status NOT_FOUND",
    }


def test_a_timeout_of_the_consumer_is_nothing_that_was_sent() -> None:
    for name in PROTOCOLS:
        assert seen(name, "timeout", "no response within 2 s").sent == "nothing"
    assert seen("grpc", "timeout", "").reported == "DEADLINE_EXCEEDED"
