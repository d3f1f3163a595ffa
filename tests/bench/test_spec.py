"""Dimensions, keys and the matrix."""

from collections import Counter

import pytest
from msgspec.structs import replace

from bench import schedule as planning
from bench.spec import CellKey, ClosedLoad, Matrix, OpenLoad, dimensions, implemented, spoken
from bench.workloads import Workload
from tests.support.plans import DEFAULT, ONE, SIXTEEN, plan_of, with_values


def test_the_default_matrix_has_24_combinations_under_two_loads() -> None:
    assert len(DEFAULT.messages()) == 24
    cells = DEFAULT.cells()
    assert len(cells) == 48
    assert len({cell.label for cell in cells}) == 48


def test_ids_describe_the_cell() -> None:
    combination = CellKey(protocol="grpc", gzip=True, tls=True, workload=Workload(name="list", page_size=20))
    assert replace(combination, load=ClosedLoad(concurrency=16)).label == "grpc-list20-gzip-tls-c16"
    plain = CellKey(protocol="http")
    assert replace(plain, load=OpenLoad(rate_hz=500)).label == "http-get-r500"


def test_ids_name_a_network_and_connection_other_than_the_default() -> None:
    combination, one = CellKey(protocol="http", tls=True), ClosedLoad(concurrency=1)
    assert replace(combination, load=one, network="wifi").label == "http-get-tls-c1-wifi"
    assert replace(combination, load=one, network="loopback", connection="new").label == "http-get-tls-c1-new"
    assert (
        replace(combination, load=one, network="rtt=40ms,down=2.5mbit", connection="new").label
        == "http-get-tls-c1-rtt40ms-down2.5mbit-new"
    )


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


def test_latency_is_measured_with_one_in_flight_or_open_arrivals() -> None:
    combination = CellKey(protocol="http")
    assert replace(combination, load=ClosedLoad(concurrency=1)).measures_latency
    assert replace(combination, load=OpenLoad(rate_hz=10)).measures_latency
    assert not replace(combination, load=ClosedLoad(concurrency=2)).measures_latency


def test_what_a_client_can_have_in_flight_depends_on_the_client_and_the_number() -> None:
    sixteen = CellKey(protocol="grpc", load=ClosedLoad(concurrency=16))
    assert replace(sixteen, gzip=True, tls=True, workload=Workload(name="list", page_size=20)).sender == sixteen.sender
    others = [
        replace(sixteen, load=ClosedLoad(concurrency=17)),
        replace(sixteen, client="raw"),
        replace(sixteen, connection="new"),
        replace(sixteen, load=OpenLoad(rate_hz=5)),
        replace(sixteen, version="after"),
    ]
    assert len({each.sender for each in (sixteen, *others)}) == 6
    assert replace(sixteen, load=OpenLoad(rate_hz=5)).sender == replace(sixteen, load=OpenLoad(rate_hz=6)).sender


@pytest.mark.parametrize("load", [ClosedLoad(concurrency=1), OpenLoad(rate_hz=2.5)])
def test_labels(load: ClosedLoad | OpenLoad) -> None:
    combination = CellKey(protocol="http")
    assert replace(combination, load=load).label in {"http-get-c1", "http-get-r2.5"}


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


def test_every_field_of_a_key_is_a_dimension() -> None:
    assert tuple(dimensions()) == CellKey.__struct_fields__


def test_a_key_is_a_value() -> None:
    key = CellKey(protocol="http", load=ONE)
    assert key == CellKey(protocol="http", dialect="json", load=ONE)
    assert len({key, CellKey(protocol="http", load=ONE), replace(key, gzip=True)}) == 2


def test_keys_that_differ_in_one_dimension_agree_without_it() -> None:
    key = CellKey(protocol="http", load=ONE)
    for name, other in {"gzip": True, "network": "wifi", "client": "raw", "load": SIXTEEN}.items():
        changed = replace(key, **{name: other})
        assert changed.without(name) == key.without(name)
        assert changed.without() != key.without()
        assert changed.usual(name) == key.usual(name)


def test_cells_share_processes_and_connections_by_scope() -> None:
    key = CellKey(protocol="grpc", load=SIXTEEN, tls=True, network="wifi", version="v1")
    assert key.process == CellKey(protocol="grpc", version="v1")
    assert replace(key, workload=Workload(name="list", page_size=5)).connections == key.connections
    assert replace(key, tls=False).connections != key.connections
    rates = [replace(key, load=OpenLoad(rate_hz=rate)) for rate in (10, 20)]
    assert rates[0].connections == rates[1].connections


def test_bytes_do_not_depend_on_load_client_and_path() -> None:
    key = CellKey(protocol="grpc", load=SIXTEEN, client="raw", network="wifi", gzip=True, version="v1")
    assert key.message == CellKey(protocol="grpc", gzip=True, version="v1")


def test_a_series_is_a_protocol_in_a_dialect_of_a_version() -> None:
    key = CellKey(protocol="http", dialect="protobuf", version="v1", gzip=True, load=ONE)
    assert key.series == CellKey(protocol="http", dialect="protobuf", version="v1")
