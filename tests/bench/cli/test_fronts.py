"""Flags about fronts, replicas and workers that cannot be: one line, before anything starts."""

import pytest

from tests.support.programs import assert_one_line_error, run_here


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("run --front squid", "--front: 'squid' is not one of none, haproxy"),
        ("run --front haproxy --replicas 0", "--replicas: '0' is not a whole number from 1 to 16"),
        ("slo --workers two", "--workers: 'two' is not a whole number from 1 to 64"),
        ("run --front haproxy --replicas 2 --workload create", "--workload create: with --replicas 2, each process"),
        ("slo --workers 2 --workload create", "--workload create: with --workers 2, each process"),
        ("run --front haproxy --target http=localhost:1", "--front chooses what the lab starts"),
        ("run --workers 2 --target http=localhost:1", "--workers chooses what the lab starts"),
        ("run --protocol grpc --front haproxy --gzip on --gzip-at front", "HAProxy: no front can compress gRPC"),
    ],
)
def test_what_cannot_be_is_refused(arguments: str, named: str) -> None:
    assert_one_line_error(run_here("bench", *arguments.split()), 2, named)


def test_a_plan_names_cells_once_and_what_a_front_cannot_do() -> None:
    flags = "--protocol grpc --workload get --concurrency 1 --tls off --gzip off,on --dry-run"
    done = run_here("bench", "run", "--front", "none,haproxy", "--gzip-at", "producer,front", *flags.split())
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "5 cells: every combination of"
    assert done.stdout.splitlines()[-1].startswith("grpc-get-gzip-at-front-c1-haproxy: unsupported: HAProxy: no front")
