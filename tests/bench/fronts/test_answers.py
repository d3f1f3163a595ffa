"""What experiments with fronts found, in words and tables: errors, streams, new connections."""

import pytest

from bench.fronts.counts import Counts
from bench.fronts.errors import ErrorsFound, answer, front_errors
from bench.fronts.limits import FailedAs
from bench.fronts.reuse import Figures, ReuseFound, SliceFigures, added, figures, of_slice
from bench.fronts.reuse import answer as reuse_answer
from bench.fronts.streams import Level, StreamsFound, levels, round_trip_ms
from bench.fronts.streams import answer as streams_answer
from bench.report import front_errors as errors_report
from bench.report import front_reuse as reuse_report
from bench.report import front_streams as streams_report
from bench.report.document import MISSING, Document, Table
from bench.slices import Slice

UNAVAILABLE = FailedAs(
    requests=10,
    cause="504 Gateway Timeout",
    sent="504 Gateway Timeout without grpc-status",
    reported="UNAVAILABLE",
    repeated_by_library=False,
    repeated_by_policy=True,
)


def rows_of(document: Document) -> list[tuple[str, ...]]:
    (table,) = (block for block in document.blocks() if isinstance(block, Table))
    return [(*row.headings, *(entry.text for entry in row.entries)) for row in table.rows]


def test_a_front_counts_responses_of_4xx_and_5xx_as_errors() -> None:
    before = Counts(replicas={}, statuses={"2xx": 1})
    after = Counts(replicas={}, statuses={"2xx": 6, "4xx": 2, "5xx": 3})
    assert front_errors(before, after) == 5
    assert front_errors(before, Counts(replicas={}, statuses={"2xx": 9})) == 0
    assert front_errors(Counts(replicas={}), Counts(replicas={})) is None


def test_errors_are_named_by_who_counts_them() -> None:
    hanging = ErrorsFound(
        protocol="grpc",
        front="haproxy",
        incident="hanging",
        requests=10,
        consumer=10,
        front_errors=5,
        ways=(UNAVAILABLE,),
    )
    alone = ErrorsFound(protocol="grpc", front="none", incident="hanging", requests=4, consumer=4, ways=(UNAVAILABLE,))
    lost = ErrorsFound(protocol="http", front="haproxy", incident="gone", trouble="it ended")
    text = answer([hanging, alone, lost])
    assert text == (
        "producer does not respond: gRPC (HAProxy) UNAVAILABLE, of which the front counts 50%; gRPC UNAVAILABLE."
    )
    document = errors_report.document_of([hanging, alone, lost])
    assert document.quality is not None
    assert [finding.text for finding in document.quality.findings] == [
        "HTTP/JSON behind HAProxy, no producer: no result: it ended"
    ]
    first, second = rows_of(document)
    assert first[:6] == ("producer does not respond", "gRPC", "HAProxy", "10", "10", "5")
    assert second[:6] == ("producer does not respond", "gRPC", "none", "4", "4", MISSING)


def test_streams_are_few_enough_that_no_processor_is_the_limit() -> None:
    assert [round_trip_ms(streams) for streams in (1, 10, 20, 100)] == [50, 50, 100, 500]
    assert levels(20) == [10, 20, 40, 80]
    assert levels(1) == [1, 2, 4]


def test_what_a_call_takes_is_expected_on_one_connection_only() -> None:
    level = Level(in_flight=40, requests=100, failed=1, p50_ms=204.0, answered_hz=196.0, ways=(UNAVAILABLE,))
    front = StreamsFound(protocol="grpc", front="nginx", streams=20, at="front", round_trip_ms=100, levels=(level,))
    producer = StreamsFound(
        protocol="grpc", front="nginx", streams=20, at="producer", round_trip_ms=100, levels=(level,)
    )
    assert (front.expected_ms(10), front.expected_ms(40)) == (100, 200)
    assert "20 streams at the front: p50 204 ms with 40 in flight; 1 calls failed as UNAVAILABLE." in streams_answer(
        [front]
    )
    shown = [row[6] for row in rows_of(streams_report.document_of([front, producer]))]
    assert shown == ["200", MISSING]


def test_what_is_added_is_the_median_difference_between_neighbours() -> None:
    kept = [100.0, 110.0, 90.0, 105.0, 95.0, 100.0, 130.0]
    found = added(kept, [value + 50 + number for number, value in enumerate(kept)])
    assert found.value_us == 53
    assert found.low_us is not None
    assert found.high_us is not None
    assert 50 <= found.low_us < 53 < found.high_us <= 56
    assert added([1.0, 2.0], [2.0, 3.0]).low_us is None


def test_slices_without_successful_requests_have_no_figures() -> None:
    whole = Slice(ok=10, p50_ns=2e5, front_cpu_ns=500_000, producer_cpu_ns=900_000)
    assert of_slice(whole) == SliceFigures(200.0, 50.0, 90.0)
    assert of_slice(Slice(ok=0, failed=3, front_cpu_ns=1, producer_cpu_ns=1)) is None
    assert of_slice(Slice(ok=1, p50_ns=1.0)) is None


def test_new_connections_are_shown_beside_kept_ones() -> None:
    slices = [SliceFigures(200.0, 50.0, 90.0), SliceFigures(210.0, 60.0, 100.0)]
    kept = figures(slices, requests=2000, failed=0, connections=0)
    new = Figures(requests=1000, failed=2, connections=1000, p50_us=300.0, front_cpu_us=100.0, producer_cpu_us=160.0)
    more = added([200.0] * 6, [310.0, 311.0, 312.0, 313.0, 314.0, 315.0])
    found = ReuseFound(
        protocol="http", front="nginx", pairs=6, kept=kept, new=new, latency=more, front_cpu=more, producer_cpu=more
    )
    assert kept.p50_us == pytest.approx(205)
    assert new.connections_per_1000 == 1000
    assert "HTTP/JSON, a new connection for each request adds: nginx 112 µs of latency" in reuse_answer([found])
    document = reuse_report.document_of([found])
    assert document.quality is not None
    assert "2 of 1,000 requests failed" in document.quality.findings[0].text
    assert [row[2] for row in rows_of(document)] == ["kept", "new", "added"]
