"""Matrices and plans of runs that no test carries out."""

from collections.abc import Sequence
from typing import Any

from bench.load_models import ClosedLoad
from bench.plan import Matrix, RunPlan
from bench.workloads import Workload

ONE, SIXTEEN = ClosedLoad(concurrency=1), ClosedLoad(concurrency=16)
DEFAULT = Matrix(
    {
        "protocol": ("http", "graphql", "grpc"),
        "workload": (Workload(name="get"), Workload(name="list", page_size=20)),
        "gzip": (False, True),
        "tls": (False, True),
        "load": (ONE, SIXTEEN),
    }
)


def with_values(**values: Sequence[Any]) -> Matrix:
    """The default matrix with other values in some dimensions."""
    return Matrix({**DEFAULT.values, **values})


def plan_of(matrix: Matrix = DEFAULT, **given: Any) -> RunPlan:
    """A plan of eight rounds in three instances, unless `given` says otherwise."""
    settings: dict[str, Any] = {
        "instances": 3,
        "rounds": 8,
        "seconds": 100.0,
        "slice_ns": 12_000_000,
        "seed": 1,
        "recipes": "generated",
        **given,
    }
    return RunPlan(matrix=matrix, **settings)
