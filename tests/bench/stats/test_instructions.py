"""Instructions: medians with intervals from ranks, and verdicts about two versions."""

from random import Random

import pytest
from msgspec.structs import asdict, replace

from bench.results import Cell, Estimate, InstructionCount, Instructions, Run
from bench.spec import CellKey
from bench.stats import instructions
from bench.stats.instructions import changes, estimate, is_precise, outcome, ratio
from tests.support.runs import run

STEADY = [100.0, 100.1, 99.9, 100.05, 99.95, 100.0]


def count_of(windows: list[float]) -> InstructionCount:
    return InstructionCount(
        per_request=estimate(windows), system_calls=10, by_library={}, windows=windows, requests_per_window=64
    )


def test_six_windows_have_their_range_as_the_interval_of_the_median() -> None:
    assert estimate(STEADY) == Estimate(value=100.0, low=99.9, high=100.1)


def test_with_more_windows_single_ones_no_longer_count() -> None:
    windows = [*STEADY, *STEADY[:5], 60.0]
    found = estimate(windows)
    assert found.value == 100.0
    assert found.low is not None
    assert found.low > 99
    assert is_precise(windows)
    assert not is_precise([*STEADY, 60.0])


@pytest.mark.parametrize("windows", [6, 9, 12])
def test_the_interval_holds_the_median_as_often_as_it_says(windows: int) -> None:
    random = Random(windows)
    held = 0
    for _ in range(2000):
        found = estimate([random.gauss() for _ in range(windows)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert held / 2000 >= instructions.CONFIDENCE - 0.01


def test_windows_of_two_versions_are_compared_with_their_neighbours() -> None:
    disturbed = [100.0, 130.0, 100.0, 90.0, 100.0, 100.0, 110.0, 100.0]
    found = ratio(disturbed, [1.02 * each for each in disturbed])
    assert (found.value, found.low, found.high) == pytest.approx((1.02, 1.02, 1.02))


def versions(before: list[float], after: list[float] | None, threshold: float = 0.01) -> Run:
    cells = []
    for name, windows in (("main", before), ("current", after)):
        key = CellKey(version=name, protocol="http")
        found = None if windows is None else Instructions(producer=count_of(windows))
        cells.append(Cell(**asdict(key), id=key.label, instructions=found))
    found_run = run(cells)
    return replace(found_run, plan=replace(found_run.plan, instruction_threshold=threshold))


@pytest.mark.parametrize(
    ("factor", "verdict", "result"),
    [
        (1.0, "same", "none"),
        (1.005, "same", "none"),
        (1.02, "more", "regression"),
        (0.98, "fewer", "none"),
        (1.0095, "same", "none"),
    ],
)
def test_verdicts(factor: float, verdict: str, result: str) -> None:
    found = changes(versions(STEADY, [each * factor for each in STEADY]))
    assert [(change.key.version, change.verdict) for change in found] == [("current", verdict)]
    assert found[0].ratio.value == pytest.approx(factor)
    assert outcome(found, complete=True) == result


def test_windows_that_differ_too_much_are_inconclusive() -> None:
    found = changes(versions(STEADY, [*STEADY[:4], 97.0, 103.0]))
    assert [change.verdict for change in found] == ["inconclusive"]
    assert outcome(found, complete=True) == "inconclusive"


def test_an_absence_is_shown_only_where_everything_was_counted() -> None:
    assert outcome(changes(versions(STEADY, None)), complete=False) == "inconclusive"
    assert outcome(changes(versions(STEADY, STEADY)), complete=False) == "inconclusive"


def test_without_versions_there_is_no_change() -> None:
    assert changes(run([])) == []
