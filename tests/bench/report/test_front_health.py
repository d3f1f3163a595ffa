"""How fronts react, as a document."""

from typing import Any

from bench.load_models import OpenLoad
from bench.report.document import Table
from bench.report.front_health import document_of
from bench.spec import CellKey
from bench.stats.reactions import FrontReactions, Reaction, ReactionKey
from tests.support.logs import MS, REFUSED

S = 1000 * MS


def reaction(**given: Any) -> Reaction:
    settings = {
        "fault": "killed",
        "at_ns": S,
        "in_flight_failed": 0,
        "later_failed": 0,
        "delayed": 0,
        "causes": [],
        "failing_for_ns": None,
        "called_for_ns": None,
        "still_in": False,
        "watched_ns": 7 * S,
        "share_after_ns": S // 2,
        "share_at_end": 0.5,
        "share_watched_ns": 6 * S,
        **given,
    }
    return Reaction(**settings)


def front(*reactions: Reaction, **given: Any) -> FrontReactions:
    cell = {
        "protocol": "http",
        "load": OpenLoad(rate_hz=100),
        "front": "haproxy",
        "replicas": 2,
        **given.pop("cell", {}),
    }
    key = ReactionKey(cell=CellKey(**cell), check_interval_s=0.5, connection_age_s=given.pop("age_s", None))
    return FrontReactions(key=key, reactions=list(reactions), **given)


def said(*found: FrontReactions) -> str:
    conclusion = document_of(found).conclusion
    assert conclusion is not None
    return conclusion.text


def test_each_fault_has_a_part_of_the_sentence() -> None:
    killed = reaction(in_flight_failed=1, later_failed=70, failing_for_ns=1400 * MS, causes=[REFUSED])
    not_ready = reaction(fault="not-ready", called_for_ns=1100 * MS)
    hanging = reaction(fault="hanging", later_failed=300, delayed=2, failing_for_ns=6900 * MS, still_in=True)
    assert said(front(killed, not_ready, hanging)) == (
        "HTTP/JSON behind HAProxy: a killed replica was out after 1.4 s (71 failed); one that is not ready was out "
        "after 1.1 s (no request failed or was delayed); a hanging one still got requests after 7 s (300 failed and 2 "
        "delayed)."
    )


def test_of_many_fronts_the_result_names_the_extremes() -> None:
    names = ("haproxy", "haproxy-tcp", "nginx", "envoy")
    killed = [
        front(
            reaction(later_failed=number, failing_for_ns=number * S),
            reaction(fault="hanging", later_failed=9, failing_for_ns=number * S, still_in=name == "haproxy-tcp"),
            reaction(fault="not-ready", called_for_ns=S),
            cell={"front": name},
        )
        for number, name in enumerate(names, start=1)
    ]
    assert said(*killed, front(reaction(), cell={"tls": True})) == (
        "A killed replica was out after 4 s at most (HTTP/JSON behind Envoy) and cost 4 requests at most (HTTP/JSON "
        "behind Envoy). One that is not ready was out after 1 s at most (HTTP/JSON behind HAProxy) and cost no "
        "request. A hanging one still got requests after 7 s (HTTP/JSON behind HAProxy (TCP)) and cost 9 requests at "
        "most (HTTP/JSON behind HAProxy)."
    )


def test_a_new_replica_without_its_share_has_what_it_reached() -> None:
    (table,) = document_of([front(reaction(share_after_ns=None, share_at_end=0.02)), front(reaction())]).blocks()
    assert isinstance(table, Table)
    assert [row.entries[-1].text for row in table.rows] == ["> 6 s (2 % of requests)", "0.5 s"]


def test_a_front_is_named_with_its_tls() -> None:
    passed = front(reaction(), cell={"front": "haproxy-tcp", "tls": True})
    found = [front(reaction()), passed, front(reaction(), cell={"tls": True, "tls_at": "producer"})]
    assert said(passed).startswith("HTTP/JSON with TLS behind HAProxy (TCP): ")
    assert said(found[2]).startswith("HTTP/JSON with TLS at the producer behind HAProxy: ")
    (table,) = document_of(found).blocks()
    assert isinstance(table, Table)
    assert [row.entries[0].text for row in table.rows] == ["off", "pass", "producer"]
    assert found[2].key.id == "http-get-tls-at-producer-r100-haproxy-x2-check0.5"


def test_fronts_without_a_result_are_named() -> None:
    document = document_of([front(status="failed", reason="it ended"), front(untrusted="it fell behind")])
    assert document.conclusion is not None
    assert document.conclusion.text == "No front has a result that can be trusted."
    assert document.quality is not None
    assert [each.text for each in document.quality.findings] == [
        "HTTP/JSON behind HAProxy: no result: it ended",
        "HTTP/JSON behind HAProxy: it fell behind",
    ]


def test_new_connections_and_their_age_are_named() -> None:
    aged = front(reaction(), age_s=2.0)
    assert said(aged).startswith("HTTP/JSON behind HAProxy, connections at most 2 s old: ")
    (table,) = document_of([aged, front(reaction())]).blocks()
    assert isinstance(table, Table)
    assert [row.entries[0].text for row in table.rows] == ["kept ≤ 2 s", "kept"]
    assert said(front(reaction(), cell={"connection": "new"})).startswith("HTTP/JSON behind HAProxy, new connections: ")
