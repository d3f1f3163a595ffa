"""Each warning about a whole run appears when its condition holds, and only then."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from bench.results import (
    Cell,
    Estimate,
    Quantiles,
    Run,
    Undecided,
)
from bench.stats.analysis import analyse
from bench.stats.ratios import Baseline
from bench.stats.verdicts import compared_by
from bench.stats.warnings import warnings_of
from tests.bench.stats.noise import Noise, with_columns
from tests.bench.stats.warning_runs import GOOD_MACHINE, codes, only, run, with_cells
from tests.support.runs import ratio_estimate


def test_a_good_run_has_no_warnings() -> None:
    assert codes(run()) == []


def test_an_interrupted_run_gives_a_warning() -> None:
    stopped = run()
    stopped = replace(stopped, plan=replace(stopped.plan, interrupted=True, instances_done=4))
    warning = only(stopped)
    assert (warning.code, warning.grade, warning.cells) == ("interrupted", "note", [])
    assert "4 of 6 instances" in warning.text


def test_one_instance_or_a_target_gives_a_warning_about_verdicts() -> None:
    assert only(run(instances=1)).code == "one_instance"
    assert only(run(foreign_target=True)).code == "target_not_restarted"


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"pinning": {"producer": [], "load": [], "apart": False}}, "shared_core"),
        ({"pinning": {"producer": [1], "load": [0], "siblings": [0, 1], "apart": False}}, "shared_core"),
        ({"stolen_share": 0.05}, "stolen_time"),
        ({"quota_periods": {"periods": 232, "throttled": 231}}, "throttled"),
        ({"other_runs": 1}, "other_runs"),
    ],
)
def test_findings_about_the_machine_give_warnings(environment: dict[str, Any], code: str) -> None:
    assert only(run(**environment)).code == code


def test_throttling_by_a_quota_is_named_with_its_periods() -> None:
    cpu = {**GOOD_MACHINE["cpu"], "quota_cores": 0.5}
    warning = only(run(cpu=cpu, quota_periods={"periods": 232, "throttled": 231}))
    assert warning.text.startswith("The run was throttled in 231 of 232 periods of the CPU quota (0.5 cores): ")
    assert codes(run(cpu=cpu, quota_periods={"periods": 232, "throttled": 2})) == []
    assert codes(run(cpu=cpu, quota_periods={"periods": 0, "throttled": 0})) == []


def test_siblings_and_a_single_cpu_are_named_as_what_they_are() -> None:
    siblings = only(run(pinning={"producer": [1], "load": [0], "siblings": [0, 1], "apart": False}))
    assert siblings.text.startswith("Producers and load shared one physical core and took time from each other.")
    single = only(run(pinning={"producer": [], "load": [], "siblings": [], "apart": False}))
    assert single.text.startswith("Producers and load shared a core and took time from each other.")


def test_other_runs_are_counted() -> None:
    assert only(run(other_runs=1)).text.startswith("Another run measured on the same cores at the same time.")
    assert only(run(other_runs=3)).text.startswith("3 other runs measured on the same cores at the same time.")
    assert codes(run(other_runs=0)) == codes(run(other_runs=None)) == []


def test_an_environment_that_was_not_recorded_has_no_warnings() -> None:
    assert codes(replace(run(), environment={})) == []


def with_verdicts(run: Run, **undecided: Undecided) -> Run:
    """The run with every ratio `same`, but for those of these protocols, which are inconclusive for a reason."""
    cells = []
    for cell in run.cells:
        reason = undecided.get(cell.protocol)
        ratio = ratio_estimate(1.0, "inconclusive" if reason else "same", 0.9, 1.1, undecided=reason)
        cells.append(replace(cell, ratio=cell.ratio and replace(cell.ratio, latency_ns_p50=ratio)))
    return replace(run, cells=cells)


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"cpu": {"count": 2, "governor": "powersave"}}, "frequency_scaling"),
        ({"load_average_1min": 1.7}, "busy_machine"),
    ],
)
def test_noise_of_the_machine_is_noted_only_where_it_leaves_a_verdict_open(
    environment: dict[str, Any], code: str
) -> None:
    assert codes(with_verdicts(run(**environment))) == []
    noisy = with_verdicts(run(**environment), beta="too_noisy")
    (note,) = (each for each in warnings_of(noisy) if each.code == code)
    assert note.grade == "note"
    assert note.cells == [cell.id for cell in noisy.cells if cell.protocol == "beta"]
    assert f"It concerns 8 configurations ({note.cells[0]}, " in note.text


def test_without_ratios_noise_matters_where_a_median_has_a_wide_interval() -> None:
    busy = run(load_average_1min=1.7)
    alone = [replace(cell, ratio=None) for cell in busy.cells if cell.protocol == "alpha"]
    narrow, wide = (Quantiles(p50=Estimate(value=1e5, low=1e5 / by, high=1e5 * by)) for by in (1.01, 1.2))
    cells = [replace(cell, latency_ns=narrow) for cell in alone]
    assert codes(replace(busy, cells=cells)) == []
    cells[0] = replace(cells[0], latency_ns=wide)
    assert only(replace(busy, cells=cells)).cells == [cells[0].id]


def test_stolen_time_matters_to_every_p99() -> None:
    stolen = with_verdicts(run(stolen_share=0.05))
    assert only(stolen).cells == [cell.id for cell in stolen.cells]
    medians = [replace(cell, latency_ns=Quantiles(p50=Estimate(value=2e5))) for cell in stolen.cells]
    assert codes(replace(stolen, cells=medians)) == []


def test_headline_ratios_without_a_verdict_are_counted_by_reason() -> None:
    found = warnings_of(with_verdicts(run(), beta="too_noisy", gamma="too_few"))
    assert [(each.code, each.grade, len(each.cells)) for each in found] == [
        ("too_noisy", "note", 8),
        ("too_few", "note", 8),
    ]
    assert found[0].text.startswith("8 of 16 headline ratios are inconclusive (beta-get-00-0, ")
    assert found[0].text.endswith("Measure on a quieter one.")
    assert found[1].text.endswith("A longer run would probably decide.")


def test_wide_intervals_with_a_verdict_are_no_reason_for_a_warning() -> None:
    wide = run(instances=10, noise=Noise(restart=0.03))
    cells = [
        slowed(cell, lambda _: 3.0) if cell.protocol != "alpha" else replace(cell, latency_ns=None)
        for cell in wide.cells
    ]
    cells = analyse(cells, latency={}, baseline=Baseline("alpha"))
    assert {compared.verdict for cell in cells if cell.protocol != "alpha" and (compared := compared_by(cell))} == {
        "slower"
    }
    assert codes(replace(wide, cells=cells)) == []


def slowed(cell: Cell, factor: Callable[[int], float]) -> Cell:
    """The cell with every latency multiplied by the factor of its round."""
    slices = cell.slices
    return with_columns(
        cell,
        p50_ns=[p50 and p50 * factor(number) for p50, number in zip(slices.p50_ns, slices.round, strict=True)],
    )


def test_warming_up_is_detected_over_several_instances() -> None:
    cold = run()
    cells = [
        slowed(cell, lambda number: 1.15 if number < 6 else 1.0) if cell.protocol == "beta" else cell
        for cell in cold.cells
    ]
    warning = only(replace(cold, cells=cells))
    assert (warning.code, warning.grade) == ("warming_up", "warning")
    assert warning.cells == [cell.id for cell in cold.cells if cell.protocol == "beta"]
    assert re.match(r"beta, relative to alpha, was 1\d % faster in the last third", warning.text)
    everything = [slowed(cell, lambda number: 1.15 if number < 6 else 1.0) for cell in cold.cells]
    assert codes(replace(cold, cells=everything)) == [], "what all share moves no ratio"
    alone = [replace(cell, ratio=None) for cell in everything if cell.protocol == "alpha"]
    assert re.match(r"alpha was 1\d % faster in the last third", only(replace(cold, cells=alone)).text)
    few = run(instances=1)
    assert "warming_up" not in codes(with_cells(few, replace(few.cells[0], slices=cells[0].slices)))


def test_a_few_rounds_show_no_warming_up() -> None:
    cold = run(rounds=8)
    cells = [slowed(cell, lambda number: 1 / (1 + number)) for cell in cold.cells]
    assert "warming_up" not in codes(replace(cold, cells=cells))
