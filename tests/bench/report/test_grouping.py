"""How cells are grouped for readers."""

import pytest

from bench import spec
from bench.dimension import Dimension, Role, Scope
from bench.load_models import ClosedLoad, OpenLoad
from bench.report import latency_tables, names, summary
from bench.report.grouping import PLAIN, Variant, grouped, variant_of
from bench.spec import CellKey
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


def test_protocols_are_adjacent_within_each_variant() -> None:
    (group,) = grouped(two_variants()).groups
    assert [each.id for each in group.loads[0].cells] == [
        "http-get-c1",
        "grpc-get-c1",
        "http-get-gzip-c1",
        "grpc-get-gzip-c1",
    ]
    assert group.variants == [PLAIN, Variant(("gzip",))]
    assert [each.id for each in group.one_per_combination()] == [each.id for each in group.loads[0].cells]


def test_workloads_and_loads_are_separate() -> None:
    grouping = grouped(run([cell("http"), cell("http", load=SIXTEEN), cell("http", workload=LIST)]))
    assert [group.title for group in grouping.groups] == ["get: one recipe", "list: a page of 20 recipes"]
    assert [load.load for load in grouping.groups[0].loads] == [ONE, SIXTEEN]
    assert [load.is_latency for load in grouping.groups[0].loads] == [True, False]


def test_values_other_than_the_defaults_are_in_the_title() -> None:
    (group,) = grouped(run([cell("http", client="raw", network="lan", connection="fresh")])).groups
    assert group.title == "get: one recipe, raw client, lan, fresh connections"


def test_latency_is_shown_for_one_in_flight_or_the_lowest_rate() -> None:
    (group,) = grouped(run([cell("http", load=SIXTEEN), cell("http", load=ONE)])).groups
    assert group.latency is not None
    assert group.latency.load == ONE
    (group,) = grouped(run([cell("http", load=OpenLoad(rate_hz=rate)) for rate in (500, 200)])).groups
    assert group.latency is not None
    assert group.latency.load == OpenLoad(rate_hz=200)
    (group,) = grouped(run([cell("http", load=ClosedLoad(concurrency=2))])).groups
    assert group.latency is None


def test_the_baseline_is_the_protocol_of_the_ratios() -> None:
    assert grouped(small()).baseline == "HTTP/JSON"
    assert grouped(run([cell("http"), cell("grpc")])).baseline is None
    alone = run([cell("grpc"), cell("grpc", tls=True, ratio=latency_ratio("grpc-get-c1", 1.1, "slower"))])
    assert grouped(alone).baseline == "gRPC"
    astray = run([cell("grpc", ratio=latency_ratio("gone", 1.1, "slower"))])
    assert grouped(astray).baseline is None
    assert grouped(astray).against_baseline(astray.cells[0]) is None


def test_a_ratio_to_its_own_plain_cell_is_none_to_the_baseline() -> None:
    grouping = grouped(two_variants())
    by_id = grouping.by_id
    assert grouping.against_baseline(by_id["http-get-gzip-c1"]) is None
    found = grouping.against_baseline(by_id["grpc-get-gzip-c1"])
    assert found is not None
    assert found.verdict == "inconclusive"


def test_versions_are_compared_with_their_twins() -> None:
    before, after = cell("http", version="v1"), cell("http", version="v2", ratio=latency_ratio("old", 1.2, "slower"))
    set_fields(before, id="old")
    set_fields(after, id="new")
    grouping = grouped(run([before, after]))
    assert grouping.series == (CellKey(protocol="http", version="v1"), CellKey(protocol="http", version="v2"))
    assert [names.series(each) for each in grouping.series] == ["HTTP/JSON (v1)", "HTTP/JSON (v2)"]
    assert grouping.baseline == "v1"
    assert [grouping.is_baseline(each) for each in grouping.series] == [True, False]
    assert grouping.against_baseline(after) is not None


def test_a_cell_that_was_not_measured_is_not_found_by_its_series() -> None:
    (group,) = grouped(run([without_figures("http", "failed", "it fell over")])).groups
    assert group.loads[0].at(CellKey(protocol="http"), PLAIN) is None


def test_an_empty_run_has_no_groups() -> None:
    grouping = grouped(run([]))
    assert (grouping.groups, grouping.series, grouping.baseline) == ((), (), None)


def test_a_dialect_is_named_unless_it_is_the_default() -> None:
    cells = [cell("http", dialect="json"), cell("http", dialect="protobuf"), cell("grpc", dialect="json", version="v1")]
    set_fields(cells[1], id="http-get-protobuf-c1")
    set_fields(cells[1], ratio=latency_ratio("http-get-c1", 1.1, "slower"))
    grouping = grouped(run(cells))
    assert [names.series(each) for each in grouping.series] == ["HTTP/JSON", "HTTP (protobuf)", "gRPC (v1, JSON)"]
    found = grouped(run(cells[:2]))
    assert found.baseline == "HTTP/JSON"
    assert [found.is_baseline(each) for each in found.series] == [True, False]
    assert found.against_baseline(cells[1]) is not None
    assert names.series(grouped(run([cell("http")])).series[0]) == "HTTP/JSON", "a cell without a dialect"


@pytest.mark.parametrize(
    ("gzip", "tls", "label", "words"),
    [
        (False, False, "plain", "without gzip and TLS"),
        (True, False, "gzip", "with gzip"),
        (False, True, "TLS", "with TLS"),
        (True, True, "gzip+TLS", "with gzip and TLS"),
    ],
)
def test_variants(gzip: bool, tls: bool, label: str, words: str) -> None:
    variant = variant_of(CellKey(protocol="http", gzip=gzip, tls=tls))
    assert (variant.label, variant.in_words, variant.is_plain) == (label, words, label == "plain")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A dimension that the lab does not have, with this role; its values are in the field `checked`."""
    declared = Dimension(
        heading="proxy",
        scope=Scope.PATH,
        role=request.param,
        label=lambda key: "proxy" if getattr(key, "checked", "") == "status" else "",
        words=lambda key: "proxy" if getattr(key, "checked", "") == "status" else "",
    )
    extended = {**spec.dimensions(), "checked": declared}
    monkeypatch.setattr(spec, "dimensions", lambda: extended)
    monkeypatch.setattr(names, "dimensions", lambda: extended)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("toy", [Role.GROUP], indirect=True)
def test_a_new_dimension_has_sections_of_its_own() -> None:
    grouping = grouped(run([cell("http"), cell("http", checked="status"), cell("grpc")]))
    assert [group.title for group in grouping.groups] == ["get: one recipe", "get: one recipe, proxy"]
    assert [len(group.cells) for group in grouping.groups] == [2, 1]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("toy", [Role.VARIANT], indirect=True)
def test_a_new_variant_appears_in_rows_titles_and_sentences() -> None:
    given = run([cell("http"), cell("http", checked="status", gzip=True)])
    grouping = grouped(given)
    (group,) = grouping.groups
    assert [variant.label for variant in group.variants] == ["plain", "gzip+proxy"]
    table = latency_tables.load_table(group, group.loads[0], grouping)
    assert table.columns[0].title == "gzip, TLS, proxy"
    assert [row.headings[0] for row in table.rows] == ["plain", "gzip+proxy"]
    (sentence,) = summary.comparison_sentences(group, group.loads[0], grouping)
    assert "without gzip, TLS and proxy" in sentence
