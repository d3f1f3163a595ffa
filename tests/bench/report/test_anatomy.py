"""The charts of a sizes run: a bar for every combination and direction, with parts that sum to the wire bytes."""

from msgspec.structs import replace

from bench.report import html
from bench.report.anatomy import anatomy_charts, anatomy_key
from bench.report.document import KeyEntry
from bench.report.plots import Bars
from bench.report.run_document import document_of
from bench.results import Cell, Run
from bench.wire.results import Anatomy, BothWays, HeaderPair, HeaderSection
from bench.workloads import Workload
from tests.support.pages import Page
from tests.support.runs import GET, LIST, cell, run

NOTHING = BothWays()
HEADERS = HeaderPair(
    request=HeaderSection(wire_bytes=10, plain_bytes=20), response=HeaderSection(wire_bytes=10, plain_bytes=20)
)


def taken_apart(protocol: str, sent: dict[str, int], workload: Workload = GET, *, gzip: bool = False) -> Cell:
    """A row of `sizes` with ten requests in steady state."""
    anatomy = Anatomy(
        requests=10,
        steady_requests=10,
        setup=NOTHING,
        first=NOTHING,
        settling=NOTHING,
        steady=BothWays(sent=sent, received={"body": 12_000}),
        last=NOTHING,
        closing=NOTHING,
        total={"sent": sum(sent.values()), "received": 12_000},
        first_headers=HEADERS,
        last_headers=HEADERS,
    )
    return replace(cell(protocol, gzip=gzip, workload=workload, latency_ns=None, anatomy=anatomy), load=None)


def given() -> Run:
    return run(
        [
            taken_apart("http", {"request_line": 300, "header_fields": 900}),
            taken_apart("http", {"header_fields": 1160}, gzip=True),
            taken_apart("grpc", {"headers.hpack_block": 90, "headers.frame_header": 90, "window_update.payload": 170}),
            taken_apart("grpc", {"headers.hpack_block": 100}, LIST),
        ]
    )


def test_each_workload_has_a_chart_for_each_direction() -> None:
    assert [chart.caption for chart in anatomy_charts(given())] == [
        "get: one recipe; bytes of a request in steady state, by category",
        "get: one recipe; bytes of a response in steady state, by category",
        "list: a page of 20 recipes; bytes of a request in steady state, by category",
        "list: a page of 20 recipes; bytes of a response in steady state, by category",
    ]


def test_variants_are_grouped_with_their_bytes_per_request() -> None:
    assert (
        anatomy_charts(given())[0].alternative == "plain · HTTP/JSON 120 B; plain · gRPC 35 B; gzip · HTTP/JSON 116 B"
    )


def test_a_bar_is_as_long_as_its_pieces_from_the_inside_out() -> None:
    (chart, _) = anatomy_charts(run([given().cells[2]]))
    assert isinstance(chart.plot, Bars)
    assert [segment.part for segment in chart.plot.segments] == [1, 4, 2]
    assert sum(segment.value for segment in chart.plot.segments) == 35


def test_unused_categories_are_not_in_the_legend() -> None:
    names = {0: "content", 1: "headers", 4: "framing", 2: "connection"}
    assert anatomy_key(given()) == tuple(KeyEntry("part", number, name) for number, name in names.items())


def test_only_sizes_runs_have_the_section() -> None:
    text = html.render(document_of(given())).decode()
    assert Page(text).wrong == []
    assert text.count("by category</figcaption>") == 4
    assert "Byte anatomy" in text
    assert "Byte anatomy" not in html.render(document_of(run([cell("http")]))).decode()
