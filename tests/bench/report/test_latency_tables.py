"""Tables of latency and throughput, of costs and of all configurations, with and without results."""

import pytest
from msgspec.structs import replace

from bench.load_models import ClosedLoad, OpenLoad
from bench.report import costs, definitions, latency_tables, markdown
from bench.report.document import Table
from bench.report.grouping import grouped
from bench.report.run_document import document_of
from bench.results import InFlight, Quantiles, Run
from bench.wire.results import Bytes, SetupSizes, Sizes
from tests.support.runs import (
    GET,
    SIXTEEN,
    cell,
    client_limited,
    estimate,
    latency_ratio,
    quantiles,
    run,
    set_fields,
    small,
    two_variants,
    without_figures,
)


def load_table(given: Run, load: int = 0) -> Table:
    grouping = grouped(given)
    group = grouping.groups[0]
    return latency_tables.load_table(group, group.loads[load], grouping)


def texts(table: Table) -> list[list[str]]:
    return [[*row.headings, *(entry.whole for entry in row.entries)] for row in table.rows]


def headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def test_latency() -> None:
    table = load_table(small())
    assert table.title == "get: one recipe; latency with 1 request in flight"
    assert headings(table) == ["gzip, TLS", "protocol", "p50, µs", "p90, µs", "p99, µs", "× HTTP/JSON", "n"]
    assert texts(table) == [
        ["plain", "HTTP/JSON", "150 (135–165)", "300", "600", "baseline", "2,000"],
        ["plain", "GraphQL", "450 (405–495)", "900", "1,800", "3.00 (2.70–3.30) slower", "2,000"],
        ["plain", "gRPC", "300 (270–330)", "600", "1,200", "2.00 (1.80–2.20) slower", "2,000"],
    ]
    assert any("Lower is better" in note for note in table.notes)
    assert any("Below 1 is better" in note for note in table.notes)


def test_what_was_in_flight_is_shown_where_a_client_queued_requests() -> None:
    reached = InFlight(wanted=16, reached=16)
    queued = InFlight(wanted=16, reached=4, streams_at_most=4, queued_ns=3e6)
    cells = [cell("http", load=SIXTEEN, in_flight=reached), cell("grpc", load=SIXTEEN, in_flight=queued)]
    table = load_table(run([*cells, cell("graphql", load=SIXTEEN)]))
    assert headings(table)[3:5] == ["in flight", "in queue, ms"]
    assert [row[3:5] for row in texts(table)] == [["16 of 16", "0"], ["4 of 16", "3.00"], ["–", "–"]]
    assert any(note.startswith("in flight: ") for note in table.notes)
    assert headings(load_table(run(cells[:1]))) == ["gzip, TLS", "protocol", "requests/s", "n"]


def test_time_in_the_queue_is_shown_in_open_loop_where_there_was_any() -> None:
    load = OpenLoad(rate_hz=500)
    for queued_ns, shown in ((2e3, True), (0.0, False)):
        found = InFlight(wanted=256, reached=100, streams_at_most=100, queued_ns=queued_ns)
        table = load_table(run([cell("grpc", load=load, in_flight=found)]))
        assert ("in queue, µs" in headings(table)) is shown
        assert ("≤ 100" in texts(table)[0]) is shown


def test_throughput() -> None:
    table = load_table(small(), load=1)
    assert table.title == "get: one recipe; throughput with 16 requests in flight"
    assert texts(table)[2][2:] == ["3,330 (3,000–3,670)", "0.950 (0.800–1.100) too noisy", "2,000"]
    assert any("Higher is better" in note for note in table.notes)
    assert any("Above 1 is better" in note for note in table.notes)


def test_a_throughput_that_the_client_limited_is_a_bound() -> None:
    given = run([client_limited(cell("http", load=SIXTEEN)), cell("grpc", load=SIXTEEN), client_limited(cell("http"))])
    table = load_table(given)
    assert [row[2] for row in texts(table)] == ["≥ 6,670 (6,000–7,330)", "3,330 (3,000–3,670)"]
    assert definitions.BOUND in table.notes
    everything = latency_tables.all_configurations(given)
    shown = [row[headings(everything).index("requests/s")] for row in texts(everything)]
    assert shown == ["≥ 6,670 (6,000–7,330)", "3,330 (3,000–3,670)", "6,670 (6,000–7,330)"]
    assert definitions.BOUND in everything.notes
    assert definitions.BOUND not in load_table(run([cell("grpc", load=SIXTEEN)])).notes


def test_percentiles_that_no_cell_has_are_left_out_and_explained_once() -> None:
    cells = [cell(name, latency_ns=Quantiles(p50=estimate(1e5))) for name in ("http", "grpc")]
    set_fields(cells[1], latency_ns=Quantiles(p50=estimate(2e5), p90=estimate(3e5)))
    given = run(cells)
    table = load_table(given)
    assert headings(table)[2:] == ["p50, µs", "p90, µs", "n"]
    assert [row[3] for row in texts(table)] == ["–", "300"]
    assert "p99, µs" not in headings(latency_tables.all_configurations(given))
    page = markdown.render(document_of(given))
    assert page.count("samples lie beyond it") == 1


def test_versions_have_a_column_of_what_could_have_been_detected() -> None:
    ratio = latency_ratio("old", 1.01, "inconclusive", detectable_change=0.043)
    given = run([cell("http", version="v1"), cell("http", version="v2", ratio=ratio)])
    set_fields(given.cells[0], id="old")
    table = load_table(given)
    assert headings(table)[-3:] == ["× v1", "detectable", "n"]
    assert [row[-2] for row in texts(table)] == ["–", "+4.3 %"]
    assert definitions.DETECTABLE in table.common


def test_open_loop_tables_show_the_achieved_rate_and_the_service_time() -> None:
    load = OpenLoad(rate_hz=500)
    cells = [cell("http", load=load, service_ns=quantiles(100e3), requests_per_second=estimate(480.4))]
    table = load_table(run(cells))
    assert table.title == "get: one recipe; latency at 500 requests/s"
    assert headings(table)[2:] == ["achieved, requests/s", "p50, µs", "p90, µs", "p99, µs", "service, µs", "n"]
    assert texts(table)[0][2:7] == ["480", "150 (135–165)", "300", "600", "100"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("unsupported", "unsupported"),
        ("failed", "failed"),
        ("generator_limited", "client limited"),
        ("interrupted", "not run"),
    ],
)
def test_a_cell_without_results_states_the_reason(status: str, words: str) -> None:
    reason = "the producer said no"
    cells = [cell("http"), without_figures("grpc", status, reason), without_figures("graphql", status, None)]
    set_fields(cells[1], outcomes={"ok": 0, "timeout": 3})
    given = run([*cells, cell("other", ratio=latency_ratio("http-get-c1", 1.0, "same"))])
    table = load_table(given)
    assert texts(table)[1] == ["plain", "gRPC", words, "–", "–", "–", "0 + 3 timeout"]
    assert texts(table)[2] == ["plain", "GraphQL", words, "–", "–", "–", "–"]
    assert f"Not measured ({words}): grpc-get-c1: {reason}." in table.notes
    assert f"Not measured ({words}): graphql-get-c1: unknown reason." in table.notes
    assert (
        texts(latency_tables.all_configurations(given))[1][3] == words
        or words in texts(latency_tables.all_configurations(given))[1]
    )


def test_a_missing_ratio_and_a_missing_quantile_are_dashes() -> None:
    given = two_variants()
    set_fields(given.cells[2], ratio=None)
    set_fields(given.cells[2], latency_ns=None)
    assert texts(load_table(given))[1] == ["plain", "gRPC", "–", "–", "–", "–", "2,000"]


def test_a_single_protocol_has_no_column_of_ratios() -> None:
    given = run([cell("grpc"), cell("grpc", tls=True, ratio=latency_ratio("grpc-get-c1", 1.1, "slower"))])
    assert "× gRPC" not in headings(load_table(given))


def test_without_a_baseline_there_is_no_column_of_ratios() -> None:
    assert not any("×" in heading for heading in headings(load_table(run([cell("http"), cell("grpc")]))))


def test_all_sizes() -> None:
    table = costs.size_table(grouped(run([cell("http", gzip=True, tls=True)])).groups[0])
    assert texts(table)[0][2:] == [
        "0",
        "0",
        "120",
        "0",
        "142",
        "1,200",
        "600",
        "750",
        "10",
        "782",
        "500",
        "1,500",
        "gzip",
    ]


def test_unknown_sizes_are_noted() -> None:
    given = run([cell("http", bytes=None), cell("grpc")])
    table = costs.size_table(grouped(given).groups[0])
    assert "Bytes were not measured for HTTP/JSON plain." in table.notes
    nothing = Bytes(request=Sizes(), response=Sizes(), setup=SetupSizes())
    given = run([cell("http", bytes=None), cell("grpc", bytes=nothing)])
    table = costs.size_table(grouped(given).groups[0])
    assert "Bytes were not measured." in table.notes
    assert headings(table) == ["gzip, TLS", "protocol"]


def test_cpu_has_intervals_and_memory() -> None:
    table = costs.cpu_table(grouped(run([cell("http")])).groups[0])
    assert texts(table) == [["plain", "HTTP/JSON", "75.0 (67.5–82.5)", "50.0 (45.0–55.0)", "72.8"]]
    bare = costs.cpu_table(grouped(run([cell("http", cpu_us_per_request=None, memory_bytes=None)])).groups[0])
    assert texts(bare) == [["plain", "HTTP/JSON"]]


def test_details_hold_every_cell_with_and_without_load() -> None:
    given = run(
        [
            cell("http"),
            cell("grpc", load=SIXTEEN),
            cell("grpc", load=ClosedLoad(concurrency=2), outcomes={"ok": 5, "timeout": 2}),
        ]
    )
    given.cells[0] = replace(given.cells[0], load=None)
    table = latency_tables.all_configurations(given)
    assert [row[0] for row in texts(table)] == [each.id for each in given.cells]
    assert texts(table)[0][3] == "no load"
    assert texts(table)[2][-1] == "5 + 2 timeout"
    assert latency_tables.all_configurations(run([])).rows == ()
    assert latency_tables.all_configurations(run([])).heading_count == 0


def test_huge_and_tiny_values_do_not_break_a_table() -> None:
    given = run(
        [cell("http", latency_ns=quantiles(1e300)), cell("grpc", latency_ns=quantiles(1e-3)), cell("x", workload=GET)]
    )
    assert texts(load_table(given))[0][2].startswith("1.00e+")
