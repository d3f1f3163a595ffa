"""What a run says of the workers that sent its load."""

from typing import Any

from bench.load_models import ClosedLoad, OpenLoad
from bench.report.provenance import of_cluster as provenance_of_cluster
from bench.results import Cell, ClusterUsed, ClusterWorker, Run
from bench.slices import LeftOut, Slice, Slices
from bench.stats.cluster_warnings import differences, of_cluster
from tests.support import runs

SECOND_NS = 1_000_000_000
LATE = LeftOut(worker=1, reason="it began 131 ms after the first, and 100 ms are allowed")


def worker(number: int, **known: Any) -> ClusterWorker:
    fields: dict[str, Any] = {"system": "Linux 6", "cpu": "EPYC", "cores": 2, "memory_bytes": 1, "python": "3.11.7"}
    fields |= {"host": f"host-{number}", "lab": "0.2.0", "lab_digest": "d", "libraries": {"aiohttp": "3.14.5"}}
    return ClusterWorker(number=number, address=f"tcp://host-{number}:1", **{**fields, **known})


def cluster(*workers: ClusterWorker, lost: tuple[LeftOut, ...] = ()) -> ClusterUsed:
    return ClusterUsed(
        scheduler="tcp://s:8786",
        distributed="2026.8.0",
        workers=list(workers),
        start_window_ns=SECOND_NS // 10,
        lost=list(lost),
    )


def sent(due: int | None, workers: tuple[int, ...], *left_out: LeftOut, in_flight: float | None = None) -> Slice:
    return Slice(
        ok=due or 1,
        due=due,
        window_ns=SECOND_NS,
        duration_ns=SECOND_NS,
        in_flight=in_flight,
        workers=workers,
        left_out=left_out,
        start_window_ns=4_000_000,
    )


def run_of(cell: Cell, used: ClusterUsed) -> Run:
    return runs.run([cell], cluster=used)


def cell(load: OpenLoad | ClosedLoad, *slices: Slice) -> Cell:
    return Cell(protocol="http", id="http-get", load=load, slices=Slices(slices))


def test_where_no_cluster_sent_the_load_there_is_nothing_to_say() -> None:
    assert list(of_cluster(runs.small())) == []
    assert provenance_of_cluster(runs.small()) == ()


def test_a_run_in_which_all_workers_took_part_has_no_warning() -> None:
    run = run_of(cell(OpenLoad(rate_hz=300), sent(300, (0, 1))), cluster(worker(0), worker(1)))
    assert list(of_cluster(run)) == []


def test_who_was_left_out_and_what_the_others_offered_is_said() -> None:
    slices = (sent(300, (0, 1)), sent(150, (0,), LATE), Slice(workers=(), left_out=(LATE,)))
    (warning,) = of_cluster(run_of(cell(OpenLoad(rate_hz=300), *slices), cluster(worker(0), worker(1))))
    assert (warning.code, warning.grade, warning.cells) == ("workers_left_out", "warning", ["http-get"])
    assert warning.text == (
        "Workers were left out of 2 of 3 slices of http-get: worker 1, as it began 131 ms after the first, and 100 ms "
        "are allowed. What they sent there is in no value. The others offered 225 requests/s on average, instead of "
        "300."
    )


def test_in_closed_loop_the_requests_in_flight_are_said() -> None:
    slices = (sent(None, (0, 1), in_flight=4.0), sent(None, (0,), LATE, in_flight=2.0))
    (warning,) = of_cluster(run_of(cell(ClosedLoad(concurrency=4), *slices), cluster(worker(0), worker(1))))
    assert warning.text.endswith(" The others kept 3.0 requests in flight on average, instead of 4.")


def test_a_lost_worker_is_named_with_its_machine() -> None:
    used = cluster(worker(0), worker(1), worker(2), lost=(LeftOut(worker=1, reason="it left the cluster"),))
    (warning,) = of_cluster(run_of(cell(OpenLoad(rate_hz=300), sent(300, (0, 2))), used))
    assert warning.code == "worker_lost"
    assert warning.text == (
        "The run lost worker 1 on host-1 (it left the cluster). The whole load was sent by the other 2 in the slices "
        "after that."
    )


def test_workers_that_differ_in_what_may_move_a_result_are_named() -> None:
    different = worker(1, python="3.11.9", libraries={"aiohttp": "3.14.4", "uvloop": "0.23.0"})
    assert differences([worker(0), different, worker(2)]) == [
        "Python 3.11.7 (2), 3.11.9 (1)",
        "aiohttp 3.14.4 (1), 3.14.5 (2)",
        "uvloop 0.23.0 (1), missing (2)",
    ]
    (warning,) = of_cluster(run_of(cell(OpenLoad(rate_hz=1), sent(1, (0, 1))), cluster(worker(0), different)))
    assert warning.code == "workers_differ"


def test_the_report_names_the_workers_and_within_which_time_they_began() -> None:
    known = dict(provenance_of_cluster(run_of(cell(OpenLoad(rate_hz=1), sent(1, (0,))), cluster(worker(0)))))
    assert known["Scheduler"] == "tcp://s:8786, Dask 2026.8.0"
    assert known["Worker 0"] == "host-0, EPYC, 2 CPUs, Python 3.11.7, lab 0.2.0"
    assert known["Workers may begin a slice within"] == "100 ms"
    assert known["Workers began a slice within"] == "4.0 ms (median), 4.0 ms (most)"
