"""Plain words about a workload."""

from msgspec.structs import replace

from bench.report import summary
from bench.report.grouping import arranged
from bench.results import Bytes, Run, SetupSizes
from bench.spec import OpenLoad
from tests.support.runs import SIXTEEN, cell, run, set_fields, sizes, small, two_variants, without_figures


def statements(given: Run) -> dict[str, str]:
    arrangement = arranged(given)
    return {each.topic: each.text for each in summary.of_workload(arrangement.groups[0], arrangement)}


def answering(wire: float) -> Bytes:
    return Bytes(request=sizes(0, 0, 100, 100), response=sizes(900, 900, wire, wire), setup=SetupSizes())


def test_topics_stand_in_a_readers_order() -> None:
    assert list(statements(small())) == ["Latency", "Throughput", "Bytes", "CPU", "Not known"]
    assert list(statements(two_variants())) == ["Latency", "What gzip costs", "Bytes", "CPU", "Not known"]


def test_gzip_costs_time_and_saves_bytes() -> None:
    text = statements(two_variants())["What gzip costs"]
    assert "HTTP: median 150 µs (135–165) without, 190 µs (171–209) with: slower with gzip" in text
    assert "an answer goes from 1,360 to 760 B on the wire (−44 %)." in text
    assert "gRPC: median 300 µs (270–330) without, 340 µs (306–374) with (side by side, no verdict)" in text


def test_without_sizes_nothing_is_said_of_them() -> None:
    given = two_variants()
    for each in given.cells:
        set_fields(each, bytes=None)
    said = statements(given)
    assert "on the wire" not in said["What gzip costs"]
    assert "Bytes" not in said
    assert "Bytes on the wire were not measured." in said["Not known"]


def test_the_fewest_bytes_are_named_when_one_protocol_has_them() -> None:
    given = run([cell("http", bytes=answering(1300)), cell("grpc", bytes=answering(900))])
    assert "take 1,000 B over gRPC (fewest) and 1,400 B over HTTP" in statements(given)["Bytes"]
    given = run([cell("http", bytes=answering(900)), cell("grpc", bytes=answering(900))])
    assert "fewest" not in statements(given)["Bytes"]
    assert "fewest" not in statements(run([cell("http")]))["Bytes"]


def test_cpu_of_both_sides() -> None:
    assert statements(run([cell("http"), cell("grpc")]))["CPU"] == (
        "CPU per request with one request in flight, without gzip and TLS: of the producer HTTP 75.0 µs, gRPC 150 µs; "
        "of the consumer HTTP 50.0 µs, gRPC 100 µs."
    )
    assert "CPU" not in statements(run([cell("http", cpu_us_per_request=None)]))


def test_what_is_not_known_is_listed() -> None:
    cells = [*two_variants().cells, without_figures("graphql", "unsupported", "no such call")]
    set_fields(cells[0], latency_ns=None)
    text = statements(run(cells))["Not known"]
    assert "Without a verdict: 1 of 2 comparisons with HTTP (grpc-get-gzip-c1)." in text
    assert "1 cell has no figures: graphql-get-c1 (not offered)." in text
    assert "p99 is not told in 1 cell, with too few answers for it (http-get-c1)." in text


def test_a_workload_of_which_nothing_was_measured_says_so_and_no_more() -> None:
    cells = [without_figures(protocol, "interrupted", "stopped") for protocol in ("http", "grpc")]
    assert statements(run(cells)) == {
        "Not known": "2 cells have no figures: http-get-c1 (not reached), grpc-get-c1 (not reached)."
    }
    arrangement = arranged(run(cells))
    assert summary.in_short(arrangement.groups[0], arrangement) == ""


def test_open_loop_and_throughput_alone() -> None:
    assert "with 500 requests due per second" in statements(run([cell("http", load=OpenLoad(rate_hz=500))]))["Latency"]
    assert list(statements(run([cell("http", load=SIXTEEN)]))) == ["Throughput", "Bytes"]


def test_one_protocol_is_not_called_fastest() -> None:
    assert statements(run([cell("http")]))["Latency"] == (
        "Median latency with one request in flight, without gzip and TLS: HTTP 150 µs (135–165)."
    )


def test_rows_of_sizes_alone_have_bytes_alone() -> None:
    given = replace(cell("http", latency_ns=None, requests_per_second=None, cpu_us_per_request=None), load=None)
    assert list(statements(run([given]))) == ["Bytes"]
