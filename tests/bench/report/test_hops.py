"""What a report says of fronts, replicas and workers."""

from msgspec.structs import replace

from bench.report import hops, html
from bench.report.answer import answer_of
from bench.report.document import Table
from bench.report.explorer import explorer_of
from bench.report.grouping import grouped
from bench.report.run_document import document_of
from bench.report.tables import tables_of
from bench.results import CallsCounted, Cell, CpuPerRequest, Estimate, Run
from bench.slices import Slice, Slices
from bench.wire.results import Bytes, SetupSizes, Sizes
from tests.support.runs import cell, run


def timed(protocol: str, p50_us: float, **given: object) -> Cell:
    """A cell of two instances with this median."""
    slices = Slices(
        Slice(instance=instance, round=number, duration_ns=1_000_000, ok=10, p50_ns=p50_us * 1e3)
        for instance in range(2)
        for number in range(4)
    )
    found = replace(cell(protocol), slices=slices, **given)
    return replace(found, id=found.key.label)


def size(request: float, response: float, setup: float, coding: str = "identity") -> Bytes:
    return Bytes(
        request=Sizes(wire_bytes=request),
        response=Sizes(wire_bytes=response),
        setup=SetupSizes(sent_wire_bytes=setup, received_wire_bytes=setup),
        coding=coding,
    )


def behind(protocol: str, p50_us: float, **given: object) -> Cell:
    spent = CpuPerRequest(producer=Estimate(value=70), front=Estimate(value=52), consumer=Estimate(value=110))
    return timed(
        protocol,
        p50_us,
        front="haproxy",
        cpu_us_per_request=spent,
        bytes=size(129, 1280, 0, "gzip"),
        bytes_behind_front=size(125, 2280, 45),
        **given,
    )


def example() -> Run:
    calls = [
        CallsCounted(instance=n, sent=240, producers=[120, 120], front=[120, 120], connections=[1, 0]) for n in (0, 1)
    ]
    return run(
        [
            timed("http", 130),
            behind("http", 170),
            timed("grpc", 260),
            behind("grpc", 380),
            behind("http", 200, replicas=2, calls=calls),
        ]
    )


def rows(table: Table) -> list[list[str]]:
    return [[*row.headings, *(entry.text for entry in row.entries)] for row in table.rows]


def test_the_tables_of_hops_bytes_and_calls() -> None:
    cost, sides, calls = hops.tables(example())
    assert cost.title == "Cost of a hop; get: one recipe; 1 in flight"
    assert [row[:3] for row in rows(cost)] == [
        ["HAProxy", "plain", "HTTP/JSON"],
        ["HAProxy", "plain", "gRPC"],
        ["HAProxy ×2", "plain", "HTTP/JSON"],
    ]
    assert [row[4] for row in rows(cost)] == ["+40.0 (+40.0 to +40.0)", "+120 (+120 to +120)", "+70.0 (+70.0 to +70.0)"]
    assert rows(cost)[0][6] == "52.0"
    assert rows(sides) == [
        ["get", "HAProxy", "plain", name, "129", "125", "1,280", "2,280", "0", "90", "gzip", "identity"]
        for name in ("HTTP/JSON", "gRPC")
    ]
    assert rows(calls) == [
        ["HAProxy ×2", "HTTP/JSON", "1 in flight", "240", "120 / 120", "1.00", "even", "the same", "1 / 0"]
    ]


def test_counts_that_differ_are_shown() -> None:
    wrong = CallsCounted(instance=0, sent=240, producers=[240, 0], front=[120, 120])
    (calls,) = hops.tables(run([timed("http", 200, front="haproxy", replicas=2, calls=[wrong])]))
    assert rows(calls)[0][-3:] == ["2.00", "all to one", "counts differ"]


def test_workers_are_named() -> None:
    assert hops.servers(timed("http", 1, workers=4)) == "4 workers"
    assert hops.servers(timed("http", 1)) == "one producer"


def test_the_answer_says_what_each_front_adds() -> None:
    found = example()
    answer = answer_of(found, grouped(found))
    assert answer.hops == (
        "HAProxy adds HTTP/JSON +40.0 µs, gRPC +120 µs to p50 (get: one recipe, 1 in flight).",
        "HAProxy ×2 adds HTTP/JSON +70.0 µs to p50 (get: one recipe, 1 in flight).",
    )


def test_fronts_have_a_section_where_there_are_some() -> None:
    assert "fronts" in [section.id for section in document_of(example()).sections]
    alone = run([timed("http", 130), timed("grpc", 260)])
    assert hops.section(alone) is None
    assert "fronts" not in [section.id for section in document_of(alone).sections]
    assert tables_of(alone, grouped(alone), ["fronts"]) == {"fronts": []}


def test_the_page_begins_with_what_fronts_add_and_offers_what_was_varied() -> None:
    found = example()
    page = html.render(document_of(found)).decode()
    assert page.index("HAProxy adds HTTP/JSON") < page.index("<h2")
    explorer = explorer_of(found, grouped(found))
    assert explorer is not None
    controls = {control.name: control.texts for control in explorer.controls}
    assert controls["front"] == ["no front", "behind HAProxy"]
    assert controls["replicas"] == ["1 replica", "2 replicas"]
    assert "front-cpu-c1" in [measure.key for measure in explorer.measures]


def test_what_the_front_decides_is_no_choice_of_its_own() -> None:
    found = run([timed("http", 130), behind("http", 170, replicas=2)])
    explorer = explorer_of(found, grouped(found))
    assert explorer is not None
    assert [control.name for control in explorer.controls] == ["workload", "front"]


def test_places_of_gzip_are_offered_where_there_are_several() -> None:
    places = [behind("http", 200, gzip=True, gzip_at=place) for place in ("producer", "front")]
    explorer = explorer_of(run([behind("http", 170), *places]), grouped(run([behind("http", 170), *places])))
    assert explorer is not None
    assert [(each.name, each.texts) for each in explorer.controls][1:] == [
        ("gzip", ["off", "on"]),
        ("gzip_at", ["none", "front", "producer"]),
    ]
    assert [row.variant for row in explorer.rows] == ["plain", "gzip", "gzip at the front"]


def test_a_place_that_is_usual_behind_one_front_can_be_chosen_behind_another() -> None:
    fronts = ("haproxy", "haproxy-tcp")
    places = ("front", "both")
    cells = [timed("http", 200, tls=True, front=front, tls_at=place) for front in fronts for place in places]
    given = run(cells)
    found = explorer_of(given, grouped(given))
    assert found is not None
    (place,) = [number for number, each in enumerate(found.controls) if each.name == "tls_at"]
    shown = [found.controls[place].values[row.at[place]] for row in found.rows]
    assert shown == [*places, *places]
