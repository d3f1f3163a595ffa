"""The matrix: which cells a run measures."""

from collections import Counter

from bench import schedule as planning
from bench.plan import Matrix, implemented, spoken
from tests.support.plans import DEFAULT, ONE, plan_of, with_values


def test_the_default_matrix_has_24_combinations_under_two_loads() -> None:
    assert len(DEFAULT.messages()) == 24
    cells = DEFAULT.cells()
    assert len(cells) == 48
    assert len({cell.label for cell in cells}) == 48


def test_networks_and_connection_kinds_multiply_the_cells() -> None:
    matrix = with_values(network=("loopback", "lan"), connection=("persistent", "new"))
    cells = matrix.cells()
    assert len({cell.label for cell in cells}) == len(cells) == 4 * 48
    assert sum(cell.network == "lan" and cell.connection == "new" for cell in cells) == 48
    text = planning.describe(plan_of(matrix))
    assert "network: loopback, lan (rtt=500us,down=1gbit,up=1gbit)\n" in text
    assert "connection: persistent, new\n" in text


def test_clients_are_a_dimension_and_extra_cells_are_added_to_it() -> None:
    one = ONE
    matrix = Matrix({**DEFAULT.values, "client": ("library", "raw")}, [{"client": "h2load", "load": one}])
    cells = matrix.cells()
    assert Counter(cell.client for cell in cells) == {"library": 48, "raw": 48, "h2load": 24}
    assert {cell.load for cell in cells if cell.client == "h2load"} == {one}
    ids = [cell.label for cell in cells]
    assert len(set(ids)) == 120
    assert {"http-get-c1", "http-get-raw-c16", "grpc-list20-gzip-tls-h2load-c1"} <= set(ids)
    described = planning.describe(plan_of(matrix))
    assert "120 cells: every combination of" in described
    assert "client: library, raw\n" in described
    assert "and each with client h2load, load 1 in flight\n" in described


def test_a_dialect_other_than_the_default_is_in_the_label() -> None:
    matrix = Matrix({"protocol": ("http", "grpc"), "tls": (True,), "load": (ONE,), "dialect": ("json", "protobuf")})
    assert [cell.label for cell in matrix.cells()] == [
        "http-get-tls-c1",
        "http-get-protobuf-tls-c1",
        "grpc-get-json-tls-c1",
        "grpc-get-tls-c1",
    ]


def test_each_protocol_has_cells_for_its_own_dialects() -> None:
    assert spoken("http", ("default", "json", "persisted")) == ["json"]
    assert spoken("http", ("protobuf", "default")) == ["protobuf", "json"]
    assert spoken("graphql", ("json", "protobuf")) == []
    assert spoken("unheard-of", ("default", "json")) == []


def test_each_protocol_has_cells_for_its_own_implementations() -> None:
    matrix = Matrix({"protocol": ("http", "grpc"), "implementation": ("default", "grpcio-threads"), "load": (ONE,)})
    cells = matrix.cells()
    assert [cell.label for cell in cells] == ["http-get-c1", "grpc-get-c1", "grpc-grpcio-threads-get-c1"]
    # A process of its own, which sends other bytes.
    assert len({cell.process for cell in cells}) == len({cell.message for cell in cells}) == 3
    assert implemented("http", ("grpcio-threads",)) == []
