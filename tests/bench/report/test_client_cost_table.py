"""What the client library costs, as a table: a row for each pair of consumer and raw client."""

from bench.report.client_cost_table import client_cost_table
from bench.report.overall_tables import overall_tables
from bench.results import Cell, Slices
from tests.support.runs import cell, run, set_fields


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


def test_what_the_library_adds_stands_with_its_interval() -> None:
    table = client_cost_table(run([sliced("library", 150.0, 90.0), sliced("raw", 100.0, 20.0)]))
    assert table is not None
    (row,) = table.rows
    assert row.headings == ("get: one recipe, 1 in flight", "plain", "HTTP")
    assert [entry.text for entry in row.entries] == ["50.0 (50.0–50.0)", "70.0 (70.0–70.0)"]
    assert [column.unit for column in table.columns[3:]] == ["µs", "µs"]


def test_without_a_wire_cell_beside_it_there_is_nothing_to_tell() -> None:
    assert client_cost_table(run([sliced("library", 150.0, 90.0)])) is None
    assert overall_tables(run([cell("http")])) == []
