"""Histories: noise between runs, levels, changes, conditions, and the gate on the newest run."""

import math

import numpy as np
import pytest

from bench.spec import CellKey
from bench.stats.between_runs import groups, noises, pool
from bench.stats.history import History, history
from bench.stats.history_gate import RUNS_AT_LEAST
from bench.stats.snapshot import Snapshot
from tests.support.histories import GRAPHQL, GRPC, HTTP, RATE, many_keys, measurement, noisy, snapshot

FLAT = [0.0, 0.004, -0.004, 0.002, -0.002, 0.003, -0.003, 0.001]


def of(values: list[float], **given: object) -> list[Snapshot]:
    return [snapshot(number, {GRPC: value}, **given) for number, value in enumerate(values)]


def stepped(step: float, before: int = 5, after: int = 5) -> list[Snapshot]:
    return of([*(FLAT * 2)[:before], *(step + value for value in (FLAT * 2)[:after])])


def outcome(found: History) -> str:
    assert found.gate is not None
    return found.gate.outcome


def test_runs_are_put_in_the_order_of_time_and_copies_count_once() -> None:
    runs = of(FLAT)
    found = history([*reversed(runs), runs[3]])
    assert [run.name for run in found.runs] == [f"run-{number}.json" for number in range(8)]


def test_a_lasting_change_is_found_with_its_place_size_and_direction() -> None:
    (change,) = history(stepped(0.2)).changes
    assert (change.before, change.after, change.is_slower) == (4, 5, True)
    assert change.ratio == pytest.approx(math.exp(0.2), rel=0.01)
    assert [level.runs for level in history(stepped(0.2)).series[0].levels] == [tuple(range(5)), tuple(range(5, 10))]


def test_more_requests_per_second_are_faster() -> None:
    runs = [snapshot(number, {RATE: value}) for number, value in enumerate([*FLAT[:5], *(0.2 + v for v in FLAT[:5])])]
    (change,) = history(runs).changes
    assert not change.is_slower


def test_a_single_run_that_lies_apart_is_no_change() -> None:
    values = [*FLAT[:4], 0.3, *FLAT[4:]]
    assert history(of(values)).changes == ()


def test_nothing_is_put_together_across_other_machines_or_versions() -> None:
    before, after = of(FLAT[:5]), of(FLAT[:5])
    moved = [
        snapshot(5 + number, {GRPC: 0.2 + math.log(run.values[GRPC].value)}, conditions={"kernel": "6.8"})
        for number, run in enumerate(after)
    ]
    found = history([*before, *moved])
    assert found.changes == ()
    assert [(each.run, [str(one) for one in each.differences]) for each in found.breaks] == [
        (5, ["kernel: 6.1, then 6.8"])
    ]
    assert [level.runs for level in found.series[0].levels] == [tuple(range(5)), tuple(range(5, 10))]


def test_runs_that_alternate_between_two_machines_are_two_histories() -> None:
    kernels = ["6.1", "6.8"] * 5
    levels = {"6.1": 0.0, "6.8": 0.5}
    runs = [
        snapshot(number, {GRPC: levels[kernel] + FLAT[number % 8]}, conditions={"kernel": kernel})
        for number, kernel in enumerate(kernels)
    ]
    found = history(runs, last=5)
    assert found.changes == ()
    assert [each.run for each in found.breaks] == [1]
    assert outcome(found) != "regression"


def test_the_noise_of_runs_of_the_same_commit_is_used_where_there_is_enough_of_it() -> None:
    keys = many_keys(20)
    runs = noisy(1, 12, keys, between=0.05)
    (own,) = noises(runs, groups(runs)).values()
    assert not own.same_code
    calm = noisy(2, 12, keys, between=0.0)
    pairs = [snapshot(20 + n, dict(run.values), commit=f"same{n // 2}") for n, run in enumerate(calm)]
    (same,) = noises([*runs, *pairs], groups([*runs, *pairs])).values()
    assert (same.same_code, same.pairs) == (True, 6)
    assert same.factor < 1.3 < own.factor


def test_commits_with_local_changes_are_not_the_same_code() -> None:
    runs = [snapshot(number, {GRPC: value}, commit="abc-dirty") for number, value in enumerate(FLAT)]
    assert not noises(runs, groups(runs))[pool(GRPC)].same_code


@pytest.mark.parametrize(("between", "factor"), [(0.0, 1.0), (0.01, 2**0.5), (0.03, 10**0.5)])
def test_the_noise_between_runs_is_measured(between: float, factor: float) -> None:
    keys = many_keys(40)
    runs = noisy(1, 20, keys, between=between)
    assert noises(runs, groups(runs))[pool(keys[0])].factor == pytest.approx(factor, rel=0.1)


def test_noise_that_all_series_share_has_fewer_degrees_of_freedom() -> None:
    keys = many_keys(20)
    alone, together = noisy(1, 12, keys, between=0.03), noisy(1, 12, keys, between=0.0, shared=0.03)
    freedom = [noises(runs, groups(runs))[pool(keys[0])].degrees_of_freedom for runs in (alone, together)]
    assert 100 < freedom[0] <= 220
    assert 11 <= freedom[1] < 30


def test_without_enough_runs_nothing_is_known_of_the_noise() -> None:
    found = history(of(FLAT[:2]))
    assert found.series[0].noise is None
    assert found.changes == ()
    assert history(of(FLAT[:1])).series[0].levels[0].high is None


def test_runs_with_a_single_instance_are_shown_and_nothing_more() -> None:
    runs = stepped(0.2)
    quick = snapshot(20, {GRPC: measurement(3.0, error=None)})
    found = history([*runs, quick], last=5)
    assert 10 in found.series[0].points
    assert all(10 not in level.runs for level in found.series[0].levels)
    assert outcome(found) == "inconclusive"
    assert found.gate is not None
    assert found.gate.gaps == ["Too few earlier values, or a single instance: grpc-get-c1."]


def test_95_of_100_runs_of_the_same_code_lie_within_the_noise() -> None:
    keys = many_keys(40)
    inside = []
    for seed in range(5):
        for series in history(noisy(seed, 20, keys)).series:
            (level,) = series.levels
            assert level.low is not None
            assert level.high is not None
            inside += [level.low <= point.value <= level.high for point in series.points.values()]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_in_noise_there_is_no_change_and_no_regression() -> None:
    keys = many_keys(16)
    wrong = 0
    for seed in range(60):
        found = history(noisy(seed, 12, keys, between=0.02, shared=0.02 * (seed % 2)), last=10)
        wrong += bool(found.changes) or outcome(found) == "regression"
    assert wrong <= 2


@pytest.mark.parametrize(("newest", "expected"), [(0.2, "regression"), (-0.2, "none"), (0.0, "inconclusive")])
def test_the_newest_run_is_compared_with_those_before_it(newest: float, expected: str) -> None:
    found = history([*of(FLAT), snapshot(20, {GRPC: newest})], last=10)
    assert outcome(found) == expected


def test_the_absence_of_a_regression_is_shown_where_the_noise_is_small() -> None:
    keys = many_keys(4)
    exact = [
        snapshot(n, {key: measurement(0.0005 * (-1) ** (n + place), 0.001) for place, key in enumerate(keys)})
        for n in range(12)
    ]
    assert outcome(history(exact, last=10)) == "none"
    assert outcome(history(exact, last=10, gaps=["A file could not be read."])) == "inconclusive"


def test_the_newest_run_is_compared_with_what_came_after_the_last_change() -> None:
    """A run as slow as the new level is no regression, and one as slow as the old level is one."""
    faster = stepped(-0.3)
    assert outcome(history([*faster, snapshot(20, {GRPC: -0.3})], last=10)) != "regression"
    assert outcome(history([*faster, snapshot(20, {GRPC: 0.0})], last=10)) == "regression"


def test_only_the_last_runs_count() -> None:
    drifting = of([0.02 * number for number in range(12)])
    newest = snapshot(20, {GRPC: 0.24})
    everything, few = (history([*drifting, newest], last=last).gate for last in (12, 2))
    assert everything is not None
    assert few is not None
    assert everything.compared[0].ratio.value > few.compared[0].ratio.value > 1


def test_too_few_earlier_runs_are_inconclusive() -> None:
    found = history(of(FLAT[:RUNS_AT_LEAST]), last=10)
    assert found.gate is not None
    assert found.gate.outcome == "inconclusive"
    assert found.gate.gaps == ["2 earlier runs under the conditions of the newest (run-2.json); 3 are needed."]
    assert outcome(history([], last=10)) == "inconclusive"


def test_what_the_newest_run_lacks_makes_the_gate_inconclusive() -> None:
    runs = [snapshot(number, {GRPC: value, GRAPHQL: value}) for number, value in enumerate(FLAT)]
    newest = snapshot(20, {GRPC: -0.2}, gaps=("It was interrupted.",))
    found = history([*runs, newest], last=10)
    assert found.gate is not None
    assert found.gate.outcome == "inconclusive"
    assert found.gate.gaps == [
        "The newest run (run-20.json): It was interrupted.",
        "Measured before, but not in the newest run: graphql-get-c1.",
    ]


def test_series_with_another_baseline_are_others() -> None:
    other = GRPC.__class__(GRPC.cell, CellKey(protocol="graphql", load=HTTP.load))
    found = history([*of(FLAT), snapshot(20, {other: 0.5}), snapshot(21, {other: 0.5})])
    assert len(found.series) == 2
    assert found.changes == ()


def test_hundreds_of_runs() -> None:
    found = history(noisy(1, 300, many_keys(16)), last=20)
    assert len(found.runs) == 300
