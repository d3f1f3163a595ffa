"""What a history keeps of a run."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from bench.results import PlanUsed
from bench.slices import Slice, Slices
from bench.stats.snapshot import NotForHistory, snapshot
from tests.support.histories import GRPC, run_file_of
from tests.support.runs import ONE, cell, estimate, run, without_figures


def test_ratios_to_the_baseline_with_their_standard_errors() -> None:
    kept = snapshot("r.json", run_file_of(3, 2.0), "ratio")
    assert list(kept.values) == [GRPC]
    found = kept.values[GRPC]
    assert found.value == 2.0
    assert found.low == pytest.approx(2.0 * 0.97 * 1.01)
    assert found.error == pytest.approx(0.0085, abs=0.0005), (
        "half the interval over Student's t of 7 degrees of freedom"
    )
    assert (kept.name, kept.commit, kept.clean_commit) == ("r.json", "commit3", "commit3")
    assert kept.started_at == datetime(2026, 1, 4, tzinfo=UTC)


def test_values_as_measured() -> None:
    slices = Slices([Slice(instance=instance) for instance in range(8)])
    given = run([cell("http", slices=slices), cell("http", load=replace(ONE, concurrency=16), slices=slices)])
    kept = snapshot("r.json", given, "absolute")
    latency, rate = kept.values.values()
    assert latency.value == 150e3
    assert rate.value == pytest.approx(1e9 / 150e3)
    assert all(key.baseline is None for key in kept.values)


def test_a_single_instance_has_an_interval_and_no_standard_error() -> None:
    (found,) = snapshot("r.json", run([cell("http")]), "absolute").values.values()
    assert found.low is not None
    assert found.error is None


def test_local_changes_are_no_clean_commit() -> None:
    given = run_file_of(1, 2.0, environment={"lab_commit": "abc-dirty"})
    assert snapshot("r.json", given, "ratio").clean_commit is None
    assert snapshot("r.json", run_file_of(1, 2.0, environment={}), "ratio").clean_commit is None


def test_what_is_missing_is_kept() -> None:
    given = run_file_of(1, 2.0, plan=PlanUsed(instances=8, rounds=1, seconds=None, slice_ms=12, instances_done=3))
    given = replace(given, plan=replace(given.plan, interrupted=True))
    given = replace(given, cells=[*given.cells, without_figures("graphql", "failed", "it died")])
    assert snapshot("r.json", given, "ratio").gaps == (
        "It was interrupted with results of 3 of 8 instances.",
        "Without a result: graphql-get-c1.",
    )


def test_two_runs_under_the_same_conditions_have_the_same_and_others_have_not() -> None:
    one, two = (snapshot("r.json", run_file_of(number, 2.0, note="why"), "ratio") for number in (1, 2))
    assert one.conditions == two.conditions
    other = snapshot("r.json", run_file_of(1, 2.0, environment={"kernel": "6.8"}), "ratio")
    assert other.conditions != one.conditions


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (run([cell("http", version="v1")]), "it compares two versions"),
        (run([cell("http")]), "it has no ratios"),
        (run([]), "it has no ratios"),
        (run_file_of(1, 0.0), "it has no ratios"),
        (run_file_of(1, float("inf")), "it has no ratios"),
        (run_file_of(1, 2.0, started_at="yesterday"), "its start, 'yesterday', is no time"),
    ],
)
def test_runs_without_a_place_in_a_history(given: object, reason: str) -> None:
    with pytest.raises(NotForHistory, match=reason):
        snapshot("r.json", given, "ratio")  # type: ignore[arg-type]


def test_times_without_a_zone_are_taken_as_utc() -> None:
    kept = snapshot("r.json", run_file_of(1, 2.0, started_at="2026-01-02T03:04:05"), "ratio")
    assert kept.started_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_throughput_is_kept_too() -> None:
    given = run([cell("http", requests_per_second=estimate(500.0))])
    assert len(snapshot("r.json", given, "absolute").values) == 1
