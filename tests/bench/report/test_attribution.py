"""The attribution tables: their contents, and when there are none."""

from msgspec.structs import replace

from bench.report import html, markdown
from bench.report.attribution import attribution_tables, client_cost_table
from bench.report.run_document import document_of
from bench.results import Cell, Run
from bench.run_file import decode, encode
from bench.slices import Slices
from tests.bench.stats.noise import slices_of
from tests.bench.stats.test_attribution import still
from tests.support.runs import cell, run, set_fields, sizes

LATENCIES_US = {"json": {"http": 150.0, "grpc": 312.0}, "protobuf": {"http": 142.0, "grpc": 300.0}}
WIRE_US = {"json": {"http": 100.0, "grpc": 162.0}, "protobuf": {"http": 95.0, "grpc": 153.0}}


def found(clients: tuple[str, ...] = ("library", "raw"), instances: int = 3) -> Run:
    cells: list[Cell] = []
    for client in clients:
        for dialect, by_protocol in (LATENCIES_US if client == "library" else WIRE_US).items():
            for protocol, latency_us in by_protocol.items():
                made = cell(protocol, client=client, dialect=dialect)
                set_fields(made, id=f"{protocol}-{dialect}-{client}")
                set_fields(made, slices=slices_of(still(latency_us * 1e3, instances=instances)))
                cells.append(made)
    return decode(encode(run(cells)))


def test_the_parts_of_a_latency_have_intervals() -> None:
    latency = attribution_tables(found())[0]
    assert latency.title == "HTTP to gRPC: causes of the difference in median latency"
    assert [column.title for column in latency.columns[2:]] == ["total", "encoding", "transport", "client library"]
    (row,) = latency.rows
    assert row.headings == ("get: one recipe", "plain")
    assert [entry.text for entry in row.entries] == [
        "+150 (+150 to +150)",
        "−10.0 (−10.0 to −10.0)",
        "+60.0 (+60.0 to +60.0)",
        "+100 (+100 to +100)",
    ]
    assert any("cannot be separated" in note for note in latency.notes)


def test_without_the_raw_client_two_parts_are_one() -> None:
    latency = attribution_tables(found(("library",)))[0]
    assert [column.title for column in latency.columns[2:]] == ["total", "encoding", "transport and library"]
    assert any("--client library,raw" in note for note in latency.notes)


def test_one_instance_has_a_note_instead_of_intervals() -> None:
    (row,) = attribution_tables(found(instances=1))[0].rows
    assert row.entries[0].text == "+150 (no interval)"


def test_bytes_are_shown_for_each_direction_and_both() -> None:
    made = found()
    for each in made.cells:
        if each.client == "library":
            assert each.bytes is not None
            smaller = 300.0 if each.dialect == "protobuf" else 0.0
            framing = 60.0 if each.protocol == "grpc" else 225.0
            said = sizes(0, 1400 - smaller, 0, 1400 - smaller + framing)
            set_fields(each, bytes=replace(each.bytes, response=said))
    tables = attribution_tables(made)
    assert len(tables) == 2
    _, response, both = tables[1].rows
    assert response.headings[-1] == "response"
    assert [entry.text for entry in response.entries] == ["−465", "−300", "0", "0", "−165"]
    assert both.headings[-1] == "both"


def test_html_and_markdown_have_the_attribution() -> None:
    made = found()
    assert "causes of the difference in median latency" in html.render(document_of(made)).decode()
    assert "causes of the difference in median latency" in markdown.render(document_of(made))


def test_a_run_in_one_dialect_has_no_attribution() -> None:
    made = [cell("http"), cell("grpc")]
    for each in made:
        set_fields(each, slices=Slices())
    assert attribution_tables(run(made)) == []
    assert attribution_tables(run([])) == []


def sliced(client: str, p50_us: float, cpu_us: float) -> Cell:
    """Two instances of three rounds in which every slice is the same."""
    rows = 6
    made = cell("http", client=client)
    set_fields(made, id=f"http-get-{client}-c1")
    set_fields(
        made,
        slices=Slices.of(
            instance=[0, 0, 0, 1, 1, 1],
            round=[0, 1, 2, 0, 1, 2],
            started_ns=[0] * rows,
            duration_ns=[12_000_000] * rows,
            ok=[10] * rows,
            failed=[0] * rows,
            p50_ns=[p50_us * 1e3] * rows,
            producer_cpu_ns=[1000] * rows,
            consumer_cpu_ns=[round(cpu_us * 10 * 1e3)] * rows,
        ),
    )
    return made


def test_the_cost_of_the_library_has_an_interval() -> None:
    table = client_cost_table(run([sliced("library", 150.0, 90.0), sliced("raw", 100.0, 20.0)]))
    assert table is not None
    (row,) = table.rows
    assert row.headings == ("get: one recipe, 1 in flight", "plain", "HTTP/JSON")
    assert [entry.text for entry in row.entries] == ["50.0 (50.0–50.0)", "70.0 (70.0–70.0)"]
    assert [column.unit for column in table.columns[3:]] == ["µs", "µs"]


def test_without_a_raw_cell_there_is_no_table_of_the_library_cost() -> None:
    assert client_cost_table(run([sliced("library", 150.0, 90.0)])) is None
