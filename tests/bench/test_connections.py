"""How many connections, open files and ports a plan needs."""

import pytest
from msgspec.structs import replace

from bench import connections
from bench.load_models import ClosedLoad
from bench.plan import Matrix
from bench.spec import CellKey
from producers.settings import Limits
from tests.support.plans import plan_of, with_values

MANY = 1024


def cells(protocol: str, *concurrencies: int, connection: str = "persistent") -> list[CellKey]:
    return [
        CellKey(protocol=protocol, tls=tls, load=ClosedLoad(concurrency=number), connection=connection)  # type: ignore[arg-type]
        for tls in (False, True)
        for number in concurrencies
    ]


def test_callers_have_a_connection_each_unless_they_share_one() -> None:
    assert [connections.of_cell(key) for key in cells("http", 1, MANY)] == [1, MANY] * 2
    assert [connections.of_cell(key) for key in cells("grpc", 1, MANY)] == [1] * 4
    # Those that are closing are there, too.
    assert all(connections.of_cell(key) > MANY for key in cells("grpc", MANY, connection="new"))


def test_workloads_share_connections_and_the_count_has_its_own() -> None:
    key = cells("http", MANY)[0]
    assert connections.of_producer([key, replace(key, workload=with_values()["workload"][-1])]) == 2 * MANY
    assert connections.of_producer(cells("http", 1)) == 2


def test_a_producer_is_started_with_limits_that_suffice() -> None:
    assert connections.producer_flags(cells("http", 1, 16)) == []
    flags = connections.producer_flags(cells("http", MANY))
    assert flags[:2] == ["--limit", f"connections={3 * MANY}"]
    assert Limits().connections < 3 * MANY


def test_what_is_missing_is_named_with_what_is_allowed() -> None:
    plan = plan_of(Matrix({"protocol": ["http"], "tls": [False], "load": [ClosedLoad(concurrency=MANY)]}))
    needed = connections.open_files(plan)
    assert needed > 4 * MANY
    assert connections.too_few_files(plan, needed) is None
    wrong = connections.too_few_files(plan, needed - 1)
    assert wrong is not None
    assert f"needs up to {needed:,} open files" in wrong
    assert f"{needed - 1:,} are allowed" in wrong
    assert "--concurrency" in wrong
    alone = plan_of(Matrix({"protocol": ["http"], "load": [ClosedLoad(concurrency=1)]}))
    assert "--concurrency" not in (connections.too_few_files(alone, 16) or "")


@pytest.mark.parametrize(
    ("ports", "refused", "warned"), [(100, True, True), (500, False, True), (28_000, False, False)]
)
def test_few_local_ports_are_said_before(ports: int, refused: bool, warned: bool) -> None:
    new = plan_of(Matrix({"protocol": ["http"], "connection": ["new"], "load": [ClosedLoad(concurrency=1)]}))
    assert (connections.too_few_ports(new, ports) is not None) is refused
    assert (connections.may_lack_ports(new, ports) is not None) is warned
    kept = plan_of(Matrix({"protocol": ["http"], "load": [ClosedLoad(concurrency=1)]}))
    assert connections.too_few_ports(kept, ports) is connections.may_lack_ports(kept, ports) is None


def test_open_files_bound_how_many_instances_live_at_the_same_time() -> None:
    plan = plan_of()
    assert connections.instances_at_once(plan, 64) == 1
    assert connections.instances_at_once(plan, 1024) > 10
