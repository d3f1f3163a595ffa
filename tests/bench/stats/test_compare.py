"""Comparison of two runs: what is refused, which notes there are, and what is a regression."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bench import run_file
from bench.results import (
    AccessUsed,
    Bytes,
    Cell,
    Estimate,
    InstructionCount,
    Instructions,
    PlanUsed,
    RecipesUsed,
    Run,
    SetupSizes,
    Sizes,
)
from bench.spec import ClosedLoad
from bench.stats.analysis import analyse
from bench.stats.compare import CAUTION, ChangedCount, RunsNotComparable, compare, compare_versions
from bench.stats.differences import Difference, differences
from bench.stats.ratios import Baseline
from tests.bench.stats.noise import Noise, cells_with_noise, matrix, with_columns
from tests.bench.test_run_file import SCHEMA_1
from tests.support import runs as made

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


@pytest.mark.parametrize(
    ("name", "value", "difference"),
    [
        ("cpu", {"model": "y", "count": 2}, "CPU model: x, then y"),
        ("cpu", {"model": "x", "count": 64}, "CPU count: 2, then 64"),
        ("cpu", {"model": "x", "count": 2, "quota_cores": 1.5}, "CPU quota: none, then 1.5 cores"),
        ("kernel", "6.8.0-31", "kernel: 6.1.0-18, then 6.8.0-31"),
        ("kernel", None, "kernel: 6.1.0-18, then unknown"),
        ("python", "3.12.1", "Python: 3.11.2, then 3.12.1"),
        ("python_implementation", "PyPy", "Python implementation: unknown, then PyPy"),
        ("openssl", "OpenSSL 3.5", "OpenSSL: OpenSSL 3.0, then OpenSSL 3.5"),
        ("cpu", {"model": "x", "count": 2, "governor": "powersave"}, "CPU governor: unknown, then powersave"),
        ("cpu", {"model": "x", "count": 2, "usable": [0, 1]}, "usable CPUs: unknown, then 2"),
        ("pinning", {"producer": [1], "load": [0], "apart": True}, "producer and load apart: unknown, then yes"),
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
    assert [str(each) for each in forced.differences] == [difference]
    assert len(forced.cells) == 48


def test_only_recipes_with_another_digest_are_refused() -> None:
    before, after = run(1), run(2)
    same = replace(after, recipes=RecipesUsed(source="recipes.json", count=1000, digest="d1"))
    assert differences(before, same) == []
    other = replace(after, recipes=replace(same.recipes, digest="d2"))
    with pytest.raises(RunsNotComparable, match=r"recipes: generated \(1000, digest d1\), then recipes.json"):
        compare(before, other)


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"gzip_level": 1}, "gzip level: 6, then 1"),
        ({"timeout_s": 2.5}, "timeout: 10 s, then 2.5 s"),
        ({"slice_ms": 20.0}, "slice: 12 ms, then 20 ms"),
        ({"expect": "none"}, "expected responses: recipes, then none"),
        ({"networks": {"wan": "round trip 50 ms"}}, "network wan: round trip 40 ms, then round trip 50 ms"),
        ({"gzip_level": None}, "gzip level: 6, then unknown"),
        ({"access": AccessUsed(headers=["x-b", "grpc:x-a"])}, "headers: none, then grpc:x-a, x-b"),
        ({"access": AccessUsed(insecure=True)}, "certificates of servers: verified, then not verified"),
        ({"access": AccessUsed(tls_min="1.3")}, "TLS at least: the usual version, then 1.3"),
        ({"access": AccessUsed(client_certificate=True)}, "client certificate: no, then yes"),
    ],
)
def test_runs_with_different_settings_are_refused_unless_forced(settings: dict[str, object], difference: str) -> None:
    known = {"gzip_level": 6, "timeout_s": 10.0, "expect": "recipes", "networks": {"wan": "round trip 40 ms"}}
    before, after = (replace(one, plan=replace(one.plan, **known)) for one in (run(1), run(2)))
    assert differences(before, after) == []
    unlike = replace(after, plan=replace(after.plan, **settings))
    with pytest.raises(RunsNotComparable) as refused:
        compare(before, unlike)
    assert str(refused.value) == difference
    assert [str(each) for each in compare(before, unlike, force=True).differences] == [difference]


def test_runs_that_requested_different_recipes_are_refused() -> None:
    before, after = (replace(one, recipes=replace(one.recipes, ids=[1, 2, 3])) for one in (run(1), run(2)))
    assert differences(before, after) == []
    other = replace(after, recipes=replace(after.recipes, ids=[4, 5, 6]))
    with pytest.raises(RunsNotComparable, match=r"requested recipes: 3 \(--ids and --seed; digest \w+\), then 3"):
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


def test_commits_notes_hosts_and_times_may_differ_and_are_listed() -> None:
    before = with_environment(replace(run(1), note="as it was"), lab_commit="aaa")
    after = with_environment(replace(run(2), started_at="2026-01-02"), host="there", lab_commit="bbb-dirty")
    assert compare(before, after).circumstances == [
        Difference("commit", "aaa", "bbb-dirty"),
        Difference("note", "as it was", "none"),
        Difference("started", "2026-01-01T00:00:00Z", "2026-01-02"),
        Difference("host", "here", "there"),
    ]


def test_many_libraries_that_one_run_did_not_record_are_one_difference() -> None:
    recorded = LIBRARIES | {f"library-{number}": "1.0" for number in range(40)} | {"grpcio": "1.90.0"}
    assert [str(each) for each in differences(run(1), with_environment(run(2), libraries=recorded))] == [
        "grpcio: 1.85.0, then 1.90.0",
        "recorded in one run only: library-0, library-1, library-2, library-3 and 36 more",
    ]


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


CALM = Noise(restart=0.0005, luck=0.0005, round=0.002, spoiled=0.05, slice=0.002)


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
