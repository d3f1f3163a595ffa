"""Two runs: what is refused, what is said, and what makes a regression."""

import numpy as np
import pytest
from msgspec.structs import replace

from bench.results import Bytes, ClosedLoad, PlanUsed, RecipesUsed, Run, SetupSizes, Sizes
from bench.stats.analysis import analyse
from bench.stats.compare import RunsUnlike, compare, unlike
from bench.stats.ratios import Baseline
from tests.bench.stats.noise import Noise, cells_with_noise, matrix

LOADS = (ClosedLoad(concurrency=1), ClosedLoad(concurrency=16))
NOISE = Noise(round=0.02, spoiled=0.05, slice=0.02)


def run(seed: int, *, instances: int = 8, effect: dict[str, float] | None = None, noise: Noise = NOISE) -> Run:
    cells = cells_with_noise(
        np.random.default_rng(seed),
        matrix(loads=LOADS),
        instances=instances,
        rounds=15,
        effect=effect,
        noise=noise,
    )
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        command="python -m bench run",
        seed=seed,
        environment={
            "host": "here",
            "cpu": {"model": "x", "count": 2, "governor": None},
            "python": "3.11.2",
            "openssl": "OpenSSL 3.0",
            "libraries": {"aiohttp": "3.14.3", "grpcio": "1.85.0"},
        },
        recipes=RecipesUsed(source="generated", count=1000, digest="d1"),
        plan=PlanUsed(instances=instances, rounds=15, seconds=None, slice_ms=12, instances_done=instances),
        warnings=[],
        cells=analyse(cells, latency={}, baseline=Baseline("alpha")),
    )


def test_a_run_against_itself_is_unchanged() -> None:
    found = compare(run(1), run(1))
    assert len(found.cells) == 48
    assert all(cell.ratio.value == 1.0 for cell in found.cells)
    assert {cell.ratio.verdict for cell in found.cells} <= {"same", "inconclusive"}
    assert found.regressions == []
    assert found.differences == []
    assert found.changed_bytes == []
    assert found.notes[0].startswith("These are two runs at two times.")
    assert len(found.notes) == 1


def test_what_got_slower_is_a_regression_in_latency_and_in_throughput() -> None:
    found = compare(run(1), run(2, effect={"beta": 0.15}))
    slower = {cell.id for cell in found.regressions}
    assert slower == {cell.id for cell in found.cells if cell.id.startswith("beta")}
    assert {cell.measure for cell in found.regressions} == {"latency_ns_p50", "requests_per_second"}
    for cell in found.regressions:
        assert cell.ratio.verdict == "slower"
        factor = cell.ratio.value if cell.measure == "latency_ns_p50" else 1 / cell.ratio.value
        assert factor == pytest.approx(np.exp(0.15), rel=0.05)
        assert cell.value_b / cell.value_a == pytest.approx(cell.ratio.value)


def test_what_got_faster_is_none() -> None:
    found = compare(run(1), run(2, effect={"beta": -0.15}))
    assert found.regressions == []
    assert {cell.ratio.verdict for cell in found.cells if cell.id.startswith("beta")} == {"faster"}


def test_slower_within_the_threshold_is_no_regression() -> None:
    before, after = run(1), run(2, effect={"beta": 0.15})
    assert compare(before, after, 0.2).regressions == []
    assert compare(before, after, 0.2).threshold == 0.2


@pytest.mark.no_cover
def test_two_runs_of_the_same_are_told_apart_in_at_most_one_of_twenty() -> None:
    wrong = 0
    for seed in range(20):
        found = compare(run(1000 + seed, instances=5, noise=Noise()), run(2000 + seed, instances=5, noise=Noise()))
        wrong += any(cell.ratio.verdict in ("faster", "slower") for cell in found.cells)
    assert wrong <= 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("cpu", {"model": "y", "count": 2}, "CPU model: x, then y"),
        ("cpu", {"model": "x", "count": 64}, "CPU count: 2, then 64"),
        ("python", "3.12.1", "Python: 3.11.2, then 3.12.1"),
        ("openssl", "OpenSSL 3.5", "OpenSSL: OpenSSL 3.0, then OpenSSL 3.5"),
        ("libraries", {"aiohttp": "3.14.3", "grpcio": "1.90.0"}, "grpcio: 1.85.0, then 1.90.0"),
        ("libraries", {"aiohttp": "3.14.3"}, "grpcio: 1.85.0, then unknown"),
    ],
)
def test_unlike_runs_are_refused_unless_forced(name: str, value: object, told: str) -> None:
    before, after = run(1), run(2)
    after.environment[name] = value
    with pytest.raises(RunsUnlike) as refused:
        compare(before, after)
    assert str(refused.value) == told
    forced = compare(before, after, force=True)
    assert forced.differences == [told]
    assert len(forced.cells) == 48


def test_other_recipes_are_refused_and_the_same_from_elsewhere_are_not() -> None:
    before, after = run(1), run(2)
    after.recipes = RecipesUsed(source="recipes.json", count=1000, digest="d1")
    assert unlike(before, after) == []
    after.recipes = replace(after.recipes, digest="d2")
    with pytest.raises(RunsUnlike, match=r"recipes: generated \(1000, digest d1\), then recipes.json"):
        compare(before, after)


def test_all_differences_stand_on_one_line() -> None:
    before, after = run(1), run(2)
    after.environment |= {"python": "3.12.1", "openssl": "other"}
    with pytest.raises(RunsUnlike) as refused:
        compare(before, after)
    assert str(refused.value).count(";") == 1
    assert "\n" not in str(refused.value)


def test_runs_without_a_common_cell_are_refused_even_when_forced() -> None:
    before, after = run(1), run(2)
    for cell in after.cells:
        cell.network = "lan"
    with pytest.raises(RunsUnlike, match="no cell was measured in both runs"):
        compare(before, after, force=True)


def test_cells_are_matched_by_what_they_measure_and_the_rest_is_named() -> None:
    before, after = run(1), run(2)
    for cell in after.cells:
        cell.id = f"renamed-{cell.id}"
    before.cells[0].status = "failed"
    after.cells[5].status = "failed"
    found = compare(before, after)
    assert len(found.cells) == 46
    assert all(cell.id.startswith("renamed-") for cell in found.cells)
    assert found.notes[1:] == [
        f"Measured in A only, and not compared: {before.cells[5].id}.",
        f"Measured in B only, and not compared: {after.cells[0].id}.",
    ]


def test_a_cell_without_any_right_answer_has_no_row() -> None:
    before, after = run(1), run(2)
    after.cells[0].slices.p50_ns = [None] * len(after.cells[0].slices.p50_ns)
    assert len(compare(before, after).cells) == 47


def test_one_instance_is_inconclusive_with_the_interval_within_the_runs() -> None:
    found = compare(run(1), run(2, instances=1, effect={"beta": 0.5}))
    assert {cell.ratio.verdict for cell in found.cells} == {"inconclusive"}
    assert all(cell.ratio.low is not None for cell in found.cells)
    assert found.regressions == []
    assert any("single instance" in note for note in found.notes)


def test_too_few_slices_have_no_interval() -> None:
    before, after = run(1, instances=1), run(2, instances=1)
    columns = after.cells[0].slices
    columns.p50_ns = [*columns.p50_ns[:3], *[None] * 12]
    row = compare(before, after).cells[0]
    assert (row.ratio.low, row.ratio.high_95, row.ratio.verdict) == (None, None, "inconclusive")


def test_somebody_elses_producers_are_inconclusive() -> None:
    before, after = run(1), run(2, effect={"beta": 0.5})
    after.environment["foreign_target"] = True
    found = compare(before, after)
    assert {cell.ratio.verdict for cell in found.cells} == {"inconclusive"}
    assert any("not restarted" in note for note in found.notes)


def test_another_host_is_a_note_only() -> None:
    before, after = run(1), run(2)
    after.environment["host"] = "there"
    assert compare(before, after).notes[1:] == ["The hosts have different names: here, then there."]


def test_bytes_that_changed_are_facts() -> None:
    before, after = run(1), run(2)
    for one, wire_bytes in ((before, 1000.0), (after, 1012.0)):
        for cell in one.cells[:2]:
            sizes = Sizes(wire_bytes=wire_bytes if cell is one.cells[0] else 500.0)
            cell.bytes = Bytes(request=Sizes(), response=sizes, setup=SetupSizes())
    (change,) = compare(before, after).changed_bytes
    assert (change.id, change.wire_bytes_a, change.wire_bytes_b) == (after.cells[0].id, 1000.0, 1012.0)


def test_runs_whose_instances_agree_entirely_have_no_spread() -> None:
    before, after = run(1), run(2)
    for one in (before, after):
        for cell in one.cells:
            cell.slices.p50_ns = [2e5] * len(cell.slices.p50_ns)
    assert compare(before, after).cells[0].ratio.low == 1.0


def test_a_file_from_before_there_were_dialects_is_compared_with_the_protocols_own() -> None:
    before, after = run(1), run(1)
    for each in before.cells:
        each.protocol = each.protocol.replace("alpha", "http")
    after.cells = [*after.cells]
    for each in after.cells:
        each.protocol = each.protocol.replace("alpha", "http")
        each.dialect = "json" if each.protocol == "http" else ""
    assert len(compare(before, after).cells) == len(before.cells)
    for each in after.cells:
        each.dialect = "protobuf" if each.protocol == "http" else ""
    assert len(compare(before, after).cells) == len([each for each in before.cells if each.protocol != "http"])
