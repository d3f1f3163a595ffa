"""CSV: unrounded values that can be read back."""

import csv
import io
from pathlib import Path

from msgspec.structs import replace

from bench.load_models import OpenLoad
from bench.report import csv_export
from bench.results import Run
from tests.support.runs import (
    HOSTILE,
    SIXTEEN,
    cell,
    client_limited,
    latency_ratio,
    quantiles,
    rate_ratio,
    run,
    small,
    without_figures,
)

GOLDEN = Path(__file__).parent / "golden" / "small.csv"


def rows(given: Run) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_export.render(given))))


def test_a_small_run() -> None:
    assert csv_export.render(small()) == GOLDEN.read_text(encoding="utf-8").replace("\n", "\r\n")


def test_values_are_not_rounded() -> None:
    found = cell("http", latency_ns=quantiles(153343.123456), ratio=latency_ratio("x", 1.2345678901, "slower"))
    (row,) = rows(run([found]))
    assert row["latency_ns_p50"] == "153343.123456"
    assert row["ratio"] == "1.2345678901"
    assert row["ratio_verdict"] == "slower"
    assert row["ratio_baseline"] == "x"
    assert row["memory_bytes_producer_peak"] == "72777728"


def test_open_loop_and_versions() -> None:
    (row,) = rows(run([cell("http", load=OpenLoad(rate_hz=500), version="v1", service_ns=quantiles(1e5))]))
    assert (row["load_model"], row["rate_hz"], row["arrivals"], row["concurrency"]) == ("open", "500", "poisson", "")
    assert (row["version"], row["service_ns_p50"]) == ("v1", "100000.0")


def test_unknown_values_are_empty() -> None:
    given = replace(without_figures("http", "failed", "why"), load=None)
    (row,) = rows(run([given]))
    assert (row["status"], row["reason"], row["ok"], row["latency_ns_p50"], row["load_model"]) == (
        "failed",
        "why",
        "",
        "",
        "",
    )


def test_bounds_and_reasons_of_verdicts_are_columns() -> None:
    ratio = rate_ratio("x", 1.0, "inconclusive", undecided="too_few", detectable_change=0.04)
    cells = [
        client_limited(cell("http", load=SIXTEEN, ratio=ratio)),
        cell("grpc"),
        without_figures("graphql", "failed", ""),
    ]
    found = rows(run(cells))
    assert [row["requests_per_second_is_lower_bound"] for row in found] == ["true", "false", ""]
    assert (found[0]["ratio_undecided"], found[0]["ratio_detectable_change"]) == ("too_few", "0.04")


def test_errors_are_counted_by_kind() -> None:
    (row,) = rows(run([cell("http", outcomes={"ok": 5, "timeout": 2, "refused": 1})]))
    assert (row["ok"], row["not_ok"], row["not_ok_by_kind"]) == ("5", "3", "refused 1; timeout 2")


def test_hostile_text_stays_one_field_without_formulas() -> None:
    (row,) = rows(run([cell(f"={HOSTILE}", reason="-1")]))
    assert row["protocol"].startswith("'=")
    assert row["reason"] == "'-1"


def test_an_empty_run_has_only_the_header_line() -> None:
    assert rows(run([])) == []
    assert csv_export.render(run([])).startswith(
        "id,version,protocol,implementation,workers,workload,page_size,dialect,"
    )
