"""Fronts as dimensions: which combinations are cells of their own, and what stands beside what."""

import msgspec
import pytest
from msgspec.structs import replace

from bench import connections
from bench import schedule as planning
from bench.front_processes import front_process, front_processes
from bench.fronts.registry import FRONTS, FrontRow
from bench.plan import Matrix
from bench.results import Cell
from bench.spec import CellKey, dimensions
from tests.support.plans import ONE, SIXTEEN, plan_of

PLAIN = CellKey(protocol="http", load=ONE)
BEHIND = CellKey(protocol="http", load=ONE, front="haproxy")


def matrix(**values: object) -> Matrix:
    return Matrix({"protocol": ("http",), "load": (ONE,), **values})  # type: ignore[dict-item]


def test_what_does_not_apply_has_its_usual_value() -> None:
    assert replace(PLAIN, replicas=3, gzip_at="front", tls_at="both") == PLAIN
    assert replace(BEHIND, gzip_at="front", tls_at="both") == BEHIND
    both = replace(BEHIND, gzip=True, tls=True)
    assert (both.gzip_at, both.tls_at) == ("producer", "front")
    assert replace(both, replicas=2, tls_at="both").usual("front") == replace(PLAIN, gzip=True, tls=True)
    assert both.without_variants == BEHIND


def test_how_a_front_chooses_matters_with_several_replicas() -> None:
    assert replace(BEHIND, balance="least") == BEHIND
    assert replace(PLAIN, replicas=2, balance="least") == PLAIN
    least = replace(BEHIND, replicas=2, balance="least")
    assert least.label == "http-get-c1-haproxy-x2-least"
    process = front_process(least, 6)
    assert process is not None
    assert process.plan.balance == "least"


def test_a_front_that_forwards_tcp_passes_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    row = FrontRow(name="forwarding", title="Forwarding", install="", tls_at="pass", front_at="")
    monkeypatch.setitem(FRONTS, "forwarding", row)
    passed = replace(BEHIND, front="forwarding", tls=True)
    assert (passed.tls_at, passed.label) == ("pass", "http-get-tls-c1-forwarding")
    assert replace(passed, tls_at="front").label == "http-get-tls-at-front-c1-forwarding"


def test_ids_name_what_is_not_usual() -> None:
    assert PLAIN.label == "http-get-c1"
    assert replace(BEHIND, gzip=True, tls=True).label == "http-get-gzip-tls-c1-haproxy"
    assert (
        replace(BEHIND, gzip=True, gzip_at="front", tls=True, tls_at="both", replicas=2).label
        == "http-get-gzip-at-front-tls-at-both-c1-haproxy-x2"
    )
    assert replace(PLAIN, workers=4).label == "http-w4-get-c1"


def test_the_variant_says_where_it_is_done() -> None:
    declared = dimensions()
    placed = replace(BEHIND, gzip=True, gzip_at="front", tls=True, tls_at="producer")
    assert declared["gzip"].words(placed) == "gzip at the front"
    assert declared["tls"].words(placed) == "TLS at the producer"
    assert declared["gzip"].words(replace(BEHIND, gzip=True)) == "gzip"


@pytest.mark.parametrize(
    ("place", "client", "producer"),
    [("front", True, False), ("producer", False, True), ("both", True, True), ("pass", True, True)],
)
def test_who_speaks_tls(place: str, client: bool, producer: bool) -> None:
    key = replace(BEHIND, tls=True, tls_at=place)
    assert (key.client_tls, key.producer_tls) == (client, producer)


def test_combinations_that_do_not_apply_are_one_cell() -> None:
    cells = matrix(
        front=("none", "haproxy"), replicas=(1, 2), gzip=(False, True), gzip_at=("producer", "front")
    ).cells()
    assert [cell.label for cell in cells] == [
        "http-get-c1",
        "http-get-c1-haproxy",
        "http-get-c1-haproxy-x2",
        "http-get-gzip-c1",
        "http-get-gzip-c1-haproxy",
        "http-get-gzip-c1-haproxy-x2",
        "http-get-gzip-at-front-c1-haproxy",
        "http-get-gzip-at-front-c1-haproxy-x2",
    ]


def test_a_front_is_measured_beside_its_producer_alone() -> None:
    cells = matrix(front=("none", "haproxy"), replicas=(1, 2), tls=(False, True)).cells()
    blocks = planning.blocks_of(cells, plan_of(matrix()))
    assert [[cell.front for cell in block] for block in blocks] == [["none", "haproxy", "haproxy"]] * 2


def test_cells_behind_a_front_share_processes_and_neither_connections_nor_bytes() -> None:
    assert BEHIND.process == PLAIN.process
    assert BEHIND.connections != PLAIN.connections
    assert BEHIND.message != PLAIN.message
    assert BEHIND.path != PLAIN.path
    assert replace(BEHIND, replicas=2).message == BEHIND.message
    assert replace(BEHIND, load=SIXTEEN).path == BEHIND.path
    assert replace(PLAIN, workers=2).process != PLAIN.process


def test_a_front_has_a_process_for_each_configuration_and_one_for_clients_without_tls() -> None:
    cells = [
        BEHIND,
        replace(BEHIND, gzip=True),
        replace(BEHIND, tls=True),
        replace(BEHIND, tls=True, tls_at="both"),
        replace(BEHIND, gzip=True, gzip_at="front"),
        PLAIN,
    ]
    found = front_processes(cells, 6)
    assert [(each.plan.tls_at, each.plan.gzip) for each in found] == [
        ("none", False),
        ("front", False),
        ("both", False),
        ("producer", False),
        ("none", True),
    ]
    assert front_process(PLAIN, 6) is None


def test_children_and_open_files_count_replicas_and_fronts() -> None:
    alone = plan_of(matrix(load=(SIXTEEN,)))
    behind = plan_of(matrix(load=(SIXTEEN,), front=("none", "haproxy"), replicas=(3,)))
    assert connections.children(alone) == 2
    assert connections.children(behind) == 1 + 3 + 1
    assert connections.open_files(behind) > connections.open_files(alone)


def test_workers_are_a_flag_of_the_producer() -> None:
    assert connections.producer_flags([replace(PLAIN, workers=3)]) == ["--workers", "3"]


def test_what_no_front_can_do_is_unsupported() -> None:
    gzip = CellKey(protocol="grpc", load=ONE, front="haproxy", gzip=True, gzip_at="front")
    reason = planning.why_unsupported(gzip, plan_of(matrix()))
    assert reason is not None
    assert "compress" in reason


def test_cells_of_older_files_are_without_a_front() -> None:
    cell = msgspec.convert({"id": "http-get-tls-c1", "protocol": "http", "tls": True}, Cell)
    assert (cell.front, cell.replicas, cell.workers, cell.gzip_at, cell.tls_at) == ("none", 1, 1, "", "")
