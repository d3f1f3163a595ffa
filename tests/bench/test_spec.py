"""Dimensions, loads and keys of cells."""

import pytest
from msgspec.structs import replace

from bench.load_models import ClosedLoad, OpenLoad
from bench.spec import CellKey, dimensions
from bench.workloads import Workload
from tests.support.plans import ONE, SIXTEEN


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
