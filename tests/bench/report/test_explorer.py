"""What the first screen can show: the values and ratios of the run, and the parts of the model."""

import pytest
from msgspec.structs import replace

from bench.model.choices import Choices
from bench.model.parts import parts_of
from bench.model.predict import exactly
from bench.report.explorer import Explorer, explorer_of
from bench.report.first_screen import first_screen_of
from bench.report.grouping import grouped
from bench.results import Run
from tests.support.model_runs import Asked, known_run
from tests.support.runs import LIST, cell, client_limited, rate_ratio, run, small, two_variants, without_figures
from tests.support.runs import SIXTEEN as SIXTEEN_IN_FLIGHT


def explored(given: Run) -> Explorer:
    found = explorer_of(given, grouped(given))
    assert found is not None
    return found


def test_a_row_has_every_value_of_one_configuration() -> None:
    found = explored(small())
    assert found.series == ["HTTP/JSON", "GraphQL", "gRPC"]
    assert [each.key for each in found.measures][:3] == ["latency-c1", "rate-c16", "p99-c1"]
    http = found.rows[0]
    assert (http.series, http.variant) == (0, "plain")
    assert tuple(http.values["latency-c1"].__struct_fields__) == ("value", "low", "high", "samples", "is_bound")
    assert http.values["latency-c1"].value == 150e3
    assert http.values["bytes"].value == 1480
    assert http.values["server-cpu-c1"].value == 75e3


def test_ratios_are_those_of_the_run_file_where_it_has_them() -> None:
    pairs = {(each.first, each.second, each.measure): each for each in explored(small()).pairs}
    assert pairs[1, 0, "latency-c1"].value == 3.0
    assert pairs[1, 0, "latency-c1"].verdict == "slower"
    assert pairs[2, 0, "rate-c16"].word == "too noisy"


def test_ratios_that_the_run_file_lacks_come_from_paired_slices() -> None:
    given = known_run(Asked(pages=(), connections=("persistent",), gzip=(False,), tls=(False,)))
    graphql, grpc = (each for each in explored(given).pairs if each.second == 0)
    assert graphql.value == pytest.approx(370 / 105, rel=1e-4)
    assert graphql.verdict == "slower"
    assert grpc.value == pytest.approx(255 / 105, rel=1e-4)


def test_each_protocol_is_compared_with_itself() -> None:
    found = explored(known_run(Asked(pages=(), connections=("persistent",))))
    own = [each for each in found.pairs if found.rows[each.first].series == found.rows[each.second].series]
    assert len(own) == 3 * 3
    assert {found.rows[each.second].variant for each in own} == {"plain"}


def test_only_dimensions_that_vary_can_be_chosen() -> None:
    assert [each.name for each in explored(small()).controls] == ["workload"]
    given = run([cell("http"), cell("http", gzip=True), cell("http", client="raw"), cell("http", workload=LIST)])
    found = {each.name: each for each in explored(given).controls}
    assert list(found) == ["workload", "gzip", "client"]
    assert found["gzip"].all_at_once
    assert not found["client"].all_at_once
    assert found["client"].values == ["library", "raw"]


def test_the_model_has_what_advise_has() -> None:
    given = known_run(Asked(pages=(20,), connections=("persistent",)))
    found, parts = explored(given), parts_of(given)
    rows = [row for row in found.rows if row.exchange is not None]
    assert len(rows) == len(parts.exchanges) * 2
    assert {row.payload_bytes for row in rows} == set(parts.payload_bytes.values())
    workload, first, second = next(iter(parts.payload_bytes)), *parts.options(tls=False)[:2]
    expected = Choices(parts).difference(first, second, exactly(parts, workload))
    assert expected is not None
    gap = next(each for each in found.gaps if (each.first, each.second) == (0, 3) or each.value == expected.value)
    assert (gap.low, gap.high) == expected.corrected


def test_the_program_is_the_one_that_made_the_run() -> None:
    installed = replace(small(), command="recipe-lab bench run --quick")
    assert [explored(each).program for each in (small(), installed)] == ["python -m bench", "recipe-lab bench"]


def test_runs_without_values_have_nothing_to_explore() -> None:
    assert explorer_of(run([]), grouped(run([]))) is None
    failed = run([without_figures("http", "failed", "x")])
    assert explorer_of(failed, grouped(failed)) is None
    nothing = run([cell("http", latency_ns=None, requests_per_second=None, cpu_us_per_request=None, bytes=None)])
    assert explorer_of(nothing, grouped(nothing)) is None
    unloaded = run([replace(cell("http"), load=None)])
    assert explorer_of(unloaded, grouped(unloaded)) is None


def test_without_parts_nothing_can_be_predicted() -> None:
    found = explored(run([cell("http", load=SIXTEEN_IN_FLIGHT)]))
    assert found.gaps == []
    assert [row.exchange for row in found.rows] == [None]


def test_a_limit_of_the_client_is_marked() -> None:
    given = run([client_limited(cell("http", load=SIXTEEN_IN_FLIGHT)), cell("grpc", load=SIXTEEN_IN_FLIGHT)])
    assert [row.values["rate-c16"].is_bound for row in explored(given).rows] == [True, False]
    start = first_screen_of(given, grouped(given)).start
    assert start is not None
    assert [line.value for line in start.lines] == ["≥ 6,670", "3,330"]


def test_the_start_shows_all_variants_with_protocols_side_by_side() -> None:
    given = two_variants()
    start = first_screen_of(given, grouped(given)).start
    assert start is not None
    assert [(line.name, line.variant) for line in start.lines] == [
        ("HTTP/JSON", "plain"),
        ("gRPC", "plain"),
        ("HTTP/JSON", "gzip"),
        ("gRPC", "gzip"),
    ]
    assert [line.verdict for line in start.lines] == ["", "▼ faster", "", "? too noisy"]


def test_throughput_comes_first_where_no_latency_was_measured() -> None:
    ratio = rate_ratio("http-get-c16", 0.25, "slower")
    given = run([cell("http", load=SIXTEEN_IN_FLIGHT), cell("grpc", load=SIXTEEN_IN_FLIGHT, ratio=ratio)])
    start = first_screen_of(given, grouped(given)).start
    assert start is not None
    assert start.headings == ("configuration", "requests/s", "× HTTP/JSON", "n")
    assert start.lines[1].ratio == "0.250×"
