"""The tables of a run by name."""

import pytest

from bench.report.grouping import grouped
from bench.report.tables import ALL, TABLES, tables_of
from tests.support.model_runs import Asked, known_run
from tests.support.runs import small


def titles(*names: str) -> list[str]:
    given = small()
    return [table.title for tables in tables_of(given, grouped(given), names).values() for table in tables]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("latency", "get: one recipe; latency with 1 request in flight"),
        ("throughput", "get: one recipe; throughput with 16 requests in flight"),
        ("bytes", "get: one recipe; bytes per request"),
        ("cpu", "get: one recipe; CPU per request"),
        ("percentiles", "Percentiles of all configurations"),
    ],
)
def test_a_name_stands_for_its_tables_alone(name: str, title: str) -> None:
    assert titles(name) == [title]


def test_what_a_run_lacks_has_no_tables() -> None:
    assert titles("load", "causes", "anatomy", "instructions", "network") == []


def test_predictions_are_the_network_table() -> None:
    given = known_run(Asked(pages=(20,)))
    assert [table.title for table in tables_of(given, grouped(given), ["network"])["network"]] == [
        "Break-even bandwidths"
    ]


def test_all_stands_for_every_name() -> None:
    given = small()
    assert list(tables_of(given, grouped(given), ["cpu", ALL])) == list(TABLES)
