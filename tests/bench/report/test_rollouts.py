"""Rollouts as a document: the result in sentences, tables, and charts over time."""

from typing import Any

from bench.load_models import OpenLoad
from bench.report import html, rollouts
from bench.report.document import Charts, Table
from bench.spec import CellKey
from bench.stats.restarts import Restart
from bench.stats.rollouts import Rollout, RolloutKey, rollout_of
from tests.support.logs import MS, REFUSED, log_of, request


def key(**given: Any) -> RolloutKey:
    cell = {
        "protocol": "grpc",
        "load": OpenLoad(rate_hz=100),
        "front": "haproxy",
        "replicas": 2,
        **given.pop("cell", {}),
    }
    settings = {"order": "stop-first", "stop_notice_s": None, "check_interval_s": 0.5, **given}
    return RolloutKey(cell=CellKey(**cell), **settings)


def restart(replica: int, began_ms: int) -> Restart:
    began_ns = began_ms * MS
    return Restart(
        replica=replica,
        began_ns=began_ns,
        stopped_ns=began_ns,
        gone_ns=began_ns + 10 * MS,
        ready_ns=began_ns + 300 * MS,
        ended_ns=began_ns + 400 * MS,
    )


def rollout(lost: int = 0, *, late_ms: float = 0.0, **given: Any) -> Rollout:
    requests = [request(10 * number, 2, late_ms=late_ms) for number in range(100)]
    requests += [request(600 + number, 1, REFUSED) for number in range(lost)]
    return rollout_of(key(**given), log_of(requests, window_ms=1000), [restart(1, 500), restart(2, 950)], "2.6")


def said(*found: Rollout, fail_above: int | None = None) -> str:
    return rollouts.conclusion(found, fail_above).text


def test_the_result_compares_what_was_varied() -> None:
    assert said(rollout(12), rollout(stop_notice_s=2.0)) == (
        "gRPC behind HAProxy: 12 of 112 requests lost without notice and no request lost with 2 s notice."
    )
    assert said(rollout(12), rollout(order="start-first")) == (
        "gRPC behind HAProxy: 12 of 112 requests lost without notice (stop-first) and no request lost without notice "
        "(start-first)."
    )
    assert said(rollout(cell={"front": "none"})) == "gRPC without a front: no request lost without notice."


def test_of_many_rollouts_the_result_counts_and_names_the_worst() -> None:
    fronts = ("haproxy", "nginx", "envoy")
    with_notice = [rollout(3 * (name == "nginx"), cell={"front": name}, stop_notice_s=2.0) for name in fronts]
    without = [rollout(12, cell={"front": name, "tls": True}) for name in fronts]
    assert said(*with_notice, *without[1:]) == (
        "Rollouts that lost no request: 2 of 3 with 2 s notice and 0 of 2 without notice. Most were lost by "
        "gRPC with TLS behind nginx without notice: 12 of 112."
    )
    assert said(with_notice[1], with_notice[1], *without) == (
        "Rollouts that lost no request: 0 of 2 with 2 s notice and 0 of 3 without notice. Most were lost by "
        "gRPC with TLS behind HAProxy without notice: 12 of 112. Fewest were lost by gRPC behind nginx with 2 s "
        "notice: 3 of 103."
    )
    assert said(*[rollout()] * 9) == "Rollouts that lost no request: 9 of 9 without notice."


def test_each_configuration_is_named_by_what_differs() -> None:
    among: list[dict[str, Any]] = [
        {"tls": False},
        {"tls": True},
        {"tls": True, "tls_at": "both", "replicas": 3},
        {"tls": True, "front": "none", "connection": "new"},
    ]
    found = [rollout(1, cell=cell) for cell in among]
    assert [sentence.partition(":")[0] for sentence in said(*found).split(". ")] == [
        "gRPC behind HAProxy, 2 replicas",
        "gRPC with TLS behind HAProxy, 2 replicas",
        "gRPC with TLS at front and producer behind HAProxy, 3 replicas",
        "gRPC with TLS without a front, new connections",
    ]
    for table in list(rollouts.document_of(found, None).blocks())[:2]:
        assert isinstance(table, Table)
        columns = [column.title for column in table.columns]
        assert columns[:5] == ["protocol", "front", "TLS", "replicas", "connections"]
        assert [[entry.text for entry in row.entries[:3]] for row in table.rows] == [
            ["off", "2 replicas", "kept"],
            ["front", "2 replicas", "kept"],
            ["both", "3 replicas", "kept"],
            ["on", "–", "new"],
        ]


def test_what_a_front_cannot_do_is_said_once() -> None:
    found = [
        Rollout(key=key(stop_notice_s=notice_s), status="unsupported", reason="it reads requests")
        for notice_s in (None, 2.0)
    ]
    quality = rollouts.document_of(found, None).quality
    assert quality is not None
    assert [each.text for each in quality.findings] == ["gRPC behind HAProxy: unsupported: it reads requests"]


def test_a_gate_says_how_many_rollouts_lost_more_than_allowed() -> None:
    found = rollouts.conclusion([rollout(12), rollout()], 3)
    assert found.alarming
    assert found.text.endswith("More than 3 lost in a restart: 1 rollout of 2.")
    assert not rollouts.conclusion([rollout(3)], 3).alarming


def test_what_is_not_measured_or_not_trusted_is_said_so_and_has_no_result() -> None:
    found = [
        Rollout(key=key(), status="failed", reason="the producer ended"),
        Rollout(key=key(), status="unsupported", reason="not installed"),
        rollout(5, late_ms=100),
    ]
    document = rollouts.document_of(found, None)
    assert document.conclusion is not None
    assert document.conclusion.text == "No rollout has a result that can be trusted."
    assert document.quality is not None
    assert [each.grade for each in document.quality.findings] == ["warning", "note", "warning"]
    assert "no result: the producer ended" in document.quality.findings[0].text
    assert "fell behind" in document.quality.findings[2].text


def test_tables_say_what_each_restart_lost_and_why() -> None:
    document = rollouts.document_of([rollout(4), rollout()], None)
    table, causes, charts = document.blocks()
    assert isinstance(table, Table)
    assert isinstance(causes, Table)
    assert isinstance(charts, Charts)
    columns = [column.title for column in table.columns]
    lost = [row.entries[columns.index("per restart") - 2].text for row in table.rows]
    assert lost == ["4 + 0", "0 + 0"]
    assert [[entry.text for entry in row.entries[3:]] for row in causes.rows] == [
        ["1", "4", "unreachable", "connection refused"]
    ]
    assert [chart.alternative for chart in charts.charts] == ["4 of 104 requests lost", "0 of 100 requests lost"]
    assert b"Latency over time" in html.render(document, html.RESULT_FIRST)
