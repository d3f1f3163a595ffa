"""A new dimension takes part in pairing, comparison, client cost and load curves by its declaration alone."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from bench import spec
from bench.dimension import Dimension, Scope
from bench.load_models import ClosedLoad
from bench.results import Cell, Estimate, PlanUsed, Quantiles, RecipesUsed, Run
from bench.spec import CellKey
from bench.stats.analysis import analyse
from bench.stats.client_cost import client_costs
from bench.stats.compare import RunsNotComparable, compare
from bench.stats.load_curves import curves
from bench.stats.ratios import Baseline
from tests.bench.stats.noise import cells_with_noise, matrix

STORE = Dimension(
    heading="store",
    scope=Scope.PATH,
    label=lambda key: getattr(key, "store", ""),
    words=lambda key: getattr(key, "store", ""),
)
"""Where recipes come from."""
FIELD: Any = ("store", Annotated[str, STORE], "")
StoreKey = msgspec.defstruct("StoreKey", [FIELD], bases=(CellKey,), frozen=True, kw_only=True)
StoreCell = msgspec.defstruct("StoreCell", [FIELD], bases=(Cell,), frozen=True, kw_only=True)


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(spec, "CellKey", StoreKey)
    spec.dimensions.cache_clear()
    yield
    spec.dimensions.cache_clear()


def with_store(cell: Cell, store: str) -> Any:
    fields = {name: getattr(cell, name) for name in cell.__struct_fields__}
    return StoreCell(**{**fields, "store": store, "id": f"{cell.id}{store}"})


def measured(**shape: Any) -> list[Any]:
    """Every cell in both stores."""
    cells = [with_store(cell, store) for store in ("", "-sql") for cell in matrix(workloads=("get",), **shape)]
    return cells_with_noise(np.random.default_rng(1), cells, instances=3, rounds=8)


def run(cells: list[Any]) -> Run:
    return Run(
        started_at="2026-01-01T00:00:00Z",
        duration_s=1.0,
        command="",
        seed=1,
        environment={},
        recipes=RecipesUsed(source="generated", count=1, digest="d"),
        plan=PlanUsed(instances=3, rounds=8, seconds=None, slice_ms=12, instances_done=3),
        warnings=[],
        cells=cells,
    )


def test_a_declared_dimension_is_listed() -> None:
    assert list(spec.dimensions())[-1] == "store"


def test_baselines_share_its_value() -> None:
    found = {cell.id: cell for cell in analyse(measured(), latency={}, baseline=Baseline("alpha"))}
    for store in ("", "-sql"):
        ratio, plain = found[f"beta-get-11-0{store}"].ratio, found[f"beta-get-11-0{store}"].ratio_to_plain
        assert ratio is not None
        assert plain is not None
        assert (ratio.baseline, plain.baseline) == (f"alpha-get-11-0{store}", f"alpha-get-00-0{store}")


def test_runs_are_compared_at_equal_values() -> None:
    cells = measured()
    found = compare(run(cells), run(cells))
    assert [cell.ratio.value for cell in found.cells] == [1.0] * len(cells)
    first, second = cells[: len(cells) // 2], cells[len(cells) // 2 :]
    with pytest.raises(RunsNotComparable, match="no configuration was measured in both runs"):
        compare(run(first), run(second))


def test_client_cost_is_that_at_equal_values() -> None:
    library = measured()
    raw = [replace(cell, id=f"raw-{cell.id}", client="raw") for cell in library]
    costs = client_costs([*library, *raw])
    assert [(cost.library, cost.raw) for cost in costs] == [(cell.id, f"raw-{cell.id}") for cell in library]


def test_every_value_has_a_load_curve_of_its_own() -> None:
    known = Quantiles(p50=Estimate(value=2e5))
    loads = tuple(ClosedLoad(concurrency=number) for number in (2, 4, 8))
    cells = [
        replace(cell, latency_ns=known, requests_per_second=Estimate(value=5e3))
        for cell in measured(protocols=("alpha",), variants=((False, False),), loads=loads)
    ]
    assert [[point.cell for point in curve.points] for curve in curves(cells)] == [
        [cell.id for cell in cells[:3]],
        [cell.id for cell in cells[3:]],
    ]
