"""The model's input from a run: requests by option and payload, connection set-up; and runs without it."""

import pytest
from msgspec.structs import replace

from bench.model.parts import NoParts, parts_of
from bench.protocols import set_up_round_trips
from bench.report import names
from bench.results import Cell, Run
from bench.slices import Slices
from bench.spec import CellKey
from bench.wire.results import Bytes
from bench.workloads import Workload
from tests.support.model_runs import FAST, TRUTHS, Asked, json_bytes, known_run
from tests.support.runs import GET, SIXTEEN, run


def changed(given: Run, **fields: object) -> Run:
    return replace(given, cells=[replace(cell, **fields) for cell in given.cells])


def test_every_option_has_every_workload() -> None:
    parts = parts_of(known_run())
    assert len(parts.exchanges) == len(TRUTHS) * 2 * 2
    assert {len(found) for found in parts.exchanges.values()} == {4}
    assert parts.baseline == CellKey(protocol="http")
    assert list(parts.payload_bytes.values()) == [1000.0, 1000.0, 10_000.0, 100_000.0]
    assert parts.restarted


def test_requests_have_the_measured_sizes_and_times() -> None:
    parts = parts_of(known_run())
    for option, found in parts.exchanges.items():
        truth = TRUTHS[option.protocol]
        for workload, exchange in found.items():
            size = json_bytes(workload)
            assert exchange.latency_ns.value == truth.latency_ns(size, gzip=option.gzip, tls=option.tls)
            assert exchange.response_bytes == pytest.approx(truth.response_bytes(size, gzip=option.gzip))
            assert exchange.request_bytes == truth.request_bytes
            assert exchange.producer_ns == pytest.approx(exchange.latency_ns.value * 0.6)


def test_a_new_connection_adds_round_trips_bytes_and_time() -> None:
    parts = parts_of(known_run())
    for option, found in parts.set_ups.items():
        truth = TRUTHS[option.protocol]
        assert found.round_trips == 1 + option.tls + (option.protocol == "grpc")
        assert (found.sent_bytes, found.received_bytes) == ((300, 1400) if option.tls else (0, 0))
        assert found.latency_ns is not None
        assert found.latency_ns.value == pytest.approx(truth.set_up_ns, rel=0.01)


def test_without_new_connections_the_set_up_time_is_unknown() -> None:
    parts = parts_of(known_run(Asked(connections=("persistent",))))
    assert {found.latency_ns for found in parts.set_ups.values()} == {None}


def test_workloads_of_the_same_size_are_not_interpolated() -> None:
    assert parts_of(known_run()).curve == [Workload(name="list", page_size=size) for size in (1, 10, 100)]
    assert parts_of(known_run(Asked(pages=(20,)))).curve == [GET, Workload(name="list", page_size=20)]


@pytest.mark.parametrize(
    "given",
    [
        run([]),
        changed(known_run(), network="lan"),
        changed(known_run(), client="raw"),
        changed(known_run(), load=SIXTEEN),
        changed(known_run(), bytes=None),
        changed(known_run(), latency_ns=None, slices=Slices()),
        changed(known_run(), workload=Workload(name="create")),
        changed(known_run(), status="failed"),
        known_run(Asked(connections=("new",))),
    ],
    ids=["empty", "network", "raw", "throughput", "sizeless", "unmeasured", "create", "failed", "new"],
)
def test_runs_without_latency_on_loopback_have_no_parts(given: Run) -> None:
    with pytest.raises(NoParts, match="no latency on loopback"):
        parts_of(given)


def test_runs_that_compare_versions_have_no_parts() -> None:
    with pytest.raises(NoParts, match="compares two versions"):
        parts_of(changed(known_run(), version="v1"))


def test_an_option_that_lacks_a_workload_is_left_out() -> None:
    def is_lacking(cell: Cell) -> bool:
        return cell.protocol == "grpc" and cell.gzip and cell.workload.page_size == 10

    given = known_run()
    parts = parts_of(replace(given, cells=[cell for cell in given.cells if not is_lacking(cell)]))
    assert {names.option(option) for option in parts.exchanges} == {
        "HTTP/JSON",
        "HTTP/JSON with gzip",
        "GraphQL",
        "GraphQL with gzip",
        "gRPC",
    }


def test_with_too_few_requests_the_median_is_that_of_slices() -> None:
    known, unknown = parts_of(known_run()), parts_of(changed(known_run(), latency_ns=None))
    for option, found in unknown.exchanges.items():
        for workload, exchange in found.items():
            expected = known.exchanges[option][workload].latency_ns.value
            assert exchange.latency_ns.value == pytest.approx(expected, rel=0.01)
            assert exchange.latency_ns.low is not None
            assert exchange.latency_ns.low < exchange.latency_ns.value


def test_a_single_start_is_not_restarted() -> None:
    assert not parts_of(known_run(Asked(instances=1))).restarted
    assert not parts_of(known_run(environment={"foreign_target": True})).restarted


def without_compressed_bytes(cell: Cell) -> Bytes:
    assert cell.bytes is not None
    return replace(cell.bytes, response=replace(cell.bytes.response, compressed_bytes=None))


def test_an_unknown_message_is_replaced_by_the_whole_response() -> None:
    given = known_run(Asked(truths={"http": FAST}, gzip=(False,), tls=(False,)))
    unknown = [replace(cell, bytes=without_compressed_bytes(cell)) for cell in given.cells[2:]]
    (found,) = parts_of(replace(given, cells=[*given.cells[:2], *unknown])).exchanges.values()
    for workload, exchange in found.items():
        assert exchange.response_bytes == pytest.approx(FAST.response_bytes(json_bytes(workload), gzip=False))


@pytest.mark.parametrize(
    ("protocol", "version", "tls", "round_trips"),
    [
        ("http", None, False, 1),
        ("http", "TLSv1.3", True, 2),
        ("http", "TLSv1.2", True, 3),
        ("http", None, True, 2),
        ("grpc", None, False, 2),
        ("grpc", "TLSv1.3", True, 3),
        ("another", "TLSv1.3", True, 2),
    ],
)
def test_round_trips_of_a_set_up(protocol: str, version: str | None, tls: bool, round_trips: int) -> None:
    assert set_up_round_trips(protocol, tls=tls, tls_version=version) == round_trips
