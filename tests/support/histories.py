"""Small hand-made histories: values are given, nothing is measured."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from msgspec.structs import replace

from bench.results import Run
from bench.slices import Slice, Slices
from bench.spec import CellKey
from bench.stats.snapshot import Measurement, SeriesKey, Snapshot
from tests.support.runs import ONE, SIXTEEN, cell, latency_ratio, run

HTTP = CellKey(protocol="http", load=ONE)
GRPC = SeriesKey(CellKey(protocol="grpc", load=ONE), HTTP)
GRAPHQL = SeriesKey(CellKey(protocol="graphql", load=ONE), HTTP)
RATE = SeriesKey(CellKey(protocol="grpc", load=SIXTEEN), CellKey(protocol="http", load=SIXTEEN))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def measurement(log_value: float, error: float | None = 0.01) -> Measurement:
    """A value by its logarithm."""
    if error is None:
        return Measurement(math.exp(log_value), None, None, None)
    return Measurement(math.exp(log_value), math.exp(log_value - 2 * error), math.exp(log_value + 2 * error), error)


def snapshot(number: int, values: Mapping[SeriesKey, float | Measurement], **given: Any) -> Snapshot:
    """The run of a day, with a commit of its own. `values`: logarithms."""
    made: dict[str, Any] = {
        "name": f"run-{number}.json",
        "started_at": BEGIN + timedelta(days=number),
        "identity": (number,),
        "commit": f"commit{number}",
        "note": None,
        "conditions": {"kernel": "6.1"},
        "gaps": (),
        "values": {
            key: value if isinstance(value, Measurement) else measurement(value) for key, value in values.items()
        },
    }
    return Snapshot(**(made | given))


def noisy(
    seed: int, runs: int, keys: Sequence[SeriesKey], *, between: float = 0.01, shared: float = 0.0
) -> list[Snapshot]:
    """Runs of code that does not change. `between`, `shared`: noise of each series, and of all series together."""
    generator = np.random.default_rng(seed)
    common = generator.normal(scale=shared, size=(runs, 1)) if shared else np.zeros((runs, 1))
    drift = generator.normal(scale=between, size=(runs, len(keys))) + common
    logs = drift + generator.normal(scale=0.01, size=(runs, len(keys)))
    return [snapshot(number, dict(zip(keys, row, strict=True))) for number, row in enumerate(logs.tolist())]


def many_keys(count: int) -> list[SeriesKey]:
    """Series of the same kind."""
    return [SeriesKey(replace(GRPC.cell, network=f"rtt={number}ms"), HTTP) for number in range(1, count + 1)]


def run_file_of(number: int, ratio: float, **given: Any) -> Run:
    """A run of HTTP and gRPC with several instances, in which gRPC takes `ratio` times as long."""
    slices = Slices([Slice(instance=instance) for instance in range(8)])
    estimate = latency_ratio("http-get-c1", ratio, "slower", low=ratio * 0.97, high=ratio * 1.03)
    made: dict[str, Any] = {
        "started_at": (BEGIN + timedelta(days=number)).isoformat(),
        "environment": {"host": "here", "kernel": "6.1", "lab_commit": f"commit{number}"},
    }
    return run([cell("http", slices=slices), cell("grpc", slices=slices, ratio=estimate)], **(made | given))
