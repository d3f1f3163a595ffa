"""Runs over networks and over new connections: no response is earlier than its round trips allow."""

from pathlib import Path

from bench import schedule as planning
from bench.load_models import ClosedLoad
from bench.network.profile import LOOPBACK, parse
from bench.plan import Matrix, RunPlan
from bench.runner import assemble
from bench.runner.measure import Measurement
from bench.spec import NEW, PERSISTENT
from producers import certificates
from producers.registry import PRODUCERS
from tests.support.measuring import HEADER, job_of
from tests.support.programs import nothing_left_running

FAR = "rtt=12ms,down=50mbit,up=50mbit"
PLAN = RunPlan(
    matrix=Matrix(
        {
            "protocol": tuple(PRODUCERS),
            "tls": (False, True),
            "load": (ClosedLoad(concurrency=1),),
            "network": (LOOPBACK, "lan", FAR),
            "connection": (PERSISTENT, NEW),
        }
    ),
    instances=1,
    rounds=1,
    seconds=60.0,
    slice_ns=2_000_000,
    seed=7,
    recipes="generated:20",
)


async def test_every_network_and_kind_of_connection(tmp_path: Path) -> None:
    job = job_of(PLAN, ids=range(1, 21), certificates=certificates.write(tmp_path).directory)
    with nothing_left_running():
        recording = await Measurement(job).run()
    assert recording.problems == []
    run = assemble.run_of(recording, PLAN, HEADER)
    assert len(run.cells) == len(PRODUCERS) * 2 * 3 * 2
    assert {cell.network for cell in run.cells} == {LOOPBACK, "lan", FAR}
    for plan, cell in zip(PLAN.matrix.cells(), run.cells, strict=True):
        assert (cell.status, set(cell.outcomes)) == ("measured", {"ok"}), cell
        if cell.network != LOOPBACK:
            least_ns = planning.round_trips(plan) * parse(cell.network).rtt_ns
            assert all(p50_ns is not None and p50_ns >= least_ns for p50_ns in cell.slices.p50_ns), cell.id
        if cell.ratio is not None:
            baseline = next(other for other in run.cells if other.id == cell.ratio.baseline)
            assert (baseline.network, baseline.connection) == (cell.network, cell.connection)
    assert run.plan.networks == {"lan": "rtt=500us,down=1gbit,up=1gbit", FAR: FAR}
