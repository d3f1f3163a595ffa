"""Comparison of two runs: what is refused, which notes there are, and what is a regression."""

from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from bench.results import Bytes, Cell, PlanUsed, RecipesUsed, Run, SetupSizes, Sizes
from bench.spec import ClosedLoad
from bench.stats.analysis import analyse
from bench.stats.compare import CAUTION, RunsNotComparable, compare, differences
from bench.stats.ratios import Baseline
from tests.bench.stats.noise import Noise, cells_with_noise, matrix, with_columns

LOADS = (ClosedLoad(concurrency=1), ClosedLoad(concurrency=16))
LIBRARIES = {"aiohttp": "3.14.3", "graphql-core": "3.2.6", "grpcio": "1.85.0"}
NOISE = Noise(round=0.02, spoiled=0.05, slice=0.02)


def run(seed: int, *, instances: int = 8, beta: float = 0.0, noise: Noise = NOISE) -> Run:
    """`beta`: the logarithm of how much slower that protocol is."""
    return replace(simulated(seed, instances, beta, noise))


@cache
def simulated(seed: int, instances: int, beta: float, noise: Noise) -> Run:
    cells = cells_with_noise(
        np.random.default_rng(seed),
        matrix(loads=LOADS),
        instances=instances,
        rounds=15,
        effect={"beta": beta},
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
            "kernel": "6.1.0-18",
            "python": "3.11.2",
            "openssl": "OpenSSL 3.0",
            "libraries": LIBRARIES,
        },
        recipes=RecipesUsed(source="generated", count=1000, digest="d1"),
        plan=PlanUsed(instances=instances, rounds=15, seconds=None, slice_ms=12, instances_done=instances),
        warnings=[],
        cells=analyse(cells, latency={}, baseline=Baseline("alpha")),
    )


def with_environment(one: Run, **values: object) -> Run:
    return replace(one, environment={**one.environment, **values})


def with_cells(one: Run, *cells: Cell) -> Run:
    """The run with its first cells replaced."""
    return replace(one, cells=[*cells, *one.cells[len(cells) :]])


def test_a_run_against_itself_is_unchanged() -> None:
    found = compare(run(1), run(1))
    assert len(found.cells) == 48
    assert all(cell.ratio.value == 1.0 for cell in found.cells)
    assert {cell.ratio.verdict for cell in found.cells} <= {"same", "inconclusive"}
    assert found.regressions == []
    assert found.differences == []
    assert found.changed_bytes == []
    assert found.notes == [CAUTION]


def test_slower_latency_and_throughput_are_regressions() -> None:
    found = compare(run(1), run(2, beta=0.15))
    slower = {cell.id for cell in found.regressions}
    assert slower == {cell.id for cell in found.cells if cell.id.startswith("beta")}
    assert {cell.measure for cell in found.regressions} == {"latency_ns_p50", "requests_per_second"}
    for cell in found.regressions:
        assert cell.ratio.verdict == "slower"
        factor = cell.ratio.value if cell.measure == "latency_ns_p50" else 1 / cell.ratio.value
        assert factor == pytest.approx(np.exp(0.15), rel=0.05)
        assert cell.value_b / cell.value_a == pytest.approx(cell.ratio.value)


def test_faster_is_no_regression() -> None:
    found = compare(run(1), run(2, beta=-0.15))
    assert found.regressions == []
    assert {cell.ratio.verdict for cell in found.cells if cell.id.startswith("beta")} == {"faster"}


def test_slower_within_the_threshold_is_no_regression() -> None:
    before, after = run(1), run(2, beta=0.15)
    assert compare(before, after, 0.2).regressions == []
    assert compare(before, after, 0.2).threshold == 0.2


@pytest.mark.no_cover
def test_two_runs_of_the_same_code_differ_in_at_most_one_of_twenty() -> None:
    wrong = 0
    for seed in range(20):
        found = compare(run(1000 + seed, instances=5, noise=Noise()), run(2000 + seed, instances=5, noise=Noise()))
        wrong += any(cell.ratio.verdict in ("faster", "slower") for cell in found.cells)
    assert wrong <= 1


@pytest.mark.parametrize(
    ("name", "value", "difference"),
    [
        ("cpu", {"model": "y", "count": 2}, "CPU model: x, then y"),
        ("cpu", {"model": "x", "count": 64}, "CPU count: 2, then 64"),
        ("kernel", "6.8.0-31", "kernel: 6.1.0-18, then 6.8.0-31"),
        ("kernel", None, "kernel: 6.1.0-18, then unknown"),
        ("python", "3.12.1", "Python: 3.11.2, then 3.12.1"),
        ("python_implementation", "PyPy", "Python implementation: unknown, then PyPy"),
        ("openssl", "OpenSSL 3.5", "OpenSSL: OpenSSL 3.0, then OpenSSL 3.5"),
        ("libraries", LIBRARIES | {"grpcio": "1.90.0"}, "grpcio: 1.85.0, then 1.90.0"),
        ("libraries", LIBRARIES | {"graphql-core": "3.2.7"}, "graphql-core: 3.2.6, then 3.2.7"),
        ("libraries", LIBRARIES | {"hpack": "4.1.0"}, "hpack: unknown, then 4.1.0"),
    ],
)
def test_runs_on_different_machines_or_with_different_versions_are_refused_unless_forced(
    name: str, value: object, difference: str
) -> None:
    before, after = run(1), with_environment(run(2), **{name: value})
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, after)
    assert str(refused.value) == difference
    forced = compare(before, after, force=True)
    assert forced.differences == [difference]
    assert len(forced.cells) == 48


def test_only_recipes_with_another_digest_are_refused() -> None:
    before, after = run(1), run(2)
    same = replace(after, recipes=RecipesUsed(source="recipes.json", count=1000, digest="d1"))
    assert differences(before, same) == []
    other = replace(after, recipes=replace(same.recipes, digest="d2"))
    with pytest.raises(RunsNotComparable, match=r"recipes: generated \(1000, digest d1\), then recipes.json"):
        compare(before, other)


def test_all_differences_are_on_one_line() -> None:
    before, after = run(1), with_environment(run(2), python="3.12.1", openssl="other")
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, after)
    assert str(refused.value).count(";") == 1
    assert "\n" not in str(refused.value)


def test_runs_without_a_common_cell_are_refused_even_when_forced() -> None:
    before, after = run(1), run(2)
    after = replace(after, cells=[replace(cell, network="lan") for cell in after.cells])
    with pytest.raises(RunsNotComparable, match="no configuration was measured in both runs"):
        compare(before, after, force=True)


def test_cells_are_matched_by_their_keys_and_the_others_are_listed() -> None:
    before, after = run(1), run(2)
    renamed = [replace(cell, id=f"renamed-{cell.id}") for cell in after.cells]
    renamed[5] = replace(renamed[5], status="failed")
    after = replace(after, cells=renamed)
    before = with_cells(before, replace(before.cells[0], status="failed"))
    found = compare(before, after)
    assert len(found.cells) == 46
    assert all(cell.id.startswith("renamed-") for cell in found.cells)
    assert found.notes[1:] == [
        f"Measured in A only, not compared: {before.cells[5].id}.",
        f"Measured in B only, not compared: {after.cells[0].id}.",
    ]


def test_a_cell_without_a_successful_request_has_no_row() -> None:
    after = run(2)
    failing = with_columns(after.cells[0], p50_ns=[None] * len(after.cells[0].slices.p50_ns))
    assert len(compare(run(1), with_cells(after, failing)).cells) == 47


def test_one_instance_is_inconclusive_with_the_interval_within_the_runs() -> None:
    found = compare(run(1), run(2, instances=1, beta=0.5))
    assert {cell.ratio.verdict for cell in found.cells} == {"inconclusive"}
    assert all(cell.ratio.low is not None for cell in found.cells)
    assert found.regressions == []
    assert any("single instance" in note for note in found.notes)


def test_too_few_slices_have_no_interval() -> None:
    before, after = run(1, instances=1), run(2, instances=1)
    few = with_columns(after.cells[0], p50_ns=[*after.cells[0].slices.p50_ns[:3], *[None] * 12])
    row = compare(before, with_cells(after, few)).cells[0]
    assert (row.ratio.low, row.ratio.high_95, row.ratio.verdict) == (None, None, "inconclusive")


def test_targets_have_no_verdicts() -> None:
    before, after = run(1), with_environment(run(2, beta=0.5), foreign_target=True)
    found = compare(before, after)
    assert {cell.ratio.verdict for cell in found.cells} == {"inconclusive"}
    assert any("does not restart" in note for note in found.notes)


def test_another_host_is_a_note_only() -> None:
    after = with_environment(run(2), host="there")
    assert compare(run(1), after).notes[1:] == ["The host names differ: here, then there."]


def test_many_libraries_that_one_run_did_not_record_are_one_difference() -> None:
    recorded = LIBRARIES | {f"library-{number}": "1.0" for number in range(40)} | {"grpcio": "1.90.0"}
    assert differences(run(1), with_environment(run(2), libraries=recorded)) == [
        "grpcio: 1.85.0, then 1.90.0",
        "recorded in one run only: library-0, library-1, library-2, library-3 and 36 more",
    ]


def with_response_bytes(cell: Cell, wire_bytes: float) -> Cell:
    sizes = Bytes(request=Sizes(), response=Sizes(wire_bytes=wire_bytes), setup=SetupSizes())
    return replace(cell, bytes=sizes)


def test_bytes_that_changed_are_reported() -> None:
    before, after = (
        with_cells(one, with_response_bytes(one.cells[0], wire_bytes), with_response_bytes(one.cells[1], 500.0))
        for one, wire_bytes in ((run(1), 1000.0), (run(2), 1012.0))
    )
    (change,) = compare(before, after).changed_bytes
    assert (change.id, change.wire_bytes_a, change.wire_bytes_b) == (after.cells[0].id, 1000.0, 1012.0)


def test_identical_instances_have_no_spread() -> None:
    before, after = (
        replace(one, cells=[with_columns(cell, p50_ns=[2e5] * len(cell.slices.p50_ns)) for cell in one.cells])
        for one in (run(1), run(2))
    )
    assert compare(before, after).cells[0].ratio.low == 1.0


def in_dialect(one: Run, dialect: str) -> Run:
    """The run with HTTP in place of alpha, in this dialect."""
    cells = [
        replace(cell, protocol="http", dialect=dialect) if cell.protocol == "alpha" else cell for cell in one.cells
    ]
    return replace(one, cells=cells)


def test_a_cell_without_a_dialect_is_compared_with_the_default_one() -> None:
    before = in_dialect(run(1), "")
    assert len(compare(before, in_dialect(run(1), "json")).cells) == 48
    assert {cell.id.partition("-")[0] for cell in compare(before, in_dialect(run(1), "protobuf")).cells} == {
        "beta",
        "gamma",
    }
