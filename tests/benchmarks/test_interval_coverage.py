"""Simulated runs look like measured ones, and the lab's intervals contain the truth as often as they claim."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import interval_coverage
from benchmarks.interval_coverage import (
    SCENARIOS,
    Found,
    compared_wrongly,
    evaluated,
    planned,
    row,
    simulate,
    simulated,
    summary,
)
from tests.bench.stats.noise import matrix
from tests.support.programs import assert_one_line_error, run
from tests.support.simulated_runs import SHARED, Conditions, Design, Recorded, recorded, with_slices

CELLS = matrix()
MEASURED = {1: 0.123, 2: 0.135, 4: 0.150, 8: 0.165, 16: 0.172, 32: 0.188, 128: 0.222}
"""How far the logarithms of two slices differed on a shared machine of two cores, by how many slices they are apart."""


def one(seed: int = 1, **given: float) -> Recorded:
    return recorded(np.random.default_rng(seed), CELLS, Design(**{"seconds": 20.0, **given}), SHARED)  # type: ignore[arg-type]


def test_slices_far_apart_differ_as_much_as_measured() -> None:
    found = recorded(np.random.default_rng(1), CELLS, Design(), Conditions())
    for apart, measured in MEASURED.items():
        robust = 1.4826 * np.median(np.abs(found.log[apart:] - found.log[:-apart]))
        assert robust == pytest.approx(measured, rel=0.2), apart


def test_slices_of_a_block_are_neighbours_in_random_order() -> None:
    found, blocks = one(), [(cell, cell + 8, cell + 16) for cell in range(8)]
    in_turn = found.cell[: found.cell.size // 3 * 3].reshape(-1, 3)
    assert {tuple(sorted(cells)) for cells in in_turn.tolist()} == set(blocks)
    assert len({tuple(cells) for cells in in_turn.tolist()}) == 6 * len(blocks)


def test_sets_are_visited_in_random_order_and_the_time_ends_within_a_sweep() -> None:
    found = one(sets=9)
    orders = {tuple(dict.fromkeys(found.number[found.round == sweep].tolist())) for sweep in range(3)}
    assert len(orders) == 3
    assert all(sorted(order) == list(range(9)) for order in orders)
    rounds = [np.unique(found.round[found.number == number]).size for number in range(9)]
    assert min(rounds) < max(rounds)
    assert found.started_s[-1] < 20


def test_blocks_that_need_less_take_part_in_fewer_rounds() -> None:
    by_need, always = one(seconds=60), one(seconds=60, by_need=False)
    assert np.ptp(np.bincount(always.cell)) <= 9
    assert np.bincount(by_need.cell).min() < 0.95 * np.bincount(by_need.cell).max()


def test_where_memory_is_short_sets_follow_each_other_in_groups() -> None:
    found = one(sets=6, at_once=2)
    ends = [found.started_s[found.number == number].max() for number in range(6)]
    starts = [found.started_s[found.number == number].min() for number in range(6)]
    assert max(ends[:2]) < min(starts[2:4])
    assert max(ends[2:4]) < min(starts[4:])


def test_without_noise_ratios_are_one_and_luck_is_shared_within_a_process() -> None:
    quiet = Conditions(drift=0, waves=(), regime=0, slice=0, spoiled=0, set=0, cell=0)
    found = recorded(np.random.default_rng(1), CELLS, Design(seconds=5.0), quiet)
    of_process = {(number, cell // 8): found.log[(found.number == number) & (found.cell == cell)][0]
                  for number in range(10) for cell in (0, 8, 16)}  # fmt: skip
    assert all(
        log == pytest.approx(of_process[number, cell // 8])
        for number, cell, log in zip(found.number, found.cell, found.log, strict=True)
    )
    assert np.std(list(of_process.values())) == pytest.approx(quiet.process, rel=0.4)
    equal = evaluated(
        with_slices(CELLS, recorded(np.random.default_rng(1), CELLS, Design(), replace(quiet, process=0)))
    )
    assert equal.covered.all()
    assert not equal.wrong


def test_a_row_has_every_share() -> None:
    headline, widths = np.asarray([True, True, False]), np.asarray([0.02, 0.04, 0.5])
    low_value_high = np.asarray([[-1.0, 0.0, 1.0], [-2.0, -1.0, 1.0]])
    found = [
        Found(headline, np.asarray([True, True, True]), False, widths, low_value_high),
        Found(headline, np.asarray([True, False, False]), True, widths, low_value_high + 3),
    ]
    shown = row("x", summary(found, [True, False, False, False]))
    assert shown == "| x | 2 | 75.0% (50.0%–100.0%) | 50.0% | 25.0% | 50.00% | 25.0% | ±3.0%, ±4.0% |"


@pytest.mark.no_cover
def test_intervals_contain_the_truth_in_95_of_100_runs() -> None:
    found = simulate(replace(SCENARIOS["shared"], design=Design(seconds=120.0)), runs=100, seed=1)
    assert 0.93 <= found.coverage <= 0.97
    assert 0.9 <= found.coverage_of_medians <= 0.99
    assert found.family_error <= 0.01
    assert found.compared_wrongly <= 0.02


def test_the_program_prints_a_row_for_each_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    interval_coverage.interval_coverage(scenario=["two", "calm"], runs=2)
    names = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()]
    assert names == ["scenario", "---", SCENARIOS["two"].name, SCENARIOS["calm"].name]


def test_instances_that_take_time_to_start_leave_less_to_record() -> None:
    found = planned(SCENARIOS["calm"], 10, 4.0)
    assert found.design == Design(sets=10, seconds=127.0)
    assert found.name == "calm machine, 10 instances, 4 s each to start, 127 s recorded"


def test_more_instances_than_fit_are_a_one_line_error() -> None:
    failed = run("benchmarks.interval_coverage", "--instances", "50", "--start", "4")
    assert_one_line_error(failed, 2, "--start 4: of 175 s, 50 instances leave too little to record")


def test_an_unknown_scenario_is_a_one_line_error() -> None:
    assert_one_line_error(run("benchmarks.interval_coverage", "--scenario", "quiet"), 2, "'quiet' is not one of")


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [13, 25, 85])
def test_short_runs_in_which_some_cells_have_one_slice_in_each_instance_are_not_compared_wrongly(seed: int) -> None:
    before, after = (simulated(SCENARIOS["short"], number) for number in (seed, seed + 1))
    assert not compared_wrongly(before, after)
