"""Instructions: medians with intervals from ranks, and verdicts about two versions from the spread of instances."""

import math
from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import asdict, replace

from bench.results import Cell, Estimate, InstructionCount, Instructions, Run
from bench.spec import CellKey
from bench.stats import instructions
from bench.stats.instructions import (
    INSTANCES,
    THRESHOLD,
    changes,
    changes_of,
    estimate,
    is_precise,
    of_both,
    outcome,
    ratio,
    trimmed_mean,
    typical,
    verdict,
)
from tests.support.runs import run

Draw = Callable[[Random, float], float]

STEADY = [100.0, 100.1, 99.9, 100.05, 99.95, 100.0]


def count_of(windows: dict[int, list[float]]) -> InstructionCount:
    counted = [window for own in windows.values() for window in own]
    return InstructionCount(
        per_request=estimate(counted),
        system_calls=10,
        by_library={},
        windows=counted,
        instance=[instance for instance, own in windows.items() for _ in own],
        requests_per_window=64,
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


def test_windows_with_a_little_more_or_less_garbage_collection_all_count_and_disturbed_ones_do_not() -> None:
    assert typical([100.0, 100.6, 100.0]) == pytest.approx(100.2)
    assert typical([100.0, 100.6, 100.6, 110.0, 90.0]) == pytest.approx(100.4)
    assert typical([90.0, 110.0]) == 100.0


def test_an_instance_is_what_is_typical_of_its_windows_however_many_it_has() -> None:
    before, after = {1: [1.0] * 9, 2: [1.0]}, {1: [1.0] * 9, 2: [1.0, math.e, 1000.0]}
    assert of_both(before, after) == [(0, 0), (0, 1)]


def test_an_instance_that_only_one_version_has_is_left_out() -> None:
    assert of_both({1: [1.0], 2: [1.0]}, {2: [1.0], 3: [1.5]}) == [(0, 0)]


def test_what_moves_both_versions_does_not_widen_the_interval() -> None:
    found = ratio([(moved, moved + 0.02) for moved in (0.0, 0.5, -0.5, 0.2)], 1)
    assert (found.value, found.low, found.high) == pytest.approx((math.exp(0.02),) * 3)


def test_the_interval_is_wider_where_more_cells_are_compared() -> None:
    instances = [(0.0, 0.001), (0.001, 0.0), (0.0005, -0.0005), (0.0, 0.0)]
    few, many = (ratio(instances, cells) for cells in (1, 24))
    assert few.value == many.value
    assert few.low is not None
    assert many.low is not None
    assert many.low < few.low < few.value


def test_few_instances_far_off_do_not_count() -> None:
    even = [0.0, 0.001, 0.0005, -0.0005, 0.0002, -0.0003, 0.0001, 0.0004, 0.0006, -0.0002]
    value, error = trimmed_mean([*even, 0.03, -0.03])
    assert value == pytest.approx(sum(sorted(even)[1:-1]) / 8)
    assert error.degrees_of_freedom == 7
    assert error.size < 0.0005


def test_of_four_instances_all_count() -> None:
    value, error = trimmed_mean([1.0, 2.0, 3.0, 4.0])
    assert (value, error.degrees_of_freedom) == (2.5, 3)
    assert error.size == pytest.approx(1.29099 / 2, rel=1e-5)


Counts = dict[int, list[float]]


def versions(before: Counts, after: Counts | None, threshold: float = 0.01) -> Run:
    cells = []
    for name, windows in (("main", before), ("current", after)):
        key = CellKey(version=name, protocol="http")
        found = None if windows is None else Instructions(producer=count_of(windows))
        cells.append(Cell(**asdict(key), id=key.label, instructions=found))
    found_run = run(cells)
    return replace(found_run, plan=replace(found_run.plan, instruction_threshold=threshold))


def instances_of(factor: float = 1.0, instances: int = INSTANCES[0]) -> Counts:
    """Windows of instances that differ by 0.05 %."""
    return {
        instance: [factor * (1 + 0.0005 * (instance % 2)) * each for each in STEADY[:3]]
        for instance in range(1, instances + 1)
    }


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
    found = changes(versions(instances_of(), instances_of(factor)))
    assert [(each.key.version, each.verdict, each.instances) for each in found] == [("current", verdict, 4)]
    assert found[0].ratio.value == pytest.approx(factor)
    assert outcome(found, complete=True) == result


def test_instances_that_differ_too_much_are_inconclusive() -> None:
    shifted = {
        instance: [each * (0.97, 1.03)[instance % 2] for each in own] for instance, own in instances_of().items()
    }
    found = changes(versions(instances_of(), shifted))
    assert [change.verdict for change in found] == ["inconclusive"]
    assert outcome(found, complete=True) == "inconclusive"


@pytest.mark.parametrize("instances", [1, 2, 3])
def test_too_few_instances_have_no_verdict(instances: int) -> None:
    few = instances_of(instances=instances)
    found = changes(versions(few, few))
    assert [(change.verdict, change.instances) for change in found] == [("inconclusive", instances)]


def test_windows_without_an_instance_are_those_of_one() -> None:
    key = CellKey(protocol="http")
    old = Instructions(producer=replace(count_of({1: STEADY}), instance=[]))
    cells = [Cell(**asdict(replace(key, version=name)), id=name, instructions=old) for name in ("main", "current")]
    found = changes_of(cells, 0.01)
    assert [(change.verdict, change.instances, change.ratio.low) for change in found] == [("inconclusive", 1, None)]


def test_an_absence_is_shown_only_where_everything_was_counted() -> None:
    assert outcome(changes(versions(instances_of(), None)), complete=False) == "inconclusive"
    assert outcome(changes(versions(instances_of(), instances_of())), complete=False) == "inconclusive"


def test_without_versions_there_is_no_change() -> None:
    assert changes(run([])) == []


def normal(random: Random, spread: float) -> float:
    return random.gauss(0, spread)


def often_normal_and_sometimes_far_off(random: Random, spread: float) -> float:
    """One process in ten takes another way through its threads from its start to its end."""
    return random.gauss(0, spread / 4) + random.choice([-1, 1]) * (2 * spread if random.random() < 0.1 else 0)


def verdict_in_steps(random: Random, change: float, spread: float, cells: int, draw: Draw) -> tuple[str, int]:
    """What a comparison finds, and after how many instances, where `draw` moves every process and the machine both."""
    logs: list[tuple[float, float]] = []
    for instances in INSTANCES:
        for _ in range(instances - len(logs)):
            both = draw(random, spread)
            logs.append((both + draw(random, spread), both + math.log1p(change) + draw(random, spread)))
        found = verdict(ratio(logs, cells), len(logs), THRESHOLD)
        if found != "inconclusive":
            break
    return found, len(logs)


@pytest.mark.parametrize("draw", [normal, often_normal_and_sometimes_far_off])
@pytest.mark.parametrize("cells", [1, 24])
@pytest.mark.parametrize("spread", [0.002, 0.03])
def test_the_same_code_has_a_false_verdict_in_one_comparison_of_a_hundred_at_most(
    draw: Draw, cells: int, spread: float
) -> None:
    random = Random(f"{spread}/{cells}")
    comparisons = 480 // cells
    false = sum(
        any(verdict_in_steps(random, 0.0, spread, cells, draw)[0] in {"more", "fewer"} for _ in range(cells))
        for _ in range(comparisons)
    )
    # Beyond 1 % by chance with a probability of less than a thousandth.
    assert false <= 0.01 * comparisons + 3.1 * math.sqrt(0.01 * comparisons)


@pytest.mark.parametrize(
    ("change", "spread", "expected"),
    [(0.02, 0.0005, "more"), (-0.02, 0.0005, "fewer"), (0.0, 0.0005, "same"), (0.03, 0.002, "more")],
)
def test_a_real_difference_is_found(change: float, spread: float, expected: str) -> None:
    random = Random(f"{change}/{spread}")
    found = [verdict_in_steps(random, change, spread, 6, normal) for _ in range(200)]
    assert [text for text, _ in found].count(expected) >= 198
    if spread < 0.001:
        assert [instances for _, instances in found].count(INSTANCES[0]) >= 190
