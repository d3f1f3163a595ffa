"""How cells are arranged for a reader."""

from bench.contenders import Contender
from bench.report import names
from bench.report.grouping import Variant, arranged
from bench.spec import ClosedLoad, OpenLoad
from tests.support.runs import (
    LIST,
    ONE,
    SIXTEEN,
    cell,
    latency_ratio,
    run,
    set_fields,
    small,
    two_variants,
    without_figures,
)


def test_protocols_stand_side_by_side_within_each_variant() -> None:
    (group,) = arranged(two_variants()).groups
    assert [each.id for each in group.loads[0].cells] == [
        "http-get-c1",
        "grpc-get-c1",
        "http-get-gzip-c1",
        "grpc-get-gzip-c1",
    ]
    assert group.variants == [Variant(False, False), Variant(True, False)]
    assert [each.id for each in group.one_per_combination()] == [each.id for each in group.loads[0].cells]


def test_workloads_and_loads_are_told_apart() -> None:
    arrangement = arranged(run([cell("http"), cell("http", load=SIXTEEN), cell("http", workload=LIST)]))
    assert [group.title for group in arrangement.groups] == ["get: one recipe", "list: a page of 20 recipes"]
    assert [load.load for load in arrangement.groups[0].loads] == [ONE, SIXTEEN]
    assert [load.is_latency for load in arrangement.groups[0].loads] == [True, False]


def test_what_is_unusual_stands_in_the_title() -> None:
    (group,) = arranged(run([cell("http", client="raw", network="lan", connection="fresh")])).groups
    assert group.title == "get: one recipe, raw client, lan, fresh connections"


def test_the_load_that_tells_latency_best_is_one_in_flight_then_the_lowest_rate() -> None:
    (group,) = arranged(run([cell("http", load=SIXTEEN), cell("http", load=ONE)])).groups
    assert group.latency is not None
    assert group.latency.load == ONE
    (group,) = arranged(run([cell("http", load=OpenLoad(rate_hz=rate)) for rate in (500, 200)])).groups
    assert group.latency is not None
    assert group.latency.load == OpenLoad(rate_hz=200)
    (group,) = arranged(run([cell("http", load=ClosedLoad(concurrency=2))])).groups
    assert group.latency is None


def test_the_baseline_is_what_others_are_compared_with() -> None:
    assert arranged(small()).baseline == "HTTP"
    assert arranged(run([cell("http"), cell("grpc")])).baseline is None
    alone = run([cell("grpc"), cell("grpc", tls=True, ratio=latency_ratio("grpc-get-c1", 1.1, "slower"))])
    assert arranged(alone).baseline == "gRPC"
    astray = run([cell("grpc", ratio=latency_ratio("gone", 1.1, "slower"))])
    assert arranged(astray).baseline is None
    assert arranged(astray).against_baseline(astray.cells[0]) is None


def test_a_ratio_to_its_own_plain_cell_is_none_to_the_baseline() -> None:
    arrangement = arranged(two_variants())
    by_id = arrangement.by_id
    assert arrangement.against_baseline(by_id["http-get-gzip-c1"]) is None
    found = arrangement.against_baseline(by_id["grpc-get-gzip-c1"])
    assert found is not None
    assert found.verdict == "inconclusive"


def test_versions_are_compared_with_their_twins() -> None:
    before, after = cell("http", version="v1"), cell("http", version="v2", ratio=latency_ratio("old", 1.2, "slower"))
    set_fields(before, id="old")
    set_fields(after, id="new")
    arrangement = arranged(run([before, after]))
    assert arrangement.contenders == (Contender("http", "v1"), Contender("http", "v2"))
    assert [names.contender(each) for each in arrangement.contenders] == ["HTTP (v1)", "HTTP (v2)"]
    assert arrangement.baseline == "v1"
    assert [arrangement.is_baseline(each) for each in arrangement.contenders] == [True, False]
    assert arrangement.against_baseline(after) is not None


def test_a_cell_that_was_not_measured_is_not_found_by_its_contender() -> None:
    (group,) = arranged(run([without_figures("http", "failed", "it fell over")])).groups
    assert group.loads[0].at(Contender("http", None), Variant(False, False)) is None


def test_an_empty_run_has_no_groups() -> None:
    arrangement = arranged(run([]))
    assert (arrangement.groups, arrangement.contenders, arrangement.baseline) == ((), (), None)


def test_a_dialect_is_told_where_it_is_not_the_protocols_own() -> None:
    cells = [cell("http", dialect="json"), cell("http", dialect="protobuf"), cell("grpc", dialect="json", version="v1")]
    set_fields(cells[1], id="http-get-protobuf-c1")
    set_fields(cells[1], ratio=latency_ratio("http-get-c1", 1.1, "slower"))
    arrangement = arranged(run(cells))
    assert [names.contender(each) for each in arrangement.contenders] == ["HTTP", "HTTP (protobuf)", "gRPC (JSON, v1)"]
    found = arranged(run(cells[:2]))
    assert found.baseline == "HTTP"
    assert [found.is_baseline(each) for each in found.contenders] == [True, False]
    assert found.against_baseline(cells[1]) is not None
    assert names.contender(arranged(run([cell("http")])).contenders[0]) == "HTTP", "from before there was a choice"
