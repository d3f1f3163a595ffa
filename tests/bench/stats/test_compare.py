"""Comparison of two runs: which cells are compared, which notes there are, and what is a regression."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bench import run_file
from bench.results import Cell, Estimate, InstructionCount, Instructions, Run
from bench.stats.compare import CAUTION, ChangedCount, RunsNotComparable, compare, compare_versions
from bench.wire.results import Bytes, SetupSizes, Sizes
from tests.bench.stats.compared_runs import CALM, LOADS, run, with_cells, with_environment
from tests.bench.stats.noise import Noise, with_columns
from tests.bench.test_run_file import SCHEMA_1
from tests.support import runs as made


def test_a_run_against_itself_is_unchanged() -> None:
    found = compare(run(1), run(1))
    assert len(found.cells) == 48
    assert all(cell.ratio.value == 1.0 for cell in found.cells)
    assert {cell.ratio.verdict for cell in found.cells} <= {"same", "inconclusive"}
    assert found.gate.regressions == []
    assert found.differences == []
    assert found.changed_counts == []
    assert found.circumstances == []
    assert found.notes == [CAUTION]


def test_slower_latency_and_throughput_are_regressions() -> None:
    found = compare(run(1), run(2, beta=0.15))
    slower = [cell for cell in found.cells if cell.id.startswith("beta")]
    assert found.gate.regressions == [cell.id for cell in slower]
    assert {cell.measure for cell in slower} == {"latency_ns_p50", "requests_per_second"}
    for cell in slower:
        assert cell.ratio.verdict == "slower"
        factor = cell.ratio.value if cell.measure == "latency_ns_p50" else 1 / cell.ratio.value
        assert factor == pytest.approx(np.exp(0.15), rel=0.05)
        assert cell.value_b / cell.value_a == pytest.approx(cell.ratio.value)


def test_faster_is_no_regression() -> None:
    found = compare(run(1), run(2, beta=-0.15))
    assert found.gate.regressions == []
    assert {cell.ratio.verdict for cell in found.cells if cell.id.startswith("beta")} == {"faster"}


def test_slower_within_the_threshold_is_no_regression() -> None:
    before, after = run(1), run(2, beta=0.15)
    assert compare(before, after, 0.2).gate.regressions == []
    assert compare(before, after, 0.2).gate.threshold == 0.2


@pytest.mark.no_cover
def test_two_runs_of_the_same_code_differ_in_at_most_one_of_twenty() -> None:
    wrong = 0
    for seed in range(20):
        found = compare(run(1000 + seed, instances=5, noise=Noise()), run(2000 + seed, instances=5, noise=Noise()))
        wrong += any(cell.ratio.verdict in ("faster", "slower") for cell in found.cells)
    assert wrong <= 1


def test_runs_without_a_common_cell_are_refused_even_when_forced() -> None:
    before, after = run(1), run(2)
    after = replace(after, cells=[replace(cell, network="lan") for cell in after.cells])
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, after, force=True)
    assert str(refused.value) == "no configuration was measured in both runs (network: loopback, then lan)"
    after = replace(
        after, cells=[replace(cell, network="loopback", cores="default", gzip=True) for cell in after.cells]
    )
    with pytest.raises(RunsNotComparable, match=r"both runs \(cores: awake, then default\)"):
        compare(before, after)


def test_cells_are_matched_by_their_keys_and_the_others_are_listed() -> None:
    before, after = run(1), run(2)
    renamed = [replace(cell, id=f"renamed-{cell.id}") for cell in after.cells]
    renamed[5] = replace(renamed[5], status="failed")
    after = replace(after, cells=renamed)
    before = with_cells(before, replace(before.cells[0], status="failed"))
    found = compare(before, after)
    assert len(found.cells) == 46
    assert all(cell.id.startswith("renamed-") for cell in found.cells)
    assert found.notes[1:] == [f"Measured in B only, not compared: {after.cells[0].id}."]
    assert found.gate.gaps == [
        f"Measured in A, but not in B: {before.cells[5].id}.",
        f"Without a result in A: {before.cells[0].id}.",
    ]
    assert found.gate.outcome == "inconclusive"


def test_a_cell_without_a_successful_request_has_no_row() -> None:
    after = run(2)
    failing = with_columns(after.cells[0], p50_ns=[None] * len(after.cells[0].slices.p50_ns))
    found = compare(run(1), with_cells(after, failing))
    assert len(found.cells) == 47
    assert found.gate.gaps == [f"Too few successful requests to compare: {after.cells[0].id}."]
    assert found.gate.outcome == "inconclusive"


def test_one_instance_is_inconclusive_with_the_interval_within_the_runs() -> None:
    found = compare(run(1), run(2, instances=1, beta=0.5))
    assert {cell.ratio.verdict for cell in found.cells} == {"inconclusive"}
    assert all(cell.ratio.low is not None for cell in found.cells)
    assert found.gate.regressions == []
    assert found.gate.outcome == "inconclusive"
    assert {cell.ratio.undecided for cell in found.cells} == {"too_few"}
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
    assert {cell.ratio.undecided for cell in found.cells} == {"not_restarted"}
    assert found.gate.outcome == "inconclusive"
    assert any("does not restart" in note for note in found.notes)


def with_bytes(cell: Cell, request: float, response: float, **given: Any) -> Cell:
    found = Bytes(request=Sizes(wire_bytes=request), response=Sizes(wire_bytes=response), setup=SetupSizes())
    return replace(cell, bytes=found, **given)


def test_bytes_that_changed_are_listed_once_for_all_loads() -> None:
    one, many = LOADS

    def sized(given: Run, response: float) -> Run:
        first, second = given.cells[:2]
        return with_cells(
            given,
            with_bytes(first, 90, response, load=one),
            with_bytes(first, 90, response, load=many, id="many"),
            with_bytes(second, 90, 500, tls=True),
        )

    before, after = sized(run(1), 1000), sized(run(2), 1012)
    assert compare(before, after).changed_counts == [
        ChangedCount(id=after.cells[0].id, what="response bytes", before=1000, after=1012)
    ]


def test_instructions_count_as_changed_beyond_what_the_same_code_may_differ_by() -> None:
    def counted(producer: float, consumer: float) -> Instructions:
        counts = [
            InstructionCount(
                per_request=Estimate(value=value),
                system_calls=1,
                by_library={},
                windows=[value],
                requests_per_window=1,
            )
            for value in (producer, consumer)
        ]
        return Instructions(producer=counts[0], consumer=counts[1])

    before, after = (
        with_cells(one, replace(one.cells[0], instructions=counted(*counts)))
        for one, counts in ((run(1), (100_000, 50_000)), (run(2), (100_300, 51_000)))
    )
    assert compare(before, after).changed_counts == [
        ChangedCount(id=after.cells[0].id, what="client instructions", before=50_000, after=51_000)
    ]


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


def slowed(one: Run, factor: float) -> Run:
    """The run with all latencies multiplied, and rates divided."""
    cells = [
        with_columns(
            cell,
            p50_ns=[value and value * factor for value in cell.slices.p50_ns],
            duration_ns=[round(value * factor) for value in cell.slices.duration_ns],
        )
        for cell in one.cells
    ]
    return replace(one, cells=cells)


def test_only_narrow_intervals_show_the_absence_of_a_regression() -> None:
    calm = compare(run(1, noise=CALM), run(2, noise=CALM))
    assert calm.gate.outcome == "none"
    assert len(calm.gate.required) == 24, "latency cells only"
    noisy = compare(run(1), run(2))
    assert noisy.gate.outcome == "inconclusive"
    assert "such a slowdown could have stayed undetected in " in noisy.gate.text()


def test_a_slowdown_of_15_percent_is_never_fine() -> None:
    """Found where intervals are narrow; where they are wide, the answer is that it could have stayed undetected."""
    assert compare(run(1), slowed(run(2), 1.15)).gate.outcome == "regression"
    wide = Noise(restart=0.1)
    assert compare(run(1, noise=wide), slowed(run(2, noise=wide), 1.15)).gate.outcome == "inconclusive"


def test_a_recorded_run_slowed_by_15_percent_is_never_fine() -> None:
    recorded = run_file.read(SCHEMA_1)
    assert compare(recorded, slowed(recorded, 1.15)).gate.outcome != "none"


def test_a_run_in_which_nearly_all_cells_failed_shows_nothing() -> None:
    before = run(1, noise=CALM)
    after = run(2, noise=CALM)
    failed = [replace(cell, status="failed", reason="it hung") for cell in after.cells[1:]]
    found = compare(before, replace(after, cells=[after.cells[0], *failed]))
    assert len(found.cells) == 1
    assert found.gate.outcome == "inconclusive"
    assert found.gate.gaps[0].startswith("Measured in A, but not in B: 47 configurations (")


def test_a_regression_counts_even_where_other_cells_failed() -> None:
    after = slowed(run(2), 1.15)
    after = replace(after, cells=[after.cells[0], *(replace(cell, status="failed") for cell in after.cells[1:])])
    assert compare(run(1), after).gate.outcome == "regression"


def test_interrupted_runs_and_failed_requests_show_nothing() -> None:
    before, after = run(1, noise=CALM), run(2, noise=CALM)
    stopped = replace(after, plan=replace(after.plan, interrupted=True, instances_done=5))
    for one, other, gap in (
        (before, stopped, "B was interrupted with results of 5 of 8 instances."),
        (stopped, before, "A was interrupted with results of 5 of 8 instances."),
    ):
        found = compare(one, other)
        assert found.gate.gaps == [gap]
        assert found.gate.outcome == "inconclusive"
    errors = with_cells(after, replace(after.cells[0], outcomes={"ok": 9, "timeout": 1}))
    assert compare(before, errors).gate.outcome == "inconclusive"


def test_the_value_of_a_cell_is_that_of_its_run() -> None:
    before, after = run(1), run(2)
    for row, a, b in zip(compare(before, after).cells, before.cells, after.cells, strict=True):
        for value, cell in ((row.value_a, a), (row.value_b, b)):
            assert cell.latency_ns is not None
            own = cell.latency_ns.p50 if row.measure == "latency_ns_p50" else cell.requests_per_second
            assert own is not None
            assert value == pytest.approx(own.value)


def test_two_versions_of_one_run_are_compared_by_their_paired_ratios() -> None:
    old = replace(made.cell("http", version="old"), id="old")
    ratio = made.latency_ratio("old", 1.3, "slower")
    new = replace(made.cell("http", version="new", ratio=ratio, latency_ns=made.quantiles(180e3)), id="new")
    given = made.run([old, new])
    assert compare_versions(given) is None, "the run was not meant to compare"
    given = replace(given, plan=replace(given.plan, threshold=0.02))
    found = compare_versions(given)
    assert found is not None
    assert found.names == ("old", "new")
    (row,) = found.cells
    assert (row.id, row.value_a, row.value_b, row.ratio) == ("new", 150e3, 180e3, ratio.latency_ns_p50)
    assert found.gate.regressions == ["new"]
    assert found.changed_counts == []


def placed(one: Run, place: str) -> Run:
    """The run behind a front, with gzip done there."""
    cells = [replace(cell, front="haproxy", gzip=True, gzip_at=place) for cell in one.cells if not cell.gzip]
    return replace(one, cells=[replace(cell, id=cell.key.label) for cell in cells])


def test_gzip_at_the_front_is_never_compared_with_that_of_the_producer() -> None:
    with pytest.raises(RunsNotComparable, match="gzip at: producer, then front"):
        compare(placed(run(1), "producer"), placed(run(2), "front"), force=True)
    same = compare(placed(run(1), "front"), placed(run(1), "front"))
    assert {cell.key.gzip_at for cell in same.cells} == {"front"}
