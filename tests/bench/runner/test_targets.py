"""Targets as they are given: any path, and addresses with and without TLS."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from bench.load.recorder import OK
from bench.plan import Addresses, Matrix, Version
from bench.results import Run
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.spec import ClosedLoad
from bench.workloads import Workload
from consumers.registry import target_for
from producers.certificates import CertificateFiles
from tests.support.books import small_book
from tests.support.foreign_producers import graphql_producer, json_producer
from tests.support.measuring import HEADER, job_of, plan_of
from tests.support.serving import serving

LOADS = (ClosedLoad(concurrency=1),)


async def run_of(matrix: Matrix, targets: dict[str, Addresses], **given: object) -> Run:
    """A short run against these targets, for recipe 42."""
    plan = plan_of(
        [], LOADS, targets, matrix=matrix, versions=(Version(targets=targets),), rounds=1, slice_ns=1_000_000, **given
    )
    return assemble.run_of(await Measurement(job_of(plan, ids=[42])).run(), plan, HEADER)


@pytest.mark.parametrize("path", ["/v1/graphql", "/graphql/", "/", "/a//b"])
async def test_the_path_of_a_target_is_used_as_given(path: str) -> None:
    base = "" if path == "/" else path.removesuffix("/")
    async with graphql_producer(path=path) as graphql, json_producer(base=base) as http:
        targets = {
            "http": Addresses(target_for("http", f"{http}{path}")),
            "graphql": Addresses(target_for("graphql", f"{graphql}{path}")),
        }
        matrix: dict[str, Any] = {
            "protocol": list(targets),
            "client": ["library", "raw"],
            "workload": [Workload(name="get")],
        }
        run = await run_of(Matrix({**matrix, "load": LOADS}), targets)
    assert [(cell.status, cell.reason) for cell in run.cells] == [("measured", None)] * 4
    assert all(cell.outcomes[OK] == sum(cell.outcomes.values()) for cell in run.cells)


async def test_what_targets_of_mixed_schemes_lack_is_unsupported_and_the_rest_is_measured(
    own_certificates: CertificateFiles,
) -> None:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(serving("http", small_book()))
        grpc = await stack.enter_async_context(serving("grpc", small_book(), certificates=own_certificates))
        targets = {
            "http": Addresses(plain=http.client_settings.target),
            "grpc": Addresses(tls=grpc.client_settings.target),
        }
        matrix: dict[str, Any] = {
            "protocol": list(targets),
            "tls": [False, True],
            "workload": [Workload(name="get")],
            "load": LOADS,
        }
        run = await run_of(Matrix(matrix), targets, ca=str(own_certificates.ca))
    found = {(cell.protocol, cell.tls): (cell.status, cell.reason) for cell in run.cells}
    assert found == {
        ("http", False): ("measured", None),
        ("http", True): ("unsupported", "its target has no address with TLS; add --target http=https://…"),
        ("grpc", False): ("unsupported", "its target has no address without TLS; add --target grpc=http://…"),
        ("grpc", True): ("measured", None),
    }
    assert not assemble.untrusted(run)
